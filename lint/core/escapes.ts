/**
 * Ways out: memory that is put where it stays, and functions that use memory when its frame may be over.
 */

import { keyName, type Node } from "./ast.ts";
import { endsWithFrame, type Machine } from "./machine.ts";
import type { Binding } from "./scope.ts";
import { type Fn, functionsOf, NOTHING, type Obj, objectsOf, type Value, type View } from "./values.ts";
import type { CaptureEvent, StoreEvent } from "./events.ts";

/** How far objects in objects are looked into. */
const DEPTH = 3;

/** All memory in a value, and in the objects in it. */
export function reachable(m: Machine, value: Value, depth = DEPTH): readonly View[] {
  if (value.length === 0) return [];
  const found: View[] = [];
  collect(m, value, depth, found, new Set());
  return found;
}

function collect(m: Machine, value: Value, depth: number, found: View[], seen: Set<Obj>): void {
  for (const atom of value) {
    if (atom.k === "view") {
      if (!found.some(({ site }) => site === atom.site)) found.push(atom);
    } else if (atom.k === "obj" && depth > 0 && !seen.has(atom)) {
      seen.add(atom);
      const { fields, rest } = m.contents(atom);
      collect(m, rest, depth - 1, found, seen);
      for (const field of fields.values()) collect(m, field, depth - 1, found, seen);
    }
  }
}

/** All functions in a value, and in the objects in it. */
function functionsIn(m: Machine, value: Value, depth = 2): Fn[] {
  return value.flatMap((atom) => {
    if (atom.k === "fn") return [atom];
    if (atom.k !== "obj" || depth === 0 || atom.home !== "local") return [];
    const { fields, rest } = m.contents(atom);
    return [
      ...functionsIn(m, rest, depth - 1),
      ...[...fields.values()].flatMap((field) => functionsIn(m, field, depth - 1)),
    ];
  });
}

/** Memory that is a mistake to keep: not what is kept on purpose, and not what a called function keeps of its own. */
function kept(m: Machine, views: readonly View[]): readonly View[] {
  return views.filter(({ site, shape }) =>
    endsWithFrame(site.memory) && site.policy !== "promote" && shape !== "Maybe" && !m.isForeign(site.owner) &&
    !m.state.site(site).isExempt
  );
}

/** Whether an object was there before the function, or is a part of one that was, or was put into one. */
export function staysAfter(m: Machine, obj: Obj): boolean {
  return obj.home !== "local" || m.escaped.has(obj);
}

/** Puts a value where it stays: into a variable outside, or an object that was there before. */
export function keep(m: Machine, value: Value, node: Node, target: string, home: StoreEvent["home"]): void {
  const views = kept(m, reachable(m, value));
  if (views.length > 0) m.emit("store", { node: m.place(node), views, target, home });
  for (const fn of functionsIn(m, value)) capture(m, fn, within(fn.node, node) ? fn.node : node, "stored", target);
  for (const obj of objectsOf(value)) if (obj.home === "local") m.escaped.add(obj);
}

/** Whether a node is a part of another. */
export function within(inner: Node, outer: Node): boolean {
  return outer.range[0] <= inner.range[0] && inner.range[1] <= outer.range[1];
}

/** Puts a value into an object. */
export function storeInto(m: Machine, obj: Obj, key: string | undefined, value: Value, node: Node): void {
  if (value.length > 0 && staysAfter(m, obj)) {
    const home = obj.home === "local" ? "field" : obj.home;
    keep(m, value, node, key === undefined || /^\d+$/.test(key) ? obj.name : `${obj.name}.${key}`, home);
  } else if (obj.node !== undefined && leavesOffered(m, value, obj.node)) keep(m, value, node, obj.name, "module");
  m.state.put(obj, key !== undefined && /^\d+$/.test(key) ? undefined : key, value);
}

/**
 * Whether a function that was given to somebody puts memory of a frame of its own into something of the program: where the program goes
 * on, that frame may be over, or not have begun.
 *
 * @param holder Where that something is made.
 */
export function leavesOffered(m: Machine, value: Value, holder: Node): boolean {
  if (m.offered.length === 0 || value.length === 0) return false;
  for (let at: typeof m.active | undefined = m.active; at !== undefined; at = at.parent) {
    if (at.node === m.program ? at.kind !== "root" : at.kind !== "literal" || within(holder, at.node)) return false;
  }
  const outer = m.offered.filter((fn) => !within(holder, fn));
  if (functionsOf(value).length > 0) return outer.length > 0;
  return reachable(m, value).some(({ site }) =>
    outer.some((fn) => within(site.node, fn) && m.frameOf(site.alloc).open.every((mark) => within(mark.node, fn)))
  );
}

/** A function is given to something that runs it when the frame may be over. */
export function capture(m: Machine, fn: Fn, node: Node, how: CaptureEvent["how"], to: string): void {
  const names: string[] = [];
  const views = kept(m, capturedBy(m, fn, names, new Set()));
  if (views.length > 0) m.emit("capture", { node: m.place(node), fn, views, names, how, to });
}

/** Anything is given to something that runs later: functions with what they capture, and memory itself. */
export function defer(m: Machine, value: Value, node: Node, to: string): void {
  for (const fn of functionsIn(m, value)) capture(m, fn, node, "callback", to);
  const views = kept(m, reachable(m, value));
  if (views.length > 0) {
    m.emit("capture", { node: m.place(node), fn: undefined, views, names: [], how: "callback", to });
  }
}

/** The memory that a function would use if it ran. */
export function capturedBy(m: Machine, fn: Fn, names: string[], seen: Set<Node>): readonly View[] {
  if (seen.has(fn.node)) return [];
  seen.add(fn.node);
  const found: View[] = [...reachable(m, fn.bound)];
  for (const binding of m.scopes.captures.get(fn.node) ?? []) {
    const value = m.state.get(binding);
    if (value === undefined || value.length === 0) continue;
    const before = found.length;
    for (const part of usedOf(m, fn, binding, value)) {
      for (const view of reachable(m, part)) if (!found.includes(view)) found.push(view);
      for (const inner of functionsIn(m, part)) {
        for (const view of capturedBy(m, inner, names, seen)) if (!found.includes(view)) found.push(view);
      }
    }
    if (found.length > before) names.push(binding.name);
  }
  return found;
}

/** The parts of a captured variable that a function reads: of an object only the fields that it names. */
function usedOf(m: Machine, fn: Fn, binding: Binding, value: Value): readonly Value[] {
  const [from, to] = fn.node.range;
  const inside = binding.references.filter(({ node, isWrite }) =>
    !isWrite && node.range[0] >= from && node.range[1] <= to
  );
  if (inside.length === 0) return [];
  const objects = objectsOf(value);
  if (objects.length === 0) return [value];
  const parts: Value[] = [value.filter((atom) => atom.k !== "obj")];
  for (const { node, parent } of inside) {
    const isRead = parent.type === "MemberExpression" && parent.range[0] === node.range[0];
    const key = isRead ? keyName(parent, "property") : undefined;
    for (const obj of objects) {
      const { fields, rest } = m.contents(obj);
      if (key === undefined) parts.push([obj]);
      else if (fields.has(key)) parts.push(fields.get(key) ?? NOTHING);
      else if (key !== "length" && key !== "size") parts.push(rest);
    }
  }
  return parts;
}
