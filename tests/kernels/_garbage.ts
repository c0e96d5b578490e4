/**
 * Prints how many bytes of heap a call of each kernel leaves, over a million calls. To be run with a young generation that is not
 * collected meanwhile, and with `--expose-gc`.
 */

import { f32, SmartAlloc, struct, type Vec3f, vec3f } from "../../mod.ts";
import type { F32, StructLayout } from "../../mod.ts";

const Particle: StructLayout<{ p: Vec3f; v: Vec3f; r: F32 }> = struct("Particle", { p: vec3f, v: vec3f, r: f32 });
const CALLS = 1_000_000;

const alloc = new SmartAlloc();
const { kernels } = alloc;
alloc.beginFrame();
const { p, v, r } = alloc.frameColumns(Particle, 16);
const mask = alloc.frameSlice(Uint8Array, 16);
const indices = alloc.frameSlice(Uint32Array, 16);
const matrix = new Float32Array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0.5, 0.25, 0, 1]);
const planes = new Float32Array([1, 0, 0, 1, 0, 1, 0, 1]);
let kept = 0;

const work: Readonly<Record<string, () => void>> = {
  fill: () => kernels.fill(r, 0.3),
  iota: () => kernels.iota(r, 0.1, 0.7),
  add: () => kernels.add(p.x, p.y, v.x),
  scale: () => kernels.scale(r, r, 0.99),
  axpy: () => kernels.axpy(r, 0.01, p.x),
  clamp: () => kernels.clamp(r, r, -0.5, 0.5),
  range: () => kernels.axpy(r, 0.01, p.x, 3, 11),
  integrate: () => kernels.integrate(p, v, 1 / 60),
  less: () => kernels.less(mask, r, 0.4),
  select: () => kernels.select(r, mask, p.x, p.y),
  count: () => void (kept += kernels.count(mask)),
  compactInto: () => void (kept += kernels.compactInto(p.z, r, mask)),
  gather: () => kernels.gather(r, p.x, indices),
  sum: () => void (kept += kernels.sum(r)),
  dot: () => void (kept += kernels.dot(r, p.x)),
  minOf: () => void (kept += kernels.minOf(r)),
  length: () => kernels.length(r, p),
  normalize: () => kernels.normalize(p),
  transformPoints: () => kernels.transformPoints(p, p, matrix),
  cullSpheres: () => kernels.cullSpheres(mask, p, r, planes),
};

const collect = (globalThis as unknown as { gc(): void }).gc;

function growthOf(call: () => void): number {
  collect();
  const before = Deno.memoryUsage().heapUsed;
  for (let i = 0; i < CALLS; i++) call();
  return (Deno.memoryUsage().heapUsed - before) / CALLS;
}

const growth: Record<string, number> = {};
for (const [name, call] of Object.entries(work)) {
  // The least of some: the optimiser may still be at work in the first.
  growth[name] = Math.min(...[1, 2, 3].map(() => growthOf(call)));
}
let last: unknown;
growth["leak"] = growthOf(() => void (last = { kept, last: undefined }));
console.log(JSON.stringify({ growth, stats: kernels.stats(), last: typeof last }));
