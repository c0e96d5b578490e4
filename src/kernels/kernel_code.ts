/**
 * The kernels over one WebAssembly memory. The module is compiled once, on first use, and again for shared memory; every memory has an
 * instance of its own, since an instance can address one memory only.
 */

import { SHARED_BYTES, SHARED_END, SHARED_START, WASM_CODE } from "./wasm_code.ts";

/** What the module exports: a function for each shape of kernel. `f` is the number of the kernel. */
export interface KernelCode {
  run(f: number, o: number, a: number, b: number, c: number, n: number, s: number, t: number): void;
  reduce(f: number, a: number, b: number, n: number): number;
  pick(f: number, o: number, a: number, b: number, n: number): number;
  // deno-fmt-ignore
  vectors(
    f: number, o: number, p: number, q: number, x: number, y: number, z: number, w: number, n: number,
  ): void;
  // deno-fmt-ignore
  transform(
    f: number, o: number, p: number, q: number, x: number, y: number, z: number, n: number,
    m0: number, m1: number, m2: number, m3: number, m4: number, m5: number,
    m6: number, m7: number, m8: number, m9: number, m10: number, m11: number,
  ): void;
  // deno-fmt-ignore
  cull(
    f: number, o: number, x: number, y: number, z: number, r: number, n: number,
    p0: number, p1: number, p2: number, p3: number, p4: number, p5: number,
    p6: number, p7: number, p8: number, p9: number, p10: number, p11: number,
    p12: number, p13: number, p14: number, p15: number, p16: number, p17: number,
    p18: number, p19: number, p20: number, p21: number, p22: number, p23: number,
  ): void;
}

const known: WeakMap<WebAssembly.Memory, KernelCode> = new WeakMap();
/** For memory of one thread, and for shared memory; `null` where this runtime refuses to compile it. */
const modules: [WebAssembly.Module | null | undefined, WebAssembly.Module | null | undefined] = [undefined, undefined];

/** The kernels over a memory; nothing where this runtime has no SIMD, or must not compile. */
export function kernelsOver(memory: WebAssembly.Memory): KernelCode | undefined {
  const made = known.get(memory);
  if (made !== undefined) return made;
  const module = moduleFor(!(memory.buffer instanceof ArrayBuffer));
  if (module === null) return undefined;
  const code = new WebAssembly.Instance(module, { memory: { memory } }).exports as unknown as KernelCode;
  known.set(memory, code);
  return code;
}

function moduleFor(isShared: boolean): WebAssembly.Module | null {
  const i = isShared ? 1 : 0;
  let module = modules[i];
  if (module === undefined) {
    try {
      module = new WebAssembly.Module(bytesOf(isShared));
    } catch {
      module = null;
    }
    modules[i] = module;
  }
  return module;
}

/** The bytes of the module. */
export function bytesOf(isShared: boolean): Uint8Array<ArrayBuffer> {
  const own = new Uint8Array(WASM_CODE.length / 2);
  for (let i = 0; i < own.length; i++) own[i] = digitAt(2 * i) * 16 + digitAt(2 * i + 1);
  if (!isShared) return own;
  const shared = new Uint8Array(own.length - (SHARED_END - SHARED_START) + SHARED_BYTES.length);
  shared.set(own.subarray(0, SHARED_START));
  shared.set(SHARED_BYTES, SHARED_START);
  shared.set(own.subarray(SHARED_END), SHARED_START + SHARED_BYTES.length);
  return shared;
}

/** The value of a digit from 0 to f, which is quicker than `parseInt` on every two of them. */
function digitAt(i: number): number {
  const code = WASM_CODE.charCodeAt(i);
  return (code & 15) + (code >> 6) * 9;
}
