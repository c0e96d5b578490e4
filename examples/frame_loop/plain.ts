/**
 * The loop as one writes it without a thought for memory: fresh objects and arrays in every frame, and the collector clears up.
 *
 * The renderer needs the last frame beside this one, so that objects cannot just be changed in place. Pools that are kept by hand
 * would save most of the garbage as well; they are what frame memory is instead of.
 */

import {
  type BodyLike,
  type Checksum,
  drawBody,
  DT,
  FLOATS_PER_BODY,
  type Game,
  LISTED,
  noise,
  PARTICLES,
  type Vec3,
} from "./game.ts";
import type { Scene } from "./scene.ts";

interface Contact {
  a: number;
  b: number;
  normal: Vec3;
  point: Vec3;
  impulse: number;
}

interface Particle {
  position: Vec3;
  velocity: Vec3;
  life: number;
}

/** The loop with plain objects and arrays. */
export class PlainGame implements Game {
  #bodies: BodyLike[] = [];
  #contacts: Contact[] = [];
  #particles: Particle[] = Array.from({ length: PARTICLES }, (_, i) => ({
    position: { x: 0, y: 0, z: 0 },
    velocity: { x: 0, y: 0, z: 0 },
    life: 3 * noise(i, 0, 0),
  }));
  #drawList = new Float32Array(0);
  #overlay = "";
  /** Results on their way to the checksum. */
  readonly #scratch = new Float64Array(200_000);

  frame(scene: Scene, frame: number): void {
    const bodies = readBodies(scene);
    const before = this.#bodies.length === 0 ? bodies : this.#bodies;
    this.#contacts = readContacts(scene);
    this.#particles = this.#particles.map((particle, i) => moved(particle, i, frame, this.#contacts));
    this.#drawList = draw(before, bodies);
    this.#bodies = bodies;
    this.#overlay = overlay(frame, this.#contacts, this.#particles, this.#drawList);
  }

  digest(sum: Checksum): void {
    const out = this.#scratch;
    let n = 0;
    for (const { position, rotation } of this.#bodies) {
      out[n++] = position.x;
      out[n++] = position.y;
      out[n++] = position.z;
      out[n++] = rotation.x;
      out[n++] = rotation.y;
      out[n++] = rotation.z;
      out[n++] = rotation.w;
    }
    for (const { a, b, normal, point, impulse } of this.#contacts) {
      out[n++] = a;
      out[n++] = b;
      out[n++] = normal.x;
      out[n++] = normal.y;
      out[n++] = normal.z;
      out[n++] = point.x;
      out[n++] = point.y;
      out[n++] = point.z;
      out[n++] = impulse;
    }
    for (const { position, velocity, life } of this.#particles) {
      out[n++] = position.x;
      out[n++] = position.y;
      out[n++] = position.z;
      out[n++] = velocity.x;
      out[n++] = velocity.y;
      out[n++] = velocity.z;
      out[n++] = life;
    }
    for (let i = 0; i < this.#overlay.length; i++) out[n++] = this.#overlay.charCodeAt(i);
    sum.add(out, n);
    sum.add(this.#drawList);
  }
}

function readBodies(scene: Scene): BodyLike[] {
  return scene.bodies.map((body) => ({ position: body.translation(), rotation: body.rotation() }));
}

function readContacts(scene: Scene): Contact[] {
  const contacts: Contact[] = [];
  scene.eachContact((a, b, manifold) => {
    contacts.push({
      a,
      b,
      normal: manifold.normal(),
      point: manifold.solverContactPoint(0) ?? { x: 0, y: 0, z: 0 },
      impulse: manifold.contactImpulse(0),
    });
  });
  return contacts;
}

function moved(particle: Particle, i: number, frame: number, contacts: Contact[]): Particle {
  const life = particle.life - DT;
  if (life <= 0) return spawned(i, frame, contacts);
  const { position, velocity } = particle;
  let vy = velocity.y - 9.81 * DT;
  let y = position.y + vy * DT;
  if (y < 0) {
    y = -y;
    vy *= -0.5;
  }
  return {
    position: { x: position.x + velocity.x * DT, y, z: position.z + velocity.z * DT },
    velocity: { x: velocity.x, y: vy, z: velocity.z },
    life,
  };
}

/** A particle starts where two bodies touch. */
function spawned(i: number, frame: number, contacts: Contact[]): Particle {
  const { x, y, z } = contacts[(i + frame) % contacts.length]?.point ?? { x: 0, y: 0, z: 0 };
  return {
    position: { x, y, z },
    velocity: { x: 4 * noise(i, frame, 1) - 2, y: 2 + 3 * noise(i, frame, 2), z: 4 * noise(i, frame, 3) - 2 },
    life: 1 + 2 * noise(i, frame, 4),
  };
}

function draw(before: BodyLike[], now: BodyLike[]): Float32Array<ArrayBuffer> {
  const out = new Float32Array(now.length * FLOATS_PER_BODY);
  for (let i = 0; i < now.length; i++) drawBody(out, i * FLOATS_PER_BODY, before[i]!, now[i]!);
  return out;
}

function overlay(frame: number, contacts: Contact[], particles: Particle[], drawList: Float32Array): string {
  let speed = 0;
  for (let i = 7; i < drawList.length; i += FLOATS_PER_BODY) speed = Math.max(speed, drawList[i]!);
  const height = particles.reduce((highest, particle) => Math.max(highest, particle.position.y), 0);
  const hardest = contacts.toSorted((p, q) => q.impulse - p.impulse).slice(0, LISTED);
  return [
    `frame ${frame}`,
    `contacts ${contacts.length}`,
    `fastest body ${speed.toFixed(2)} m/s`,
    `highest particle ${height.toFixed(2)} m`,
    ...hardest.map(({ a, b, point, impulse }) =>
      `${a} on ${b}: ${impulse.toFixed(3)} Ns at ${point.x.toFixed(2)} ${point.y.toFixed(2)} ${point.z.toFixed(2)}`
    ),
  ].join("\n");
}
