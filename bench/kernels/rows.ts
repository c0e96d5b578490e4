/** What is measured of the column kernels: each with its rivals, and with what it has to reach. */

import { Kernels, SmartAlloc } from "../../mod.ts";
import { Particle } from "../layouts.ts";
import { columns, matrix, memory, N, planes } from "./data.ts";
import { compiled, loops, reductions } from "./loops.ts";

/** One kernel and its rivals. */
export interface Row {
  readonly name: string;
  /** What the loop is called in C. */
  readonly native: string;
  /** How many times as fast as the fastest loop it has to be. */
  readonly floor?: number;
  /** How many times as long as C it may take. */
  readonly limit?: number;
  readonly kernel: () => number | void;
  readonly scripts: readonly (() => number | void)[];
  /** What is written; nothing if the number that comes back is the result. */
  readonly outputs?: readonly (Float32Array | Float64Array | Uint8Array)[];
}

/** The kernels that are measured, on columns outside of an allocator. */
export const kernels: Kernels = new Kernels().use(memory);

const c = columns;
const { a, b, out, x, y, z, vx, vy, vz, r, ox, oy, oz, wa, wb, wout, mask, set, at, life } = c;
const DT = 1 / 64;
const [position, velocity, moved] = [{ x, y, z }, { x: vx, y: vy, z: vz }, { x: ox, y: oy, z: oz }];
const kept = out.subarray(0, mask.reduce((sum, bit) => sum + bit, 0));

function element(name: string, kernel: () => void, ...bodies: string[]): Row {
  const scripts = bodies.flatMap((body) => loops(body));
  return { name, native: name, floor: 4, kernel, scripts, outputs: [out] };
}

const add = (s: string, t: string) => `${s} + ${t}`;
const least = (s: string, t: string) => `Math.min(${s}, ${t})`;
const most = (s: string, t: string) => `Math.max(${s}, ${t})`;

// Frames

const alloc = new SmartAlloc();
const ofFrames = alloc.kernels;
let frame = 0;
let isRead = false;

/** Starts the frames anew, and says whether what they come to is to be added up. */
export function rewind(read: boolean): void {
  frame = 5;
  isRead = read;
}

function sumOf(all: readonly Float32Array[]): number {
  let sum = 0;
  for (const column of all) for (const value of column) sum += value;
  return sum;
}

function stepOfFrame(made: { [field in "x" | "y" | "z" | "vx" | "vy" | "vz" | "life"]: Float32Array }): void {
  ofFrames.integrate(made, { x: made.vx, y: made.vy, z: made.vz }, DT);
  ofFrames.addScalar(made.life, made.life, -DT);
}

function kernelFrame(): number {
  const k = frame++;
  alloc.beginFrame();
  const made = alloc.frameColumns(Particle, N);
  const { x, y, z, vx, vy, vz, life } = made;
  ofFrames.iota(x, 0, 0.25);
  ofFrames.fill(y, k & 255);
  ofFrames.fill(vy, -0.5);
  ofFrames.fill(vz, (k & 3) / 4);
  for (let i = 0; i < N; i++) {
    z[i] = (i & 63) / 2;
    vx[i] = (i & 7) / 4;
    life[i] = 4 + (i & 15);
  }
  stepOfFrame(made);
  const sum = isRead ? sumOf([x, y, z, vx, vy, vz, life]) : 0;
  alloc.endFrame();
  return sum;
}

/** Repeats the first elements of a column all the way. */
function repeat(column: Float32Array, period: number): void {
  for (let have = period; have < N; have *= 2) column.copyWithin(have, 0, Math.min(have, N - have));
}

function repeatingFrame(): number {
  const k = frame++;
  alloc.beginFrame();
  const made = alloc.frameColumns(Particle, N);
  const { x, y, z, vx, vy, vz, life } = made;
  ofFrames.iota(x, 0, 0.25);
  ofFrames.fill(y, k & 255);
  ofFrames.fill(vy, -0.5);
  ofFrames.fill(vz, (k & 3) / 4);
  ofFrames.iota(z, 0, 0.5, 0, 64);
  repeat(z, 64);
  ofFrames.iota(vx, 0, 0.25, 0, 8);
  repeat(vx, 8);
  ofFrames.iota(life, 4, 1, 0, 16);
  repeat(life, 16);
  stepOfFrame(made);
  const sum = isRead ? sumOf([x, y, z, vx, vy, vz, life]) : 0;
  alloc.endFrame();
  return sum;
}

