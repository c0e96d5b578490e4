/**
 * What a real device is handed, and when: a submission waits where the device is busy, so there is none without anything to hand over.
 */

import { SmartAlloc } from "@framealloc/core";
import { GpuAllocator, USAGE } from "@framealloc/core/gpu";
import { assertEquals } from "@std/assert";
import { NO_WEBGPU, requireWebGpu, settled } from "./_backends.ts";

const ignore = NO_WEBGPU !== undefined;

Deno.test({
  name: "A frame whose data were flushed submits nothing more at its end, and one without data nothing at all",
  ignore,
  async fn() {
    const backend = await requireWebGpu();
    const { queue } = backend.device;
    const submit = queue.submit;
    let submissions = 0;
    queue.submit = (commands) => {
      submissions++;
      submit.call(queue, commands);
    };
    const gpu = new GpuAllocator(new SmartAlloc(), backend);
    gpu.beginFrame();
    gpu.ring.push(new Float32Array(4));
    gpu.flush();
    assertEquals(submissions, 1);
    gpu.endFrame();
    assertEquals(submissions, 1);
    gpu.frame().end();
    assertEquals(submissions, 1);
    const handle = gpu.alloc(16);
    gpu.write(handle, new Uint32Array([1, 2, 3, 4]));
    gpu.flush();
    assertEquals(submissions, 2);
    assertEquals(new Uint32Array((await gpu.read(handle)).buffer), new Uint32Array([1, 2, 3, 4]));
    gpu.dispose();
    await settled(backend);
  },
});

Deno.test({
  name: "A mapping sees what the program has written to the buffer itself",
  ignore,
  async fn() {
    const backend = await requireWebGpu();
    const buffer = backend.create(16, USAGE.MAP_READ | USAGE.COPY_DST, "read back");
    backend.submit();
    backend.device.queue.writeBuffer(backend.raw(buffer), 0, new Uint8Array([1, 2, 3, 4]));
    await backend.map(buffer, 0, 16);
    const bytes = new Uint8Array(4);
    backend.readMapped(buffer, 0, bytes);
    assertEquals(bytes, new Uint8Array([1, 2, 3, 4]));
    backend.dispose();
    await settled(backend);
  },
});
