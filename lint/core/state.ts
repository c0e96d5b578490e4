/**
 * What is so at one place of the program: what each variable may stand for, what became of each allocation, and whether the frame of each
 * allocator is open. States are copied where paths part, and joined where they meet; a copy costs nothing until one of the two is written.
 */

import type { Node } from "./ast.ts";
import {
  type AllocState,
  common,
  type Contents,
  EMPTY,
  type Facts,
  joinAllocs,
  joinContents,
  joinSites,
  LIVE,
  type SiteState,
  UNKNOWN,
} from "./facts.ts";
import type { Binding } from "./scope.ts";
import { type Alloc, NOTHING, type Obj, type Owner, renamed, type Site, union, type Value } from "./values.ts";

const ENV = 1;
const HEAP = 2;
const SITES = 4;
const ALLOCS = 8;

/** What is so at one place. */
export class State {
  isDead = false;
  facts: Facts | undefined;
  /** What is so for allocators that were not seen yet. */
  base: AllocState = UNKNOWN;
  #env: Map<Binding, Value>;
  #heap: Map<Obj, Contents>;
  #sites: Map<Site, SiteState>;
  #allocs: Map<Alloc, AllocState>;
  /** Which of them other states look at as well. */
  #shared = 0;
  /** Counts changes to sites and allocators, so that what has not changed need not be joined again. */
  version = 0;

  constructor(from?: State) {
    this.#env = from === undefined ? new Map() : from.#env;
    this.#heap = from === undefined ? new Map() : from.#heap;
    this.#sites = from === undefined ? new Map() : from.#sites;
    this.#allocs = from === undefined ? new Map() : from.#allocs;
    if (from === undefined) return;
    this.isDead = from.isDead;
    this.facts = from.facts;
    this.base = from.base;
    this.version = from.version;
    this.#shared = from.#shared = ENV | HEAP | SITES | ALLOCS;
  }

  /** The same state, to go another way from here. */
  fork(): State {
    return new State(this);
  }

