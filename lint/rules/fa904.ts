/**
 * Queries to a world that has never made a step.
 */

import { type Node, one } from "../core/ast.ts";
import type { RuleContext } from "../core/context.ts";
import { follow } from "./_flow.ts";
import { bitsOf, type Masks, type Steps, UNKNOWN, withBits } from "./_masks.ts";
import { calledName, calledOn, placeOf, runnerAround, useOf } from "./_places.ts";
import { RAPIER_WORDS } from "./_rapier.ts";
import { type Made, madeIn } from "./_rapier_owned.ts";
import type { Rule } from "./rule.ts";
import { place as at } from "./words.ts";

/** A world without a step. */
const NEW = 2;
const QUERIES = new Set([
  "castRay",
  "castRayAndGetNormal",
  "castShape",
  "collidersWithAabbIntersectingAabb",
  "intersectionWithShape",
  "intersectionsWithPoint",
  "intersectionsWithRay",
  "intersectionsWithShape",
  "projectPoint",
  "projectPointAndGetFeature",
]);

/** The rule. */
export const fa904: Rule = {
  code: "FA904",
  name: "rapier-query-before-step",
  category: "rapier",
  severity: "warning",
  isDefault: true,
  summary: "A world is queried before its first step",
  help: "Call world.step() once before the first query",
  explanation:
    "Queries search the structure that a step builds. Before the first step of a new world it is empty: rays hit nothing, whatever " +
    "colliders there are.",
  bad: `import RAPIER from "@dimforge/rapier3d-compat";

export function height(): number {
  const world = new RAPIER.World({ x: 0, y: -9.81, z: 0 });
  world.createCollider(RAPIER.ColliderDesc.cuboid(9, 1, 9));
  const ray = new RAPIER.Ray({ x: 0, y: 9, z: 0 }, { x: 0, y: -1, z: 0 });
  const hit = world.castRay(ray, 100, true); // FA904
  world.free();
  return hit?.timeOfImpact ?? Infinity;
}
`,
  good: `import RAPIER from "@dimforge/rapier3d-compat";

export function height(): number {
  const world = new RAPIER.World({ x: 0, y: -9.81, z: 0 });
  world.createCollider(RAPIER.ColliderDesc.cuboid(9, 1, 9));
  world.step();
  const ray = new RAPIER.Ray({ x: 0, y: 9, z: 0 }, { x: 0, y: -1, z: 0 });
  const hit = world.castRay(ray, 100, true);
  world.free();
  return hit?.timeOfImpact ?? Infinity;
}
`,
  seeAlso: ["FA903", "FA906"],
  create(context) {
    return {
      done() {
        if (!RAPIER_WORDS.test(context.source.text)) return;
        for (const made of madeIn(context, new Set(["World"]))) {
          if (made.node.type === "NewExpression") {
            follow(runnerAround(context, made.binding.node), new Queries(context, made));
          }
        }
      },
    };
  },
};

class Queries implements Steps {
  readonly #context: RuleContext;
  readonly #made: Made;
  readonly #place: string | undefined;
  readonly #isStepped: boolean;

  constructor(context: RuleContext, made: Made) {
    this.#context = context;
    this.#made = made;
    this.#place = placeOf(context, made.binding.node);
    const home = runnerAround(context, made.binding.node);
    // Another function may step it, if that is called in between.
    this.#isStepped = made.binding.references.some(({ node }) => {
      const use = useOf(context, node);
      const isHere = runnerAround(context, node) === home;
      return !isHere && (use.is === "gone" || use.is === "argument" || (use.is === "call" && use.method === "step"));
    });
  }

  visit(node: Node, masks: Masks): Masks {
    if (this.#place === undefined || this.#isStepped) return masks;
    if (node.type === "VariableDeclarator" && node === this.#made.binding.declaration) {
      return withBits(masks, this.#place, NEW);
    }
    if (node.type === "AssignmentExpression" && placeOf(this.#context, one(node, "left") ?? node) === this.#place) {
      return withBits(masks, this.#place, UNKNOWN);
    }
    if (node.type === "Identifier" && placeOf(this.#context, node) === this.#place) {
      const use = useOf(this.#context, node);
      const isGiven = use.is === "gone" || use.is === "argument";
      return isGiven || (use.is === "call" && use.method === "step") ? withBits(masks, this.#place, UNKNOWN) : masks;
    }
    if (node.type !== "CallExpression" || !QUERIES.has(calledName(node))) return masks;
    const object = calledOn(node);
    if (object === undefined || placeOf(this.#context, object) !== this.#place) return masks;
    if (bitsOf(masks, this.#place) !== NEW) return masks;
    this.#context.report({
      node,
      message: "The world is queried before its first step: it finds nothing yet",
      related: [at(this.#made.node, "created here")],
    });
    return masks;
  }
}
