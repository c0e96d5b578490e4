/**
 * The null device: that it defers everything, that its faults come when they are told to, and what it refuses beyond other devices.
 */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { ArgumentError } from "@framealloc/core";
import { USAGE } from "../../gpu/backend/backend.ts";
import { GpuError } from "../../gpu/gpu_error.ts";
import { nullBackend, readBack } from "./_backends.ts";
import { counting } from "./_bytes.ts";
import { anyStep, OrderModel } from "./_order_programs.ts";

const DATA = USAGE.COPY_SRC | USAGE.COPY_DST;
const ARRAY = DATA | USAGE.STORAGE;
const READ = USAGE.MAP_READ | USAGE.COPY_DST;

Deno.test("NullBackend has the limits of every WebGPU device, but for those that are given", () => {
  assertEquals(nullBackend().limits, {
    uniformAlign: 256,
    storageAlign: 256,
    maxBufferSize: 268_435_456,
    maxUniformBinding: 65_536,
    maxStorageBinding: 134_217_728,
  });
  const small = nullBackend({ limits: { storageAlign: 32, maxBufferSize: 1024 }, isFallback: true });
  assertEquals([small.limits.storageAlign, small.limits.uniformAlign, small.isFallback], [32, 256, true]);
  assertThrows(() => small.create(1028, DATA, ""), ArgumentError, "FA008");
  small.scatter(small.create(64, ARRAY, ""), 32, 4, new Uint8Array(8), 1, 4);
});

Deno.test("NullBackend does nothing before submit()", () => {
  const backend = nullBackend();
  const a = backend.create(16, ARRAY, "a");
  const b = backend.create(16, DATA, "b");
  const bytes = counting(16, 1);
  backend.write(a, 0, bytes, 0, 16);
  backend.copy(a, 0, b, 0, 16);
  backend.clear(a, 4, 4);
  backend.scatter(a, 0, 16, new Uint8Array([3, 0, 0, 0, 50, 51, 52, 53]), 1, 4);
  bytes.fill(0);
  assertEquals([...backend.raw(a)], Array(16).fill(0));
  assertEquals([...backend.raw(b)], Array(16).fill(0));
  backend.submit();
  assertEquals([...backend.raw(a)], [1, 2, 3, 4, 0, 0, 0, 0, 9, 10, 11, 12, 50, 51, 52, 53]);
  assertEquals([...backend.raw(b)], [...counting(16, 1)]);
});

Deno.test("NullBackend refuses to map a buffer with work that was not submitted", async () => {
  const backend = nullBackend();
  const source = backend.create(16, DATA, "source");
  const target = backend.create(16, READ, "target");
  backend.copy(source, 0, target, 0, 16);
  assertThrows(() => backend.map(target, 0, 16), GpuError, 'FA853: Cannot map buffer 1 ("target") as not all work');
  backend.submit();
  backend.write(source, 0, counting(16), 0, 16);
  await backend.map(target, 0, 16);
});

Deno.test("NullBackend refuses to scatter two records to the same place", () => {
  const backend = nullBackend();
  const buffer = backend.create(16, ARRAY, "records");
  const packed = new Uint8Array(new Uint32Array([2, 2, 8, 9]).buffer);
  assertThrows(() => backend.scatter(buffer, 0, 16, packed, 2, 4), ArgumentError, "FA008: Cannot scatter to record 2");
});

Deno.test("NullBackend has no memory beyond oomAt, which can change at any time", async () => {
  const backend = nullBackend({ oomAt: 100 });
  const first = backend.create(64, DATA, "first");
  const second = backend.create(64, DATA, "second");
  assertEquals([backend.liveBytes, backend.liveBuffers], [64, 1]);
  assertEquals([await backend.verify(first), await backend.verify(second)], ["ok", "out of memory"]);
  // What is asked of it does not happen, to it and to others.
  backend.write(first, 0, counting(64, 1), 0, 64);
  backend.write(second, 0, counting(64, 1), 0, 64);
  backend.copy(second, 0, first, 0, 64);
  backend.copy(first, 0, second, 0, 64);
  backend.submit();
  assertEquals([...backend.raw(first)], [...counting(64, 1)]);
  assertEquals(backend.raw(second).length, 0);
  const error = await assertRejects(() => backend.map(backend.create(64, READ, "third"), 0, 8), GpuError);
  assertEquals(error.code, "FA856");

  backend.destroy(second);
  assertEquals([backend.liveBytes, backend.liveBuffers], [64, 1]);
  backend.destroy(first);
  assertEquals([backend.liveBytes, backend.liveBuffers], [0, 0]);
  assertEquals(await backend.verify(backend.create(100, DATA, "fits")), "ok");
  assertEquals(await backend.verify(backend.create(4, DATA, "does not")), "out of memory");
  backend.oomAt = Infinity;
  assertEquals(await backend.verify(backend.create(4, DATA, "does now")), "ok");
  assertEquals(backend.liveBytes, 104);
});

