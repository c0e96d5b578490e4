/**
 * Follows the buffers of a `UnifiedAllocator`: what is staged and never transferred, what is used on a side that it never came to; for the
 * rules FA851, FA852 and FA853.
 */

import { flag, keyName, many, type Node, one, text, unwrap } from "../core/ast.ts";
import type { Confidence, Related } from "../core/diagnostic.ts";
import type { RuleContext } from "../core/context.ts";
import { behind, libraryName } from "./_declared.ts";
import { follow } from "./_flow.ts";
import { bitsOf, type Masks, type Steps, UNKNOWN, withBits } from "./_masks.ts";
import { calledName, calledOn, functionAround, isField, placeOf, roots, useOf } from "./_places.ts";
import { place as at } from "./words.ts";

/** What one of the three rules has to report. */
export interface UnifiedFinding {
  readonly code: "FA851" | "FA852" | "FA853";
  readonly node: Node;
  readonly message: string;
  readonly confidence: Confidence;
  readonly related: readonly Related[];
}

/** A staging buffer that nobody has written since it was made or transferred. */
const CLEAN = 2;
/** One with bytes that are not on the GPU. */
const WRITTEN = 4;
/** A buffer whose bytes are on the GPU alone. */
const AWAY = 8;
/** One whose bytes were asked for, and nobody has waited for them. */
const COMING = 16;
/** A buffer of the CPU that was never on the GPU. */
const HERE = 32;
/** A buffer that is where it should be. */
const SYNCED = 64;

