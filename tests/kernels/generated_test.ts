/**
 * The bytes of the kernels that are committed come from their source.
 */

import { assert } from "@std/assert";
import { assemble } from "../../src/kernels/dev/make_wasm.ts";
import { bytesOf } from "../../src/kernels/kernel_code.ts";

Deno.test("the committed kernels are what the source assembles to", async () => {
  for (const isShared of [false, true]) {
    const committed = bytesOf(isShared);
    const assembled = await assemble(isShared);
    assert(committed.length === assembled.length && committed.every((byte, i) => byte === assembled[i]));
  }
});

Deno.test("the kernels for shared memory link to shared memory, and the others do not", () => {
  const shared = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const own = new WebAssembly.Memory({ initial: 1 });
  for (const [isShared, fits, other] of [[true, shared, own], [false, own, shared]] as const) {
    const module = new WebAssembly.Module(bytesOf(isShared));
    assert(new WebAssembly.Instance(module, { memory: { memory: fits } }).exports.run instanceof Function);
    let isRefused = false;
    try {
      new WebAssembly.Instance(module, { memory: { memory: other } });
    } catch {
      isRefused = true;
    }
    assert(isRefused);
  }
});
