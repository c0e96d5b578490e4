/**
 * Programs with and without mistakes in the lifetimes of frames: a line that is to be reported ends with its code in a comment.
 */

/** What stands before each of them. */
export const HEAD =
  `import { array, AsyncPoolGuard, f32, FrameAlloc, RetentionPolicy, SmartAlloc, struct, TaskAlloc, u32, vec3f } from "@framealloc/core";
const Hit = struct("Hit", { distance: f32, point: vec3f, weights: array(f32, 4) });
`;

/** Programs by what is special about them. */
export const LIFETIME: Readonly<Record<string, string>> = {
  "a local variable may keep it": `
function f(alloc: SmartAlloc) { const v = alloc.frameVec(Float32Array, 8); const w = v; w.push(1); return w.length; }`,
  "a field of this": `
class A { path: unknown; #alloc = new SmartAlloc();
  run() {
    const v = this.#alloc.frameVec(Float32Array, 8);
    this.path = v; // FA601
  }
}`,
  "a private field": `
class A { #path: unknown; constructor(private alloc: SmartAlloc) {}
  run() { this.#path = this.alloc.frameSlice(Float32Array, 4); // FA601
  }
}`,
  "a number and a copy are no memory": `
class A { n = 0; copy: unknown; text = "";
  run(alloc: SmartAlloc) {
    const v = alloc.frameSlice(Float32Array, 8);
    this.n = v.length; this.copy = v.slice(); this.copy = Array.from(v); this.copy = new Float32Array(v); this.copy = [...v];
    this.copy = structuredClone(v); this.text = String(v); this.text = \`\${v}\`; this.n = v[0]!; this.copy = v.map((x) => x * 2);
    const s = alloc.frameString("x"); this.text = s.toString();
    const hit = alloc.frameAlloc(Hit); this.n = hit.distance; this.n = hit.point.x; this.copy = hit.point.toArray(); this.copy = Hit.toObject(hit);
  }
}`,
  "parts of memory are memory": `
class A { a: unknown; b: unknown; c: unknown; d: unknown; e: unknown;
  run(alloc: SmartAlloc) {
    const v = alloc.frameSlice(Float32Array, 8);
    this.a = v.subarray(1); // FA601
    this.b = v.buffer; // FA601
    const hit = alloc.frameAlloc(Hit);
    this.c = hit.point; // FA601
    const batch = alloc.frameAllocBatch(Hit, 8);
    this.d = batch.at(3); // FA601
    this.e = batch.view(Float32Array); // FA601
  }
}`,
  "columns taken apart": `
let kept: Float32Array | undefined;
function f(alloc: SmartAlloc) {
  const { point, distance } = alloc.frameColumns(Hit, 8);
  distance.fill(1);
  kept = point.x; // FA601
}`,
  "a module variable": `
let cache: unknown;
export function f(alloc: SmartAlloc) {
  cache = alloc.frameVec(Float32Array, 8); // FA601
}`,
  "a list of the module": `
const list: unknown[] = [];
export function f(alloc: SmartAlloc) {
  const v = alloc.frameVec(Float32Array, 8);
  list.push({ v }); // FA601
}`,
  "a map of a field": `
class A { readonly cache = new Map<string, unknown>();
  f(alloc: SmartAlloc) {
    const v = alloc.frameBox(Hit);
    this.cache.set("hit", v); // FA601
  }
}`,
  "a field of a parameter": `
interface State { x: unknown }
function f(alloc: SmartAlloc, state: State) {
  state.x = alloc.frameAlloc(Hit); // FA601
}`,
  "a local object, and a list that is returned": `
function f(alloc: SmartAlloc) {
  const o = { v: alloc.frameVec(Float32Array, 8) };
  const list = [];
  list.push(alloc.frameAlloc(Hit));
  o.v.push(1);
  return list;
}`,
  "an object that is stored with what is in it": `
class A { o: unknown;
  f(alloc: SmartAlloc) {
    const o = { v: alloc.frameVec(Float32Array, 8), n: 1 };
    this.o = o; // FA601
  }
}`,
  "an object that is stored first and filled then": `
class A { o: unknown;
  f(alloc: SmartAlloc) {
    const o: { v?: unknown } = {};
    this.o = o;
    o.v = alloc.frameVec(Float32Array, 8); // FA601
  }
}`,
  "nullish assignment": `
class A { c: Float32Array | undefined; alloc = new SmartAlloc();
  f() {
    this.c ??= this.alloc.frameSlice(Float32Array, 8); // FA601
  }
}`,
  "the initialiser of a field": `
class A { alloc = new SmartAlloc();
  v = this.alloc.frameSlice(Float32Array, 8); // FA601
}`,
  "a variable of the function around": `
function outer(alloc: SmartAlloc) {
  let latest: unknown;
  document.addEventListener("click", () => {
    using _f = alloc.frame();
    latest = alloc.frameSlice(Float32Array, 8); // FA601
  });
  return () => latest;
}`,
  "callbacks that are called at once may assign to the function around": `
function outer(alloc: SmartAlloc, xs: number[]) {
  let best: Float32Array | undefined;
  xs.forEach((x) => { best = alloc.frameSlice(Float32Array, x); });
  alloc.withTag("a", (a) => { best = a.frameSlice(Float32Array, 1); });
  return best?.length;
}`,
  "pool, heap, task and handles live longer": `
class A { p: unknown; h: unknown; t: unknown; n: unknown; g: unknown; s: unknown;
  f(alloc: SmartAlloc, task: TaskAlloc) {
    this.p = alloc.poolAlloc(Hit); this.p = alloc.poolBox(Hit); this.h = alloc.heapAlloc(100); this.t = task.allocSlice(Uint8Array, 4);
    this.n = alloc.handles.alloc(Hit); this.g = alloc.groups.create("g").allocVec(Float32Array); this.s = alloc.scratchPool("s").allocSlice(Uint8Array, 8);
    this.p = alloc.promote(alloc.frameAlloc(Hit));
  }
}`,
  "Object.assign to this": `
class A { f(alloc: SmartAlloc) {
    const v = alloc.frameVec(Float32Array, 8);
    Object.assign(this, { v }); // FA601
  }
}`,
  "writing into other memory copies": `
const totals = new Float32Array(8);
function f(alloc: SmartAlloc, out: Float32Array) {
  const v = alloc.frameSlice(Float32Array, 8);
  totals.set(v); out.set(v, 0); out[0] = v[0]!;
  const hit = alloc.frameAlloc(Hit); hit.point.copyFrom(alloc.frameAlloc(vec3f));
}`,
  "emptied again before the end": `
class A { tmp: Float32Array | undefined;
  f(alloc: SmartAlloc) {
    using _f = alloc.frame();
    this.tmp = alloc.frameSlice(Float32Array, 8);
    this.work();
    this.tmp = undefined;
  }
  work() {}
}`,
  "a method that stores": `
class A { v: unknown; constructor(readonly alloc: SmartAlloc) {}
  keep(v: unknown) { this.v = v; }
  f() {
    const v = this.alloc.frameVec(Float32Array, 8);
    this.keep(v); // FA601
  }
}`,
  "a handle that is used again": `
const options: { into?: never } = {};
function f(alloc: SmartAlloc) {
  const sparks = options.into = alloc.frameAllocBatch(Hit, 100, options) as never;
  return sparks;
}`,
  "an exported constant": `
const alloc = new SmartAlloc();
alloc.beginFrame();
export const v = alloc.frameSlice(Float32Array, 8); // FA601
`,
  "an allocator of somebody else": `
class Other { frameSlice(_: unknown, n: number) { return new Float32Array(n); } }
class A { v: unknown; other = new Other();
  f(x: { frameVec(): unknown }) { this.v = this.other.frameSlice(Float32Array, 8); this.v = x.frameVec(); }
}`,
  "use after the end": `
function f(alloc: SmartAlloc) {
  alloc.beginFrame();
  const v = alloc.frameVec(Float32Array, 8);
  alloc.endFrame();
  v.push(0); // FA606
  v.push(1);
}`,
  "numbers and copies outlive the end": `
function f(alloc: SmartAlloc) {
  alloc.beginFrame();
  const v = alloc.frameSlice(Float32Array, 8);
  const n = v.length, first = v[0], copy = v.slice(), all = [...v];
  const hit = alloc.frameAlloc(Hit);
  const { distance } = hit;
  alloc.endFrame();
  return n + first! + copy[0]! + all[0]! + distance;
}`,
  "the end of another allocator": `
function f(a: SmartAlloc, b: SmartAlloc) {
  a.beginFrame(); b.beginFrame();
  const v = a.frameVec(Float32Array, 8);
  b.endFrame();
  v.push(1);
  a.endFrame();
}`,
  "two fields with allocators": `
class A { a = new SmartAlloc(); b = new SmartAlloc();
  f() {
    const v = this.a.frameVec(Float32Array, 8);
    this.b.endFrame();
    v.push(1);
    this.a.endFrame();
    v.push(2); // FA606
  }
}`,
  "aliases of one allocator": `
class A { #alloc = new SmartAlloc();
  f() {
    const alloc = this.#alloc;
    alloc.beginFrame();
    const v = alloc.frameVec(Float32Array, 8);
    this.#alloc.endFrame();
    v.push(1); // FA606
  }
}`,
  "a block with a guard": `
function f(alloc: SmartAlloc) {
  let v;
  {
    using _f = alloc.frame();
    v = alloc.frameSlice(Float32Array, 8);
  }
  return v[0]; // FA606
}`,
  "the value of the turn before": `
function f(alloc: SmartAlloc) {
  let previous: Float32Array | undefined;
  for (let i = 0; i < 3; i++) {
    using _f = alloc.frame();
    const now = alloc.frameSlice(Float32Array, 8);
    if (previous !== undefined) now[0] = previous[0]!; // FA606
    previous = now;
  }
}`,
  "the usual loop": `
const alloc = new SmartAlloc();
for (let frame = 0; frame < 3; frame++) {
  alloc.beginFrame();
  const all = [];
  for (let i = 0; i < 4; i++) all.push(alloc.frameAlloc(Hit));
  for (const hit of all) hit.distance = 1;
  const boxes = Array.from({ length: 4 }, () => alloc.frameBox(Hit));
  boxes.forEach((box) => box.assign({ distance: 1 }));
  alloc.endFrame();
}`,
  "one branch ends it": `
function f(alloc: SmartAlloc, done: boolean) {
  const v = alloc.frameVec(Float32Array, 8);
  if (done) alloc.endFrame();
  v.push(1); // FA606
}`,
  "the branch that ends it returns": `
function f(alloc: SmartAlloc, done: boolean) {
  const v = alloc.frameVec(Float32Array, 8);
  if (done) { alloc.endFrame(); return; }
  v.push(1);
}`,
  "the same condition twice": `
function f(alloc: SmartAlloc, owns: boolean) {
  if (owns) alloc.beginFrame();
  const v = alloc.frameVec(Float32Array, 8);
  if (owns) alloc.endFrame();
  if (!owns) v.push(1);
}`,
  "a scope, a checkpoint, a committed scope": `
function f(alloc: SmartAlloc) {
  using _f = alloc.frame();
  const outer = alloc.frameVec(Float32Array, 8);
  const scope = alloc.scope();
  const inner = alloc.frameVec(Float32Array, 8);
  scope.end();
  outer.push(1);
  inner.push(1); // FA606
  const mark = alloc.frameCheckpoint();
  const late = alloc.frameVec(Float32Array, 8);
  alloc.rollbackTo(mark);
  late.push(1); // FA606
  outer.push(2);
  const kept = alloc.scope();
  const more = alloc.frameVec(Float32Array, 8);
  kept.commit();
  more.push(1);
}`,
  "a label is no scope": `
function f(alloc: SmartAlloc) {
  let v;
  { using _t = alloc.tag("x"); v = alloc.frameVec(Float32Array, 8); }
  { using _p = alloc.phase("y"); v.push(1); }
  v.push(2);
}`,
  "published values and promotions": `
function f(alloc: SmartAlloc) {
  alloc.beginFrame();
  const v = alloc.publish("v", alloc.frameSlice(Float32Array, 8));
  const best = alloc.frameRetained(Hit, RetentionPolicy.PromoteToPool);
  const result = alloc.endFrameWithPromotions();
  const kept = result.of(best)!;
  return kept.record.distance + v[0]!;
}`,
  "finally ends it": `
function f(alloc: SmartAlloc) {
  alloc.beginFrame();
  let v;
  try { v = alloc.frameVec(Float32Array, 8); v.push(1); } finally { alloc.endFrame(); }
  return v.length; // FA606
}`,
  "what is caught may have ended it, but only after the last use": `
function f(alloc: SmartAlloc, work: (v: unknown) => void) {
  const v = alloc.frameVec(Float32Array, 8);
  try { work(v); alloc.endFrame(); } catch { v.push(1); }
}`,
  "a closure that is called after the end": `
function f(alloc: SmartAlloc) {
  alloc.beginFrame();
  const v = alloc.frameVec(Float32Array, 8);
  const show = () => v.length;
  show();
  alloc.endFrame();
  show(); // FA606
}`,
  "a callback after the end": `
function f(alloc: SmartAlloc, xs: number[]) {
  alloc.beginFrame();
  const v = alloc.frameVec(Float32Array, 8);
  alloc.endFrame();
  xs.forEach((x) => v.push(x)); // FA606
}`,
};