function scriptFrame(): number {
  const k = frame++;
  alloc.beginFrame();
  const { x, y, z, vx, vy, vz, life } = alloc.frameColumns(Particle, N);
  for (let i = 0; i < N; i++) {
    x[i] = i / 4;
    y[i] = k & 255;
    z[i] = (i & 63) / 2;
    vx[i] = (i & 7) / 4;
    vy[i] = -0.5;
    vz[i] = (k & 3) / 4;
    life[i] = 4 + (i & 15);
  }
  for (let i = 0; i < N; i++) {
    x[i]! += vx[i]! * DT;
    y[i]! += vy[i]! * DT;
    z[i]! += vz[i]! * DT;
    life[i]! -= DT;
  }
  const sum = isRead ? sumOf([x, y, z, vx, vy, vz, life]) : 0;
  alloc.endFrame();
  return sum;
}

// Loops of several statements

const stepBodies = [
  "x[i] += vx[i] * 0.015625; y[i] += vy[i] * 0.015625; z[i] += vz[i] * 0.015625; life[i] -= 0.015625;",
  "x[i] = x[i] + Math.fround(vx[i] * 0.015625); y[i] = y[i] + Math.fround(vy[i] * 0.015625);" +
  "z[i] = z[i] + Math.fround(vz[i] * 0.015625); life[i] -= 0.015625;",
];
const m = matrix;
const rowOf = (k: number) => `${m[k]} * px + ${m[k + 4]} * py + ${m[k + 8]} * pz + ${m[k + 12]}`;
const transformBody = `const px = x[i], py = y[i], pz = z[i];
  ox[i] = ${rowOf(0)}; oy[i] = ${rowOf(1)}; oz[i] = ${rowOf(2)};`;
const distance = (k: number) =>
  `${planes[4 * k]} * px + ${planes[4 * k + 1]} * py + ${planes[4 * k + 2]} * pz + ${planes[4 * k + 3]}`;
const isInside = (k: number) => `${distance(k)} >= pr`;
const each = [0, 1, 2, 3, 4, 5];
const cullHead = "const px = x[i], py = y[i], pz = z[i], pr = -r[i];";
const cullBodies = [
  `${cullHead} set[i] = ${each.map(isInside).join(" && ")} ? 1 : 0;`,
  `${cullHead} set[i] = ${each.map((k) => `(${isInside(k)} ? 1 : 0)`).join(" & ")};`,
];
const squares = "x[i] * x[i] + y[i] * y[i] + z[i] * z[i]";

