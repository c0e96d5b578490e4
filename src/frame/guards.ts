/**
 * Guards: objects that close what they opened, once, and refuse to close anything else. They are fresh objects in every safety
 * mode, so that an old one can never end a newer frame.
 */

/** Who opened a guard, and closes what it stands for. */
export interface GuardOwner {
  endGuardedFrame(frame: number): void;
  endScope(scope: FrameScope): void;
  keepScope(scope: FrameScope): void;
  endGuardedTag(tag: unknown): void;
  endGuardedPhase(depth: number, frame: number): void;
}

/**
 * Ends the frame that it was opened with: by `end()`, or by `using` when the block is left, also by an error.
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * {
 *   using _frame = alloc.frame();
 *   alloc.frameSlice(Float32Array, 4).fill(1);
 * }
 * assertEquals(alloc.inFrame, false);
 * ```
 */
export class FrameGuard {
  readonly #owner: GuardOwner;
  readonly #frame: number;
  #open = true;

  /** Made by {@linkcode SmartAlloc.frame}. */
  constructor(owner: unknown, frame: number) {
    this.#owner = owner as GuardOwner;
    this.#frame = frame;
  }

  /**
   * Ends the frame. A second call does nothing.
   *
   * @throws {FrameStateError} `FA007` if the frame was already ended by other means; no other frame is ended.
   */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#owner.endGuardedFrame(this.#frame);
  }

  /** The same as {@linkcode FrameGuard.end}. */
  [Symbol.dispose](): void {
    this.end();
  }
}

/**
 * Frees what was allocated since it was opened, unless it is committed.
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * using _frame = alloc.frame();
 * {
 *   using _scope = alloc.scope();
 *   alloc.frameSlice(Uint8Array, 1000);
 * }
 * assertEquals(alloc.stats().frame.used, 0);
 * ```
 */
export class FrameScope {
  /** The mark that it goes back to; not for use in programs. */
  readonly $mark: number;
  /** What tells its mark from later ones in the same place; not for use in programs. */
  readonly $serial: number;
  /** The frame that it was opened in; not for use in programs. */
  readonly $frame: number;
  readonly #owner: GuardOwner;
  #open = true;

  /** Made by {@linkcode SmartAlloc.scope} and {@linkcode SmartAlloc.checkpointGuard}. */
  constructor(owner: unknown, frame: number, mark: number, serial: number) {
    this.#owner = owner as GuardOwner;
    this.$frame = frame;
    this.$mark = mark;
    this.$serial = serial;
  }

  /** Whether it is still open: neither ended nor committed. */
  get isOpen(): boolean {
    return this.#open;
  }

  /**
   * Frees what was allocated since it was opened. A second call does nothing.
   *
   * @throws {FrameStateError} `FA006` if a scope around this one, or an earlier checkpoint, has ended it already.
   * @throws {FrameStateError} `FA007` if its frame has ended.
   */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#owner.endScope(this);
  }

  /**
   * Keeps what was allocated since it was opened until whatever is around it ends.
   *
   * @throws {FrameStateError} `FA006` if it has ended, or a scope around this one has ended it.
   * @throws {FrameStateError} `FA007` if its frame has ended.
   */
  commit(): void {
    this.#owner.keepScope(this);
    this.#open = false;
  }

  /** The same as {@linkcode FrameScope.end}. */
  [Symbol.dispose](): void {
    this.end();
  }
}

/**
 * A moment of a frame to roll back to, as often as is wanted; see {@linkcode SmartAlloc.frameCheckpoint}.
 *
 * @example
 * ```ts
 * import { type FrameCheckpoint, SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * using _frame = alloc.frame();
 * const start: FrameCheckpoint = alloc.frameCheckpoint();
 * for (let attempt = 0; attempt < 3; attempt++) {
 *   alloc.frameSlice(Uint8Array, 1000);
 *   alloc.rollbackTo(start);
 * }
 * assertEquals(alloc.stats().frame.used, 0);
 * ```
 */
export class FrameCheckpoint {
  /** Who made it; not for use in programs. */
  readonly $owner: unknown;
  /** The mark that it goes back to; not for use in programs. */
  readonly $mark: number;
  /** What tells its mark from later ones in the same place; not for use in programs. */
  $serial: number;
  /** The frame that it was taken in; not for use in programs. */
  readonly $frame: number;

  /** Made by {@linkcode SmartAlloc.frameCheckpoint}. */
  constructor(owner: unknown, frame: number, mark: number, serial: number) {
    this.$owner = owner;
    this.$frame = frame;
    this.$mark = mark;
    this.$serial = serial;
  }
}

/**
 * Ends a tag; see {@linkcode SmartAlloc.tag}.
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * {
 *   using _physics = alloc.tag("physics");
 *   using _solver = alloc.tag("solver");
 *   assertEquals(alloc.tagPath, "physics::solver");
 * }
 * assertEquals(alloc.tagPath, "");
 * ```
 */
export class TagGuard {
  readonly #owner: GuardOwner;
  readonly #tag: unknown;
  #open = true;

  /** Made by {@linkcode SmartAlloc.tag}. */
  constructor(owner: unknown, tag: unknown) {
    this.#owner = owner as GuardOwner;
    this.#tag = tag;
  }

  /**
   * Ends the tag. A second call does nothing.
   *
   * @throws {FrameStateError} `FA013` if it is not the innermost tag.
   */
  end(): void {
    if (!this.#open) return;
    this.#owner.endGuardedTag(this.#tag);
    this.#open = false;
  }

  /** The same as {@linkcode TagGuard.end}. */
  [Symbol.dispose](): void {
    this.end();
  }
}

/**
 * Ends a phase; see {@linkcode SmartAlloc.phase}.
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * const alloc = new SmartAlloc();
 * using _frame = alloc.frame();
 * {
 *   using _update = alloc.phase("update");
 *   alloc.frameSlice(Float32Array, 4);
 * }
 * assertEquals(alloc.stats().phases.map((phase) => [phase.name, phase.bytes]), [["update", 16]]);
 * ```
 */
export class PhaseGuard {
  readonly #owner: GuardOwner;
  readonly #depth: number;
  readonly #frame: number;
  #open = true;

  /** Made by {@linkcode SmartAlloc.phase}. */
  constructor(owner: unknown, depth: number, frame: number) {
    this.#owner = owner as GuardOwner;
    this.#depth = depth;
    this.#frame = frame;
  }

  /**
   * Ends the phase. A second call does nothing.
   *
   * @throws {FrameStateError} `FA013` if it is not the innermost phase.
   * @throws {FrameStateError} `FA007` if its frame has ended.
   */
  end(): void {
    if (!this.#open) return;
    this.#owner.endGuardedPhase(this.#depth, this.#frame);
    this.#open = false;
  }

  /** The same as {@linkcode PhaseGuard.end}. */
  [Symbol.dispose](): void {
    this.end();
  }
}
