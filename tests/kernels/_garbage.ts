/**
 * Prints how many bytes of heap a call of each kernel leaves, over a million calls with numbers that differ from call to call. To be run
 * with a young generation that is not collected meanwhile, and with `--expose-gc`.
 */

import { type F32, f32, SmartAlloc, struct, type StructLayout, type Vec3f, vec3f } from "../../mod.ts";

const Particle: StructLayout<{ p: Vec3f; v: Vec3f; r: F32 }> = struct("Particle", { p: vec3f, v: vec3f, r: f32 });
const TURNS = 1000;
const CALLS = 1000;

const alloc = new SmartAlloc();
const { kernels } = alloc;
alloc.beginFrame();
const { p, v, r } = alloc.frameColumns(Particle, 16);
const mask = alloc.frameSlice(Uint8Array, 16);
const indices = alloc.frameSlice(Uint32Array, 16);
const matrix = new Float32Array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0.5, 0.25, 0, 1]);
const planes = new Float32Array([1, 0, 0, 1, 0, 1, 0, 1]);
/** Where results go: a variable would hold each in an object of its own. */
const out = new Float64Array(1);
let last: unknown;

/** Each with a loop of its own, as what is shared the optimiser knows less about. */
const WORK: Readonly<Record<string, (n: number) => void>> = {
  fill: (n) => {
    for (let i = 0; i < n; i++) kernels.fill(r, i / 3);
  },
  iota: (n) => {
    for (let i = 0; i < n; i++) kernels.iota(r, i / 3, i / 7);
  },
  add: (n) => {
    for (let i = 0; i < n; i++) kernels.add(p.x, p.y, v.x);
  },
  scale: (n) => {
    for (let i = 0; i < n; i++) kernels.scale(r, r, i / 3);
  },
  axpy: (n) => {
    for (let i = 0; i < n; i++) kernels.axpy(r, i / 3, p.x);
  },
  "axpy in a range": (n) => {
    for (let i = 0; i < n; i++) kernels.axpy(r, i / 3, p.x, 3, 11);
  },
  lerp: (n) => {
    for (let i = 0; i < n; i++) kernels.lerp(r, p.x, p.y, i / n);
  },
  clamp: (n) => {
    for (let i = 0; i < n; i++) kernels.clamp(r, r, i / 3, i / 2);
  },
  integrate: (n) => {
    for (let i = 0; i < n; i++) kernels.integrate(p, v, i / 1e6);
  },
  less: (n) => {
    for (let i = 0; i < n; i++) kernels.less(mask, r, i / 3);
  },
  "less than a column": (n) => {
    for (let i = 0; i < n; i++) kernels.less(mask, r, p.x);
  },
  select: (n) => {
    for (let i = 0; i < n; i++) kernels.select(r, mask, p.x, p.y);
  },
  count: (n) => {
    for (let i = 0; i < n; i++) out[0]! += kernels.count(mask);
  },
  compactInto: (n) => {
    for (let i = 0; i < n; i++) out[0]! += kernels.compactInto(p.z, r, mask);
  },
  gather: (n) => {
    for (let i = 0; i < n; i++) kernels.gather(r, p.x, indices);
  },
  scatter: (n) => {
    for (let i = 0; i < n; i++) kernels.scatter(r, p.x, indices);
  },
  sum: (n) => {
    for (let i = 0; i < n; i++) {
      r[3] = i / 3;
      out[0]! += kernels.sum(r);
    }
  },
  dot: (n) => {
    for (let i = 0; i < n; i++) {
      r[3] = i / 3;
      out[0]! += kernels.dot(r, p.x);
    }
  },
  minOf: (n) => {
    for (let i = 0; i < n; i++) {
      r[3] = -i / 3;
      out[0]! += kernels.minOf(r);
    }
  },
  length: (n) => {
    for (let i = 0; i < n; i++) kernels.length(r, p);
  },
  normalize: (n) => {
    for (let i = 0; i < n; i++) kernels.normalize(p);
  },
  transformPoints: (n) => {
    for (let i = 0; i < n; i++) {
      matrix[12] = i / 3;
      kernels.transformPoints(p, p, matrix);
    }
  },
  cullSpheres: (n) => {
    for (let i = 0; i < n; i++) {
      planes[3] = i / 3;
      kernels.cullSpheres(mask, p, r, planes);
    }
  },
  leak: (n) => {
    for (let i = 0; i < n; i++) last = { i, last: undefined };
  },
};

const collect = (globalThis as unknown as { gc(): void }).gc;

function growthOf(work: (n: number) => void): number {
  collect();
  const before = Deno.memoryUsage().heapUsed;
  for (let turn = 0; turn < TURNS; turn++) work(CALLS);
  return (Deno.memoryUsage().heapUsed - before) / (TURNS * CALLS);
}

const growth: Record<string, number> = {};
for (const [name, work] of Object.entries(WORK)) {
  // The least of some: the optimiser may still be at work in the first.
  growth[name] = Math.min(growthOf(work), growthOf(work), growthOf(work));
}
console.log(JSON.stringify({ growth, stats: kernels.stats(), last: typeof last }));
