/**
 * What is known of one allocation, one allocator or one object at a place of the program, and what is known where two paths meet.
 */

import type { Node } from "./ast.ts";
import { NOTHING, type Owner, union, type Value } from "./values.ts";

/** What was assumed on the way: conditions that cannot change, with their outcome. */
export interface Facts {
  readonly key: string;
  readonly isTrue: boolean;
  readonly rest: Facts | undefined;
}

/** Where something happened, and what was assumed there. */
export interface Mark {
  readonly node: Node;
  readonly owner: Owner;
  readonly facts: Facts | undefined;
}

/** What became of an allocation, on one path or another. */
export interface SiteState {
  readonly isLive: boolean;
  readonly ended: readonly Mark[];
  readonly suspended: readonly Mark[];
  /** Whether somebody keeps it on purpose. */
  readonly isExempt: boolean;
  /** What may have moved it last. */
  readonly movedBy?: Node | undefined;
}

/** How the frame of an allocator may be. */
export interface AllocState {
  readonly isUnknown: boolean;
  /** Where frames that may be open have begun. */
  readonly open: readonly Mark[];
  readonly closed: readonly Mark[];
  /** Where code went on after something else could run. */
  readonly resumed: readonly Mark[];
  /** Scopes and checkpoints that are open. */
  readonly scopes: readonly Node[];
}

/** What is in an object. */
export interface Contents {
  readonly fields: ReadonlyMap<string, Value>;
  /** What is under keys that are not known, and the elements of arrays, sets and maps. */
  readonly rest: Value;
}

/** An allocation that nothing has happened to. */
export const LIVE: SiteState = { isLive: true, ended: [], suspended: [], isExempt: false };
/** An allocator of which nothing is known. */
export const UNKNOWN: AllocState = { isUnknown: true, open: [], closed: [], resumed: [], scopes: [] };
/** An object with nothing in it. */
export const EMPTY: Contents = { fields: new Map(), rest: NOTHING };

/** What became of an allocation on either way. */
export function joinSites(a: SiteState, b: SiteState): SiteState {
  return {
    isLive: a.isLive || b.isLive,
    ended: joinMarks(a.ended, b.ended),
    suspended: joinMarks(a.suspended, b.suspended),
    isExempt: a.isExempt || b.isExempt,
    movedBy: a.movedBy ?? b.movedBy,
  };
}

/** How a frame may be on either way. */
export function joinAllocs(a: AllocState, b: AllocState): AllocState {
  return {
    isUnknown: a.isUnknown || b.isUnknown,
    open: joinMarks(a.open, b.open),
    closed: joinMarks(a.closed, b.closed),
    resumed: joinMarks(a.resumed, b.resumed),
    scopes: a.scopes === b.scopes ? a.scopes : a.scopes.filter((scope) => b.scopes.includes(scope)),
  };
}

/** What may be in an object on either way. */
export function joinContents(a: Contents, b: Contents): Contents {
  const fields = new Map(a.fields);
  for (const [key, value] of b.fields) {
    const mine = fields.get(key);
    fields.set(key, mine === undefined ? value : union(mine, value));
  }
  return { fields, rest: union(a.rest, b.rest) };
}

function joinMarks(a: readonly Mark[], b: readonly Mark[]): readonly Mark[] {
  if (a === b || b.length === 0) return a;
  if (a.length === 0) return b;
  return [...a, ...b.filter((mark) => !a.some(({ node, facts }) => node === mark.node && facts === mark.facts))];
}

/** What two ways have assumed alike. */
export function common(a: Facts | undefined, b: Facts | undefined): Facts | undefined {
  const known = new Set<Facts>();
  for (let at = a; at !== undefined; at = at.rest) known.add(at);
  let at = b;
  while (at !== undefined && !known.has(at)) at = at.rest;
  return at;
}

/** Whether what was assumed in two places cannot both be so. */
export function contradict(a: Facts | undefined, b: Facts | undefined): boolean {
  for (let x = a; x !== undefined; x = x.rest) {
    for (let y = b; y !== undefined; y = y.rest) if (x.key === y.key && x.isTrue !== y.isTrue) return true;
  }
  return false;
}
