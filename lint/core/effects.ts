/**
 * What a method or a property of the library can do to memory: the words of the table of its members.
 */

/** Where memory comes from, which is when it ends. */
export type Memory =
  | "frame"
  | "retained"
  | "transfer"
  | "pool"
  | "heap"
  | "handle"
  | "task"
  | "guard"
  | "region"
  | "gpu frame"
  | "gpu";

/** What a member gives that is a view of the memory of its receiver, or an allocation. */
export type Shape =
  | "Batch"
  | "Box"
  | "Buffer"
  | "Columns"
  | "Cursor"
  | "FrameMap"
  | "FrameString"
  | "Iterator"
  | "List"
  | "NumberVec"
  | "Pairs"
  | "Record"
  | "RecordVec"
  | "Tuple"
  | "TypedArray";

/** What a method or a property does. */
export type Effect =
  /** Allocates. `layout` is the argument that says of what; `array`: it is many elements, not one. */
  | {
    readonly does: "alloc";
    readonly memory: Memory;
    readonly gives?: Shape | "Vec";
    readonly layout?: number;
    readonly array?: true;
  }
  /** Begins a frame. */
  | { readonly does: "begin" }
  /** Ends the frame. */
  | { readonly does: "end"; readonly promotes?: true }
  /** Returns a guard for `using`, or for its `end()`. */
  | { readonly does: "guard"; readonly of: "frame" | "scope" | "label" }
  /** Returns a mark to roll back to. */
  | { readonly does: "mark" }
  | { readonly does: "rollback" }
  /** Calls its callback before it returns; `frame`: in a frame of its own. `callback` is the argument. */
  | { readonly does: "run"; readonly how: "frame" | "tag" | "speculative"; readonly callback: number }
  /** Keeps the value for later frames, and returns it. */
  | { readonly does: "publish" }
  /** A view of the memory of the receiver; `element`: what the layout says. */
  | { readonly does: "view"; readonly gives: Shape | "element" }
  /** The receiver itself. */
  | { readonly does: "self" }
  /** Calls a callback for each element before it returns; `gives` is what is to become of what the callbacks return. */
  | { readonly does: "each"; readonly gives: "copy" | "number" | "element"; readonly first: "element" | "total" }
  /** Copies, or returns what is no memory at all. */
  | { readonly does: "copy" }
  /** Another allocator that belongs to the receiver. */
  | { readonly does: "part"; readonly of: string }
  /** Ends the receiver itself: a task, a group, an allocator. */
  | { readonly does: "release" };

/** The members of a class. */
export interface ClassEffects {
  readonly extends?: string;
  /** Whether it hands out memory, so that its identity matters. */
  readonly isAllocator?: true;
  readonly members: Readonly<Record<string, Effect>>;
}
