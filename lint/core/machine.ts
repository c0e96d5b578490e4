/**
 * The abstract machine: the state of the program where the analysis is now, and what happens to it when memory is allocated, used and
 * ended, when frames begin and end, and when the program waits.
 */

import { type Activation, type Handler, newActivation } from "./activation.ts";
import type { Memory } from "./effects.ts";
import type { Node, Program } from "./ast.ts";
import type { Source } from "./context.ts";
import type { Exit, Hooks, LoopInfo } from "./events.ts";
import { Layouts } from "./layouts.ts";
import type { Scopes } from "./scope.ts";
import { type AllocState, contradict, type Mark, UNKNOWN } from "./facts.ts";
import { State } from "./state.ts";
import { Statics } from "./statics.ts";
import type { Types } from "./types.ts";
import { type Alloc, type Guard, NOTHING, type Obj, type Owner, type Site, type Value, type View } from "./values.ts";

/** What is followed: memory that ends with a frame. */
export function endsWithFrame(memory: Memory): boolean {
  return memory === "frame" || memory === "retained" || memory === "gpu frame";
}

/** The machine. */
export class Machine {
  readonly program: Program;
  readonly source: Source;
  readonly scopes: Scopes;
  readonly types: Types;
  readonly layouts: Layouts;
  readonly statics: Statics;
  readonly isStrict: boolean;
  readonly kindOf: ((start: number, end: number) => string | undefined) | undefined;
  state: State = new State();
  active: Activation;
  readonly handlers: Handler[] = [];
  /** The functions that the calls of named functions come from. */
  readonly callers: Activation[] = [];
  /** What `using` has declared, for each block that is being followed. */
  readonly usings: { readonly value: Value; readonly node: Node; readonly isAsync: boolean }[][] = [];
  /** The call that is reported for what happens in a function of the file that it calls. */
  anchor: Node | undefined;
  /** Functions of the file in which, or below which, there is something to follow. */
  hot: ReadonlySet<Node> = new Set();
  /** How many calls of named functions of the file are being followed. */
  level = 0;
  /** Whose doing it is what happens now. */
  owner: Owner = { isRoot: true, call: undefined, calls: new Map(), isOpen: true };
  /** How deep in the tree, and in calls, the analysis is; and how deep it goes. */
  depth = 0;
  readonly deepest = 250;
  /** The expression that is a statement, so that nobody gets its value. */
  dropped: Node | undefined;
  steps = 0;
  /** How many nodes may be followed: beyond that calls are not, so that the time grows with the file and not with its calls. */
  mostSteps = 10_000;
  /** Functions that were followed where they stand, and need not be looked at for themselves. */
  readonly followed = new Set<Node>();
  /** Objects made by the code that is followed which were put where they stay. */
  readonly escaped = new Set<Obj>();
  readonly #hooks: readonly Hooks[];
  readonly #listeners = new Map<keyof Hooks, readonly Hooks[]>();
  /** The callbacks that are being followed of which nobody knows when they are called. */
  readonly offered: Node[] = [];
  /** The sites of each place that allocates. */
  readonly places = new Map<Node, { readonly site: Site; older: Site | undefined }[]>();
  readonly #reported = new Set<string>();
  /** Numbers sites. */
  ids = 0;

  constructor(
    program: Program,
    source: Source,
    scopes: Scopes,
    types: Types,
    hooks: readonly Hooks[],
    options: { readonly isStrict: boolean; readonly kindOf: Machine["kindOf"] },
  ) {
    this.program = program;
    this.source = source;
    this.scopes = scopes;
    this.types = types;
    this.layouts = new Layouts(scopes);
    this.statics = new Statics(scopes, types, /\bframesAlive\b/.test(source.text));
    this.isStrict = options.isStrict;
    this.kindOf = options.kindOf;
    this.#hooks = hooks;
    this.active = newActivation(program, "root", NOTHING, undefined, true);
  }

  /** Tells every rule that listens. */
  emit<K extends keyof Hooks>(kind: K, event: Parameters<NonNullable<Hooks[K]>>[0]): void {
    let list = this.#listeners.get(kind);
    if (list === undefined) this.#listeners.set(kind, list = this.#hooks.filter((hooks) => hooks[kind] !== undefined));
    for (const hooks of list) (hooks[kind] as (event: unknown) => void)(event);
  }

  /** Where something is reported. */
  place(node: Node): Node {
    return this.anchor ?? node;
  }

