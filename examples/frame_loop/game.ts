/**
 * What the variants of the loop have in common: the rules of the game, and the checksum that compares their results.
 *
 * Each frame, a game reads bodies and contacts from the engine, moves particles, prepares what a renderer would draw, and
 * writes a text overlay. The renderer draws between the last frame and this one, so the state of both has to be there.
 */

import type { Scene } from "./scene.ts";

/** How many particles fly around. */
export const PARTICLES = 10_000;

/** How many contacts the overlay lists. */
export const LISTED = 10;

/** What a renderer is given of each body: place, rotation, speed. */
export const FLOATS_PER_BODY = 8;

/** Seconds per frame. */
export const DT = 1 / 60;

/** One variant of the loop. */
export interface Game {
  /** Plays a frame, after the engine's step. */
  frame(scene: Scene, frame: number): void;
  /** Adds all results of the last frame to a checksum; this is not timed. */
  digest(sum: Checksum): void;
}

/** Three numbers with names. */
export interface Vec3 {
  x: number;
  y: number;
  z: number;
}

/** A body as the engine left it. Plain objects are such, and records in frame memory are, too. */
export interface BodyLike {
  readonly position: Vec3;
  readonly rotation: Vec3 & { w: number };
}

/** Writes what a renderer needs of one body: halfway between the last frame and this one, and how fast it is. */
export function drawBody(out: Float32Array, at: number, before: BodyLike, now: BodyLike): void {
  const { position: p, rotation: q } = before;
  const { position, rotation } = now;
  const dx = position.x - p.x;
  const dy = position.y - p.y;
  const dz = position.z - p.z;
  out[at] = p.x + dx / 2;
  out[at + 1] = p.y + dy / 2;
  out[at + 2] = p.z + dz / 2;
  // Two quaternions stand for the same rotation: go to the one that is nearer.
  const sign = q.x * rotation.x + q.y * rotation.y + q.z * rotation.z + q.w * rotation.w < 0 ? -1 : 1;
  const x = q.x + sign * rotation.x;
  const y = q.y + sign * rotation.y;
  const z = q.z + sign * rotation.z;
  const w = q.w + sign * rotation.w;
  const scale = 1 / Math.sqrt(x * x + y * y + z * z + w * w);
  out[at + 3] = x * scale;
  out[at + 4] = y * scale;
  out[at + 5] = z * scale;
  out[at + 6] = w * scale;
  out[at + 7] = Math.sqrt(dx * dx + dy * dy + dz * dz) / DT;
}

/** A number from 0 to 1 that looks random, and is the same in every variant. */
export function noise(particle: number, frame: number, salt: number): number {
  let h = Math.imul(particle + 1, 0x9e3779b1) ^ Math.imul(frame + 1, 0x85ebca6b) ^ Math.imul(salt + 1, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return ((h ^ (h >>> 13)) >>> 0) / 2 ** 32;
}

/**
 * A checksum over numbers. Two games that agree in it have computed the same bits.
 *
 * It takes numbers in bulk and makes no garbage, which would be counted as the game's.
 */
export class Checksum {
  #hash = 0x811c9dc5 | 0;
  readonly #number = new Float64Array(1);
  readonly #bits = new Int32Array(this.#number.buffer);

  /** Adds all bits of numbers. */
  add(numbers: Float64Array | Float32Array | Uint32Array | Uint8Array, count: number = numbers.length): void {
    const number = this.#number;
    const bits = this.#bits;
    let hash = this.#hash;
    for (let i = 0; i < count; i++) {
      number[0] = numbers[i]!;
      hash = Math.imul(Math.imul(hash ^ bits[0]!, 0x01000193) ^ bits[1]!, 0x01000193);
    }
    this.#hash = hash;
  }

  /** The checksum so far, as eight hexadecimal digits. */
  toString(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }
}
