/**
 * Which calls run the functions that they are given before they are over, so that these belong to what is around them.
 */

/** Callbacks that run before the call that they are given to is over. */
export const RUNS_NOW: ReadonlySet<string> = new Set([
  ..."every filter find findIndex findLast findLastIndex flatMap forEach from map reduce reduceRight some sort".split(
    " ",
  ),
  ..."withTag runFrame speculative forEachCollider forEachRigidBody drainCollisionEvents".split(" "),
  ..."drainContactForceEvents intersectionsWithRay intersectionsWithShape contactPairsWith".split(" "),
]);
