/**
 * What the analysis tells the rules while it follows a program. A rule takes the events that it is about; none of them has to look at how
 * paths part and meet, as that has happened before.
 *
 * The `node` of an event is where it is to be reported: in a function of the file that is followed from a call, that is the call.
 */

import type { Effect, Memory } from "./effects.ts";
import type { Node } from "./ast.ts";
import type { AllocState, Mark } from "./facts.ts";
import type { Alloc, Fn, Guard, Site, Value, View } from "./values.ts";

/** Memory is used that may have ended, or may have crossed an `await`. */
export interface StaleEvent {
  readonly node: Node;
  readonly view: View;
  readonly is: "ended" | "suspended";
  /** The end, or the `await`. */
  readonly mark: Mark;
  /** Whether it is so on every path. */
  readonly isCertain: boolean;
}

/** Memory of a frame is put where it stays. */
export interface StoreEvent {
  readonly node: Node;
  readonly views: readonly View[];
  /** What it is put into, as one would name it. */
  readonly target: string;
  /** Where that lives; `variable` is one outside of the function. */
  readonly home: "this" | "param" | "outer" | "module" | "global" | "variable" | "field" | "export";
}

/** A function that uses memory of a frame is given to something that runs it later, stored or returned. */
export interface CaptureEvent {
  readonly node: Node;
  readonly fn: Fn | undefined;
  readonly views: readonly View[];
  readonly names: readonly string[];
  readonly how: "callback" | "stored" | "returned";
  /** What it is given to, as one would name it. */
  readonly to: string;
}

/** Memory of a frame leaves a function, or settles a promise. */
export interface LeaveEvent {
  readonly node: Node;
  readonly views: readonly View[];
  readonly how: "return" | "settle";
  /** Whether the function is async, so that what it returns settles a promise. */
  readonly isAsync: boolean;
  /** What has ended when the caller gets it, with the end of each. */
  readonly ended: readonly { readonly view: View; readonly mark: Mark; readonly isCertain: boolean }[];
}

/** The program waits, and something else can run. */
export interface SuspendEvent {
  readonly node: Node;
  readonly how: "await" | "yield" | "for await";
  readonly isGenerator: boolean;
  /** Allocators whose frame is open, with where that began. */
  readonly open: readonly { readonly alloc: Alloc; readonly marks: readonly Mark[]; readonly isCertain: boolean }[];
  /** Memory of a frame that was given to what is waited for. */
  readonly awaited: readonly View[];
}

/** A loop that is being followed, or calls of a callback for each element. */
export interface LoopInfo {
  readonly node: Node;
  /** `main`: for as long as the program wants to; `counted`: a known number of turns or of elements. */
  readonly kind: "main" | "counted" | "while";
  /** Whether it counts frames by its own words, so that each turn is one. */
  readonly countsFrames: boolean;
  /** How many turns it has, if the text says so. */
  readonly turns: number | undefined;
  readonly level: number;
  opensFrame: boolean;
  suspends: boolean;
  /** Frame allocations in it while no frame was known to be open. */
  readonly bare: AllocEvent[];
}

/** An allocation. */
export interface AllocEvent {
  readonly node: Node;
  readonly alloc: Alloc;
  readonly method: string;
  readonly memory: Memory;
  readonly effect: Effect;
  readonly args: readonly Node[];
  /** What is followed of it; nothing for memory that does not end with a frame. */
  readonly site: Site | undefined;
  /** How the frame was before; what cannot be so here is left out. */
  readonly before: AllocState;
  /** The loops around it, outside in, up to the function that is looked at. */
  readonly loops: readonly LoopInfo[];
  /** Whether it is in a function that is followed from a call, so that its own mistakes are reported there. */
  readonly isInCall: boolean;
}

/** A frame begins or ends, or a guard is made. */
export interface FrameEvent {
  readonly node: Node;
  readonly alloc: Alloc;
  readonly is: "begin" | "end";
  readonly guard: Guard | undefined;
  readonly before: AllocState;
  readonly isInCall: boolean;
}

/** Any call, and any `new`, after its arguments. */
export interface CallEvent {
  readonly node: Node;
  readonly isNew: boolean;
  /** The name of the function, method or class. */
  readonly name: string;
  readonly callee: Node;
  /** What a method is called on. */
  readonly receiver: Value;
  readonly args: readonly Value[];
  readonly argNodes: readonly Node[];
  readonly loops: readonly LoopInfo[];
  readonly isInCall: boolean;
}

/** A loop is over. */
export interface LoopEvent {
  readonly node: Node;
  readonly info: LoopInfo;
}

/** A way out of a function. */
export interface Exit {
  /** `next`: to the next turn of a loop, by `continue`. */
  readonly how: "return" | "throw" | "end" | "next";
  readonly node: Node;
  readonly value: Value;
  /** The frames of allocators there. */
  frames: ReadonlyMap<Alloc, AllocState>;
}

/** A function is over. */
export interface ExitEvent {
  readonly node: Node;
  readonly exits: readonly Exit[];
  /** The begins of frames that are ended in the same function on some way. */
  readonly endedBegins: ReadonlySet<Node>;
}

/** Something is created that somebody has to end: a guard of a frame, a task. */
export interface OwnerEvent {
  readonly node: Node;
  readonly of: "frame" | "task";
  readonly alloc: Alloc;
  readonly args: readonly Node[];
}

/** A view of a list that may have moved since. */
export interface MovedEvent {
  readonly node: Node;
  readonly view: View;
  readonly by: Node;
}

/** What a rule wants to be told. */
export interface Hooks {
  stale?(event: StaleEvent): void;
  store?(event: StoreEvent): void;
  capture?(event: CaptureEvent): void;
  leave?(event: LeaveEvent): void;
  suspend?(event: SuspendEvent): void;
  alloc?(event: AllocEvent): void;
  frame?(event: FrameEvent): void;
  call?(event: CallEvent): void;
  loop?(event: LoopEvent): void;
  exit?(event: ExitEvent): void;
  owner?(event: OwnerEvent): void;
  moved?(event: MovedEvent): void;
  /** The whole file has been followed. */
  done?(): void;
}
