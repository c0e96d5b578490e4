/**
 * Follows which WebGPU buffers are mapped, and what is done with their mapped ranges; for the rules FA853, FA854 and FA855.
 */

import { flag, identifierName, isNullish, many, type Node, one, text, unwrap, walk } from "../core/ast.ts";
import type { Confidence, Related } from "../core/diagnostic.ts";
import type { RuleContext } from "../core/context.ts";
import { assignmentsTo, behind, classAround } from "./_declared.ts";
import { follow } from "./_flow.ts";
import { bitsOf, type Masks, type Steps, UNKNOWN, withBits } from "./_masks.ts";
import { bufferOf, createdBuffer, GPU_WORDS, MAP_READ, MAP_WRITE } from "./_gpu_usage.ts";
import { calledName, calledOn, functionAround, isField, placeOf, roots, useOf } from "./_places.ts";
import { place as at } from "./words.ts";

/** What one of the three rules has to report. */
export interface MappingFinding {
  readonly code: "FA853" | "FA854" | "FA855";
  readonly node: Node;
  readonly message: string;
  readonly confidence: Confidence;
  readonly related: readonly Related[];
}

/** Not mapped yet. */
const FRESH = 2;
/** Asked for, and nobody has waited for it. */
const REQUESTED = 4;
const MAPPED = 8;
const UNMAPPED = 16;
/** Somebody else has it as well. */
const SHARED = 32;
/** A range that can be used. */
const LIVE = 64;
/** A range whose buffer was unmapped. */
const DEAD = 128;

/** Methods of a buffer that change whether it is mapped. */
const CHANGES = new Set(["mapAsync", "unmap", "destroy"]);
/** Calls that take a buffer and do not map it. */
const HARMLESS = new Set([
  ..."beginComputePass beginRenderPass clearBuffer copyBufferToBuffer copyBufferToTexture copyTextureToBuffer".split(
    " ",
  ),
  ..."createBindGroup drawIndexedIndirect drawIndirect dispatchWorkgroupsIndirect resolveQuerySet setIndexBuffer".split(
    " ",
  ),
  ..."setVertexBuffer writeBuffer executeBundles assert assertEquals log".split(" "),
]);
const VIEW = /^(?:(?:Big)?(?:Int|Uint|Float)\d+(?:Clamped)?Array|DataView)$/;

const known = new WeakMap<Node, readonly MappingFinding[]>();

/** All that there is to report of mapped buffers in a file. */
export function mappingFindings(context: RuleContext): readonly MappingFinding[] {
  if (!GPU_WORDS.test(context.source.text)) return [];
  let findings = known.get(context.program);
  if (findings === undefined) known.set(context.program, findings = new Mapping(context).run());
  return findings;
}

class Mapping implements Steps {
  readonly #context: RuleContext;
  readonly #found: MappingFinding[] = [];
  /** The buffers that the range in a place may be of. */
  readonly #owners = new Map<string, Set<string>>();
  readonly #ends = new Map<string, Node>();
  readonly #isShared = new Map<string, boolean>();
  #root: Node;

  constructor(context: RuleContext) {
    this.#context = context;
    this.#root = context.program;
  }

