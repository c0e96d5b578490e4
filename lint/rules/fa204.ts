/**
 * Transfers that nobody holds back.
 */

import { isFunction, many, type Node, one, text, unwrap, walk } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import { behind, libraryName } from "./_declared.ts";
import { eachPost, leavesOf } from "./_posts.ts";
import type { Rule } from "./rule.ts";

/** Words of what holds back: a bounded queue, a count of what is on its way. */
const HELD = /bounded|capacity|pending|inFlight|credits?\b|maxQueued|highWater|backlog|limit|\bMAX_/i;

/** The rule. */
export const fa204: Rule = {
  code: "FA204",
  name: "unbounded-transfer",
  category: "threads",
  severity: "hint",
  isDefault: true,
  summary: "Memory is transferred to another thread in an endless loop that nothing holds back",
  help: "Await an answer, or count what is on its way and stop at a limit",
  explanation:
    "Posting is faster than working. A loop that transfers without waiting for the other side fills the queue between them: the " +
    "memory is held by neither, and grows until there is no more.",
  bad: `import { f32, type SmartAlloc, struct, TransferHandle } from "@framealloc/core";

const Sample = struct("Sample", { value: f32 });

export function produce(alloc: SmartAlloc, worker: Worker): void {
  for (;;) {
    const sample = alloc.frameBoxForTransfer(Sample);
    worker.postMessage(new TransferHandle(sample)); // FA204
  }
}
`,
  good: `import { f32, type SmartAlloc, struct, TransferHandle } from "@framealloc/core";

const Sample = struct("Sample", { value: f32 });

export async function produce(alloc: SmartAlloc, worker: Worker, answer: () => Promise<void>): Promise<void> {
  for (;;) {
    const sample = alloc.frameBoxForTransfer(Sample);
    worker.postMessage(new TransferHandle(sample));
    await answer();
  }
}
`,
  seeAlso: ["FA201", "FA301"],
  create(context) {
    return {
      done() {
        if (!/\b(?:TransferHandle|frameBoxForTransfer)\b/.test(context.source.text)) return;
        eachPost(context, ({ node, parts }) => {
          const isTransfer = parts.flatMap(leavesOf).some((leaf) => isHandle(context, leaf));
          const loop = isTransfer ? endlessLoopAround(context, node) : undefined;
          if (loop === undefined || isHeldBack(context, loop)) return;
          context.report({
            node,
            message: "Memory is transferred in an endless loop that nothing holds back",
            confidence: "heuristic",
          });
        });
      },
    };
  },
};

function isHandle(context: RuleContext, leaf: Node): boolean {
  if (libraryName(context, leaf) === "TransferHandle") return true;
  const made = behind(context, leaf);
  if (made.type === "NewExpression") return libraryName(context, made) === "TransferHandle";
  const callee = made.type === "CallExpression" ? unwrap(one(made, "callee") ?? made) : undefined;
  return callee?.type === "MemberExpression" &&
    text(one(callee, "property") ?? callee, "name") === "frameBoxForTransfer";
}

function endlessLoopAround(context: RuleContext, node: Node): Node | undefined {
  for (let at = context.parents.get(node); at !== undefined && !isFunction(at); at = context.parents.get(at)) {
    const test = one(at, "test");
    if (at.type === "ForStatement" && test === undefined) return at;
    const isLoop = at.type === "WhileStatement" || at.type === "DoWhileStatement" || at.type === "ForStatement";
    if (isLoop && test !== undefined && /^(?:true|1)$/.test(context.textOf(unwrap(test)))) return at;
  }
  return undefined;
}

function isHeldBack(context: RuleContext, loop: Node): boolean {
  if (HELD.test(context.textOf(loop)) || /\.bounded\(|\bcapacity:/.test(context.source.text)) return true;
  let isHeld = false;
  walk(loop, (node) => {
    if (isFunction(node)) return false;
    if (node.type === "AwaitExpression" || node.type === "YieldExpression" || isStop(node)) isHeld = true;
    return undefined;
  });
  return isHeld;
}

/** `if (…) break` and the like: somebody has thought of an end. */
function isStop(node: Node): boolean {
  if (node.type !== "IfStatement") return false;
  const consequent = one(node, "consequent");
  const inner = consequent?.type === "BlockStatement" ? many(consequent, "body") : [consequent];
  return inner.some((each) => /^(?:Break|Continue|Return|Throw)Statement$/.test(each?.type ?? ""));
}