const WORDS = /\b(?:createStagingBuffer|createGpuBuffer|createCpuBuffer|transferToCpu)\b|\.read\(/;

const known = new WeakMap<Node, readonly UnifiedFinding[]>();

/** All that there is to report of unified buffers in a file. */
export function unifiedFindings(context: RuleContext): readonly UnifiedFinding[] {
  if (
    !/\b(?:UnifiedAllocator|UnifiedBuffer|GpuAllocator)\b/.test(context.source.text) || !WORDS.test(context.source.text)
  ) {
    return [];
  }
  let findings = known.get(context.program);
  if (findings === undefined) known.set(context.program, findings = new Unified(context).run());
  return findings;
}

interface Staged {
  readonly node: Node;
  readonly allocator: string | undefined;
  /** Whether only the function that makes it can transfer it. */
  readonly isLocal: boolean;
  written: Node | undefined;
}

class Unified implements Steps {
  readonly #context: RuleContext;
  readonly #found: UnifiedFinding[] = [];
  readonly #staged = new Map<string, Staged>();
  #root: Node;

  constructor(context: RuleContext) {
    this.#context = context;
    this.#root = context.program;
  }

  run(): readonly UnifiedFinding[] {
    for (const root of roots(this.#context)) {
      this.#root = root;
      this.#staged.clear();
      follow(root, this);
    }
    this.#findUnawaitedReads();
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
        return arrive(masks);
      default:
        return masks;
    }
  }

  /** `using` ends a frame, or frees a buffer. */
  dispose(declarator: Node, masks: Masks): Masks {
    const init = one(declarator, "init");
    const call = init === undefined ? undefined : unwrap(init);
    const place = placeOf(this.#context, one(declarator, "id") ?? declarator);
    if (place !== undefined && this.#staged.has(place)) return withBits(masks, place, CLEAN);
    const allocator = call?.type === "CallExpression" ? this.#frameOf(call) : undefined;
    return allocator === undefined ? masks : this.#end(allocator, masks);
  }

  exit(_node: Node, masks: Masks): void {
    for (const [place, staged] of this.#staged) {
      if (staged.isLocal && bitsOf(masks, place) === WRITTEN) this.#lost(staged);
    }
  }

  #report(finding: UnifiedFinding): void {
    if (!this.#found.some(({ code, node }) => code === finding.code && node === finding.node)) {
      this.#found.push(finding);
    }
  }

  #lost({ node, written }: Staged): void {
    this.#report({
      code: "FA851",
      node,
      message: "What is written to this staging buffer is lost: it is not transferred before its frame ends",
      confidence: "certain",
      related: written === undefined ? [] : [at(written, "written here")],
    });
  }

  /** The place of the unified allocator whose frame a call opens. */
  #frameOf(call: Node): string | undefined {
    const object = calledOn(call);
    if (object === undefined || calledName(call) !== "frame") return undefined;
    return libraryName(this.#context, object) === "UnifiedAllocator" ? this.#keyOf(object) : undefined;
  }

  /** Tells unified allocators apart: whatever is written to reach them. */
  #keyOf(object: Node): string {
    return placeOf(this.#context, object) ?? this.#context.textOf(object);
  }

  #end(allocator: string, masks: Masks): Masks {
    let after = masks;
    for (const [place, staged] of this.#staged) {
      if (staged.allocator !== allocator) continue;
      if (bitsOf(after, place) === WRITTEN) this.#lost(staged);
      if (after.has(place)) after = withBits(after, place, UNKNOWN);
    }
    return after;
  }

  #assign(node: Node, target: Node | undefined, value: Node | undefined, masks: Masks): Masks {
    const place = target === undefined ? undefined : placeOf(this.#context, target);
    const call = value === undefined ? undefined : unwrap(value);
    if (place === undefined || call === undefined || target === undefined) return masks;
    const object = call.type === "CallExpression" ? calledOn(call) : undefined;
    if (object !== undefined && libraryName(this.#context, object) === "UnifiedAllocator") {
      if (this.#isUsedElsewhere(target)) return withBits(masks, place, UNKNOWN);
      switch (calledName(call)) {
        case "createStagingBuffer": {
          const isLocal = !isField(place);
          this.#staged.set(place, {
            node: call,
            allocator: this.#keyOf(object),
            isLocal,
            written: undefined,
          });
          return withBits(masks, place, CLEAN);
        }
        case "createGpuBuffer":
          return withBits(masks, place, AWAY);
        case "createCpuBuffer":
          return withBits(masks, place, HERE);
        default:
      }
    }
    const isAlias = node.type === "VariableDeclarator" && placeOf(this.#context, call) === place;
    return isAlias || !masks.has(place) ? masks : withBits(masks, place, UNKNOWN);
  }

  /** Whether another function has a variable as well, and may do anything to it at any time. */
  #isUsedElsewhere(target: Node): boolean {
    const binding = this.#context.scopes.of.get(unwrap(target));
    if (binding === undefined) return false;
    return [binding.node, ...binding.references.map(({ node }) => node)].some((node) =>
      functionAround(this.#context, node) !== this.#root
    );
  }

  #call(node: Node, masks: Masks): Masks {
    const object = calledOn(node);
    if (object === undefined || object.type === "ThisExpression") return forgetFields(masks);
    const method = calledName(node);
    const inner = unwrap(object);
    if (method === "cpuSliceMut" && inner.type === "CallExpression" && calledName(inner) === "createStagingBuffer") {
      const on = calledOn(inner);
      if (on !== undefined && libraryName(this.#context, on) === "UnifiedAllocator") {
        this.#lost({ node: inner, allocator: undefined, isLocal: true, written: node });
      }
      return masks;
    }
    const place = placeOf(this.#context, object);
    if (method === "cpuSlice" || method === "cpuSliceMut") return this.#sliced(node, place, method, masks);
    if (method === "free" && place !== undefined && masks.has(place)) return withBits(masks, place, SYNCED);
    if (method === "end" || method === "Symbol.dispose") {
      const made = behind(this.#context, object);
      const allocator = made.type === "CallExpression" ? this.#frameOf(made) : undefined;
      return allocator === undefined ? masks : this.#end(allocator, masks);
    }
    const isUnified = libraryName(this.#context, object) === "UnifiedAllocator";
    if (isUnified && method === "endFrame") return this.#end(this.#keyOf(object), masks);
    const [argument] = many(node, "arguments");
    const buffer = argument === undefined ? undefined : placeOf(this.#context, argument);
    if (buffer === undefined || !/^transferTo[CG]pu$/.test(method)) return masks;
    if (!isUnified) return withBits(masks, buffer, UNKNOWN);
    if (method === "transferToGpu") return withBits(masks, buffer, this.#staged.has(buffer) ? CLEAN : SYNCED);
    return withBits(masks, buffer, COMING);
  }

  /** The bytes of a buffer are asked for on the CPU. */
  #sliced(node: Node, place: string | undefined, method: string, masks: Masks): Masks {
    if (place === undefined) return masks;
    const bits = bitsOf(masks, place);
    if ((bits & ~(AWAY | COMING)) === 0) {
      const message = bits === COMING
        ? "The bytes of a buffer are read before the promise of transferToCpu() was awaited"
        : "The bytes of a buffer of the GPU are read, and were never transferred to the CPU";
      this.#report({ code: "FA853", node, message, confidence: "certain", related: [] });
      return withBits(masks, place, UNKNOWN);
    }
    const staged = this.#staged.get(place);
    if (staged === undefined || method !== "cpuSliceMut" || bits === UNKNOWN) return masks;
    staged.written = node;
    return withBits(masks, place, WRITTEN);
  }

  #mention(node: Node, masks: Masks): Masks {
    if (node.type === "MemberExpression" && one(node, "object")?.type !== "ThisExpression") return masks;
    const place = placeOf(this.#context, node);
    if (place === undefined || !masks.has(place)) return masks;
    const use = useOf(this.#context, node);
    if (use.is === "read" && /^(?:handle|buffer|offset)$/.test(use.key ?? "") && bitsOf(masks, place) === HERE) {
      const message = "A buffer of the CPU is used on the GPU, and was never transferred there";
      this.#report({ code: "FA852", node, message, confidence: "certain", related: [] });
      return withBits(masks, place, UNKNOWN);
    }
    if (use.is === "argument") {
      const on = calledOn(use.call);
      const isTransfer = on !== undefined && /^transferTo[GC]pu$/.test(use.method);
      return isTransfer ? masks : withBits(masks, place, UNKNOWN);
    }
    return use.is === "gone" ? withBits(masks, place, UNKNOWN) : masks;
  }

  /** `const bytes = gpu.read(handle)`, used as if it were the bytes. */
  #findUnawaitedReads(): void {
    const { scopes, parents } = this.#context;
    for (const binding of new Set(scopes.of.values())) {
      const init = binding.writes === 0 ? one(binding.declaration, "init") : undefined;
      const call = init === undefined ? undefined : unwrap(init);
      const object = call?.type === "CallExpression" ? calledOn(call) : undefined;
      if (call === undefined || object === undefined || !/^(?:read|refresh)$/.test(calledName(call))) continue;
      if (one(binding.declaration, "id") !== binding.node) continue;
      if (libraryName(this.#context, object) !== "GpuAllocator") continue;
      const use = binding.references.find(({ node, parent }) => {
        if (parent.type !== "MemberExpression" || one(parent, "object") !== node) return false;
        const key = keyName(parent, "property");
        return flag(parent, "computed") || !/^(?:then|catch|finally)$/.test(key ?? "");
      });
      if (use === undefined || text(parents.get(use.parent) ?? use.parent, "operator") === "typeof") continue;
      const message = `"${binding.name}" is a promise of bytes of the GPU: it is used before it was awaited`;
      this.#report({
        code: "FA853",
        node: use.parent,
        message,
        confidence: "certain",
        related: [at(call, "asked for here")],
      });
    }
  }
}

/** What was asked for has arrived; fields may have changed. */
function arrive(masks: Masks): Masks {
  let after = masks;
  for (const [place, bits] of masks) {
    let next = (bits & COMING) === 0 ? bits : bits & ~COMING | SYNCED;
    if (isField(place) && next !== SYNCED) next |= UNKNOWN;
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
