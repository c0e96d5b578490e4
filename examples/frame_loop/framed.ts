/**
 * The same loop with framealloc: what a frame reads and computes lies in frame memory, and is gone when the frame after it ends.
 *
 * The hot loops take no fresh handle per element, as each costs some 100 bytes in the safety mode `"checked"`: they go through
 * cursors, whose record the engine's `target` parameters take as it is, or work on columns, slices and the raw memory of a batch.
 */

import {
  type AllocConfig,
  type Batch,
  type ColumnsOf,
  f32,
  f64,
  type FrameString,
  SmartAlloc,
  type Stats,
  struct,
  u32,
  vec3f,
  vec4f,
} from "../../mod.ts";
import { type Checksum, drawBody, DT, FLOATS_PER_BODY, type Game, LISTED, noise, PARTICLES } from "./game.ts";
import type { Scene } from "./scene.ts";

const Body = struct("Body", { position: vec3f, rotation: vec4f });
const Contact = struct("Contact", { a: u32, b: u32, normal: vec3f, point: vec3f, impulse: f32 });
// Doubles, as in the plain loop: both must come to the same numbers.
const Double3 = struct("Double3", { x: f64, y: f64, z: f64 });
const Particle = struct("Particle", { position: Double3, velocity: Double3, life: f64 });

type Bodies = Batch<typeof Body>;
type Contacts = Batch<typeof Contact>;
type Particles = ColumnsOf<typeof Particle>;

/** The loop with frame memory. */
export class FramedGame implements Game {
  readonly #alloc: SmartAlloc;
  /** Results on their way to the checksum. */
  readonly #scratch = new Float64Array(200_000);

  constructor(config: AllocConfig) {
    // What a frame allocates is alive in the next one, too: to draw between them, and to move particles from one to the other.
    this.#alloc = new SmartAlloc({ ...config, framesAlive: 2 });
  }

  frame(scene: Scene, frame: number): void {
    const alloc = this.#alloc;
    using _frame = alloc.frame();
    const last = alloc.previous(1);
    const bodies = alloc.publish("bodies", readBodies(alloc, scene));
    const contacts = alloc.publish("contacts", readContacts(alloc, scene));
    const particles = alloc.publish(
      "particles",
      moveParticles(alloc, last?.get<Particles>("particles") ?? firstParticles(alloc), frame, contacts),
    );
    const drawList = alloc.publish("draw list", draw(alloc, last?.get<Bodies>("bodies") ?? bodies, bodies));
    alloc.publish("overlay", overlay(alloc, frame, contacts, particles, drawList));
  }

  digest(sum: Checksum): void {
    // The frame has ended, but lives until the next one does.
    const frame = this.#alloc.previous(0)!;
    const out = this.#scratch;
    const bodies = frame.get<Bodies>("bodies")!.view(Float32Array);
    let n = 0;
    for (let i = 0; i < bodies.length; i++) out[n++] = bodies[i]!;
    const contacts = frame.get<Contacts>("contacts")!;
    const words = contacts.view(Uint32Array);
    const floats = contacts.view(Float32Array);
    const stride = Contact.stride / 4;
    for (let i = 0; i < floats.length; i++) out[n++] = i % stride < 2 ? words[i]! : floats[i]!;
    const { position: p, velocity: v, life } = frame.get<Particles>("particles")!;
    for (let i = 0; i < PARTICLES; i++) {
      out[n++] = p.x[i]!;
      out[n++] = p.y[i]!;
      out[n++] = p.z[i]!;
      out[n++] = v.x[i]!;
      out[n++] = v.y[i]!;
      out[n++] = v.z[i]!;
      out[n++] = life[i]!;
    }
    const text = frame.get<FrameString>("overlay")!.bytes;
    for (let i = 0; i < text.length; i++) out[n++] = text[i]!;
    sum.add(out, n);
    sum.add(frame.get<Float32Array>("draw list")!);
  }

  /** What the allocator has counted. */
  stats(): Stats {
    return this.#alloc.stats();
  }
}

function readBodies(alloc: SmartAlloc, scene: Scene): Bodies {
  using _phase = alloc.phase("read");
  using _tag = alloc.tag("physics");
  const bodies = alloc.frameAllocBatch(Body, scene.bodies.length);
  for (const k = bodies.cursor(); k.next();) {
    const body = scene.bodies[k.index]!;
    body.translation(k.record.position);
    body.rotation(k.record.rotation);
  }
  return bodies;
}

function readContacts(alloc: SmartAlloc, scene: Scene): Contacts {
  using _phase = alloc.phase("read");
  using _physics = alloc.tag("physics");
  using _contacts = alloc.tag("contacts");
  const contacts = alloc.frameAllocBatch(Contact, scene.pairs);
  const k = contacts.cursor();
  scene.eachContact((a, b, manifold) => {
    k.next();
    const { record } = k;
    record.a = a;
    record.b = b;
    manifold.normal(record.normal);
    if (manifold.solverContactPoint(0, record.point) === null) record.point.set(0, 0, 0);
    record.impulse = manifold.contactImpulse(0);
  });
  return contacts;
}

