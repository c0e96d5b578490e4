/**
 * Exports of Rapier that have gone elsewhere.
 */

import { MOVED, RAPIER_VERSION } from "./_rapier_exports.ts";
import { mentions } from "./_rapier_names.ts";
import type { Rule } from "./rule.ts";

/** The rule. */
export const fa901: Rule = {
  code: "FA901",
  name: "rapier-moved-export",
  category: "rapier",
  severity: "warning",
  isDefault: true,
  summary: "Something is imported from Rapier that it does not export any more",
  help: "Use what took its place",
  explanation:
    `Rapier for JavaScript has moved things between its versions. This is about version ${RAPIER_VERSION}: a name that it does not ` +
    "export is undefined when the program runs.",
  bad: `import { QueryPipeline, Ray } from "@dimforge/rapier3d-compat"; // FA901

export function queries(): QueryPipeline {
  return new QueryPipeline();
}

export const down = new Ray({ x: 0, y: 0, z: 0 }, { x: 0, y: -1, z: 0 });
`,
  good: `import { Ray, type World } from "@dimforge/rapier3d-compat";

export function height(world: World): number {
  const down = new Ray({ x: 0, y: 0, z: 0 }, { x: 0, y: -1, z: 0 });
  return world.castRay(down, 100, true)?.timeOfImpact ?? Infinity;
}
`,
  seeAlso: ["FA902"],
  create(context) {
    return {
      done() {
        for (const { node, name } of mentions(context, MOVED)) {
          const message = `Rapier ${RAPIER_VERSION} does not export ${name}: ${MOVED.get(name)}`;
          context.report({ node, message });
        }
      },
    };
  },
};
