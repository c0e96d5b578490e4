/**
 * T10: reading 64 small results back in one frame, beside waiting for one after the other.
 */

import { mustEqual, openBench } from "./device.ts";
import { inRounds, type Turn } from "./rounds.ts";
import type { Row } from "./row.ts";

const COUNT = 64;
const BYTES = 256;

/** Measures. */
export async function measure(): Promise<Row[]> {
  const { gpu, device, queue } = await openBench();
  const handles = Array.from({ length: COUNT }, (_, i) => gpu.alloc(BYTES, { name: `result ${i}` }));
  const contents = handles.map((_, i) => new Uint32Array(BYTES / 4).fill(i + 1));
  for (const [i, handle] of handles.entries()) gpu.write(handle, contents[i]!);
  gpu.flush();
  const results = handles.map(() => new Uint8Array(BYTES));

  const check = (what: string): void => {
    for (const [i, result] of results.entries()) mustEqual(new Uint32Array(result.buffer), contents[i]!, what);
    for (const result of results) result.fill(0);
  };
  const together: Turn = async () => {
    const start = performance.now();
    gpu.beginFrame();
    const reads = handles.map((handle, i) => gpu.read(handle, { into: results[i]! }));
    gpu.endFrame();
    const busy = performance.now() - start;
    await Promise.all(reads);
    const done = performance.now() - start;
    check("gpu.read");
    return { busy, done };
  };
  const serial: Turn = async () => {
    const start = performance.now();
    for (const [i, handle] of handles.entries()) {
      const target = device.createBuffer({ size: BYTES, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(gpu.buffer(handle), gpu.offset(handle), target, 0, BYTES);
      queue.submit([encoder.finish()]);
      await target.mapAsync(GPUMapMode.READ);
      results[i]!.set(new Uint8Array(target.getMappedRange()));
      target.destroy();
    }
    const done = performance.now() - start;
    check("mapAsync");
    return { busy: done, done };
  };
  const rounds = await inRounds({ together, serial }, { rounds: 5, warmUp: 1 });
  gpu.dispose();
  return [
    {
      gate: "T10",
      what: `${COUNT} readbacks in a frame, over one after the other`,
      value: rounds.ratio("together", "serial", "done"),
      unit: "×",
      atLeast: 30,
      note: `one after the other ${rounds.time("serial", "done").toFixed(0)} ms`,
    },
    { gate: "T10", what: "… until all are there", value: rounds.time("together", "done"), unit: "ms", atMost: 20 },
  ];
}
