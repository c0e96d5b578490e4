/**
 * Programs as people write them: games, servers, audio, tests. Most of them have no mistake.
 */

/** Programs by what is special about them. */
export const WHOLE: Readonly<Record<string, string>> = {
  "README style game loop": `
import { f32, megabytes, SmartAlloc, struct, vec3f } from "@framealloc/core";
const Particle = struct("Particle", { position: vec3f, velocity: vec3f });
class Game {
  readonly #alloc = new SmartAlloc({ frameArenaSize: megabytes(4) });
  #score = 0;
  #last: number[] = [];
  tick(dt: number): void {
    using _frame = this.#alloc.frame();
    const particles = this.#spawn(100);
    this.#move(particles, dt);
    this.#score += this.#count(particles);
    this.#last = Array.from(particles, (p) => p.position.x);
    const first = particles.at(0).position.toArray();
    this.#last.push(...first);
  }
  #spawn(n: number) { return this.#alloc.frameAllocBatch(Particle, n); }
  #move(particles: ReturnType<Game["#spawn"]>, dt: number) {
    for (const k = particles.cursor(); k.next();) k.record.position.x += k.record.velocity.x * dt;
  }
  #count(particles: Iterable<unknown>) { let n = 0; for (const _ of particles) n++; return n; }
}
const game = new Game();
function loop(t: number) { game.tick(t); requestAnimationFrame(loop); }
requestAnimationFrame(loop);`,
  "system functions with world": `
interface World { alloc: SmartAlloc; entities: { x: number; y: number }[]; stats: { hits: number } }
function broadphase(world: World) {
  const pairs = world.alloc.frameVec(Uint32Array, 64);
  world.entities.forEach((a, i) => world.entities.forEach((b, j) => { if (i < j && a.x === b.x) { pairs.push(i); pairs.push(j); } }));
  return pairs;
}
function narrowphase(world: World, pairs: ReturnType<typeof broadphase>) {
  const contacts = world.alloc.frameVec(Hit);
  for (let i = 0; i < pairs.length; i += 2) contacts.push({ distance: pairs.at(i) });
  world.stats.hits = contacts.length;
  return contacts;
}
export function step(world: World) {
  world.alloc.beginFrame();
  try {
    const contacts = narrowphase(world, broadphase(world));
    for (const c of contacts) world.entities[0]!.x += c.distance;
    return contacts.length;
  } finally { world.alloc.endFrame(); }
}`,
  "server handler": `
const alloc = new SmartAlloc();
Deno.serve(async (req) => {
  const body = new Uint8Array(await req.arrayBuffer());
  using _f = alloc.frame();
  const scratch = alloc.frameSlice(Uint8Array, body.length);
  scratch.set(body);
  return new Response(scratch.slice());
});`,
  "response with frame memory": `
const alloc = new SmartAlloc();
async function handler(req: Request) {
  const n = (await req.text()).length;
  using _f = alloc.frame();
  const scratch = alloc.frameSlice(Uint8Array, n);
  return new Response(scratch.slice());
}`,
  "audio worklet": `
class P { alloc = new SmartAlloc(); #rms = 0;
  process(inputs: Float32Array[][], outputs: Float32Array[][]) {
    this.alloc.beginFrame();
    const mix = this.alloc.frameSlice(Float32Array, 128, { zero: true });
    for (const ch of inputs[0] ?? []) for (let i = 0; i < 128; i++) mix[i]! += ch[i]!;
    outputs[0]![0]!.set(mix);
    this.#rms = Math.sqrt(mix.reduce((s, x) => s + x * x, 0) / 128);
    this.alloc.endFrame();
    return true;
  }
}`,
  "double buffer by copy": `
class Trail { prev = new Float32Array(8); constructor(readonly alloc: SmartAlloc) {}
  update() {
    using _f = this.alloc.frame();
    const now = this.alloc.frameSlice(Float32Array, 8);
    now.set(this.prev);
    this.prev.set(now);
    this.prev = Float32Array.from(now);
    this.prev = now.slice();
    this.prev = new Float32Array(now.map((x) => x * 2));
  }
}`,
  "recursion": `
function walk(alloc: SmartAlloc, depth: number): number {
  const v = alloc.frameSlice(Float32Array, 4);
  v.fill(depth);
  if (depth > 0) walk(alloc, depth - 1);
  return v[0]!;
}`,
  "async queue, frame per item": `
async function drain(alloc: SmartAlloc, queue: { next(): Promise<number> }) {
  for (;;) {
    const n = await queue.next();
    if (n === 0) break;
    alloc.runFrame((a) => {
      const v = a.frameSlice(Float32Array, n);
      v.fill(1);
    });
  }
}`,
  "scope then value from outer frame": `
function f(alloc: SmartAlloc) {
  using _f = alloc.frame();
  const best = alloc.frameBox(Hit);
  for (let i = 0; i < 10; i++) {
    using _s = alloc.scope();
    const cand = alloc.frameBox(Hit);
    best.assign({ distance: cand.value.distance });
  }
  return best.value.distance;
}`,
  "scope escaping": `
function f(alloc: SmartAlloc) {
  using _f = alloc.frame();
  let best = alloc.frameBox(Hit);
  for (let i = 0; i < 10; i++) {
    using _s = alloc.scope();
    const cand = alloc.frameBox(Hit);
    if (cand.value.distance < best.value.distance) best = cand; // FA606
  }
  return best.value.distance;
}`,
  "conditional frame owner": `
function f(alloc: SmartAlloc) {
  const own = !alloc.inFrame;
  if (own) alloc.beginFrame();
  try {
    const v = alloc.frameSlice(Float32Array, 8);
    return v[0];
  } finally { if (own) alloc.endFrame(); }
}`,
  "pooled async": `
async function f(alloc: SmartAlloc, guard: AsyncPoolGuard) {
  const box = guard.allocBox(Hit);
  const rec = alloc.poolAlloc(Hit);
  const block = alloc.heapAlloc(100);
  await 0;
  box.value.distance = 1; rec.distance = 2; block.bytes[0] = 1;
  setTimeout(() => rec.distance = 3, 1);
  return box;
}`,
  "test style": `
import { assertEquals } from "@std/assert";
Deno.test("x", () => {
  const alloc = new SmartAlloc();
  using _frame = alloc.frame();
  const v = alloc.frameVec(Float32Array, 8);
  v.push(1);
  assertEquals(v.length, 1);
  assertEquals([...v], [1]);
});
Deno.test("async", async () => {
  const alloc = new SmartAlloc();
  const sum = alloc.runFrame((a) => a.frameSlice(Float32Array, 8).length);
  await Promise.resolve();
  assertEquals(sum, 8);
});`,
  "assert throws on stale handles on purpose": `
import { assertThrows } from "@std/assert";
const alloc = new SmartAlloc();
alloc.beginFrame();
const hit = alloc.frameAlloc(Hit);
alloc.endFrame();
assertThrows(() => hit.distance, Error, "FA002");`,
  "reassigned null": `
async function f(alloc: SmartAlloc) {
  let v: Float32Array | null = alloc.frameSlice(Float32Array, 8);
  v.fill(0);
  v = null;
  await 0;
  if (v) console.log(v);
}`,
  "late bound helper with own frame after await": `
async function f(alloc: SmartAlloc) {
  await 0;
  update(alloc);
  function update(a: SmartAlloc) { using _f = a.frame(); a.frameSlice(Float32Array, 8).fill(0); }
}`,
  "class async method": `
class Loader { constructor(private readonly alloc: SmartAlloc) {}
  async load(url: string) {
    const res = await fetch(url);
    const buf = new Uint8Array(await res.arrayBuffer());
    const frame = this.alloc.frame();
    try {
      const tmp = this.alloc.frameSlice(Uint8Array, buf.length);
      tmp.set(buf);
      return tmp.slice();
    } finally {
      frame.end();
    }
  }
  async bad(url: string) {
    const tmp = this.alloc.frameSlice(Uint8Array, 8);
    const res = await fetch(url);
    tmp[0] = res.status; // FA702
    const more = this.alloc.frameSlice(Uint8Array, 8); // FA701
    more.fill(1);
  }
}`,
  "array of frames over time copies": `
const history: Float32Array[] = [];
function record(alloc: SmartAlloc) {
  using _f = alloc.frame();
  const v = alloc.frameSlice(Float32Array, 8);
  history.push(v.slice());
  history.push(new Float32Array(v));
  history.push(v); // FA601
}`,
  "switch-case loop": `
function run(alloc: SmartAlloc, cmds: string[]) {
  for (const c of cmds) {
    switch (c) {
      case "begin": alloc.beginFrame(); break;
      case "alloc": alloc.frameSlice(Float32Array, 8); break;
      case "end": alloc.endFrame(); break;
    }
  }
}`,
  "object method style": `
export const renderer = {
  alloc: new SmartAlloc(),
  last: null as unknown,
  draw() {
    const v = this.alloc.frameSlice(Float32Array, 8);
    v.fill(0);
    return v.length;
  },
};
function f() {
  renderer.last = renderer.alloc.frameSlice(Float32Array, 8); // FA601
}`,
};
