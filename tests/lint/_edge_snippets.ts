/**
 * Programs at the edges of what the analysis follows.
 */

/** Programs by what is special about them. */
export const EDGES: Readonly<Record<string, string>> = {
  "contextual": `
let kept: unknown;
declare function typesOf(fn: (alloc: SmartAlloc) => void): void;
function each(fn: (alloc: SmartAlloc) => void) {}
interface System { update(alloc: SmartAlloc): void }
const systems: Record<string, (alloc: SmartAlloc) => void> = {
  a(alloc) {
    kept = alloc.frameVec(Float32Array, 1); // FA601
  },
};
const s: System = { update(alloc) {
    kept = alloc.frameVec(Float32Array, 1); // FA601
} };
typesOf((alloc) => {
  kept = alloc.frameVec(Float32Array, 1); // FA601
});
const list: ((alloc: SmartAlloc) => void)[] = [(alloc) => {
  kept = alloc.frameVec(Float32Array, 1); // FA601
}];
const two = { b(alloc) {
  kept = alloc.frameVec(Float32Array, 1); // FA601
} } satisfies Record<string, (alloc: SmartAlloc) => void>;`,
  "withResolvers, Promise.resolve": `
function f(alloc: SmartAlloc) {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  resolve(alloc.frameVec(Float32Array, 1)); // FA705
  const d = Promise.withResolvers<unknown>();
  d.resolve(alloc.frameVec(Float32Array, 1).length);
  d.resolve(alloc.frameVec(Float32Array, 1)); // FA705
  return promise;
}
function g(alloc: SmartAlloc) {
  return Promise.resolve(alloc.frameVec(Float32Array, 1)); // FA705
}`,
  "class static, fn property, unknown global": `
class A { static cache: unknown; }
function f(alloc: SmartAlloc) {
  A.cache = alloc.frameVec(Float32Array, 1); // FA601
  f.last = alloc.frameVec(Float32Array, 1); // FA601
  window.app.cache = alloc.frameVec(Float32Array, 1); // FA601
  module.exports = alloc.frameVec(Float32Array, 1); // FA601
}
f.last = null as unknown;`,
  "route registration": `
const alloc = new SmartAlloc();
function main(app: { get(p: string, h: () => Promise<unknown>): void }) {
  using _f = alloc.frame();
  app.get("/x", async () => { await 0; return 1; });
  app.get("/y", async () => {
    const v = alloc.frameVec(Float32Array, 1);
    await 0;
    v.push(1); // FA702
  });
}`,
  "fetch with body": `
async function f(alloc: SmartAlloc) {
  const v = alloc.frameSlice(Uint8Array, 8);
  await fetch("/x", { method: "POST", body: v }); // FA706
}`,
  "race": `
async function f(alloc: SmartAlloc, s: { write(x: unknown): Promise<void> }) {
  const v = alloc.frameSlice(Uint8Array, 8);
  const result = await Promise.race([s.write(v), new Promise((r) => setTimeout(r, 1))]); // FA706
  return result;
}`,
  "return awaits": `
async function f(alloc: SmartAlloc, s: { write(x: unknown): Promise<void> }) {
  const v = alloc.frameSlice(Uint8Array, 8);
  return await s.write(v); // FA706
}`,
  "method awaits own async method": `
class L { constructor(readonly alloc: SmartAlloc) {}
  async #send(v: Uint8Array) { await 0; return v[0]; }
  async run() {
    const v = this.alloc.frameSlice(Uint8Array, 8);
    await this.#send(v); // FA706
  }
  async ok() {
    const v = this.alloc.frameSlice(Uint8Array, 8);
    await this.#send(v.slice());
  }
}`,
  "gpu frames": `
import { SmartAlloc } from "@framealloc/core";
import { GpuAllocator, NullBackend, UnifiedAllocator } from "@framealloc/core/gpu";
const alloc = new SmartAlloc();
const gpu = new GpuAllocator(alloc, new NullBackend());
const unified = new UnifiedAllocator(alloc, gpu);
async function f() {
  { using _f = gpu.frame(); const s = gpu.ring.slice(Float32Array, 8); s.fill(0); gpu.flush(); }
  await gpu.settled();
  unified.beginFrame();
  const v = alloc.frameSlice(Float32Array, 8);
  unified.endFrame();
  v.fill(1); // FA606
}
async function g() {
  using _f = unified.frame();
  await 0; // FA704
}`,
  "for frame loop with const enum etc": `
enum Mode { A, B }
namespace N { export const x = 1; export function f(alloc: SmartAlloc) { return alloc.frameVec(Float32Array, 1).length; } }
abstract class Base { abstract run(alloc: SmartAlloc): void; protected helper?(): void; declare x: number; accessor y = 1; }
@dec class D<T> extends Base { override run(alloc: SmartAlloc) { const v = alloc.frameVec(Float32Array, 1); v.push(1); } static { console.log(1); } get [Symbol.toStringTag]() { return "D"; } }
function dec(..._: unknown[]): any {}
label: for (const k in { a: 1 }) { if (k) continue label; else break label; }
export default function <T,>(this: Window, x: T, ...rest: T[]): asserts x is NonNullable<T> {}`,
  "jsx-free optional": `
function f(alloc?: SmartAlloc) {
  const v = alloc?.frameVec(Float32Array, 8);
  v?.push(1);
  alloc?.endFrame();
  v?.push(2); // FA606
}`,
  "swap buffers per frame": `
function f(alloc: SmartAlloc) {
  alloc.beginFrame();
  let a = alloc.frameSlice(Float32Array, 8), b = alloc.frameSlice(Float32Array, 8);
  for (let i = 0; i < 4; i++) { b.set(a); [a, b] = [b, a]; }
  const out = a.slice();
  alloc.endFrame();
  return out;
}`,
  "swap then end": `
function f(alloc: SmartAlloc) {
  alloc.beginFrame();
  let a = alloc.frameSlice(Float32Array, 8), b = alloc.frameSlice(Float32Array, 8);
  [a, b] = [b, a];
  alloc.endFrame();
  a[0] = 1; // FA606
}`,
  "nested frames by two allocators with await inside one": `
async function f(a: SmartAlloc, b: SmartAlloc) {
  a.beginFrame();
  const v = a.frameSlice(Float32Array, 8);
  v.fill(0);
  a.endFrame();
  await 0;
  b.beginFrame();
  const w = b.frameSlice(Float32Array, 8);
  w.fill(0);
  b.endFrame();
}`,
  "try catch rethrow with frame": `
function f(alloc: SmartAlloc, work: () => void) {
  alloc.beginFrame();
  try { work(); } catch (e) { alloc.endFrame(); throw e; }
  alloc.endFrame();
}`,
  "early return inside using": `
function f(alloc: SmartAlloc, n: number) {
  using _f = alloc.frame();
  if (n === 0) return 0;
  const v = alloc.frameSlice(Float32Array, n);
  for (let i = 0; i < n; i++) { if (i === 3) return v[0]; v[i] = i; }
  return v[n - 1];
}`,
  "frame in if only": `
function f(alloc: SmartAlloc, n: number) {
  if (n > 0) {
    alloc.beginFrame();
    alloc.frameSlice(Float32Array, n);
    alloc.endFrame();
  } else {
    alloc.beginFrame();
    alloc.endFrame();
  }
}`,
  "while(true) with break closes": `
function f(alloc: SmartAlloc, next: () => number) {
  while (true) {
    alloc.beginFrame();
    const n = next();
    if (n < 0) { alloc.endFrame(); break; }
    alloc.frameSlice(Float32Array, n);
    alloc.endFrame();
  }
}`,
  "endFrame only in other branch return": `
function f(alloc: SmartAlloc, x: number) {
  alloc.beginFrame(); // FA607
  if (x > 0) { alloc.endFrame(); return; }
  console.log(x);
}`,
  "two returns one missing": `
class G { constructor(private alloc: SmartAlloc) {}
  tick(list: number[]) {
    this.alloc.beginFrame(); // FA607
    for (const x of list) {
      if (x < 0) return;
      this.alloc.frameSlice(Float32Array, x);
    }
    this.alloc.endFrame();
  }
}`,
};
