/**
 * Reads members: parts of memory are memory, numbers in it are not; and what is in objects comes out of them again.
 */

import { effectOf, type Shape } from "./api_table.ts";
import type { Node } from "./ast.ts";
import { fieldOf, type Layout } from "./layouts.ts";
import { invoke } from "./invoke.ts";
import type { Machine } from "./machine.ts";
import { getterIn } from "./type_members.ts";
import { type Alloc, type Atom, NOTHING, type Obj, union, type Value, type View } from "./values.ts";

/** Names of fields that are vectors wherever a layout is not known. */
const PARTS = new Set([
  "position",
  "velocity",
  "rotation",
  "normal",
  "point",
  "origin",
  "direction",
  "color",
  "scale",
  "axis",
]);

/** Reads a member of a value. `object` is what it is read from, `key` is its name if that is known. */
export function read(m: Machine, value: Value, key: string | undefined, object: Node): Value {
  let result: Value = NOTHING;
  for (const atom of value) {
    switch (atom.k) {
      case "view":
        m.use(atom, object);
        result = union(result, partOf(atom, key).map((part) => fix(m, atom, part)));
        break;
      case "obj":
        result = union(result, got(m, atom, key, object) ?? fieldIn(m, atom, key));
        break;
      case "alloc":
        result = union(result, memberOfAlloc(m, atom, key));
        break;
      case "special":
        if (atom.name === "library" && key !== undefined && /^[A-Z]/.test(key)) {
          result = union(result, [{ k: "class", name: key, node: undefined }]);
        }
        break;
      case "class":
        if (atom.node !== undefined && key !== undefined) {
          const made = m.types.member({ t: "constructor", node: atom.node }, key);
          const path = `s${atom.node.range[0]}.${key}`;
          const statics = made === undefined
            ? undefined
            : m.statics.ofType(made, () => path, `${atom.name}.${key}`, () => "module");
          const obj = m.statics.object(`s${atom.node.range[0]}`, "module", atom.name);
          result = union(
            result,
            m.contents(obj).fields.get(key) ?? statics ?? [m.statics.object(path, "module", `${atom.name}.${key}`)],
          );
        }
        break;
      default:
    }
  }
  return result;
}

/** What a class is as an object: its static members. */
export function staticsOf(m: Machine, cls: Node, name: string): Obj {
  return m.statics.object(`s${cls.range[0]}`, "module", name);
}

/** What a getter returns that does something with memory. */
function got(m: Machine, obj: Obj, key: string | undefined, node: Node): Value | undefined {
  if (key === undefined || obj.type?.t !== "object") return undefined;
  const getter = getterIn(obj.type.node, key);
  if (getter === undefined || !m.hot.has(getter)) return undefined;
  return invoke(m, { k: "fn", node: getter, self: [obj], bound: NOTHING }, [], node)?.value;
}

/** The view of a list that can grow shows where the list was when it was taken. */
function fix(m: Machine, list: View, part: Atom): Atom {
  if (
    part.k !== "view" || part.shape !== "TypedArray" || (list.shape !== "NumberVec" && list.shape !== "FrameString")
  ) return part;
  return { ...part, fixed: m.state.site(list.site).movedBy ?? null };
}

/** A member of memory. */
function partOf(view: View, key: string | undefined): Value {
  const { shape, layout } = view;
  const make = (
    to: View["shape"],
    of: Layout | undefined = layout,
  ): Value => [{ k: "view", site: view.site, shape: to, layout: of }];
  if (shape === "Maybe") return NOTHING;
  if (shape === "Columns") return key === undefined || /^\d+$/.test(key) || isNumberOf(key) ? NOTHING : make("Columns");
  if (key === undefined || /^\d+$/.test(key)) {
    if (shape === "Tuple") return make(layout?.kind === "scalar" ? "Box" : "Record");
    if (shape === "List") return make("Record");
    return shape === "Record" && layout?.kind === "array" ? element(view) : NOTHING;
  }
  const effect = effectOf(shape, key);
  if (
    effect?.does === "view" &&
    (key === "buffer" || key === "view" || key === "bytes" || key === "value" || key === "record")
  ) {
    return effect.gives === "element" ? element(view) : make(effect.gives);
  }
  if (effect !== undefined || shape !== "Record") return NOTHING;
  const field = fieldOf(layout, key);
  if (field === "number") return NOTHING;
  if (field === "maybe") return PARTS.has(key) ? make("Record", undefined) : make("Maybe", undefined);
  return make("Record", field);
}

function isNumberOf(key: string): boolean {
  return key === "length" || key === "byteLength" || key === "byteOffset" || key === "BYTES_PER_ELEMENT";
}

/** An element of memory: a record of its layout, or a number. */
export function element(view: View): Value {
  const { shape, layout, site } = view;
  const make = (to: Shape | "Maybe", of: Layout | undefined): Value => [{ k: "view", site, shape: to, layout: of }];
  if (shape === "TypedArray" || shape === "NumberVec" || shape === "FrameString" || shape === "Buffer") return NOTHING;
  if (layout?.kind === "scalar") return NOTHING;
  if (shape === "Record") {
    if (layout?.kind !== "array") return NOTHING;
    return layout.element?.kind === "scalar" ? NOTHING : make("Record", layout.element);
  }
  return make("Record", layout);
}

/** The field of an object; `undefined` as the key stands for any. */
export function fieldIn(m: Machine, obj: Obj, key: string | undefined): Value {
  const { fields, rest } = m.contents(obj);
  if (key === undefined) {
    let all = obj.home === "local" && obj.type === undefined ? rest : union(rest, m.statics.element(obj));
    for (const field of fields.values()) all = union(all, field);
    return all;
  }
  const field = fields.get(key);
  if (field !== undefined) return field;
  if (key === "length" || key === "size") return NOTHING;
  if (/^\d+$/.test(key)) {
    return union(rest, obj.home === "local" && obj.type === undefined ? NOTHING : m.statics.element(obj));
  }
  return obj.home === "local" && obj.type === undefined ? rest : union(rest, m.statics.member(obj, key));
}

/** Another allocator that belongs to one. */
function memberOfAlloc(m: Machine, alloc: Alloc, key: string | undefined): Value {
  if (key === undefined) return NOTHING;
  const effect = effectOf(alloc.cls, key);
  if (effect?.does !== "part") return NOTHING;
  const known = alloc.parts.find(({ cls }) => cls === effect.of);
  if (known !== undefined) return [known];
  // The ring of a GPU allocator lives in the frame of that.
  const owner = effect.of === "GpuRing" ? alloc : undefined;
  return [m.statics.alloc(`${alloc.key}.${key}`, effect.of, `${alloc.name}.${key}`, undefined, undefined, owner)];
}

/** What one gets from looping over a value, or from spreading it. */
export function elementsOf(m: Machine, value: Value): Value {
  let result: Value = NOTHING;
  for (const atom of value) {
    if (atom.k === "obj") result = union(result, fieldIn(m, atom, undefined));
    else if (atom.k === "view") {
      if (atom.shape === "Tuple" || atom.shape === "List") {
        result = union(result, [{ ...atom, shape: atom.layout?.kind === "scalar" ? "Box" : "Record" }]);
      } else if (atom.shape === "Pairs") {
        result = union(result, atom.layout?.kind === "scalar" ? NOTHING : [{ ...atom, shape: "List" }]);
      } else if (atom.shape !== "Columns" && atom.shape !== "Maybe") result = union(result, element(atom));
    }
  }
  return result;
}