  /** Whether it is somebody else's: what a called function does with its own memory is reported when that is looked at for itself. */
  isForeign({ isRoot, isOpen }: Owner): boolean {
    return !isRoot && isOpen;
  }

  get isOutOfSteps(): boolean {
    return this.steps > this.mostSteps;
  }

  mark(node: Node): Mark {
    return { node, owner: this.owner, facts: this.state.facts };
  }

  /** The marks that can be so here. */
  possible(marks: readonly Mark[]): readonly Mark[] {
    const { facts } = this.state;
    return marks.length === 0 || facts === undefined ? marks : marks.filter((mark) => !contradict(mark.facts, facts));
  }

  /** Something may throw here: a `catch` around it begins in this state. */
  mayThrow(): void {
    const handler = this.handlers.at(-1);
    if (handler === undefined || this.state.isDead || handler.version === this.state.version) return;
    handler.state = State.join(handler.state, this.state);
    handler.version = this.state.version;
  }

  // Memory

  /** Uses memory: reads it, writes it, hands it to somebody. */
  use(view: View, node: Node): void {
    const { site } = view;
    const { isLive, ended, suspended, isExempt, movedBy } = this.state.site(site);
    if (view.fixed !== undefined && movedBy !== undefined && view.fixed !== movedBy && this.level === 0) {
      this.emit("moved", { node, view, by: movedBy });
    }
    if ((ended.length === 0 && suspended.length === 0) || isExempt) return;
    const dead = this.possible(ended);
    const is = dead.length > 0 ? "ended" : "suspended";
    const marks = dead.length > 0 ? dead : this.possible(suspended);
    if (marks.length === 0) return;
    const mark = marks.find(({ owner }) => !this.isForeign(owner)) ?? marks[0] as Mark;
    if (is === "suspended" && this.isForeign(mark.owner)) {
      // A called function waits, and uses what it was given: whoever calls it has handed over memory that crosses its `await`.
      if (!this.isForeign(site.owner)) this.active.crossed.push(view);
      return;
    }
    if (this.isForeign(site.owner)) return;
    if (!this.isFirst(site, mark)) return;
    const isCertain = !isLive && (is === "ended" ? suspended.length === 0 : true);
    this.emit("stale", { node: this.place(node), view, is, mark, isCertain });
  }

  /** A list grows: it may be elsewhere now. */
  move(view: View, node: Node): void {
    this.state.setSite(view.site, { ...this.state.site(view.site), movedBy: node });
  }

  /** Whether nobody was told yet of this value and this crossing. */
  isFirst(site: Site, mark: Mark): boolean {
    const key = `${site.id}:${mark.node.range[0]}:${mark.node.type}`;
    if (this.#reported.has(key)) return false;
    this.#reported.add(key);
    return true;
  }

  useAll(views: readonly View[], node: Node): void {
    for (const view of views) this.use(view, node);
  }

  /** Keeps what is in a value out of everything: somebody has said that it lives on. */
  exempt(views: readonly View[]): void {
    for (const { site } of views) this.state.setSite(site, { ...this.state.site(site), isExempt: true });
  }

  // Frames

  /** How the frame of an allocator may be here. */
  frameOf(alloc: Alloc): AllocState {
    const { open, closed, resumed, isUnknown, scopes } = this.state.alloc(alloc);
    return {
      isUnknown,
      scopes,
      open: this.possible(open),
      closed: this.possible(closed).filter(({ owner }) => !this.isForeign(owner)),
      resumed: this.possible(resumed).filter(({ owner }) => !this.isForeign(owner)),
    };
  }

  get loops(): readonly LoopInfo[] {
    return this.active.loops;
  }

  begin(alloc: Alloc, node: Node, guard?: Guard): void {
    this.emit("frame", {
      node: this.place(node),
      alloc,
      is: "begin",
      guard,
      before: this.frameOf(alloc),
      isInCall: this.level > 0,
    });
    for (const loop of this.loops) loop.opensFrame = true;
    for (const each of [alloc, ...alloc.parts]) {
      this.state.setAlloc(each, { isUnknown: false, open: [this.mark(node)], closed: [], resumed: [], scopes: [] });
    }
  }

  end(alloc: Alloc, node: Node, promotes = false): void {
    this.emit("frame", {
      node: this.place(node),
      alloc,
      is: "end",
      guard: undefined,
      before: this.frameOf(alloc),
      isInCall: this.level > 0,
    });
    const mark = this.mark(node);
    const owners: readonly Alloc[] = [alloc, ...alloc.parts];
    for (const owner of owners) {
      for (const { node: begin } of this.state.alloc(owner).open) this.active.endedBegins.add(begin);
      this.state.setAlloc(owner, { isUnknown: false, open: [], closed: [mark], resumed: [], scopes: [] });
    }
    for (const site of this.state.sites) {
      if (!owners.includes(site.alloc)) continue;
      if (alloc.keepsFrames || (promotes && site.memory === "retained")) {
        this.state.setSite(site, { ...this.state.site(site), isExempt: true });
      } else this.#endSite(site, mark);
    }
  }

  #endSite(site: Site, mark: Mark): void {
    const state = this.state.site(site);
    if (!state.isLive && state.suspended.length === 0) return;
    this.state.setSite(site, { ...state, isLive: false, suspended: [], ended: [...state.ended, mark] });
  }

