/**
 * Programs that get their allocators in all ways there are, and more that wait, store and return.
 */

/** Programs by what is special about them. */
export const ALLOCATORS: Readonly<Record<string, string>> = {
  "shadowing": `
class A { v: unknown; f(alloc: SmartAlloc) { const v = alloc.frameVec(Float32Array, 8); { const v = [1]; this.v = v; } v.push(1); } }`,
  "typed only, alias, namespace": `
import type { SmartAlloc as Alloc } from "@framealloc/core";
import * as fa from "jsr:@framealloc/core@^0.1";
class A { v: unknown;
  f(alloc: Alloc) {
    this.v = alloc.frameVec(Float32Array, 8); // FA601
  }
  g(alloc: fa.SmartAlloc) {
    this.v = alloc.frameVec(Float32Array, 8); // FA601
    const own = new fa.SmartAlloc();
    this.v = own.frameSlice(Float32Array, 8); // FA601
  }
}`,
  "destructured interface member": `
interface Ctx { readonly alloc: SmartAlloc; readonly n: number }
let kept: unknown;
function f({ alloc, n }: Ctx) {
  kept = alloc.frameSlice(Float32Array, n); // FA601
}
function g(ctx: Ctx) {
  kept = ctx.alloc.frameSlice(Float32Array, 1); // FA601
}
const h = ({ alloc: a }: { alloc?: SmartAlloc }) => {
  kept = a!.frameSlice(Float32Array, 1); // FA601
};`,
  "union and bound": `
let kept: unknown;
function f<A extends SmartAlloc>(alloc: A, b: SmartAlloc | undefined, c: SmartAlloc | FrameAlloc) {
  kept = alloc.frameSlice(Float32Array, 1); // FA601
  kept = b?.frameSlice(Float32Array, 1); // FA601
  kept = c.frameSlice(Float32Array, 1); // FA601
}`,
  "subclass": `
class Engine extends SmartAlloc { last: unknown;
  scratch() { return this.frameSlice(Float32Array, 8); }
  keep() { this.last = this.frameSlice(Float32Array, 8); // FA601
  }
}
async function f(e: Engine) {
  const v = e.frameVec(Float32Array, 8);
  await 0;
  v.push(1); // FA702
}`,
  "contextual type": `
let kept: unknown;
type System = (alloc: SmartAlloc, dt: number) => void;
const update: System = (alloc) => {
  kept = alloc.frameSlice(Float32Array, 1); // FA601
};
const render: (alloc: SmartAlloc) => void = function (alloc) {
  kept = alloc.frameSlice(Float32Array, 1); // FA601
};`,
  "default param": `
const shared = new SmartAlloc();
let kept: unknown;
function f(alloc = shared) {
  kept = alloc.frameSlice(Float32Array, 1); // FA601
}`,
  "factory and getter": `
let kept: unknown;
function getAlloc(): SmartAlloc { return (globalThis as any).alloc; }
const make = () => new SmartAlloc();
class W { #a = new SmartAlloc(); get alloc() { return this.#a; }
  f() {
    const v = this.alloc.frameVec(Float32Array, 8);
    this.#a.endFrame();
    v.push(1); // FA606
  }
}
function f() {
  kept = getAlloc().frameSlice(Float32Array, 1); // FA601
  const a = make();
  kept = a.frameSlice(Float32Array, 1); // FA601
}`,
  "static and this in ctor": `
class W { static alloc = new SmartAlloc(); v: unknown;
  constructor() {
    this.v = W.alloc.frameSlice(Float32Array, 1); // FA601
  }
}`,
  "ctor assignment": `
class W { alloc; v: unknown;
  constructor(alloc: SmartAlloc) { this.alloc = alloc; }
  f() {
    this.v = this.alloc.frameSlice(Float32Array, 1); // FA601
  }
}`,
  "await in nested function": `
function f(alloc: SmartAlloc) {
  const v = alloc.frameVec(Float32Array, 8);
  const later = async () => { await 0; };
  later();
  v.push(1);
}`,
  "async nested not called": `
async function f(alloc: SmartAlloc) {
  const v = alloc.frameVec(Float32Array, 8);
  v.push(1);
  async function g() { await 0; }
  await g();
}`,
  "guard in block then await": `
async function f(alloc: SmartAlloc, xs: AsyncIterable<number>) {
  let sum = 0;
  for await (const x of xs) {
    using _f = alloc.frame();
    const v = alloc.frameSlice(Float32Array, 8);
    v.fill(x);
    sum += v[0]!;
  }
  return sum;
}`,
  "await in finally": `
async function f(alloc: SmartAlloc, close: () => Promise<void>) {
  try {
    using _f = alloc.frame();
    alloc.frameVec(Float32Array, 8).push(1);
  } finally { await close(); }
}`,
  "await before everything with early return": `
async function f(alloc: SmartAlloc, load: () => Promise<number>) {
  const n = await load();
  if (n === 0) return 0;
  const frame = alloc.frame();
  try {
    const v = alloc.frameSlice(Float32Array, n);
    return v.reduce((a, b) => a + b, 0);
  } finally { frame.end(); }
}`,
  "Promise.all without values": `
async function f(alloc: SmartAlloc, urls: string[]) {
  const all = await Promise.all(urls.map((u) => fetch(u)));
  using _f = alloc.frame();
  const lengths = alloc.frameSlice(Uint32Array, all.length);
  all.forEach((r, i) => { lengths[i] = r.status; });
  return [...lengths];
}`,
  "event handlers with property": `
function f(alloc: SmartAlloc, ws: WebSocket, el: HTMLElement) {
  const v = alloc.frameSlice(Float32Array, 8);
  ws.onmessage = () => v.fill(0); // FA703
  el.onclick = () => { using _f = alloc.frame(); alloc.frameSlice(Uint8Array, 1); };
}`,
  "bind": `
function draw(v: Float32Array) { return v.length; }
function f(alloc: SmartAlloc) {
  const v = alloc.frameSlice(Float32Array, 8);
  setTimeout(draw.bind(null, v), 10); // FA703
  setTimeout(draw, 10, v); // FA703
  setTimeout(draw, 10, v.slice());
}`,
  "generator consumer": `
function* chunks(alloc: SmartAlloc) {
  for (let i = 0; i < 3; i++) {
    const v = alloc.frameSlice(Float32Array, 8);
    v.fill(i);
    yield v.length;
  }
}`,
  "async generator": `
async function* chunks(alloc: SmartAlloc, xs: number[]) {
  const v = alloc.frameVec(Float32Array, 8);
  for (const x of xs) {
    v.push(x); // FA702
    yield x;
  }
}`,
  "closure stored in local array and called": `
function f(alloc: SmartAlloc) {
  const v = alloc.frameVec(Float32Array, 8);
  const jobs: (() => void)[] = [];
  jobs.push(() => v.push(1));
  for (const job of jobs) job();
}`,
  "closure pushed to module array": `
const jobs: (() => void)[] = [];
function f(alloc: SmartAlloc) {
  const v = alloc.frameVec(Float32Array, 8);
  jobs.push(() => v.push(1)); // FA703
}`,
  "sort comparator etc": `
function f(alloc: SmartAlloc, xs: number[]) {
  const v = alloc.frameSlice(Float32Array, 8);
  xs.sort((a, b) => v[a]! - v[b]!);
  const m = new Map(xs.map((x) => [x, v[x]!]));
  return m;
}`,
  "return number from arrow": `
const total = (alloc: SmartAlloc) => alloc.runFrame((a) => a.frameSlice(Float32Array, 8).reduce((x, y) => x + y));`,
  "store under tag callback": `
class A { v: unknown; constructor(private alloc: SmartAlloc) {}
  f() {
    this.alloc.withTag("x", (a) => {
      this.v = a.frameSlice(Float32Array, 8); // FA601
    });
    this.v = this.alloc.withTag("x", (a) => a.frameSlice(Float32Array, 8)); // FA601
  }
}`,
  "chain expression stmt": `
function f(alloc: SmartAlloc) {
  alloc.beginFrame();
  const s = alloc.frameString("a").append("b");
  alloc.endFrame();
  return s.toString(); // FA606
}`,
  "tuple": `
function f(alloc: SmartAlloc) {
  alloc.beginFrame();
  const [a, b] = alloc.frameAlloc2(Hit);
  a.distance = 1;
  alloc.endFrame();
  b.distance = 2; // FA606
}`,
  "map of records": `
function f(alloc: SmartAlloc) {
  alloc.beginFrame();
  const map = alloc.frameMap(u32, Hit);
  const hit = map.getOrInsert(1);
  const counts = alloc.frameMap(u32, u32);
  const n = counts.get(1);
  alloc.endFrame();
  console.log(n);
  hit.distance = 2; // FA606
}`,
  "cursor": `
function f(alloc: SmartAlloc) {
  using _f = alloc.frame();
  const b = alloc.frameAllocBatch(Hit, 8);
  let best: typeof Hit | undefined; let d = 0;
  for (const k = b.cursor(); k.next();) { k.record.distance = 1; d = k.record.distance; }
  return d;
}`,
  "multiple returns": `
function f(alloc: SmartAlloc, x: number) {
  using _f = alloc.frame();
  const v = alloc.frameSlice(Float32Array, 8);
  if (x > 1) return v.subarray(1); // FA610
  if (x > 0) return v[0];
  return Math.max(...v);
}`,
  "conditional expression return": `
function f(alloc: SmartAlloc, x: number) {
  using _f = alloc.frame();
  const v = alloc.frameSlice(Float32Array, 8);
  return x > 0 ? v : null; // FA610
}`,
  "kernels store nothing, wherever they are kept": `
const module = new SmartAlloc();
const { kernels } = module;
class A {
  #kernels = module.kernels;
  step() {
    using _f = module.frame();
    const v = module.frameSlice(Float32Array, 8);
    this.#kernels.fill(v, 1);
    kernels.fill(v, 1);
    kernels.add(v, v, v);
    module.kernels.add(v, v, v);
  }
}
function late() {
  module.beginFrame();
  const v = module.frameSlice(Float32Array, 8);
  module.endFrame();
  return kernels.sum(v); // FA606
}`,
};
