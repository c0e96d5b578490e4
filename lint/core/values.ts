/**
 * What an expression may stand for, as far as it matters: a value is a small set of things that are followed. Numbers, texts and all that
 * is nobody's memory are the empty set.
 */

import type { Memory, Shape } from "./api_table.ts";
import type { Node } from "./ast.ts";
import type { Layout } from "./layouts.ts";
import type { Type } from "./types.ts";

/** The function that is looked at, or a call of a function of the file in it that is followed: whose doing something is. */
export interface Owner {
  readonly isRoot: boolean;
  /** The call that it is made by. */
  readonly call: Node | undefined;
  readonly calls: Map<Node, Owner>;
  /** Whether the call goes on. What it leaves behind is its caller's. */
  isOpen: boolean;
}

/** A place where memory is allocated, as one pass through it; the passes before it in a loop are one more site. */
export interface Site {
  /** The same for all passes through it. */
  readonly id: number;
  readonly node: Node;
  readonly alloc: Alloc;
  readonly memory: Memory;
  readonly method: string;
  readonly layout: Layout | undefined;
  /** Whose it is. */
  readonly owner: Owner;
  /** What was open of the scopes and marks when it was allocated. */
  readonly scopes: readonly Node[];
  /** What is to become of it when a frame ends with promotions. */
  readonly policy: "discard" | "promote" | undefined;
  readonly isOlder: boolean;
}

/** Memory of a site, or a part of it. */
export interface View {
  readonly k: "view";
  readonly site: Site;
  /** `Maybe`: a field of a record whose layout is not known, so that it may be a number. */
  readonly shape: Shape | "Maybe";
  readonly layout: Layout | undefined;
  /** For a view of a list that does not follow it when it moves: what had moved the list last, if anything had. */
  readonly fixed?: Node | null;
}

/** Where an object lives: `local` ones are made by the code that is looked at; all others were there before, and stay. */
export type Home = "local" | "this" | "param" | "outer" | "module" | "global";

/** An object or an array: what is in it is in the state. */
export interface Obj {
  readonly k: "obj";
  readonly key: string;
  readonly node: Node | undefined;
  readonly home: Home;
  readonly name: string;
  readonly type: Type | undefined;
  /** The object that it was reached through. */
  readonly parent: Obj | undefined;
  /** The class that made it, if that is in the file. */
  readonly cls: Node | undefined;
}

/** A function of the file. */
export interface Fn {
  readonly k: "fn";
  readonly node: Node;
  readonly self: Value;
  readonly bound: Value;
}

/** An allocator. */
export interface Alloc {
  readonly k: "alloc";
  /** Tells allocators apart: the variable or the field that holds it, or the place where it is made. */
  readonly key: string;
  readonly cls: string;
  readonly name: string;
  /** Whether it was made in this file with frames that outlive their end. */
  readonly keepsFrames: boolean;
  /** The allocators whose frames it begins and ends as well. */
  readonly parts: readonly Alloc[];
  /** The allocator whose frame its memory lives in, if that is not its own. */
  readonly owner: Alloc | undefined;
}

/** What ends a frame, a scope, a label, or a task. */
export interface Guard {
  readonly k: "guard";
  readonly of: "frame" | "scope" | "label" | "mark" | "task";
  readonly alloc: Alloc;
  readonly node: Node;
}

/** What a function that was given frame memory has returned: a promise that may still need it, as far as one can tell. */
export interface Pending {
  readonly k: "pending";
  readonly node: Node;
  readonly views: readonly View[];
  /** Whether it is known to be used after an `await` in there. */
  readonly isSure: boolean;
}

/** A class: of the library by name, or of the file by its node. */
export interface Cls {
  readonly k: "class";
  readonly name: string;
  readonly node: Node | undefined;
}

/** Something that the analysis knows by name: what settles a promise, a module of the library. */
export interface Special {
  readonly k: "special";
  readonly name: string;
}

export type Atom = View | Obj | Fn | Alloc | Guard | Pending | Cls | Special;

/** What an expression may stand for. */
export type Value = readonly Atom[];

/** A value that nobody follows. */
export const NOTHING: Value = [];

/** The most things that a value may stand for; more of them would only cost time. */
const MOST = 24;

/** One value or the other. */
export function union(a: Value, b: Value): Value {
  if (a === b || b.length === 0) return a;
  if (a.length === 0) return b;
  let result: Atom[] | undefined;
  for (const atom of b) {
    if ((result ?? a).some((other) => isSame(other, atom))) continue;
    if ((result ?? a).length >= MOST) break;
    (result ??= [...a]).push(atom);
  }
  return result ?? a;
}

/** Whether two values are the same. */
export function isEqual(a: Value, b: Value): boolean {
  return a === b || (a.length === b.length && a.every((atom, i) => isSame(atom, b[i] as Atom)));
}

function isSame(a: Atom, b: Atom): boolean {
  if (a === b) return true;
  if (a.k === "view") {
    return b.k === "view" && a.site === b.site && a.shape === b.shape && a.layout === b.layout && a.fixed === b.fixed;
  }
  if (a.k === "fn") return b.k === "fn" && a.node === b.node && a.bound === b.bound;
  if (a.k === "guard") return b.k === "guard" && a.node === b.node && a.of === b.of;
  if (a.k === "pending") return b.k === "pending" && a.node === b.node;
  if (a.k === "class") return b.k === "class" && a.node === b.node && a.name === b.name;
  return a.k === "special" && b.k === "special" && a.name === b.name;
}

/** All views in a value itself. */
export function viewsOf(value: Value): readonly View[] {
  return value.length === 0 ? [] : value.filter((atom) => atom.k === "view");
}

/** The allocator that a value is, if it is one. */
export function allocOf(value: Value): Alloc | undefined {
  return value.find((atom) => atom.k === "alloc");
}

/** The objects in a value. */
export function objectsOf(value: Value): readonly Obj[] {
  return value.length === 0 ? [] : value.filter((atom) => atom.k === "obj");
}

/** The functions in a value. */
export function functionsOf(value: Value): readonly Fn[] {
  return value.length === 0 ? [] : value.filter((atom) => atom.k === "fn");
}

/** Whether a value has a thing of that kind. */
export function has(value: Value, kind: Atom["k"]): boolean {
  return value.some((atom) => atom.k === kind);
}

/** A value in which memory of one site is memory of another. */
export function renamed(value: Value, from: Site, to: Site): Value {
  if (!value.some((atom) => atom.k === "view" && atom.site === from)) return value;
  let result: Value = NOTHING;
  for (const atom of value) {
    result = union(result, [atom.k === "view" && atom.site === from ? { ...atom, site: to } : atom]);
  }
  return result;
}
