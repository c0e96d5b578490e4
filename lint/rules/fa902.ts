/**
 * Exports of Rapier that have another name now.
 */

import { RAPIER_VERSION, RENAMED } from "./_rapier_exports.ts";
import { mentions } from "./_rapier_names.ts";
import type { Rule } from "./rule.ts";

/** The rule. */
export const fa902: Rule = {
  code: "FA902",
  name: "rapier-renamed-export",
  category: "rapier",
  severity: "warning",
  isDefault: true,
  summary: "Something is imported from Rapier under a name that it had in an older version",
  help: "Use the new name",
  explanation:
    `Rapier for JavaScript has renamed some of its exports. This is about version ${RAPIER_VERSION}: an old name is undefined when ` +
    "the program runs, and no type when it is compiled. The names of members have changed with some of them: toi is timeOfImpact now.",
  bad: `import type { RayColliderToi, World } from "@dimforge/rapier3d-compat"; // FA902
import { Ray } from "@dimforge/rapier3d-compat";

export function hit(world: World): RayColliderToi | null {
  return world.castRay(new Ray({ x: 0, y: 9, z: 0 }, { x: 0, y: -1, z: 0 }), 100, true);
}
`,
  good: `import type { RayColliderHit, World } from "@dimforge/rapier3d-compat";
import { Ray } from "@dimforge/rapier3d-compat";

export function hit(world: World): RayColliderHit | null {
  return world.castRay(new Ray({ x: 0, y: 9, z: 0 }, { x: 0, y: -1, z: 0 }), 100, true);
}
`,
  seeAlso: ["FA901"],
  create(context) {
    return {
      done() {
        for (const { node, word, name, isImport } of mentions(context, RENAMED)) {
          const to = RENAMED.get(name) ?? name;
          const [start, end] = word.range;
          context.report({
            node,
            message: `Rapier ${RAPIER_VERSION} does not export ${name}: it is called ${to}`,
            // An import under the old name would leave the rest of the file without it.
            suggestions: isImport
              ? []
              : [{ message: `Call it ${to}`, edits: [{ start, end, text: to }], applicability: "person" }],
          });
        }
      },
    };
  },
};