  #own(what: number): void {
    const copied = this.#shared & what;
    if (copied === 0) return;
    if (copied & ENV) this.#env = new Map(this.#env);
    if (copied & HEAP) this.#heap = new Map(this.#heap);
    if (copied & SITES) this.#sites = new Map(this.#sites);
    if (copied & ALLOCS) this.#allocs = new Map(this.#allocs);
    this.#shared &= ~what;
  }

  /** What a variable stands for; nothing if it was not assigned to on this path. */
  get(binding: Binding): Value | undefined {
    return this.#env.get(binding);
  }

  set(binding: Binding, value: Value): void {
    if (this.#env.get(binding) === value) return;
    this.#own(ENV);
    this.#env.set(binding, value);
  }

  /** Forgets variables that nobody can name any more. */
  forget(bindings: Iterable<Binding>): void {
    for (const binding of bindings) {
      if (!this.#env.has(binding)) continue;
      this.#own(ENV);
      this.#env.delete(binding);
    }
  }

  /** The variables that belong to a function. */
  variablesOf(fn: Node): readonly Binding[] {
    return [...this.#env.keys()].filter(({ scope }) => scope.fn === fn);
  }

  /** Whether anything that can be named leads to memory of a site. */
  #reaches(site: Site, also: Value = NOTHING): boolean {
    const seen = new Set<Obj>();
    const leads = (value: Value): boolean =>
      value.some((atom) => {
        if (atom.k === "view") return atom.site === site;
        if (atom.k === "fn") return leads(atom.bound);
        if (atom.k === "pending") return atom.views.some((view) => view.site === site);
        if (atom.k !== "obj" || seen.has(atom)) return false;
        seen.add(atom);
        const { fields, rest } = this.contents(atom);
        return leads(rest) || [...fields.values()].some(leads);
      });
    if (leads(also)) return true;
    for (const value of this.#env.values()) if (leads(value)) return true;
    for (const obj of this.#heap.keys()) if (obj.home !== "local" && leads([obj])) return true;
    return false;
  }

  /** All memory that can be named, and what is in a value besides. */
  reached(also: Value = NOTHING): ReadonlySet<Site> {
    const found = new Set<Site>();
    const seen = new Set<Obj>();
    const follow = (value: Value): void => {
      for (const atom of value) {
        if (atom.k === "view") found.add(atom.site);
        else if (atom.k === "fn") follow(atom.bound);
        else if (atom.k === "pending") { for (const { site } of atom.views) found.add(site); }
        else if (atom.k === "obj" && !seen.has(atom)) {
          seen.add(atom);
          const contents = this.#heap.get(atom);
          if (contents === undefined) continue;
          follow(contents.rest);
          for (const field of contents.fields.values()) follow(field);
        }
      }
    };
    follow(also);
    for (const value of this.#env.values()) follow(value);
    for (const obj of this.#heap.keys()) if (obj.home !== "local") follow([obj]);
    return found;
  }

  /** Drops memory that a call has allocated, and that nobody can name any more now that it is over. */
  sweep(owner: Owner, result: Value): void {
    let reached: ReadonlySet<Site> | undefined;
    for (const site of this.#sites.keys()) {
      if (site.owner !== owner || (reached ??= this.reached(result)).has(site)) continue;
      this.#own(SITES);
      this.#sites.delete(site);
    }
  }

  contents(obj: Obj): Contents {
    return this.#heap.get(obj) ?? EMPTY;
  }

  fill(obj: Obj, contents: Contents): void {
    if (contents.rest.length === 0 && contents.fields.size === 0 && !this.#heap.has(obj)) return;
    this.#own(HEAP);
    this.#heap.set(obj, contents);
  }

  /** Puts something under a key, or among the rest; it replaces what was there if the key is known. */
  put(obj: Obj, key: string | undefined, value: Value): void {
    const { fields, rest } = this.contents(obj);
    if (key === undefined) {
      if (value.length > 0) this.fill(obj, { fields, rest: union(rest, value) });
      return;
    }
    this.fill(obj, { fields: new Map(fields).set(key, value), rest });
  }

  site(site: Site): SiteState {
    return this.#sites.get(site) ?? LIVE;
  }

  setSite(site: Site, state: SiteState): void {
    this.#own(SITES);
    this.version++;
    this.#sites.set(site, state);
  }

  get sites(): Iterable<Site> {
    return [...this.#sites.keys()];
  }

  hasSite(site: Site): boolean {
    return this.#sites.has(site);
  }

  alloc(alloc: Alloc): AllocState {
    return this.#allocs.get(alloc) ?? this.base;
  }

  setAlloc(alloc: Alloc, state: AllocState): void {
    this.#own(ALLOCS);
    this.version++;
    this.#allocs.set(alloc, state);
  }

  get allocs(): readonly Alloc[] {
    return [...this.#allocs.keys()];
  }

  /** Makes all that is known of one site known of another: the passes through a loop before this one. */
  age(site: Site, older: Site): void {
    this.#own(SITES);
    this.version++;
    const reached = this.reached();
    if (!reached.has(older)) this.#sites.delete(older);
    if (!reached.has(site)) return;
    for (const [binding, value] of this.#env) {
      const next = renamed(value, site, older);
      if (next !== value) this.set(binding, next);
    }
    for (const [obj, { fields, rest }] of this.#heap) {
      let isChanged = renamed(rest, site, older) !== rest;
      for (const value of fields.values()) if (renamed(value, site, older) !== value) isChanged = true;
      if (!isChanged) continue;
      this.fill(obj, {
        fields: new Map([...fields].map(([key, value]) => [key, renamed(value, site, older)])),
        rest: renamed(rest, site, older),
      });
    }
    const before = this.#sites.get(older);
    const now = this.site(site);
    this.#sites.set(older, before === undefined ? now : joinSites(before, now));
  }

  /** What is so if either of two states is. */
  static join(a: State | undefined, b: State | undefined): State {
    if (a === undefined || a.isDead) return b?.fork() ?? dead();
    if (b === undefined || b.isDead) return a.fork();
    const result = a.fork();
    result.facts = common(a.facts, b.facts);
    result.version = Math.max(a.version, b.version) + 1;
    if (a.base !== b.base) result.base = joinAllocs(a.base, b.base);
    if (a.#env !== b.#env) {
      for (const [binding, value] of b.#env) {
        const mine = result.#env.get(binding);
        if (mine !== value) result.set(binding, mine === undefined ? value : union(mine, value));
      }
    }
    if (a.#heap !== b.#heap) {
      for (const [obj, contents] of b.#heap) {
        const mine = result.#heap.get(obj);
        if (mine !== contents) result.fill(obj, mine === undefined ? contents : joinContents(mine, contents));
      }
    }
    if (a.#sites !== b.#sites) {
      let here: ReadonlySet<Site> | undefined;
      let there: ReadonlySet<Site> | undefined;
      for (const [site, state] of b.#sites) {
        const mine = result.#sites.get(site);
        if (mine === state) continue;
        let both = state;
        if (mine !== undefined) {
          both = joinSites(mine, state);
          // What became of memory that nobody can name any more on one way is nothing to the other way.
          if (mine.isLive !== state.isLive || mine.ended !== state.ended) {
            if (!(here ??= a.reached()).has(site)) both = state;
            else if (!(there ??= b.reached()).has(site)) both = mine;
          }
        }
        result.#own(SITES);
        result.#sites.set(site, both);
      }
    }
    if (a.#allocs === b.#allocs) return result;
    for (const [alloc, state] of b.#allocs) {
      const mine = a.alloc(alloc);
      if (mine !== state) result.setAlloc(alloc, joinAllocs(mine, state));
    }
    for (const [alloc, state] of a.#allocs) {
      if (!b.#allocs.has(alloc)) result.setAlloc(alloc, joinAllocs(state, b.base));
    }
    return result;
  }
}

/** A state that nothing can be in. */
export function dead(): State {
  const state = new State();
  state.isDead = true;
  return state;
}
