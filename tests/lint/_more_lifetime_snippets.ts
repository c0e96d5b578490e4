/**
 * More programs with and without mistakes in the lifetimes of frames.
 */

/** Programs by what is special about them. */
export const MORE_LIFETIME: Readonly<Record<string, string>> = {
  "a helper that uses the frame of its caller": `
function build(alloc: SmartAlloc, n: number) {
  const v = alloc.frameVec(Float32Array, n);
  for (let i = 0; i < n; i++) v.push(i);
  return v;
}
function caller(alloc: SmartAlloc) {
  using _f = alloc.frame();
  const v = build(alloc, 4);
  return v.length;
}`,
  "a helper whose result is used after the end": `
function build(alloc: SmartAlloc) { return alloc.frameVec(Float32Array, 4); }
function caller(alloc: SmartAlloc) {
  alloc.beginFrame();
  const a = build(alloc), b = build(alloc);
  a.push(1);
  alloc.endFrame();
  a.push(2); // FA606
  b.push(2); // FA606
}`,
  "a helper that ends the frame": `
class Game { constructor(readonly alloc: SmartAlloc) {}
  finish() { this.alloc.endFrame(); }
  step() {
    this.alloc.beginFrame();
    const v = this.alloc.frameVec(Float32Array, 4);
    this.finish();
    v.push(1); // FA606
  }
}`,
  "a frame that another method ends": `
class Game { constructor(readonly alloc: SmartAlloc) {}
  begin(isPaused: boolean) { this.alloc.beginFrame(); if (isPaused) return; this.alloc.frameSlice(Float32Array, 1); }
  end() { this.alloc.endFrame(); }
}`,
  "a return between begin and end": `
function f(alloc: SmartAlloc, x: boolean) {
  alloc.beginFrame(); // FA607
  if (x) return;
  alloc.endFrame();
}`,
  "a throw between begin and end": `
function f(alloc: SmartAlloc, x: number) {
  alloc.beginFrame(); // FA607
  if (x < 0) throw new Error("negative");
  alloc.endFrame();
}`,
  "a continue between begin and end": `
function f(alloc: SmartAlloc, xs: number[]) {
  for (const x of xs) {
    alloc.beginFrame(); // FA607
    if (x < 0) continue;
    alloc.endFrame();
  }
}`,
  "both branches end it": `
function f(alloc: SmartAlloc, x: boolean) {
  alloc.beginFrame();
  if (x) { alloc.endFrame(); return 1; }
  alloc.endFrame();
  return 2;
}`,
  "a throw that is caught": `
function f(alloc: SmartAlloc, x: boolean) {
  alloc.beginFrame();
  try { if (x) throw new Error("x"); } catch { console.log("x"); }
  alloc.endFrame();
}`,
  "begin and end under one condition": `
function f(alloc: SmartAlloc, owns: boolean) {
  if (owns) alloc.beginFrame();
  const n = alloc.frameSlice(Float32Array, 4).length;
  if (owns) alloc.endFrame();
  return n;
}`,
  "a guard that is ended on one way only": `
function f(alloc: SmartAlloc, x: boolean) {
  const frame = alloc.frame(); // FA607
  if (x) return;
  frame.end();
}`,
  "nothing after the end": `
function f(alloc: SmartAlloc) {
  alloc.beginFrame();
  alloc.endFrame();
  const v = alloc.frameVec(Float32Array, 8); // FA608
  return v.length;
}`,
  "after a guard of a block": `
function f(alloc: SmartAlloc) {
  { using _f = alloc.frame(); }
  return alloc.frameSlice(Float32Array, 8).length; // FA608
}`,
  "somebody may have begun another": `
function f(alloc: SmartAlloc, x: boolean, begin: (alloc: SmartAlloc) => void) {
  alloc.endFrame();
  if (x) alloc.beginFrame();
  alloc.frameSlice(Float32Array, 8);
  alloc.endFrame();
  begin(alloc);
  alloc.frameSlice(Float32Array, 8);
}`,
  "the pool needs no frame": `
function f(alloc: SmartAlloc) { alloc.beginFrame(); alloc.endFrame(); return alloc.poolAlloc(Hit); }`,
  "guards that are dropped": `
function f(alloc: SmartAlloc) {
  alloc.frame(); // FA609
}
function g(alloc: SmartAlloc) {
  const f = alloc.frame(); // FA609
  alloc.frameSlice(Float32Array, 8);
  console.log(typeof f);
}`,
  "guards that somebody has": `
function f(alloc: SmartAlloc) { const f = alloc.frame(); try { alloc.frameSlice(Float32Array, 1); } finally { f.end(); } }
function g(alloc: SmartAlloc) { return alloc.frame(); }
function h(alloc: SmartAlloc, stack: DisposableStack) { stack.use(alloc.frame()); const f = alloc.frame(); stack.use(f); }
function k(alloc: SmartAlloc) { const f = alloc.frame(); f[Symbol.dispose](); }
function l(alloc: SmartAlloc) { const f = alloc.frame(); using _g = f; }
class M { f: unknown; constructor(alloc: SmartAlloc) { this.f = alloc.frame(); } }`,
  "the frame ends with the function": `
function f(alloc: SmartAlloc) {
  using _f = alloc.frame();
  const v = alloc.frameVec(Float32Array, 8);
  return v; // FA610
}
function g(alloc: SmartAlloc) {
  alloc.beginFrame();
  try { return alloc.frameAlloc(Hit); // FA610
  } finally { alloc.endFrame(); }
}
function h(alloc: SmartAlloc) {
  using _f = alloc.frame();
  const hit = alloc.frameAlloc(Hit);
  return { hit }; // FA610
}
function k(alloc: SmartAlloc) {
  alloc.beginFrame();
  const v = alloc.frameVec(Float32Array, 8);
  alloc.endFrame();
  return v; // FA610
}`,
  "what may be returned": `
function f(alloc: SmartAlloc) {
  using _f = alloc.frame();
  const v = alloc.frameSlice(Float32Array, 8);
  if (v.length > 4) return v.slice();
  return [v.length, v[0], alloc.poolAlloc(Hit), alloc.promote(v)];
}
function g(alloc: SmartAlloc) {
  { using _f = alloc.frame(); alloc.frameSlice(Float32Array, 1); }
  using _t = alloc.tag("x");
  alloc.beginFrame();
  return alloc.frameSlice(Float32Array, 8);
}`,
  "pool allocations two loops deep": `
function f(alloc: SmartAlloc, w: number, h: number) {
  for (let x = 0; x < w; x++) for (let y = 0; y < h; y++) alloc.poolAlloc(Hit); // FA602
  for (let x = 0; x < w; x++) alloc.poolAlloc(Hit);
  for (let x = 0; x < w; x++) for (let y = 0; y < h; y++) alloc.frameAlloc(Hit);
  for (let x = 0; x < w; x++) { using _f = alloc.frame(); for (let y = 0; y < h; y++) alloc.poolAlloc(Hit); }
  for (let x = 0; x < 3; x++) for (let y = 0; y < h; y++) alloc.poolAlloc(Hit);
  for (let x = 0; x < w; x++) for (let y = 0; y < h; y++) { using _f = alloc.frame(); alloc.frameVec(Float32Array); }
}`,
  "main loops": `
const alloc = new SmartAlloc();
function f() {
  let running = true;
  while (running) { // FA603
    const v = alloc.frameVec(Float32Array, 8);
    running = v.length > 0;
  }
  for (;;) { // FA603
    alloc.frameSlice(Float32Array, 8);
  }
}`,
  "loops that are none of these": `
const alloc = new SmartAlloc();
function f(queue: number[], node: { next?: unknown }) {
  let running = true;
  while (running) { alloc.beginFrame(); alloc.frameVec(Float32Array); alloc.endFrame(); running = false; }
  while (running) { using _f = alloc.frame(); alloc.frameVec(Float32Array); running = false; }
  while (running) { step(); running = false; }
  while (running) { alloc.runFrame((a) => a.frameVec(Float32Array).length); running = false; }
}
function step() { using _f = alloc.frame(); alloc.frameSlice(Float32Array, 8); }
function helper(alloc: SmartAlloc, queue: number[]) {
  while (queue.length > 0) { queue.pop(); alloc.frameAlloc(Hit); }
  for (const x of queue) alloc.frameSlice(Float32Array, x);
  using _f = alloc.frame();
  while (queue.length > 0) { alloc.frameAlloc(Hit); queue.pop(); }
}`,
  "policies": `
class A { best: unknown;
  f(alloc: SmartAlloc) {
    this.best = alloc.frameRetained(Hit, RetentionPolicy.Discard); // FA605
    this.best = alloc.frameRetained(Hit, RetentionPolicy.PromoteToPool);
    return alloc.frameRetained(Hit, RetentionPolicy.Discard); // FA604
  }
}`,
  "a switch, a label, a do loop": `
function f(alloc: SmartAlloc, kind: string) {
  const v = alloc.frameVec(Float32Array, 8);
  switch (kind) {
    case "a": alloc.endFrame(); break;
    case "b": v.push(1); break;
    default: v.push(2);
  }
  outer: for (;;) { for (;;) { break outer; } }
  do { v.push(3); // FA606
  } while (v.length < 3);
}`,
  "every case ends it, and returns": `
function f(alloc: SmartAlloc, kind: string) {
  const v = alloc.frameVec(Float32Array, 8);
  switch (kind) {
    case "a": alloc.endFrame(); return 1;
    case "b": { alloc.endFrame(); return 2; }
  }
  return v.length;
}`,
  "lists of memory": `
function f(alloc: SmartAlloc) {
  alloc.beginFrame();
  const list = [alloc.frameAlloc(Hit), alloc.frameAlloc(Hit)];
  const [first] = list;
  const byName = { a: alloc.frameAlloc(Hit) };
  const set = new Set([alloc.frameVec(Float32Array)]);
  const n = list.length + set.size;
  const distances = list.map((hit) => hit.distance);
  alloc.endFrame();
  console.log(n, distances);
  first!.distance = 1; // FA606
  byName.a.distance = 2; // FA606
  for (const v of set) v.push(1); // FA606
}`,
  "views that are made from buffers": `
function f(alloc: SmartAlloc) {
  alloc.beginFrame();
  const floats = alloc.frameSlice(Float32Array, 8);
  const bytes = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  const copy = new Uint8Array(floats);
  const data = new DataView(floats.buffer);
  alloc.endFrame();
  copy[0] = 1;
  bytes[0] = 1; // FA606
  return data.getUint8(0);
}`,
  "runFrame ends it": `
function f(alloc: SmartAlloc) {
  let out: Float32Array | undefined;
  alloc.runFrame((a) => { out = a.frameSlice(Float32Array, 8); });
  return out![0]; // FA606
}`,
  "runFrame returns it": `
function f(alloc: SmartAlloc) {
  const v = alloc.runFrame((a) => a.frameSlice(Float32Array, 8)); // FA610
  return alloc.runFrame((a) => {
    const w = a.frameSlice(Float32Array, 8);
    return w; // FA610
  }).length + alloc.runFrame((a) => a.frameSlice(Float32Array, 8).length);
}`,
};
