/**
 * A life is the right to look at memory. It holds the view; when the life ends, the view is gone. That is the whole check for
 * staleness: whoever wants to read asks the life for its view, and gets none once the frame, scope or task is over.
 */

/**
 * Whoever opens lives and can say why one has ended.
 *
 * @example
 * ```ts
 * import { Life, Position, viewOf } from "@framealloc/core/memory";
 * import { assertThrows } from "@std/assert";
 *
 * const owner = { expired: () => new Error("The level was unloaded") };
 * const life = new Life(new DataView(new ArrayBuffer(64)), owner);
 * const position = new Position(life, 16);
 * life.view = null; // the life ends
 * assertThrows(() => viewOf(position), Error, "The level was unloaded");
 * ```
 */
export interface LifeOwner {
  /**
   * The error to throw when memory of an ended life is asked for.
   *
   * @param position The position that was used.
   * @returns The error.
   */
  expired(position: Position): Error;
  /**
   * The error to throw when memory is asked for while the region is closed; by default an `FA003`.
   *
   * @param action What was attempted, to follow the word "Cannot".
   * @returns The error.
   */
  closed?(action: string): Error;
  /**
   * Asked when memory is asked for before the region was opened, or after it has lapsed.
   *
   * @returns Whether the region is open again by now.
   */
  reopen?(): boolean;
  /**
   * Asked when memory of an ended life is asked for, before the error is thrown.
   *
   * @param position The position that was used.
   * @returns The memory, if it may be used all the same, and then the life has it again; nothing if not.
   */
  pardon?(position: Position): DataView | undefined;
}

/**
 * The right to look at a piece of memory, for as long as it lasts.
 *
 * Ending a life is setting its `view` to `null`; it never comes back. Every handle given out while it lasted holds it through
 * a {@linkcode Position}, so all of them know at once, however late they ask.
 *
 * @example
 * ```ts
 * import { Life } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const life = new Life(new DataView(new ArrayBuffer(64)), { expired: () => new Error("over") }, 7);
 * assertEquals(life.view?.byteLength, 64);
 * assertEquals(life.serial, 7);
 * ```
 */
export class Life {
  /** The memory, or `null` once this life has ended. */
  declare view: DataView | null;
  /** Who opened this life, and can say why it ended. */
  declare owner: LifeOwner;
  /** A number of the owner's choice: for frames, the frame in which the life began. */
  declare serial: number;

  /**
   * Opens a life.
   *
   * @param view The memory it may see.
   * @param owner Who can say why it ended.
   * @param serial A number of the owner's choice.
   */
  constructor(view: DataView, owner: LifeOwner, serial: number = 0) {
    this.view = view;
    this.owner = owner;
    this.serial = serial;
  }

  /**
   * Decides on the use of memory of a life that has ended.
   *
   * @param position The position that was used.
   * @returns The memory, if the owner pardons it.
   * @throws The owner's error if not.
   */
  ended(position: Position): DataView {
    const pardoned = this.owner.pardon?.(position);
    if (pardoned !== undefined) return pardoned;
    throw this.owner.expired(position);
  }
}

/**
 * A place in memory: a life and a byte offset into its view. One class for the whole library: everything that the library
 * itself moves or checks is a position, so that this code stays monomorphic whatever the number of layouts.
 *
 * @example
 * ```ts
 * import { Life, Position, viewOf } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const life = new Life(new DataView(new ArrayBuffer(64)), { expired: () => new Error("over") });
 * const position = new Position(life, 16);
 * viewOf(position).setFloat32(position.offset, 1.5, true);
 * assertEquals(viewOf(position).getFloat32(16, true), 1.5);
 * ```
 */
export class Position {
  /** The life that this place belongs to. */
  declare life: Life;
  /** Bytes from the start of the life's view. */
  declare offset: number;

  /**
   * Makes a position.
   *
   * @param life The life that the place belongs to.
   * @param offset Bytes from the start of the life's view.
   */
  constructor(life: Life, offset: number) {
    this.life = life;
    this.offset = offset;
  }
}

/**
 * The memory that a position points into.
 *
 * @param position The position.
 * @returns The view of its life.
 * @throws The owner's error (for frames {@linkcode StaleHandleError} `FA002`) if the life has ended.
 *
 * @example
 * ```ts
 * import { Life, Position, viewOf } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const life = new Life(new DataView(new ArrayBuffer(8)), { expired: () => new Error("over") });
 * assertEquals(viewOf(new Position(life, 0)).byteLength, 8);
 * ```
 */
export function viewOf(position: Position): DataView {
  return position.life.view ?? position.life.ended(position);
}
