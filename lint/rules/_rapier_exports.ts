/**
 * What older versions of Rapier for JavaScript exported and 0.21 does not, from the type declarations of the npm packages 0.3 to 0.21. (The
 * `BroadPhase` that the crate for Rust has renamed is still there.)
 */

/** The version that the tables are about. */
export const RAPIER_VERSION = "0.21";

/** What has gone, with where it went. */
export const MOVED: ReadonlyMap<string, string> = new Map([
  ["QueryPipeline", "its queries are methods of World: castRay(), castShape(), projectPoint() and others"],
]);

/** What has another name. */
export const RENAMED: ReadonlyMap<string, string> = new Map([
  ["BallJoint", "SphericalImpulseJoint"],
  ["BodyStatus", "RigidBodyType"],
  ["FixedJoint", "FixedImpulseJoint"],
  ["Joint", "ImpulseJoint"],
  ["JointHandle", "ImpulseJointHandle"],
  ["JointParams", "JointData"],
  ["JointSet", "ImpulseJointSet"],
  ["PrismaticJoint", "PrismaticImpulseJoint"],
  ["RayColliderToi", "RayColliderHit"],
  ["RevoluteJoint", "RevoluteImpulseJoint"],
  ["ShapeColliderTOI", "ColliderShapeCastHit"],
  ["ShapeTOI", "ShapeCastHit"],
  ["SpringModel", "MotorModel"],
  ["UnitJoint", "UnitImpulseJoint"],
]);