/** All rows. */
export const rows: readonly Row[] = [
  {
    name: "particle step",
    native: "step",
    floor: 4,
    limit: 2,
    kernel: () => {
      kernels.integrate(position, velocity, DT);
      kernels.addScalar(life, life, -DT);
    },
    scripts: stepBodies.flatMap((body) => loops(body)),
    outputs: [x, y, z, life],
  },
  { name: "frame / C structs", native: "frameRows", limit: 1, kernel: kernelFrame, scripts: [scriptFrame] },
  { name: "frame / C columns", native: "frameColumns", kernel: kernelFrame, scripts: [scriptFrame] },
  { name: "repeating / structs", native: "frameRows", limit: 1, kernel: repeatingFrame, scripts: [scriptFrame] },
  element("fill", () => kernels.fill(out, 0.5)),
  element("copy", () => kernels.copy(out, a)),
  element("iota", () => kernels.iota(out, 1, 0.25), "out[i] = 1 + i * 0.25;"),
  element("add", () => kernels.add(out, a, b), "out[i] = a[i] + b[i];"),
  element("mul", () => kernels.mul(out, a, b), "out[i] = a[i] * b[i];"),
  element("div", () => kernels.div(out, a, b), "out[i] = a[i] / b[i];"),
  element(
    "axpy",
    () => kernels.axpy(out, 0.001, a),
    "out[i] += 0.001 * a[i];",
    `out[i] = out[i] + Math.fround(${Math.fround(0.001)} * a[i]);`,
  ),
  element(
    "lerp",
    () => kernels.lerp(out, a, b, 0.25),
    "out[i] = a[i] + (b[i] - a[i]) * 0.25;",
    "out[i] = a[i] + Math.fround(Math.fround(b[i] - a[i]) * 0.25);",
  ),
  element(
    "clamp",
    () => kernels.clamp(out, a, -0.5, 0.5),
    "const v = a[i]; out[i] = v < -0.5 ? -0.5 : v > 0.5 ? 0.5 : v;",
    "out[i] = Math.max(-0.5, Math.min(0.5, a[i]));",
  ),
  element("abs", () => kernels.abs(out, a), "out[i] = Math.abs(a[i]);"),
  element(
    "min",
    () => kernels.min(out, a, b),
    "out[i] = Math.min(a[i], b[i]);",
    "const v = a[i], w = b[i]; out[i] = v < w ? v : w;",
  ),
  element(
    "max",
    () => kernels.max(out, a, b),
    "out[i] = Math.max(a[i], b[i]);",
    "const v = a[i], w = b[i]; out[i] = v > w ? v : w;",
  ),
  element("sqrt", () => kernels.sqrt(out, b), "out[i] = Math.sqrt(b[i]);"),
  element("addScalar", () => kernels.addScalar(out, a, 0.3), "out[i] = a[i] + 0.3;"),
  element("scale", () => kernels.scale(out, a, 0.3), "out[i] = a[i] * 0.3;"),
  {
    ...element("lessNumber", () => kernels.less(set, a, 0.1), "set[i] = a[i] < 0.1 ? 1 : 0;"),
    outputs: [set],
  },
  {
    ...element("lessColumn", () => kernels.less(set, a, vx), "set[i] = a[i] < vx[i] ? 1 : 0;"),
    outputs: [set],
  },
  element(
    "select",
    () => kernels.select(out, mask, a, b),
    "out[i] = mask[i] !== 0 ? a[i] : b[i];",
    "const v = a[i], w = b[i]; out[i] = mask[i] !== 0 ? v : w;",
  ),
  {
    ...element("compactInto", () => void kernels.compactInto(out, a, mask)),
    scripts: [
      compiled("let k = 0; for (let i = 0; i < n; i++) if (mask[i] !== 0) out[k++] = a[i]; return k;", c, N),
      compiled("let k = 0; for (let i = 0; i < n; i++) { out[k] = a[i]; k += mask[i]; } return k;", c, N),
    ],
    outputs: [kept],
  },
  element("gather", () => kernels.gather(out, a, at), "out[i] = a[at[i]];"),
  element("scatter", () => kernels.scatter(out, a, at), "out[at[i]] = a[i];"),
  {
    name: "sum",
    native: "sum",
    floor: 4,
    kernel: () => kernels.sum(a),
    scripts: reductions("0", (s, i) => `${s} += a[${i}]`, add),
  },
  {
    name: "dot",
    native: "dot",
    floor: 4,
    kernel: () => kernels.dot(a, b),
    scripts: reductions("0", (s, i) => `${s} += a[${i}] * b[${i}]`, add),
  },
  {
    name: "minOf",
    native: "minOf",
    floor: 4,
    kernel: () => kernels.minOf(a),
    scripts: [
      ...reductions("Infinity", (s, i) => `${s} = Math.min(${s}, a[${i}])`, least),
      ...reductions("Infinity", (s, i) => `if (a[${i}] < ${s}) ${s} = a[${i}]`, least),
    ],
  },
  {
    name: "maxOf",
    native: "maxOf",
    floor: 4,
    kernel: () => kernels.maxOf(a),
    scripts: [
      ...reductions("-Infinity", (s, i) => `${s} = Math.max(${s}, a[${i}])`, most),
      ...reductions("-Infinity", (s, i) => `if (a[${i}] > ${s}) ${s} = a[${i}]`, most),
    ],
  },
  element("length", () => kernels.length(out, position), `out[i] = Math.sqrt(${squares});`),
  {
    ...element(
      "normalize",
      () => kernels.normalize(position),
      `const l = Math.sqrt(${squares}); if (l > 0) { x[i] /= l; y[i] /= l; z[i] /= l; }`,
      `const l = Math.sqrt(${squares}); if (l > 0) { const f = 1 / l; x[i] *= f; y[i] *= f; z[i] *= f; }`,
    ),
    outputs: [x, y, z],
  },
  {
    ...element("transformPoints", () => kernels.transformPoints(moved, position, matrix), transformBody),
    floor: 3,
    outputs: [ox, oy, oz],
  },
  {
    ...element("cullSpheres", () => kernels.cullSpheres(set, position, r, planes), ...cullBodies),
    floor: 3,
    outputs: [set],
  },
  wide("add64", () => kernels.add(wout, wa, wb), loops("wout[i] = wa[i] + wb[i];")),
  wide("mul64", () => kernels.mul(wout, wa, wb), loops("wout[i] = wa[i] * wb[i];")),
  wide("axpy64", () => kernels.axpy(wout, 0.001, wa), loops("wout[i] += 0.001 * wa[i];")),
  wide("sqrt64", () => kernels.sqrt(wout, wb), loops("wout[i] = Math.sqrt(wb[i]);")),
  {
    name: "sum64",
    native: "sum64",
    floor: 2,
    kernel: () => kernels.sum(wa),
    scripts: reductions("0", (s, i) => `${s} += wa[${i}]`, add),
  },
  {
    name: "dot64",
    native: "dot64",
    floor: 2,
    kernel: () => kernels.dot(wa, wb),
    scripts: reductions("0", (s, i) => `${s} += wa[${i}] * wb[${i}]`, add),
  },
].map(withBuiltIn);

function wide(name: string, kernel: () => void, scripts: readonly (() => number)[]): Row {
  return { name, native: name, floor: 2, kernel, scripts, outputs: [wout] };
}

/** Where there is a method of typed arrays for it, that is the rival. */
function withBuiltIn(row: Row): Row {
  if (row.name === "fill") return { ...row, scripts: [() => void out.fill(0.5)] };
  if (row.name === "copy") return { ...row, scripts: [() => out.set(a)] };
  return row;
}
