/**
 * Objects of Rapier that nobody frees.
 */

import { runnerAround, useOf } from "./_places.ts";
import { RAPIER_WORDS } from "./_rapier.ts";
import { isSharedObject, madeIn } from "./_rapier_owned.ts";
import type { Rule } from "./rule.ts";

const OWNED = new Set(["EventQueue", "World"]);

/** The rule. */
export const fa906: Rule = {
  code: "FA906",
  name: "rapier-not-freed",
  category: "rapier",
  severity: "warning",
  isDefault: true,
  summary: "A world or an event queue is made by a function, and never freed",
  help: "Call its free(), in a finally if something between may throw",
  explanation:
    "Worlds and event queues are memory of WebAssembly, which the garbage collector does not see. What a function makes for itself, " +
    "and does not free, is there until the program ends.",
  bad: `import RAPIER from "@dimforge/rapier3d-compat";

export function simulate(steps: number): void {
  const world = new RAPIER.World({ x: 0, y: -9.81, z: 0 }); // FA906
  for (let i = 0; i < steps; i++) world.step();
}
`,
  good: `import RAPIER from "@dimforge/rapier3d-compat";

export function simulate(steps: number): void {
  const world = new RAPIER.World({ x: 0, y: -9.81, z: 0 });
  try {
    for (let i = 0; i < steps; i++) world.step();
  } finally {
    world.free();
  }
}
`,
  seeAlso: ["FA903", "FA904"],
  create(context) {
    return {
      done() {
        if (!RAPIER_WORDS.test(context.source.text)) return;
        for (const { node, name, binding } of madeIn(context, OWNED)) {
          // What a program makes for itself may live as long as it does.
          if (runnerAround(context, binding.node) === context.program || isSharedObject(context, binding)) continue;
          const isFreed = binding.references.some((reference) => {
            const use = useOf(context, reference.node);
            return (use.is === "call" || use.is === "argument") && use.method === "free";
          });
          if (!isFreed) context.report({ node, message: `The ${name} "${binding.name}" is never freed` });
        }
      },
    };
  },
};