function firstParticles(alloc: SmartAlloc): Particles {
  using _tag = alloc.tag("particles");
  const particles = alloc.frameColumns(Particle, PARTICLES);
  for (const column of [...Object.values(particles.position), ...Object.values(particles.velocity)]) column.fill(0);
  for (let i = 0; i < PARTICLES; i++) particles.life[i] = 3 * noise(i, 0, 0);
  return particles;
}

function moveParticles(alloc: SmartAlloc, before: Particles, frame: number, contacts: Contacts): Particles {
  using _phase = alloc.phase("particles");
  using _tag = alloc.tag("particles");
  const now = alloc.frameColumns(Particle, PARTICLES);
  const { position: p, velocity: v, life } = before;
  const { position, velocity } = now;
  const { kernels } = alloc;
  // The last frame lies in other memory, so that this is a copy, and what follows is done in place.
  now.life.set(life);
  position.x.set(p.x);
  position.y.set(p.y);
  position.z.set(p.z);
  velocity.x.set(v.x);
  velocity.y.set(v.y);
  velocity.z.set(v.z);
  kernels.addScalar(now.life, now.life, -DT);
  kernels.addScalar(velocity.y, velocity.y, -9.81 * DT);
  kernels.integrate(position, velocity, DT);
  const floats = contacts.view(Float32Array);
  for (let i = 0; i < PARTICLES; i++) {
    if (now.life[i]! <= 0) spawn(now, i, frame, floats);
    else if (position.y[i]! < 0) {
      position.y[i] = -position.y[i]!;
      velocity.y[i]! *= -0.5;
    }
  }
  return now;
}

/** A particle starts where two bodies touch. The contacts are read as raw memory, as `at(i)` would make a handle each time. */
function spawn({ position, velocity, life }: Particles, i: number, frame: number, contacts: Float32Array): void {
  const stride = Contact.stride / 4;
  const at = (i + frame) % (contacts.length / stride) * stride + Contact.offsets.point / 4;
  position.x[i] = contacts[at] ?? 0;
  position.y[i] = contacts[at + 1] ?? 0;
  position.z[i] = contacts[at + 2] ?? 0;
  velocity.x[i] = 4 * noise(i, frame, 1) - 2;
  velocity.y[i] = 2 + 3 * noise(i, frame, 2);
  velocity.z[i] = 4 * noise(i, frame, 3) - 2;
  life[i] = 1 + 2 * noise(i, frame, 4);
}

function draw(alloc: SmartAlloc, before: Bodies, now: Bodies): Float32Array {
  using _phase = alloc.phase("draw");
  using _tag = alloc.tag("render");
  const out = alloc.frameSlice(Float32Array, now.length * FLOATS_PER_BODY);
  const from = before.cursor();
  for (const to = now.cursor(); to.next() && from.next();) {
    drawBody(out, to.index * FLOATS_PER_BODY, from.record, to.record);
  }
  return out;
}

function overlay(
  alloc: SmartAlloc,
  frame: number,
  contacts: Contacts,
  particles: Particles,
  drawList: Float32Array,
): FrameString {
  using _phase = alloc.phase("overlay");
  using _tag = alloc.tag("overlay");
  let speed = 0;
  for (let i = 7; i < drawList.length; i += FLOATS_PER_BODY) speed = Math.max(speed, drawList[i]!);
  let height = 0;
  for (let i = 0; i < PARTICLES; i++) height = Math.max(height, particles.position.y[i]!);
  const text = alloc.frameString("frame ").append(String(frame))
    .append("\ncontacts ").append(String(contacts.length))
    .append("\nfastest body ").append(speed.toFixed(2))
    .append(" m/s\nhighest particle ").append(height.toFixed(2)).append(" m");
  const floats = contacts.view(Float32Array);
  const words = contacts.view(Uint32Array);
  for (const i of hardest(alloc, contacts)) {
    const at = i * Contact.stride / 4;
    const point = at + Contact.offsets.point / 4;
    text.append("\n").append(String(words[at]!)).append(" on ").append(String(words[at + 1]!))
      .append(": ").append(floats[at + Contact.offsets.impulse / 4]!.toFixed(3)).append(" Ns at ")
      .append(floats[point]!.toFixed(2)).append(" ").append(floats[point + 1]!.toFixed(2))
      .append(" ").append(floats[point + 2]!.toFixed(2));
  }
  return text;
}

/** The numbers of the hardest contacts, the hardest first. */
function hardest(alloc: SmartAlloc, contacts: Contacts): Uint32Array {
  const best = alloc.frameSlice(Uint32Array, Math.min(LISTED, contacts.length));
  const impulses = alloc.frameSlice(Float32Array, best.length).fill(-1);
  for (const k = contacts.cursor(); k.next();) {
    const { impulse } = k.record;
    let place = best.length;
    while (place > 0 && impulse > impulses[place - 1]!) place--;
    if (place === best.length) continue;
    best.copyWithin(place + 1, place);
    impulses.copyWithin(place + 1, place);
    best[place] = k.index;
    impulses[place] = impulse;
  }
  return best;
}
