/**
 * Writes `src/kernels/wasm_code.ts`: the kernels as bytes, assembled from `module.ts`. `deno task kernels` runs it; a test fails when the
 * file is not what this gives.
 */

import openWabt from "wabt";
import { moduleText } from "./module.ts";

/** Where the bytes are written. */
export const PATH: URL = new URL("../wasm_code.ts", import.meta.url);

/** Assembles the kernels. */
export async function assemble(isShared: boolean): Promise<Uint8Array> {
  const wabt = await openWabt();
  const features = { simd: true, "bulk_memory": true, threads: true, "sat_float_to_int": true };
  const module = wabt.parseWat("kernels.wat", moduleText(isShared), features);
  try {
    return module.toBinary({ "canonicalize_lebs": true, "write_debug_names": false }).buffer;
  } finally {
    module.destroy();
  }
}

/** The text of the file. The two modules differ in the import of the memory alone, so that the second is written as a change. */
export async function wasmCode(): Promise<string> {
  const own = await assemble(false);
  const shared = await assemble(true);
  let start = 0;
  while (own[start] === shared[start]) start++;
  let end = 0;
  while (own[own.length - 1 - end] === shared[shared.length - 1 - end]) end++;
  // Whatever compresses the library finds more that is the same in this than in base64.
  const text = [...own].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const lines = text.match(/.{1,110}/g)!.map((line) => `  "${line}"`).join(" +\n");
  return `/**
 * The kernels as a WebAssembly module of ${own.length} bytes. Made by \`src/kernels/dev/make_wasm.ts\` from \`module.ts\`: do not change it by
 * hand.
 */

/** The module that works on memory of one thread, two digits for each byte. */
export const WASM_CODE: string =
${lines};

/** Where the module for shared memory differs: the bytes from here to there are others. */
export const SHARED_START = ${start};
export const SHARED_END = ${own.length - end};
export const SHARED_BYTES: readonly number[] = [${[...shared.subarray(start, shared.length - end)].join(", ")}];
`;
}

if (import.meta.main) wasmCode().then((text) => Deno.writeTextFileSync(PATH, text));
