/**
 * The world that every variant of the loop plays in: boxes and balls that fall on a floor, simulated by Rapier.
 *
 * Everything that talks to the engine is here, so that all variants use it in the same way and differ only in where they put
 * what they read.
 */

import RAPIER, { type RigidBody, type TempContactManifold } from "@dimforge/rapier3d-compat";

/** How many bodies fall. */
export const BODIES = 500;

/** Is given a contact: the numbers of the two bodies (the floor is 0, and never the second one) and what the engine knows. */
export type ContactVisitor = (a: number, b: number, manifold: TempContactManifold) => void;

/** Loads the engine. Must be awaited once, before the first scene is made. */
export async function loadEngine(): Promise<void> {
  await RAPIER.init();
}

/** A world of Rapier with bodies in it. */
export class Scene {
  /** The bodies that fall, in the order in which they were made. */
  readonly bodies: RigidBody[] = [];
  readonly #world = new RAPIER.World({ x: 0, y: -9.81, z: 0 });
  readonly #events = new RAPIER.EventQueue(true);
  readonly #handles: number[] = [];
  readonly #touching = new Touching();

  constructor() {
    this.#addBox(RAPIER.RigidBodyDesc.fixed().setTranslation(0, -0.5, 0), 30, 0.5, 30);
    for (let i = 0; i < BODIES; i++) {
      // Ten by ten columns, five high, each a little out of line so that they tumble.
      const x = (i % 10) * 1.2 - 5.4 + (i * 7 % 5) * 0.06;
      const z = (Math.floor(i / 10) % 10) * 1.2 - 5.4 + (i * 3 % 7) * 0.04;
      const y = 2 + Math.floor(i / 100) * 2 + (i * 11 % 13) * 0.1;
      // A body that lies still would be put to sleep, and cost nothing from then on: keep the load up to the end.
      const body = RAPIER.RigidBodyDesc.dynamic().setTranslation(x, y, z).setCanSleep(false);
      this.bodies.push(i % 2 === 0 ? this.#addBox(body, 0.4, 0.4, 0.4) : this.#addBall(body, 0.5));
    }
  }

  /** How many pairs of bodies touch. */
  get pairs(): number {
    return this.#touching.length;
  }

  /**
   * Goes on by 1/60 s.
   *
   * This is what `world.step()` does, without its search for new pieces of soft bodies. There are none here, and the search
   * walks over every body and collider through callbacks: about 300 kB of garbage per step.
   */
  step(): void {
    const world = this.#world;
    world.physicsPipeline.step(
      world.gravity,
      world.integrationParameters,
      world.islands,
      world.broadPhase,
      world.narrowPhase,
      world.bodies,
      world.colliders,
      world.softBodies,
      world.impulseJoints,
      world.multibodyJoints,
      world.ccdSolver,
      this.#events,
    );
    // Only what has begun or stopped to touch is told; asking each collider for its pairs makes 700 kB of garbage per frame.
    this.#events.drainCollisionEvents(this.#touching.onEvent);
  }

  /** Visits the contact of every pair that touches, each once. The manifold is valid during the call only. */
  eachContact(visit: ContactVisitor): void {
    const { narrowPhase, bodies } = this.#world;
    const { first, second, length } = this.#touching;
    let a = 0;
    let b = 0;
    let isFirst = true;
    const onManifold = (manifold: TempContactManifold): void => {
      if (isFirst) visit(a, b, manifold);
      isFirst = false;
    };
    for (let i = 0; i < length; i++) {
      a = first[i]!;
      b = second[i]!;
      isFirst = true;
      narrowPhase.contactPair(this.#handles[a]!, this.#handles[b]!, bodies, onManifold);
      if (isFirst) throw new Error(`Cannot read the contact of ${a} and ${b} as the engine has none`);
    }
  }

  /** Gives the engine's memory back. */
  free(): void {
    this.#events.free();
    this.#world.free();
  }

  #addBox(body: RAPIER.RigidBodyDesc, hx: number, hy: number, hz: number): RigidBody {
    return this.#add(body, RAPIER.ColliderDesc.cuboid(hx, hy, hz));
  }

  #addBall(body: RAPIER.RigidBodyDesc, radius: number): RigidBody {
    return this.#add(body, RAPIER.ColliderDesc.ball(radius));
  }

  #add(bodyDesc: RAPIER.RigidBodyDesc, shape: RAPIER.ColliderDesc): RigidBody {
    const body = this.#world.createRigidBody(bodyDesc);
    const collider = this.#world.createCollider(shape.setActiveEvents(RAPIER.ActiveEvents.COLLISION_EVENTS), body);
    this.#touching.name(collider.handle, this.#handles.length);
    this.#handles.push(collider.handle);
    return body;
  }
}

/** Which bodies touch, by number, kept up to date by the engine's events. */
class Touching {
  readonly first: number[] = [];
  readonly second: number[] = [];
  readonly #numbers = new Map<number, number>();
  readonly #places = new Map<number, number>();

  /** How many pairs touch. */
  get length(): number {
    return this.first.length;
  }

  /** Says which number a collider's body has. */
  name(handle: number, number: number): void {
    this.#numbers.set(handle, number);
  }

  /** What the engine calls for each pair that has begun or stopped to touch. */
  readonly onEvent = (handle1: number, handle2: number, started: boolean): void => {
    const one = this.#numbers.get(handle1)!;
    const other = this.#numbers.get(handle2)!;
    const a = Math.min(one, other);
    const b = Math.max(one, other);
    const key = pairKey(a, b);
    const place = this.#places.get(key);
    if (started && place === undefined) {
      this.#places.set(key, this.first.length);
      this.first.push(a);
      this.second.push(b);
    } else if (!started && place !== undefined) {
      // The last pair takes the place that is free now.
      const lastA = this.first.pop()!;
      const lastB = this.second.pop()!;
      this.#places.set(pairKey(lastA, lastB), place);
      if (place < this.first.length) {
        this.first[place] = lastA;
        this.second[place] = lastB;
      }
      this.#places.delete(key);
    }
  };
}

function pairKey(a: number, b: number): number {
  return a * (BODIES + 1) + b;
}
