/**
 * What the methods of the library do, as the table of its members says.
 */

import { allocate } from "./allocate.ts";
import { API, type Effect, effectOf, type Shape } from "./api_table.ts";
import { type Node, one } from "./ast.ts";
import type { MethodCall } from "./calls.ts";
import { defer } from "./escapes.ts";
import { useDeep, useValue } from "./expressions.ts";
import { endGuard } from "./guards.ts";
import { runCallback } from "./invoke.ts";
import type { Layout } from "./layouts.ts";
import type { Machine } from "./machine.ts";
import { pass, watch } from "./statements.ts";
import { element, elementsOf } from "./members.ts";
import { type Alloc, type Guard, NOTHING, type Site, union, type Value, type View, viewsOf } from "./values.ts";

const SPECIFIC = new Set(
  ["FrameAlloc", "SmartAlloc"].flatMap((name) => Object.keys(API[name]?.members ?? {})).filter((name) =>
    /^(?:try)?(?:frame|pool|heap)[A-Z]|^(?:begin|end|run)Frame|^withTag$|^rollbackTo$/i.test(name)
  ),
);

/** Whether a name is that of a method which hardly anything but an allocator has. */
export function isMethodOfAllocators(name: string): boolean {
  return SPECIFIC.has(name) || name === "frame";
}

/** Calls a method of an allocator. */
export function callAlloc(m: Machine, alloc: Alloc, it: MethodCall): Value | undefined {
  const { key, node, args } = it;
  const effect = effectOf(alloc.cls, key) ?? guessed(alloc, key);
  if (effect === undefined) return undefined;
  switch (effect.does) {
    case "alloc":
      return make(m, alloc, effect, it);
    case "begin":
      m.begin(alloc, node);
      return NOTHING;
    case "end":
      m.end(alloc, node, effect.promotes === true);
      return NOTHING;
    case "guard": {
      const guard: Guard = { k: "guard", of: effect.of, alloc, node };
      if (effect.of === "frame") {
        m.begin(alloc, node, guard);
        if (m.level === 0) m.emit("owner", { node, of: "frame", alloc, args: args.nodes });
      } else if (effect.of === "scope") m.openScope(alloc, node);
      return [guard];
    }
    case "mark":
      m.openScope(alloc, node);
      return [{ k: "guard", of: "mark", alloc, node }];
    case "rollback":
      for (const atom of args.values[0] ?? NOTHING) if (atom.k === "guard") m.closeScope(alloc, atom.node, node);
      return NOTHING;
    case "run":
      return runIn(m, alloc, effect, it);
    case "publish": {
      const value = args.values[1] ?? NOTHING;
      m.exempt(viewsOf(value));
      return value;
    }
    case "part": {
      return [m.statics.alloc(`${alloc.key}.${key}`, effect.of, `${alloc.name}.${key}`)];
    }
    case "release":
      if (alloc.cls === "SmartAlloc" || alloc.cls === "FrameAlloc") m.end(alloc, node);
      return NOTHING;
    default:
      if (key === "defer") {
        args.values.forEach((value, i) => defer(m, value, args.nodes[i] ?? node, `${alloc.name}.defer`));
      } else args.values.forEach((value, i) => useDeep(m, value, args.nodes[i] ?? node));
      return NOTHING;
  }
}

/** Frame methods that this version of the library does not have: their names say what they are. */
function guessed(alloc: Alloc, key: string): Effect | undefined {
  if (alloc.cls !== "SmartAlloc" && alloc.cls !== "FrameAlloc") return undefined;
  const match = /^(?:try)?(frame|pool|heap)[A-Z]/i.exec(key);
  const memory = match?.[1]?.toLowerCase();
  if (memory === "frame") return { does: "alloc", memory: "frame", gives: "Record", layout: 0 };
  return memory === "pool" || memory === "heap" ? { does: "alloc", memory } : undefined;
}

function make(
  m: Machine,
  alloc: Alloc,
  effect: Effect & { does: "alloc" },
  { node, key, args }: MethodCall,
): Value {
  // An object may hold a handle that is to be used again: options do.
  args.values.forEach((value, i) => useValue(m, value, args.nodes[i] ?? node));
  const layout = effect.layout === undefined ? undefined : m.layouts.of(args.nodes[effect.layout]);
  const policy = effect.memory === "retained" ? policyOf(m, args.nodes[1]) : undefined;
  const shape = shapeOf(effect.gives, layout);
  return allocate(m, { node, alloc, method: key, effect, args: args.nodes, shape, layout, policy });
}

function shapeOf(gives: Shape | "Vec" | undefined, layout: Layout | undefined): Shape {
  if (gives === "Vec") return layout?.kind === "scalar" ? "NumberVec" : "RecordVec";
  return gives ?? "Record";
}

