/** The columns that kernels and loops are measured on: the same numbers as `bench/native/kernels.c` makes, in one wasm memory. */

/** Elements of a column. */
export const N = 10_000;

/** The memory of the columns. */
export const memory: WebAssembly.Memory = new WebAssembly.Memory({ initial: 200 });

let used = 64;

/** Takes the next place in the memory, on a cache line of its own. */
export function place(bytes: number): number {
  const at = used;
  used = (used + bytes + 63) & ~63;
  return at;
}

function floats(): Float32Array {
  return new Float32Array(memory.buffer, place(4 * N), N);
}

function doubles(): Float64Array {
  return new Float64Array(memory.buffer, place(8 * N), N);
}

function bytes(): Uint8Array {
  return new Uint8Array(memory.buffer, place(N), N);
}

const f32 = {
  a: floats(),
  b: floats(),
  out: floats(),
  x: floats(),
  y: floats(),
  z: floats(),
  vx: floats(),
  vy: floats(),
  vz: floats(),
  life: floats(),
  r: floats(),
  ox: floats(),
  oy: floats(),
  oz: floats(),
};

/** All columns, by the names they have in C too. */
export const columns = {
  ...f32,
  wa: doubles(),
  wb: doubles(),
  wout: doubles(),
  mask: bytes(),
  set: bytes(),
  at: new Int32Array(memory.buffer, place(4 * N), N),
};

/** A matrix, column by column. */
export const matrix: number[] = Array.from({ length: 16 }, (_, i) => (i * 7 % 16 - 8) / 8);

/** Six planes. */
export const planes: number[] = Array.from(
  { length: 24 },
  (_, i) => i % 4 === 3 ? 7 : (i >> 3) === i % 4 ? ((i >> 2) % 2 === 1 ? -1 : 1) : 0.125,
);

let state = 0;

function next(low: number, high: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  state >>>= 0;
  return low + (high - low) * (state / 4294967296);
}

function random(column: Float32Array | Float64Array, seed: number, low: number, high: number): void {
  state = seed;
  for (let i = 0; i < N; i++) column[i] = next(low, high);
}

function make(): void {
  const c = columns;
  random(c.a, 101, -1, 1);
  random(c.b, 202, 0.5, 1.5);
  random(c.x, 303, -10, 10);
  random(c.y, 404, -10, 10);
  random(c.z, 505, -10, 10);
  random(c.vx, 606, -1, 1);
  random(c.vy, 707, -1, 1);
  random(c.vz, 808, -1, 1);
  random(c.life, 909, 1, 10);
  random(c.r, 1010, 0.1, 1);
  random(c.wa, 1111, -1, 1);
  random(c.wb, 1212, 0.5, 1.5);
  state = 1313;
  for (let i = 0; i < N; i++) c.mask[i] = next(0, 1) < 0.5 ? 1 : 0;
  state = 1414;
  for (let i = 0; i < N; i++) c.at[i] = i;
  for (let i = N - 1; i > 0; i--) {
    const j = Math.trunc(next(0, i + 1));
    const swapped = c.at[i]!;
    c.at[i] = c.at[j]!;
    c.at[j] = swapped;
  }
}

make();
const fresh = new Uint8Array(memory.buffer).slice(0, used);

/** Puts the first numbers back everywhere. */
export function reset(): void {
  new Uint8Array(memory.buffer).set(fresh);
}
