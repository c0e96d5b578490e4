/**
 * More programs at the edges of what the analysis follows.
 */

/** Programs by what is special about them. */
export const MORE_EDGES: Readonly<Record<string, string>> = {
  "frame counting loop": `
const alloc = new SmartAlloc();
for (let frame = 0; frame < 60; frame++) { // FA603
  const v = alloc.frameVec(Float32Array, 8);
  v.push(frame);
}
for (let frame = 0; frame < 60; frame++) {
  using _f = alloc.frame();
  const v = alloc.frameVec(Float32Array, 8);
  v.push(frame);
}`,
  "helper with param in frames loop": `
function run(alloc: SmartAlloc, step: (a: SmartAlloc) => void) {
  for (let frame = 0; frame < 60; frame++) {
    alloc.beginFrame();
    step(alloc);
    alloc.frameSlice(Uint8Array, 1);
    alloc.endFrame();
  }
}`,
  "store then post": `
const w = new Worker("x");
function f(alloc: SmartAlloc) {
  const v = alloc.frameSlice(Float32Array, 8);
  w.postMessage(v); // FA201
  w.postMessage(v.slice());
}`,
  "const alias of method result in condition": `
function f(alloc: SmartAlloc) {
  const v = alloc.tryFrameSlice(Float32Array, 8);
  if (v === undefined) return 0;
  v[0] = 1;
  const w = alloc.tryFrameAlloc(Hit) ?? alloc.poolAlloc(Hit);
  return v[0] + w.distance;
}`,
  "generator of views consumed in frame": `
function* each(alloc: SmartAlloc, n: number) { for (let i = 0; i < n; i++) yield alloc.frameSlice(Float32Array, 1); }
function f(alloc: SmartAlloc) { using _f = alloc.frame(); let s = 0; for (const v of each(alloc, 3)) s += v[0]!; return s; }`,
  "return closure result not closure": `
function f(alloc: SmartAlloc) {
  const v = alloc.frameSlice(Float32Array, 8);
  const sum = () => v.reduce((a, b) => a + b, 0);
  return sum();
}`,
  "iterator protocol": `
class Bag { #items: number[] = []; *[Symbol.iterator]() { yield* this.#items; } add(x: number) { this.#items.push(x); return this; } }
function f(alloc: SmartAlloc) { const b = new Bag().add(alloc.frameSlice(Float32Array, 8).length); return [...b]; }`,
  "local class keeps memory locally": `
class Cursor2 { #v: Float32Array; #i = 0; constructor(v: Float32Array) { this.#v = v; } next() { return this.#v[this.#i++]; } }
function f(alloc: SmartAlloc) { using _f = alloc.frame(); const c = new Cursor2(alloc.frameSlice(Float32Array, 8)); return c.next(); }
class Holder { c: Cursor2 | undefined; f(alloc: SmartAlloc) {
    this.c = new Cursor2(alloc.frameSlice(Float32Array, 8)); // FA601
  }
}`,
  "math library methods": `
class V3 { x = 0; add(o: { x: number }) { this.x += o.x; return this; } copy(o: { x: number }) { this.x = o.x; return this; } }
class Body2 { pos = new V3(); total = new V3();
  f(alloc: SmartAlloc) { const hit = alloc.frameAlloc(Hit); this.pos.add(hit.point); this.total.copy(hit.point); }
}`,
  "imported vector class field": `
import { Vector3 } from "three";
class B { pos = new Vector3(); f(alloc: SmartAlloc) { const hit = alloc.frameAlloc(Hit); this.pos.add(hit.point); this.pos.copy(hit.point); this.pos.set(hit.point.x, 1, 2); } }`,
  "param list to fill": `
function collect(alloc: SmartAlloc, out: unknown[]) { out.push(alloc.frameAlloc(Hit)); }
function g(alloc: SmartAlloc) { using _f = alloc.frame(); const all: unknown[] = []; collect(alloc, all); return all.length; }`,
  "reset length before end": `
class A { readonly tmp: unknown[] = []; constructor(readonly alloc: SmartAlloc) {}
  f() { using _f = this.alloc.frame(); const hit = this.alloc.frameAlloc(Hit); const seen: unknown[] = []; seen.push(hit); this.g(seen); }
  g(_x: unknown[]) {}
}`,
  "await in argument": `
async function f(alloc: SmartAlloc, load: () => Promise<Uint8Array>) {
  const bytes = await load();
  alloc.runFrame((a) => a.frameSlice(Uint8Array, bytes.length).set(bytes));
  const n = alloc.runFrame((a) => { const v = a.frameVec(Float32Array); v.push(1); return v.length; });
  await load();
  return n;
}`,
  "async with scope guard after await": `
async function f(alloc: SmartAlloc) {
  await 0;
  using _s = alloc.scope();
  alloc.frameSlice(Float32Array, 8); // FA701
}`,
  "class task field": `
class Job { #task: TaskAlloc; #data; constructor(alloc: SmartAlloc) { this.#task = new TaskAlloc(alloc); this.#data = this.#task.allocSlice(Float32Array, 8); }
  async run() { await 0; this.#data[0] = 1; setTimeout(() => this.#data.fill(0)); }
  [Symbol.dispose]() { this.#task.release(); }
}`,
};