  /** Opens a scope, or sets a mark to roll back to. */
  openScope(alloc: Alloc, node: Node): void {
    const state = this.state.alloc(alloc);
    if (!state.scopes.includes(node)) this.state.setAlloc(alloc, { ...state, scopes: [...state.scopes, node] });
  }

  /** Ends what was allocated since a scope was opened. */
  closeScope(alloc: Alloc, scope: Node, node: Node, keeps = false): void {
    const state = this.state.alloc(alloc);
    this.state.setAlloc(alloc, { ...state, scopes: state.scopes.filter((open) => open !== scope) });
    if (keeps) return;
    const mark = this.mark(node);
    for (const site of this.state.sites) {
      if (site.alloc === alloc && site.scopes.includes(scope)) this.#endSite(site, mark);
    }
  }

  /** Forgets what is known of a frame: somebody else may have begun or ended it. */
  forgetFrame(alloc: Alloc): void {
    const state = this.state.alloc(alloc);
    if (!state.isUnknown) this.state.setAlloc(alloc, { ...state, isUnknown: true });
  }

  /** The same of all frames that a call has begun and left open. */
  forgetFramesOf(owner: Owner): void {
    for (const alloc of this.state.allocs) {
      if (this.state.alloc(alloc).open.some((mark) => mark.owner === owner)) this.state.setAlloc(alloc, UNKNOWN);
    }
  }

  // Waiting

  /** The program waits here. */
  suspend(node: Node, how: "await" | "yield" | "for await", awaited: readonly View[] = []): void {
    this.mayThrow();
    const isSyncYield = how === "yield" && !this.active.isAsync;
    const open: { alloc: Alloc; marks: readonly Mark[]; isCertain: boolean }[] = [];
    for (const alloc of this.state.allocs) {
      const state = this.frameOf(alloc);
      if (state.open.length === 0) continue;
      const isCertain = !state.isUnknown && state.closed.length === 0 && state.resumed.length === 0;
      open.push({ alloc, marks: state.open, isCertain });
    }
    if (this.level === 0) {
      this.emit("suspend", { node, how, isGenerator: this.active.isGenerator, open, awaited });
      for (const loop of this.loops) loop.suspends = true;
    }
    this.active.firstSuspend = this.active.firstSuspend === undefined
      ? this.state.fork()
      : State.join(this.active.firstSuspend, this.state);
    const mark = this.mark(node);
    this.#resume(
      mark,
      isSyncYield ? UNKNOWN : { isUnknown: false, open: [], closed: [], resumed: [mark], scopes: [] },
    );
  }

  /** The end of `await using` waits as well, but nobody has to be told of it. */
  suspendQuietly(node: Node): void {
    const { active } = this;
    const mark = this.mark(node);
    active.firstSuspend ??= this.state.fork();
    this.#resume(mark, { isUnknown: false, open: [], closed: [], resumed: [mark], scopes: [] });
  }

  #resume(mark: Mark, after: AllocState): void {
    for (const site of this.state.sites) {
      const state = this.state.site(site);
      if (!state.isLive && state.suspended.length === 0) continue;
      this.state.setSite(site, { ...state, isLive: false, suspended: [mark] });
    }
    for (const alloc of this.state.allocs) {
      this.state.setAlloc(alloc, { ...after, scopes: this.state.alloc(alloc).scopes });
    }
    this.state.base = after;
    this.state.version++;
  }

  /** What the ways out of a function leave behind of the frames. */
  framesAt(state: State): Exit["frames"] {
    return new Map(state.allocs.map((alloc) => [alloc, state.alloc(alloc)]));
  }

  /** The contents of an object. */
  contents(obj: Obj): ReturnType<State["contents"]> {
    return this.state.contents(obj);
  }
}
