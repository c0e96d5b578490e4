/**
 * A worker that multiplies a part of a column by three.
 */

import { Kernels } from "../../src/kernels/kernels.ts";

interface Work {
  readonly memory: WebAssembly.Memory;
  readonly offset: number;
  readonly length: number;
  readonly start: number;
}

/** What a worker has of its own; the types of tests know a window only. */
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Work>) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = ({ data: { memory, offset, length, start } }: MessageEvent<Work>): void => {
  const kernels = new Kernels().use(memory);
  const column = new Float32Array(memory.buffer, offset, length);
  kernels.scale(column, column, 3, start, length);
  const { simd, scalar } = kernels.stats();
  scope.postMessage({ simd, scalar });
};
