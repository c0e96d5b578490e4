/**
 * Frame barriers for another number of threads than take part.
 */

import { barriersIn } from "./_barriers.ts";
import type { Rule } from "./rule.ts";

/** The rule. */
export const fa202: Rule = {
  code: "FA202",
  name: "barrier-mismatch",
  category: "threads",
  severity: "warning",
  isDefault: true,
  summary: "A FrameBarrier is made for another number of threads than take part",
  help: "Count the workers that are given the barrier, and this thread if it waits as well",
  explanation:
    "A barrier opens when as many threads have arrived as it was made for. With more threads than that it opens too early, and a " +
    "frame ends while somebody still reads it; with fewer it never opens.",
  bad: `import { FrameBarrier } from "@framealloc/core";

const barrier = new FrameBarrier(2); // FA202
const physics = new Worker(new URL("./physics.ts", import.meta.url), { type: "module" });
const audio = new Worker(new URL("./audio.ts", import.meta.url), { type: "module" });
physics.postMessage({ barrier });
audio.postMessage({ barrier });

export function endOfFrame(): void {
  barrier.waitAll();
}
`,
  good: `import { FrameBarrier } from "@framealloc/core";

const barrier = new FrameBarrier(3); // two workers and this thread
const physics = new Worker(new URL("./physics.ts", import.meta.url), { type: "module" });
const audio = new Worker(new URL("./audio.ts", import.meta.url), { type: "module" });
physics.postMessage({ barrier });
audio.postMessage({ barrier });

export function endOfFrame(): void {
  barrier.waitAll();
}
`,
  seeAlso: ["FA205"],
  create(context) {
    return {
      done() {
        if (!context.source.text.includes("FrameBarrier")) return;
        for (const { node, count, workers, isHere } of barriersIn(context)) {
          if (workers === undefined || workers === 0) continue;
          const threads = workers + (isHere ? 1 : 0);
          if (threads === count) continue;
          const who = `${workers} worker${workers === 1 ? "" : "s"}${isHere ? " and this thread" : ""}`;
          context.report({
            node,
            message: `The barrier is for ${count} threads, and ${threads} take part: ${who}`,
            confidence: "path",
          });
        }
      },
    };
  },
};