Deno.test("NullBackend takes no memory for buffers that nobody touches", () => {
  const backend = nullBackend();
  // 64 GiB, which no test could have.
  for (let i = 0; i < 256; i++) backend.create(256 * 1024 ** 2, DATA, "large");
  backend.copy(0, 0, 1, 0, 256 * 1024 ** 2);
  backend.clear(2, 0, 256 * 1024 ** 2);
  backend.submit();
  assertEquals([backend.liveBytes, backend.liveBuffers], [256 * 256 * 1024 ** 2, 256]);
});

Deno.test("NullBackend takes the bytes of a destroyed buffer from those who still hold them", () => {
  const backend = nullBackend();
  const buffer = backend.create(16, DATA, "numbers");
  const bytes = backend.raw(buffer);
  assertEquals(bytes.length, 16);
  backend.destroy(buffer);
  assertEquals(bytes.length, 0);
  const lost = backend.raw(backend.create(16, DATA, "lost"));
  backend.lose();
  assertEquals(lost.length, 0);
});

Deno.test("NullBackend is lost when it is told to, with its buffers and all who wait", async () => {
  const backend = nullBackend({ latency: Infinity });
  const losses: string[] = [];
  backend.onLoss = (loss) => losses.push(`${loss.reason}: ${loss.message}`);
  const buffer = backend.create(16, DATA, "numbers");
  const read = backend.create(16, READ, "read");
  backend.write(buffer, 0, counting(16, 1), 0, 16);
  const waits = [backend.map(read, 0, 16), backend.done()];
  backend.lose("unknown", "the driver has restarted");
  backend.lose();
  assertEquals(losses, ["unknown: the driver has restarted"]);
  for (const wait of waits) {
    const error = await assertRejects(() => wait, GpuError, "(unknown: the driver has restarted)");
    assertEquals(error.code, "FA857");
  }
  assertEquals([backend.liveBytes, backend.liveBuffers], [0, 0]);

  backend.latency = 1;
  backend.failReopen = 1;
  const error = await assertRejects(() => backend.reopen(), GpuError);
  assertEquals([error.code, backend.loss?.reason], ["FA857", "unknown"]);
  await backend.reopen();
  assertEquals(backend.loss, undefined);
  backend.oomAt = 16;
  backend.recreate(buffer);
  backend.recreate(read);
  assertEquals([backend.liveBytes, backend.liveBuffers], [16, 1]);
  assertEquals([await backend.verify(buffer), await backend.verify(read)], ["ok", "out of memory"]);
  // What was not submitted was lost too.
  backend.submit();
  assertEquals([...backend.raw(buffer)], Array(16).fill(0));
});

Deno.test("NullBackend answers after as many turns as it is told", async () => {
  const order: string[] = [];
  const backend = nullBackend({ latency: 20 });
  const buffer = backend.create(16, READ, "read");
  const waits = [
    backend.map(buffer, 0, 16).then(() => order.push("map")),
    backend.done().then(() => order.push("done")),
    backend.verify(buffer).then(() => order.push("verify")),
  ];
  for (let i = 0; i < 20; i++) await undefined;
  assertEquals(order, []);
  await Promise.all(waits);
  assertEquals(order.toSorted(), ["done", "map", "verify"]);
});

Deno.test("NullBackend comes to the bytes of a model that does everything at once", async () => {
  await fc.assert(fc.asyncProperty(fc.array(anyStep, { maxLength: 40 }), async (steps) => {
    const backend = nullBackend();
    const model = new OrderModel(backend);
    let submitted = model.bytes();
    for (const step of steps) {
      model.run(step);
      if (step.kind === "submit") submitted = model.bytes();
      assertEquals([backend.raw(0), backend.raw(1)], submitted);
    }
    for (const buffer of [0, 1]) assertEquals(await readBack(backend, buffer, 0, 64), model.bytes()[buffer]);
  }));
});
