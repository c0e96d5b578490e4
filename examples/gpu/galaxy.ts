/**
 * Two galaxies that pass each other: what the particles are, how they start, and how one of them moves. Their masses attract all
 * particles, which do not attract each other.
 */

import { type Batch, f32, struct, u32, vec3f, vec4f } from "../../mod.ts";

/** A particle, as it is in the shader as well. */
export const Particle = struct("Particle", { position: vec3f, color: f32, velocity: vec3f, size: f32 }, {
  rules: "wgsl",
});

/** What the shader is told for each step: it can be bound as a uniform. */
export const Step = struct("Step", { first: vec4f, second: vec4f, dt: f32, count: u32 }, { rules: "wgsl-uniform" });

export const DT = 0.025;

/** Near a mass its pull ends, as real galaxies have no points in their middle. */
export const SOFTENING = 0.25;

/** The galaxies, by mass, radius, and how they are tilted, in radians. */
const GALAXIES = [
  { mass: 1, radius: 2.1, share: 0.65, tilt: 0.25, turn: 0 },
  { mass: 0.7, radius: 1.5, share: 0.35, tilt: -0.9, turn: 0.7 },
] as const;

/** Where the closest point of their way is, and the angle at which they start, counted from there. */
const CLOSEST = 2;
const START = -1.9;

interface Mass {
  readonly mass: number;
  readonly position: [number, number, number];
  readonly velocity: [number, number, number];
}

/** The two masses on their way past each other. */
export class Flyby {
  readonly masses: readonly [Mass, Mass];

  constructor() {
    const [{ mass: first }, { mass: second }] = GALAXIES;
    const total = first + second;
    const distance = 2 * CLOSEST / (1 + Math.cos(START));
    const speed = Math.sqrt(total / (2 * CLOSEST));
    const position = [distance * Math.cos(START), distance * Math.sin(START)] as const;
    const velocity = [-speed * Math.sin(START), speed * (1 + Math.cos(START))] as const;
    const mass = (mass: number, share: number): Mass => ({
      mass,
      position: [position[0] * share, position[1] * share, 0],
      velocity: [velocity[0] * share, velocity[1] * share, 0],
    });
    this.masses = [mass(first, -second / total), mass(second, first / total)];
  }

  /** Moves both, by one step. */
  step(): void {
    const [a, b] = this.masses;
    const gap = a.position.map((x, i) => b.position[i]! - x);
    const cube = (gap[0]! ** 2 + gap[1]! ** 2 + gap[2]! ** 2 + SOFTENING ** 2) ** 1.5;
    for (let i = 0; i < 3; i++) {
      a.velocity[i]! += DT * b.mass * gap[i]! / cube;
      b.velocity[i]! -= DT * a.mass * gap[i]! / cube;
      a.position[i]! += DT * a.velocity[i]!;
      b.position[i]! += DT * b.velocity[i]!;
    }
  }

  /** Where they are, as four numbers for each: the place and the mass. */
  get places(): [[number, number, number, number], [number, number, number, number]] {
    const [a, b] = this.masses;
    return [[...a.position, a.mass], [...b.position, b.mass]];
  }
}

/** Puts particles on circles around both masses. The same numbers come out each time. */
export function setUp(particles: Batch<typeof Particle>, { masses }: Flyby): void {
  const random = randomFrom(7);
  const ofFirst = Math.round(particles.length * GALAXIES[0].share);
  for (const cursor = particles.cursor(); cursor.next();) {
    const galaxy = cursor.index < ofFirst ? 0 : 1;
    const { mass, radius, tilt, turn } = GALAXIES[galaxy];
    const { position, velocity } = masses[galaxy];
    // Denser in the middle, as galaxies are.
    const distance = radius * (0.01 + 0.99 * random() ** 1.5);
    const angle = 2 * Math.PI * random();
    const height = 0.03 * radius * (random() + random() - 1);
    const speed = Math.sqrt(mass * distance ** 2 / (distance ** 2 + SOFTENING ** 2) ** 1.5);
    const tilted = (x: number, y: number, z: number): [number, number, number] => {
      const [up, side] = [y * Math.sin(tilt) + z * Math.cos(tilt), y * Math.cos(tilt) - z * Math.sin(tilt)];
      return [x * Math.cos(turn) - side * Math.sin(turn), x * Math.sin(turn) + side * Math.cos(turn), up];
    };
    const [x, y, z] = tilted(distance * Math.cos(angle), distance * Math.sin(angle), height);
    const [u, v, w] = tilted(-speed * Math.sin(angle), speed * Math.cos(angle), 0);
    const { record } = cursor;
    record.position.set(position[0] + x, position[1] + y, position[2] + z);
    record.velocity.set(velocity[0] + u, velocity[1] + v, velocity[2] + w);
    record.color = galaxy + 0.999 * Math.min(1, distance / radius * (0.85 + 0.3 * random()));
    record.size = random() < 0.02 ? 2 : random() < 0.02 ? 0.9 : 0.2 + 0.3 * random();
  }
}

/** Moves particles by all steps, in single precision as the shader does it. */
export function stepOnCpu(particles: Float32Array, steps: Float32Array): void {
  const round = Math.fround;
  const dt = round(DT);
  const soft = round(SOFTENING * SOFTENING);
  for (let i = 0; i < particles.length; i += 8) {
    let x = particles[i]!, y = particles[i + 1]!, z = particles[i + 2]!;
    let u = particles[i + 4]!, v = particles[i + 5]!, w = particles[i + 6]!;
    for (let s = 0; s < steps.length; s += 8) {
      const ax = round(steps[s]! - x), ay = round(steps[s + 1]! - y), az = round(steps[s + 2]! - z);
      const bx = round(steps[s + 4]! - x), by = round(steps[s + 5]! - y), bz = round(steps[s + 6]! - z);
      const a = round(ax * ax + ay * ay + az * az + soft);
      const b = round(bx * bx + by * by + bz * bz + soft);
      const pull = round(steps[s + 3]! / round(a * round(Math.sqrt(a))));
      const other = round(steps[s + 7]! / round(b * round(Math.sqrt(b))));
      u = round(u + dt * round(ax * pull + bx * other));
      v = round(v + dt * round(ay * pull + by * other));
      w = round(w + dt * round(az * pull + bz * other));
      x = round(x + dt * u);
      y = round(y + dt * v);
      z = round(z + dt * w);
    }
    particles[i] = x;
    particles[i + 1] = y;
    particles[i + 2] = z;
    particles[i + 4] = u;
    particles[i + 5] = v;
    particles[i + 6] = w;
  }
}

/** Numbers from 0 to 1 that look random. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