  run(): readonly MappingFinding[] {
    for (const root of roots(this.#context)) {
      this.#root = root;
      this.#isShared.clear();
      follow(root, this);
    }
    return this.#found;
  }

  visit(node: Node, masks: Masks): Masks {
    switch (node.type) {
      case "VariableDeclarator":
        return this.#assign(node, one(node, "id"), one(node, "init"), masks);
      case "AssignmentExpression":
        return this.#assign(node, one(node, "left"), one(node, "right"), masks);
      case "CallExpression":
        return this.#call(node, masks);
      case "Identifier":
      case "MemberExpression":
        return this.#mention(node, masks);
      case "AwaitExpression":
      case "YieldExpression":
        return wait(masks);
      case "ForOfStatement":
        return flag(node, "await") ? wait(masks) : masks;
      case "ReturnStatement":
        this.#returned(node);
        return masks;
      default:
        return masks;
    }
  }

  #report(finding: MappingFinding): void {
    if (this.#found.some(({ code, node }) => code === finding.code && node === finding.node)) return;
    this.#found.push(finding);
  }

  #call(node: Node, masks: Masks): Masks {
    const object = calledOn(node);
    const method = calledName(node);
    if (object === undefined || object.type === "ThisExpression") return forgetFields(masks);
    const place = placeOf(this.#context, object);
    if (method === "getMappedRange") this.#ranged(node, object, place, masks);
    if (place === undefined || this.#hasOthers(object, place)) return masks;
    const shared = bitsOf(masks, place) & SHARED;
    if (method === "mapAsync") return withBits(masks, place, REQUESTED | shared);
    if (method !== "unmap" && method !== "destroy") return masks;
    let after = withBits(masks, place, UNMAPPED | shared);
    this.#ends.set(place, node);
    for (const [range, owners] of this.#owners) {
      const bits = bitsOf(after, range);
      if (owners.has(place) && (bits & LIVE) !== 0) after = withBits(after, range, bits & ~LIVE | DEAD);
    }
    return after;
  }

  /** `getMappedRange()` of a buffer that is not mapped, or never can be. */
  #ranged(node: Node, object: Node, place: string | undefined, masks: Masks): void {
    const made = bufferOf(this.#context, object);
    if (made?.usage !== undefined && (made.usage & (MAP_READ | MAP_WRITE)) === 0 && made.isMapped === false) {
      const related = [at(made.node, "created here")];
      this.#report({
        code: "FA854",
        node,
        message: "A buffer without a MAP_ usage can never be mapped",
        confidence: "certain",
        related,
      });
      return;
    }
    if (place === undefined || this.#hasOthers(object, place)) return;
    const bits = bitsOf(masks, place) & ~SHARED;
    if (bits === UNMAPPED) {
      const end = this.#ends.get(place);
      const related = end === undefined ? [] : [at(end, "unmapped here")];
      const message = "The mapped range of a buffer is asked for after it was unmapped";
      this.#report({ code: "FA854", node, message, confidence: "certain", related });
    } else if (bits !== 0 && (bits & ~(FRESH | REQUESTED)) === 0) {
      const message = bits === REQUESTED
        ? "The mapped range of a buffer is asked for before the promise of mapAsync() was awaited"
        : "The mapped range of a buffer is asked for before it was mapped";
      this.#report({ code: "FA853", node, message, confidence: "certain", related: [] });
    }
  }

  /** Whether another function of the file maps or unmaps it. */
  #hasOthers(object: Node, place: string): boolean {
    const known = this.#isShared.get(place);
    if (known !== undefined) return known;
    const node = unwrap(object);
    const binding = this.#context.scopes.of.get(node);
    const answer = binding?.references.some((reference) => {
      const fn = functionAround(this.#context, reference.node);
      if (fn === this.#root) return false;
      const use = useOf(this.#context, reference.node);
      return use.is === "call" && CHANGES.has(use.method);
    }) === true;
    this.#isShared.set(place, answer);
    return answer;
  }

  #assign(node: Node, target: Node | undefined, value: Node | undefined, masks: Masks): Masks {
    const place = target === undefined ? undefined : placeOf(this.#context, target);
    if (place === undefined || value === undefined || target === undefined) return masks;
    const made = createdBuffer(this.#context, value);
    if (made !== undefined) {
      return withBits(masks, place, made.isMapped === undefined ? UNKNOWN : made.isMapped ? MAPPED : FRESH);
    }
    const owner = this.#rangeIn(value);
    if (owner !== undefined) {
      if (this.#isKept(node, target)) {
        const message = "A mapped range is kept in a field: it is gone when its buffer is unmapped";
        this.#report({ code: "FA855", node, message, confidence: "certain", related: [] });
      }
      const owners = this.#owners.get(place);
      if (owners === undefined) this.#owners.set(place, new Set([owner]));
      else owners.add(owner);
      return withBits(masks, place, LIVE);
    }
    // Another name for the same is no other value.
    const isAlias = node.type === "VariableDeclarator" && placeOf(this.#context, value) === place;
    return isAlias || !masks.has(place) ? masks : withBits(masks, place, UNKNOWN);
  }

  /** The buffer whose mapped range a value is, or is a view of; copies are nobody's. */
  #rangeIn(value: Node, depth = 0): string | undefined {
    const node = unwrap(value);
    if (depth > 6) return undefined;
    if (node.type === "CallExpression") {
      const object = calledOn(node);
      if (object === undefined) return undefined;
      const method = calledName(node);
      if (method === "getMappedRange") return placeOf(this.#context, object);
      return method === "subarray" ? this.#rangeIn(object, depth + 1) : undefined;
    }
    if (node.type === "NewExpression" && VIEW.test(identifierName(one(node, "callee")) ?? "")) {
      const [argument] = many(node, "arguments");
      return argument !== undefined && this.#isBuffer(argument) ? this.#rangeIn(argument, depth + 1) : undefined;
    }
    if (node.type === "Identifier") {
      const place = placeOf(this.#context, node);
      const owners = place === undefined ? undefined : this.#owners.get(place);
      return owners?.size === 1 ? [...owners][0] : undefined;
    }
    if (node.type === "MemberExpression" && text(one(node, "property") ?? node, "name") === "buffer") {
      const object = one(node, "object");
      return object === undefined ? undefined : this.#rangeIn(object, depth + 1);
    }
    return undefined;
  }

  /** Whether a value is the bytes themselves: a typed array of a typed array is a copy. */
  #isBuffer(argument: Node): boolean {
    const node = behind(this.#context, argument);
    return (node.type === "CallExpression" && calledName(node) === "getMappedRange") ||
      (node.type === "MemberExpression" && text(one(node, "property") ?? node, "name") === "buffer");
  }

  /** Whether a range goes to a field that nobody empties again. */
  #isKept(node: Node, target: Node): boolean {
    if (node.type !== "AssignmentExpression") return false;
    const left = unwrap(target);
    if (left.type === "Identifier") {
      const binding = this.#context.scopes.of.get(left);
      if (binding === undefined || binding.scope.parent !== undefined || this.#root === this.#context.program) {
        return false;
      }
      return !binding.references.some(({ node, isWrite }) => isWrite && isEmptied(this.#context.parents.get(node)));
    }
    const cls = classAround(this.#context, left);
    const key = placeOf(this.#context, left)?.slice("this.".length);
    return cls !== undefined && key !== undefined && !assignmentsTo(this.#context, cls, key).some(isEmptied);
  }

  #mention(node: Node, masks: Masks): Masks {
    if (node.type === "MemberExpression" && one(node, "object")?.type !== "ThisExpression") return masks;
    const place = placeOf(this.#context, node);
    if (place === undefined || !masks.has(place)) return masks;
    const bits = bitsOf(masks, place);
    const use = useOf(this.#context, node);
    if (use.is === "written" || use.is === "alias" || use.is === "tested") return masks;
    if ((bits & DEAD) !== 0 && (bits & UNKNOWN) === 0) {
      const end = [...this.#owners.get(place) ?? []].map((owner) => this.#ends.get(owner)).find((each) =>
        each !== undefined
      );
      this.#report({
        code: "FA855",
        node,
        message: "A mapped range is used after its buffer was unmapped",
        confidence: bits === DEAD ? "certain" : "path",
        related: end === undefined ? [] : [at(end, "unmapped here")],
      });
      return withBits(masks, place, UNKNOWN);
    }
    if ((bits & (LIVE | DEAD)) !== 0) return masks;
    const isGone = use.is === "gone" || (use.is === "argument" && !HARMLESS.has(use.method));
    return isGone ? withBits(masks, place, UNKNOWN | SHARED) : masks;
  }

  /** `return` of a range that a `finally` around it ends. */
  #returned(node: Node): void {
    const argument = one(node, "argument");
    const owner = argument === undefined ? undefined : this.#rangeIn(argument);
    if (owner === undefined) return;
    const { parents } = this.#context;
    for (
      let inner = node, around = parents.get(node);
      around !== undefined && inner !== this.#root;
      inner = around, around = parents.get(inner)
    ) {
      const finalizer = around.type === "TryStatement" && one(around, "finalizer") !== inner
        ? one(around, "finalizer")
        : undefined;
      if (finalizer === undefined) continue;
      walk(finalizer, (each) => {
        if (each.type !== "CallExpression" || calledName(each) !== "unmap") return;
        const object = calledOn(each);
        if (object === undefined || placeOf(this.#context, object) !== owner) return;
        const message = "A mapped range is returned, and its buffer is unmapped on the way";
        this.#report({ code: "FA855", node, message, confidence: "certain", related: [at(each, "unmapped here")] });
      });
    }
  }
}

function isEmptied(assignment: Node | undefined): boolean {
  const right = assignment?.type === "AssignmentExpression" ? one(assignment, "right") : undefined;
  return right !== undefined && isNullish(right);
}

/** What was asked for has arrived; what others have may have changed. */
function wait(masks: Masks): Masks {
  let after = masks;
  for (const [place, bits] of masks) {
    let next = (bits & REQUESTED) === 0 ? bits : bits & ~REQUESTED | MAPPED;
    if ((isField(place) || (bits & SHARED) !== 0) && (next & (FRESH | UNMAPPED)) !== 0) next |= UNKNOWN;
    after = withBits(after, place, next);
  }
  return after;
}

/** A function that nobody follows here may do anything to the fields. */
function forgetFields(masks: Masks): Masks {
  let after = masks;
  for (const place of masks.keys()) if (isField(place)) after = withBits(after, place, UNKNOWN);
  return after;
}
