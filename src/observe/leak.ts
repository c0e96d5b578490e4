/**
 * A report of what was left over.
 */

/** Something that was not freed when its allocator was disposed of, or a task that was left to the garbage collector. */
export interface Leak {
  /** What it is. */
  readonly kind:
    | "pool record"
    | "heap block"
    | "handle"
    | "group"
    | "streaming asset"
    | "pool object"
    | "task"
    | "lease"
    | "gpu allocation";
  /** The name of its layout, group, asset, pool or task; the label of a lease that has one. */
  readonly name: string;
  /** The path of the tag that allocated it; `""` if it had none. */
  readonly tag: string;
  /** Its bytes; 0 for an object. */
  readonly bytes: number;
  /** How many frames ago it was allocated. */
  readonly age: number;
}
