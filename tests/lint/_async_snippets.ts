/**
 * Programs with and without mistakes where programs wait: a line that is to be reported ends with its code in a comment.
 */

/** Programs by what is special about them. */
export const ASYNC: Readonly<Record<string, string>> = {
  "used after an await": `
async function f(alloc: SmartAlloc) {
  const v = alloc.frameVec(Float32Array, 8);
  v.push(1);
  await 0;
  v.push(2); // FA702
  v.push(3);
}`,
  "not used after the await": `
async function f(alloc: SmartAlloc) {
  const v = alloc.frameVec(Float32Array, 8);
  v.push(1);
  const n = v.length, copy = [...v];
  await 0;
  return n + copy.length;
}`,
  "another await, another report": `
async function f(alloc: SmartAlloc) {
  const v = alloc.frameVec(Float32Array, 8);
  await 0;
  v.push(1); // FA702
  await 1;
  v.push(2); // FA702
}`,
  "assigned anew": `
async function f(alloc: SmartAlloc) {
  let v = alloc.frameVec(Float32Array, 8);
  v.push(1);
  await 0;
  using _f = alloc.frame();
  v = alloc.frameVec(Float32Array, 8);
  v.push(2);
}`,
  "the branch that waits returns": `
async function f(alloc: SmartAlloc, x: boolean) {
  const v = alloc.frameVec(Float32Array, 8);
  if (x) { await 0; return; }
  v.push(1);
}`,
  "the branch that waits does not return": `
async function f(alloc: SmartAlloc, x: boolean) {
  const v = alloc.frameVec(Float32Array, 8);
  if (x) await 0;
  v.push(1); // FA702
}`,
  "the order of evaluation": `
async function f(alloc: SmartAlloc, load: () => Promise<number>) {
  const v = alloc.frameSlice(Float32Array, 8);
  v[0] = 1;
  const sum = v[0] + await load();
  v.fill(await load()); // FA702
  return sum;
}`,
  "a for await loop": `
async function f(alloc: SmartAlloc, xs: AsyncIterable<number>) {
  const v = alloc.frameVec(Float32Array, 8);
  for await (const x of xs) {
    v.push(x); // FA702
  }
}`,
  "a loop that waits at its end": `
async function f(alloc: SmartAlloc, xs: number[]) {
  const v = alloc.frameVec(Float32Array, 8);
  for (const x of xs) {
    v.push(x); // FA702
    await 0;
  }
}`,
  "a frame in each turn of a loop that waits": `
async function f(alloc: SmartAlloc, xs: number[]) {
  for (const x of xs) {
    {
      using _f = alloc.frame();
      const v = alloc.frameVec(Float32Array, 8);
      v.push(x);
    }
    await 0;
  }
}`,
  "a generator": `
function* f(alloc: SmartAlloc) {
  const v = alloc.frameVec(Float32Array, 8);
  yield v.length;
  v.push(1); // FA702
}`,
  "a task goes on": `
async function f(alloc: SmartAlloc) {
  await using task = new TaskAlloc(alloc);
  const v = task.allocVec(Float32Array);
  await 0;
  v.push(1);
  return v.length;
}`,
  "allocated after an await": `
async function f(alloc: SmartAlloc) {
  await 0;
  const v = alloc.frameSlice(Float32Array, 8); // FA701
  v.fill(1);
}`,
  "allocated before the first await": `
async function f(alloc: SmartAlloc) {
  const n = alloc.frameSlice(Float32Array, 8).length;
  await 0;
  return n;
}`,
  "a frame after each await": `
async function f(alloc: SmartAlloc) {
  await 0;
  {
    using _f = alloc.frame();
    alloc.frameSlice(Float32Array, 8);
  }
  await 1;
  alloc.beginFrame();
  alloc.frameSlice(Float32Array, 8);
  alloc.endFrame();
  await 2;
  alloc.runFrame((a) => { a.frameSlice(Float32Array, 8).fill(0); });
}`,
  "the back of a loop": `
async function f(alloc: SmartAlloc) {
  for (let i = 0; i < 3; i++) {
    alloc.frameSlice(Float32Array, 8); // FA701
    await 0;
  }
}`,
  "a helper after an await": `
function build(alloc: SmartAlloc) { return alloc.frameVec(Float32Array, 4).length; }
function tick(alloc: SmartAlloc) { using _f = alloc.frame(); return build(alloc); }
async function f(alloc: SmartAlloc) {
  build(alloc);
  await 0;
  tick(alloc);
  build(alloc); // FA608
}
async function g(alloc: SmartAlloc) {
  await 0;
  build(alloc); // FA701
}`,
  "the pool after an await": `
async function f(alloc: SmartAlloc) { await 0; return alloc.poolAlloc(Hit); }`,
  "timers, promises, listeners": `
function f(alloc: SmartAlloc, promise: Promise<number>, el: EventTarget) {
  const v = alloc.frameVec(Float32Array, 8);
  setTimeout(() => v.push(1), 10); // FA703
  promise.then((x) => v.push(x)); // FA703
  el.addEventListener("x", () => { v.push(1); }); // FA703
  requestAnimationFrame(() => v.push(1)); // FA703
  queueMicrotask(function () { v.push(1); }); // FA703
  const later = () => v.push(1);
  setInterval(later, 10); // FA703
  globalThis.setTimeout(later, 10); // FA703
}`,
  "callbacks that run at once": `
function f(alloc: SmartAlloc, xs: number[]) {
  const v = alloc.frameVec(Float32Array, 8);
  xs.forEach((x) => v.push(x));
  alloc.withTag("x", () => v.push(1));
  const add = (x: number) => v.push(x);
  add(1);
  xs.map((x) => x + v.length);
  new Promise<void>((resolve) => { v.push(1); resolve(); });
  (() => v.push(2))();
}`,
  "a callback with a frame of its own": `
function f(alloc: SmartAlloc) {
  const n = alloc.frameVec(Float32Array, 8).length;
  setTimeout(() => { using _f = alloc.frame(); alloc.frameVec(Float32Array, n).push(1); }, 10);
}`,
  "stored and returned functions": `
class A { cb: unknown;
  f(alloc: SmartAlloc) {
    const v = alloc.frameVec(Float32Array, 8);
    this.cb = () => v.length; // FA703
    return () => v.length; // FA703
  }
  g(alloc: SmartAlloc) {
    const v = alloc.frameVec(Float32Array, 8);
    return { size: () => v.length, n: 1 }; // FA703
  }
}`,
  "a frame held across an await": `
async function f(alloc: SmartAlloc) {
  alloc.beginFrame();
  await 0; // FA704
  alloc.endFrame();
}
async function g(alloc: SmartAlloc) {
  using _f = alloc.frame();
  await 0; // FA704
  await 1;
}
async function h(alloc: SmartAlloc) {
  { using _f = alloc.frame(); }
  await 0;
}`,
  "an async callback of runFrame": `
function f(alloc: SmartAlloc) {
  alloc.runFrame(async (a) => {
    a.frameSlice(Float32Array, 8);
    await 0; // FA704
  });
}`,
  "promises settled with memory": `
async function f(alloc: SmartAlloc) {
  const v = alloc.frameVec(Float32Array, 8);
  return v; // FA705
}
const g = async (alloc: SmartAlloc) => alloc.frameVec(Float32Array, 8); // FA705
function h(alloc: SmartAlloc) {
  return new Promise((resolve) => {
    const v = alloc.frameVec(Float32Array, 8);
    resolve(v); // FA705
  });
}
async function k(alloc: SmartAlloc) {
  const v = alloc.frameSlice(Float32Array, 8);
  return v.slice();
}
function l(alloc: SmartAlloc) { return new Promise((resolve) => resolve(alloc.frameVec(Float32Array, 8).length)); }`,
  "memory for what is awaited": `
async function f(alloc: SmartAlloc, stream: { write(x: unknown): Promise<void>; n(x: unknown): number }) {
  const v = alloc.frameSlice(Uint8Array, 8);
  stream.n(v);
  await stream.write(v.slice());
}
async function g(alloc: SmartAlloc, stream: { write(x: unknown): Promise<void> }) {
  await stream.write(alloc.frameSlice(Uint8Array, 8)); // FA706
}
async function h(alloc: SmartAlloc, stream: { write(x: unknown): Promise<void> }) {
  const v = alloc.frameSlice(Uint8Array, 8);
  await Promise.all([stream.write(v), 1]); // FA706
}
async function k(alloc: SmartAlloc, stream: { write(x: unknown): Promise<void> }) {
  const written = stream.write(alloc.frameSlice(Uint8Array, 8));
  await written; // FA706
}`,
  "an async function of the file": `
async function early(v: Uint8Array) { const n = v.length; await 0; return n; }
async function late(v: Uint8Array) { await 0; return v.length; }
async function f(alloc: SmartAlloc) {
  const v = alloc.frameSlice(Uint8Array, 8);
  await early(v);
}
async function g(alloc: SmartAlloc) {
  const v = alloc.frameSlice(Uint8Array, 8);
  await late(v); // FA706
}
function h(alloc: SmartAlloc) {
  const v = alloc.frameSlice(Uint8Array, 8);
  late(v); // FA702
  v.fill(0);
}`,
  "async callbacks": `
async function f(alloc: SmartAlloc, xs: number[], load: (x: number) => Promise<number>) {
  const v = alloc.frameVec(Float32Array, 8);
  await Promise.all(xs.map(async (x) => {
    const y = await load(x);
    v.push(y); // FA702
  }));
}
function g(alloc: SmartAlloc) {
  const v = alloc.frameVec(Float32Array, 8);
  (async () => {
    v.push(1);
    await 0;
    v.push(2); // FA702
  })();
  v.push(3);
}`,
  "tasks": `
function f(alloc: SmartAlloc) {
  const t = new TaskAlloc(alloc); // FA707
  t.allocSlice(Uint8Array, 8);
}
function g(alloc: SmartAlloc, signal: AbortSignal) {
  const t = new TaskAlloc(alloc, { signal });
  t.allocSlice(Uint8Array, 8);
}
function h(alloc: SmartAlloc) { const t = new TaskAlloc(alloc); try { t.allocSlice(Uint8Array, 8); } finally { t.release(); } }
function k(alloc: SmartAlloc) { return new TaskAlloc(alloc); }
class L { t: TaskAlloc; constructor(alloc: SmartAlloc) { this.t = new TaskAlloc(alloc); } }`,
  "an object with memory crosses": `
async function f(alloc: SmartAlloc, draw: (x: unknown) => void) {
  const scene = { hits: alloc.frameVec(Hit), n: 1 };
  await 0;
  console.log(scene.n);
  scene.hits.push(); // FA702
}`,
  "a record of a layout that is known": `
async function f(alloc: SmartAlloc) {
  const hit = alloc.frameAlloc(Hit);
  const { distance, point } = hit;
  await 0;
  console.log(distance);
  point.set(1, 2, 3); // FA702
}`,
  "try, catch and await": `
async function f(alloc: SmartAlloc, load: () => Promise<void>) {
  const v = alloc.frameVec(Float32Array, 8);
  try { await load(); } catch (e) { console.log(e); }
  v.push(1); // FA702
}`,
};
