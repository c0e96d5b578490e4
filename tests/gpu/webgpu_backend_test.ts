/**
 * A real device: its faults, its order, its endings, and where there is none.
 */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as fc from "fast-check";
import { USAGE } from "../../gpu/backend/backend.ts";
import { WebGpuBackend } from "../../gpu/backend/webgpu_backend.ts";
import { GpuError } from "../../gpu/gpu_error.ts";
import { run } from "../_example.ts";
import { lose, NO_WEBGPU, readBack, requireWebGpu, settled } from "./_backends.ts";
import { counting, digest, packedRecords } from "./_bytes.ts";
import { anyStep, OrderModel } from "./_order_programs.ts";

const ignore = NO_WEBGPU !== undefined;
const DATA = USAGE.COPY_SRC | USAGE.COPY_DST;

Deno.test({
  name: "WebGpuBackend tells of a buffer that its device refuses, and the copies of other buffers still happen",
  ignore,
  fn: async () => {
    const complaints: string[] = [];
    const backend = await requireWebGpu({ onError: (message) => complaints.push(message) });
    const { device } = backend;
    const createBuffer = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) =>
      createBuffer(descriptor.label === "bad" ? { ...descriptor, usage: USAGE.MAP_READ | USAGE.STORAGE } : descriptor);
    const from = backend.create(8, DATA, "from");
    const to = backend.create(8, DATA, "to");
    const bad = backend.create(8, USAGE.MAP_READ | USAGE.COPY_DST, "bad");
    assertEquals(await backend.verify(from), "ok");
    const fresh = backend.create(8, DATA, "fresh");
    const other = backend.create(8, DATA, "other");
    const worse = backend.create(8, USAGE.MAP_READ | USAGE.COPY_DST, "bad");
    // Of these it is not known yet what they are.
    backend.write(from, 0, counting(8, 1), 0, 8);
    backend.copy(from, 0, to, 0, 4);
    backend.copy(from, 0, worse, 0, 4);
    backend.copy(from, 4, worse, 0, 4);
    backend.copy(from, 0, fresh, 4, 4);
    backend.copy(fresh, 0, worse, 0, 4);
    backend.copy(fresh, 4, other, 0, 4);
    backend.copy(from, 4, to, 4, 4);
    backend.submit();
    assertEquals([...await readBack(backend, to, 0, 8)], [...counting(8, 1)]);
    assertEquals([...await readBack(backend, fresh, 0, 8)], [0, 0, 0, 0, 1, 2, 3, 4]);
    assertEquals([...await readBack(backend, other, 0, 8)], [1, 2, 3, 4, 0, 0, 0, 0]);
    assertEquals(await backend.verify(worse), "invalid");
    assert(complaints.length > 0, "the device has not complained");
    // Now it is, and nothing is asked of it any longer.
    complaints.length = 0;
    backend.write(bad, 0, counting(8), 0, 8);
    backend.copy(from, 0, bad, 0, 8);
    backend.clear(bad, 0, 8);
    backend.submit();
    await backend.done();
    assertEquals(complaints, []);
    const error = await assertRejects(() => backend.map(bad, 0, 8), GpuError);
    assertEquals(error.code, "FA858");
    backend.dispose();
  },
});

Deno.test({
  name: "WebGpuBackend tells of a buffer that there is no memory for, and goes on",
  ignore: ignore || Deno.build.os !== "linux",
  fn: async () => {
    const { code, stdout } = await run(["-A", "tests/gpu/_out_of_memory.ts"]);
    if (stdout.startsWith("Skipped")) console.log(stdout);
    else assertEquals(stdout, "out of memory\nFA856\n3 3 3 3\nok\n");
    assertEquals(code, 0);
  },
});

Deno.test({
  name: "WebGpuBackend scatters more than fits into one pass, and records of megabytes",
  ignore,
  fn: async () => {
    const backend = await requireWebGpu();
    for (const [records, count, stride] of [[600_000, 450_000, 64], [2, 2, 20 * 1024 ** 2]] as const) {
      const buffer = backend.create(records * stride, DATA | USAGE.STORAGE, "records");
      const [packed, array] = packedRecords(records, count, stride, 7);
      backend.scatter(buffer, 0, records * stride, packed, count, stride);
      assertEquals(digest(await readBack(backend, buffer, 0, records * stride)), digest(array));
      backend.destroy(buffer);
    }
    backend.dispose();
  },
});