function policyOf(m: Machine, node: Node | undefined): Site["policy"] {
  if (node === undefined) return "discard";
  const text = m.source.text.slice(...node.range);
  return /\b(?:Discard|Ephemeral)\b/.test(text) ? "discard" : "promote";
}

/** Calls a function that it is given, before it returns. */
function runIn(m: Machine, alloc: Alloc, effect: Effect & { does: "run" }, { node, args }: MethodCall): Value {
  const callback = args.values[effect.callback] ?? NOTHING;
  const at = args.nodes[effect.callback] ?? node;
  const isDropped = m.dropped === node;
  if (effect.how === "frame") m.begin(alloc, node);
  if (effect.how === "speculative") {
    const value = runCallback(m, callback, [[alloc]], "maybe", at);
    const obj = m.statics.object(`x${node.range[0]}:${node.range[1]}`, "local", "result", undefined, undefined, node);
    m.state.fill(obj, { fields: new Map([["value", value]]), rest: NOTHING });
    return [obj];
  }
  let value: Value = NOTHING;
  const run = () => void (value = runCallback(m, callback, [[alloc]], "once", at));
  const thrown = m.handlers.length > 0 && effect.how === "frame" ? watch(m, run) : run();
  if (effect.how !== "frame") return value;
  if (thrown !== undefined) {
    const after = m.state;
    m.state = thrown.fork();
    m.end(alloc, node);
    pass(m, m.state);
    m.state = after;
  }
  m.end(alloc, node);
  return giveBack(m, value, at, isDropped);
}

/** What comes out of a frame that has ended with the call. */
function giveBack(m: Machine, value: Value, node: Node, isDropped: boolean): Value {
  if (m.level > 0) return value;
  const body = one(node, "body");
  const isExpression = body !== undefined && body.type !== "BlockStatement";
  if (isExpression && isDropped) return value; // it is only there for what it does
  const views = viewsOf(value);
  const ended = views.flatMap((view) => {
    const mark = m.possible(m.state.site(view.site).ended).at(-1);
    return mark === undefined || view.shape === "Maybe" || !m.isFirst(view.site, mark)
      ? []
      : [{ view, mark, isCertain: true }];
  });
  if (ended.length === 0) return value;
  const at = isExpression ? body : lastReturn(body) ?? node;
  m.emit("leave", { node: at, views, how: "return", isAsync: false, ended });
  return value;
}

function lastReturn(body: Node | undefined): Node | undefined {
  const statements = body === undefined ? [] : (body as unknown as { readonly body: readonly Node[] }).body;
  return statements.findLast(({ type }) => type === "ReturnStatement");
}

/** Calls a method of a guard. */
export function callGuard(m: Machine, guard: Guard, { key, node }: MethodCall): Value | undefined {
  if (key === "end" || key === "Symbol.dispose") endGuard(m, guard, node);
  else if (key === "commit") endGuard(m, guard, node, true);
  else return undefined;
  return NOTHING;
}

/** Calls a method of memory. */
export function callView(m: Machine, view: View, { key, object, node, args }: MethodCall): Value {
  m.use(view, object);
  const effect = effectOf(view.shape, key) ?? (view.shape === "Columns" ? effectOf("TypedArray", key) : undefined);
  if (effect?.does !== "each") args.values.forEach((value, i) => useDeep(m, value, args.nodes[i] ?? node));
  if (/^(?:push|reserve|append)$/.test(key) && (view.shape === "NumberVec" || view.shape === "FrameString")) {
    m.move(view, node);
  }
  switch (effect?.does) {
    case "self":
      return [view];
    case "view":
      if (effect.gives !== "element") return [{ ...view, shape: effect.gives }];
      return element(view);
    case "each": {
      const each = view.shape === "FrameMap" ? element(view) : elementsOf(m, [view]);
      const [callback, ...others] = args.values;
      others.forEach((value, i) => useDeep(m, value, args.nodes[i + 1] ?? node));
      const params = effect.first === "total"
        ? [others[0] ?? NOTHING, each, NOTHING, [view]]
        : [each, NOTHING, [view]] as Value[];
      const result = runCallback(m, callback ?? NOTHING, params, "many", args.nodes[0] ?? node, node);
      return effect.first === "total" ? union(others[0] ?? NOTHING, result) : NOTHING;
    }
    default:
      if (effect === undefined) {
        args.values.forEach((value, i) => runCallback(m, value, [], "maybe", args.nodes[i] ?? node));
        // `get(i)` and the like of lists of records.
        if ((key === "get" || key === "first" || key === "last") && view.shape !== "Record") return element(view);
      }
      return NOTHING;
  }
}
