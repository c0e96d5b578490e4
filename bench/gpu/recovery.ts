/**
 * T16: going on after the device was lost: another device, the same buffers, and 64 MB brought back from their copies on the CPU.
 */

import { mustEqual, openBench } from "./device.ts";
import { inRounds } from "./rounds.ts";
import type { Row } from "./row.ts";

const COUNT = 64;
const BYTES = 1024 * 1024;

/** Measures. */
export async function measure(): Promise<Row[]> {
  const { gpu, backend } = await openBench();
  const handles = Array.from({ length: COUNT }, (_, i) => {
    const handle = gpu.alloc(BYTES, { intent: "HostVisible", use: "storage", name: `mesh ${i}` });
    const bytes = gpu.bytes(handle);
    new Uint32Array(bytes.buffer, bytes.byteOffset, BYTES / 4).fill(i + 1);
    gpu.touch(handle);
    return handle;
  });
  gpu.flush();
  const lose = async (): Promise<void> => {
    backend.device.destroy();
    await backend.device.lost;
  };
  const recover = async (): Promise<{ busy: number; done: number }> => {
    await lose();
    const start = performance.now();
    const { restored } = await gpu.recover();
    const busy = performance.now() - start;
    await backend.done();
    const done = performance.now() - start;
    if (restored !== COUNT) throw new Error(`Cannot measure a recovery: ${restored} of ${COUNT} came back`);
    return { busy, done };
  };
  await recover();
  for (const [i, handle] of handles.entries()) {
    const left = new Uint32Array((await gpu.read(handle)).buffer);
    mustEqual(left, new Uint32Array(BYTES / 4).fill(i + 1), "a recovery");
  }
  const rounds = await inRounds({ recover }, { rounds: 5, warmUp: 0 });
  gpu.dispose();
  return [{
    gate: "T16",
    what: "from the loss to another device with 64 MB on it (done)",
    value: rounds.time("recover", "done"),
    unit: "ms",
    atMost: 300,
  }];
}