Deno.test({
  name: "WebGpuBackend for a device of the program does not destroy it, and asks the program for another one",
  ignore,
  fn: async () => {
    const request = async (): Promise<GPUDevice> => (await (await navigator.gpu.requestAdapter())!.requestDevice())!;
    const device = await request();
    const alone = new WebGpuBackend(device, { isFallback: false });
    assertEquals([alone.device, alone.isFallback], [device, false]);
    alone.create(16, DATA, "numbers");
    alone.dispose();
    const backend = new WebGpuBackend(device, { request });
    const buffer = backend.create(16, DATA, "numbers");
    backend.write(buffer, 0, counting(16, 1), 0, 16);
    assertEquals([...await readBack(backend, buffer, 0, 4)], [1, 2, 3, 4]);
    await lose(backend);
    await backend.reopen();
    assert(backend.device !== device);
    backend.recreate(buffer);
    assertEquals([...await readBack(backend, buffer, 0, 4)], [0, 0, 0, 0]);
    backend.dispose();
    const lost = backend.device.lost.then(() => "lost");
    assertEquals(await Promise.race([lost, settled(backend).then(() => "there")]), "there");
    backend.device.destroy();

    const last = new WebGpuBackend(await request());
    await lose(last);
    const error = await assertRejects(() => last.reopen(), GpuError);
    assertEquals(error.code, "FA857");
    last.dispose();
  },
});

Deno.test({
  name: "WebGpuBackend submits what waits before it maps a buffer",
  ignore,
  fn: async () => {
    const backend = await requireWebGpu();
    const buffer = backend.create(16, USAGE.MAP_READ | USAGE.COPY_DST, "read");
    const into = new Uint8Array(16);
    backend.write(buffer, 0, counting(16, 1), 0, 16);
    await backend.map(buffer, 0, 16);
    backend.readMapped(buffer, 0, into);
    assertEquals(into, counting(16, 1));
    backend.dispose();
  },
});

Deno.test({
  name: "WebGpuBackend rejects a mapping of a lost device even before the device says that it is lost",
  ignore,
  fn: async () => {
    const backend = await requireWebGpu();
    const buffer = backend.create(64, USAGE.MAP_READ | USAGE.COPY_DST, "read");
    await backend.verify(buffer);
    backend.device.destroy();
    const error = await assertRejects(() => backend.map(buffer, 0, 8), GpuError);
    assertEquals(error.code, "FA857");
    backend.dispose();
  },
});

Deno.test({
  name: "WebGpuBackend gives a device as large as the program asks for",
  ignore,
  fn: async () => {
    const adapter = (await navigator.gpu.requestAdapter())!;
    const maxBufferSize = Math.min(adapter.limits.maxBufferSize, 300 * 1024 ** 2);
    const backend = await requireWebGpu({ device: { requiredLimits: { maxBufferSize } } });
    assertEquals(backend.limits.maxBufferSize, maxBufferSize);
    backend.dispose();
    const error = await assertRejects(
      () => WebGpuBackend.request({ device: { requiredLimits: { maxBufferSize: 2 ** 52 } } }),
      GpuError,
    );
    assertEquals(error.code, "FA857");
  },
});

Deno.test("WebGpuBackend without an adapter says what to install", async () => {
  const { code, stdout, stderr } = await run(["-A", "tests/gpu/_no_adapter.ts"], {
    DENO_WEBGPU_BACKEND: "vulkan",
    VK_DRIVER_FILES: "/nonexistent.json",
  });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "GpuError: FA857: Cannot get a GPU device as no adapter was found: install");
});

Deno.test({
  name: "WebGpuBackend comes to the bytes of a model that does everything at once",
  ignore,
  fn: async () => {
    const complaints: string[] = [];
    const steps = fc.array(anyStep, { minLength: 5, maxLength: 60 });
    const backend = await requireWebGpu({ onError: (message) => complaints.push(message) });
    const model = new OrderModel(backend);
    await fc.assert(
      fc.asyncProperty(steps, async (steps) => {
        for (const step of steps) model.run(step);
        for (const buffer of [0, 1]) assertEquals(await readBack(backend, buffer, 0, 64), model.bytes()[buffer]);
      }),
      { numRuns: 30 },
    );
    assertEquals(complaints, []);
    backend.dispose();
  },
});
