/**
 * What went wrong once: callbacks in the middle of things, memory that turned out not to be there, and transfers that overtake each other.
 */

import { FrameAllocError, SmartAlloc } from "@framealloc/core";
import { arrayBufferSource, type ChunkSource } from "@framealloc/core/memory";
import { GpuAllocator, type GpuAllocatorOptions, type GpuHandle, NullBackend } from "../../gpu/mod.ts";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { type Device, lose, NO_WEBGPU, nullBackend, requireWebGpu, settled } from "./_backends.ts";
import { counting } from "./_bytes.ts";

const SMALL = { blockSize: 65_536, maxBlockSize: 131_072 } as const;

interface Kit {
  readonly alloc: SmartAlloc;
  readonly backend: NullBackend;
  readonly gpu: GpuAllocator<Uint8Array>;
}

function kit(options?: GpuAllocatorOptions, source?: ChunkSource): Kit {
  const alloc = new SmartAlloc(source === undefined ? {} : { source });
  const backend = new NullBackend();
  return { alloc, backend, gpu: new GpuAllocator(alloc, backend, options) };
}

/** Registers a test for either device. */
function onBoth(name: string, test: (gpu: GpuAllocator, backend: Device) => Promise<void>): void {
  const run = async (backend: Device) => {
    const gpu = new GpuAllocator<unknown>(new SmartAlloc(), backend);
    try {
      await test(gpu, backend);
      await settled(backend);
    } finally {
      gpu.dispose();
    }
  };
  Deno.test(`${name} (null)`, () => run(nullBackend()));
  const ignore = NO_WEBGPU !== undefined;
  Deno.test({ name: `${name} (webgpu)`, ignore, fn: async () => await run(await requireWebGpu()) });
}

function throws(code: string, fn: () => unknown, text = ""): void {
  assertEquals(assertThrows(fn, FrameAllocError, text).code, code);
}

async function rejects(code: string, promise: Promise<unknown>): Promise<void> {
  const error = await assertRejects(() => promise, FrameAllocError);
  assertEquals(error.code, code, error.message);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

// Transfers

onBoth("GpuAllocator copies allocations that end within a word as a whole", async (gpu) => {
  const [a, b, c] = [gpu.alloc(10), gpu.alloc(10), gpu.alloc(10, { isolate: true })];
  gpu.write(a, counting(10, 1));
  gpu.copy(a, b); // within one buffer
  gpu.copy(b, c);
  assertEquals(await gpu.read(c), counting(10, 1));
  throws("FA008", () => gpu.copy(a, gpu.alloc(100))); // would overwrite what follows
});

Deno.test("GpuAllocator evicts neither end of a copy for what lies between", async () => {
  const { gpu } = kit({ ...SMALL, maxBlockSize: 65_536, budget: { hard: 131_072 } });
  const [a, b] = [gpu.alloc(16_384, { lifetime: "Streaming" }), gpu.alloc(16_384, { lifetime: "Streaming" })];
  gpu.write(a, new Uint8Array(16_384).fill(7));
  const full = gpu.alloc(60_000, { isolate: true });
  throws("FA352", () => gpu.copy(a, b));
  assertEquals([gpu.isLive(a), gpu.isLive(b)], [true, true]);
  gpu.free(full);
  gpu.copy(a, b);
  assertEquals((await gpu.read(b))[16_383], 7);
  gpu.pin(a);
  gpu.unpin(a); // it was not left pinned
  throws("FA406", () => gpu.unpin(a));
  gpu.dispose();
});

onBoth("GpuAllocator refreshes no copy that was written meanwhile", async (gpu) => {
  const handle = gpu.alloc(16, { intent: "HostCached" });
  gpu.write(handle, counting(16, 1));
  const reading = gpu.refresh(handle);
  await undefined;
  await undefined; // it was sent
  gpu.write(handle, counting(16, 50));
  await rejects("FA858", reading);
  assertEquals(gpu.bytes(handle), counting(16, 50));
  gpu.flush();
  assertEquals(await gpu.read(handle), counting(16, 50));
  assertStrictEquals(await gpu.refresh(handle), gpu.bytes(handle));
});

onBoth("GpuAllocator says of what is read directly that it was freed", async (gpu) => {
  const handle = gpu.alloc(16, { intent: "Readback" });
  const reading = [gpu.read(handle), gpu.read(handle)];
  gpu.free(handle);
  for (const one of reading) await rejects("FA858", one);
  throws("FA008", () => gpu.alloc(16, { intent: "Readback", onLoss: "shadow" })); // it would never be uploaded
});

Deno.test("GpuAllocator never gives another one's bytes for memory that was not there", async () => {
  const { backend, gpu } = kit();
  const kept = gpu.alloc(16);
  gpu.write(kept, counting(16, 9));
  assertEquals(await gpu.read(kept), counting(16, 9)); // this is still in the buffer that brings the next one
  backend.oomAt = backend.liveBytes;
  const lost = gpu.alloc(16, { isolate: true });
  const moved = gpu.alloc(16, { isolate: true, intent: "HostVisible" });
  gpu.write(moved, counting(16, 1));
  const reading = [gpu.read(lost), gpu.read(moved)];
  backend.oomAt = Infinity; // the second one is tried again
  for (const one of reading) await rejects("FA856", one);
  assertEquals(await gpu.read(moved), counting(16, 1));
  throws("FA856", () => gpu.read(lost));
  gpu.dispose();
});

Deno.test("GpuAllocator uploads the others if one copy was transferred away", async () => {
  const { gpu } = kit();
  const handles = [0, 1, 2].map((i) => gpu.alloc(16, { intent: "HostVisible", name: `number ${i}` }));
  for (const handle of handles) gpu.write(handle, counting(16, 3));
  (gpu.bytes(handles[1]!).buffer as ArrayBuffer).transfer();
  throws("FA008", () => gpu.flush(), `"number 1"`);
  gpu.flush(); // that was told once
  assertEquals(await gpu.read(handles[0]!), counting(16, 3));
  assertEquals(await gpu.read(handles[2]!), counting(16, 3));
  gpu.dispose();
});

Deno.test("GpuAllocator sends what is to be read although the end of the frame throws", async () => {
  const { backend, gpu } = kit();
  const handle = gpu.alloc(16, { zero: true });
  backend.oomAt = backend.liveBytes + 65_536; // for reading back, but not for the ring
  gpu.beginFrame();
  gpu.ring.push(counting(16));
  const reading = gpu.read(handle);
  await turn();
  throws("FA856", () => gpu.endFrame());
  assertEquals(await reading, new Uint8Array(16));
  backend.oomAt = Infinity; // and the ring is not lost for ever
  gpu.beginFrame();
  const place = gpu.ring.push(counting(16));
  gpu.flush();
  assertEquals(gpu.ring.buffer(place).slice(0, 16), counting(16));
  gpu.endFrame();
  gpu.dispose();
});

onBoth("GpuAllocator does not end the program by reads that nobody hears of", async (gpu, backend) => {
  const handles = [gpu.alloc(16), gpu.alloc(16, { intent: "Readback" }), gpu.alloc(16, { intent: "HostCached" })];
  gpu.beginFrame();
  for (const handle of handles) gpu.read(handle);
  gpu.refresh(handles[2]!);
  await lose(backend);
  throws("FA857", () => gpu.endFrame());
  await turn(); // a rejection that nobody handles would fail this test
  await gpu.recover();
  gpu.read(handles[0]!);
  gpu.dispose();
  await turn();
});

// Loss

onBoth("GpuAllocator uploads a frame again after a loss in it", async (gpu, backend) => {
  const results = gpu.alloc(16);
  gpu.beginFrame();
  const place = gpu.alloc(16, { intent: "HostVisible", lifetime: "Frame" });
  gpu.write(place, counting(16, 1));
  gpu.flush();
  await lose(backend);
  await gpu.recover();
  gpu.copy(place, results);
  const reading = gpu.read(results);
  gpu.endFrame();
  assertEquals(await reading, counting(16, 1));
});

Deno.test("GpuAllocator brings the others back if one copy was transferred away", async () => {
  const { backend, gpu } = kit();
  const handles = [0, 1, 2].map(() => gpu.alloc(16, { intent: "HostVisible" }));
  for (const handle of handles) gpu.write(handle, counting(16, 3));
  gpu.flush();
  (gpu.bytes(handles[0]!).buffer as ArrayBuffer).transfer();
  backend.lose();
  const { restored, failed } = await gpu.recover();
  assertEquals([restored, failed.map(({ handle }) => handle)], [2, [handles[0]!]]);
  assertEquals(await gpu.read(handles[2]!), counting(16, 3));
  gpu.dispose();
});

// Memory that turns out not to be there

Deno.test("GpuAllocator moves nothing from memory that is there to what may not be", async () => {
  const { backend, gpu } = kit(SMALL);
  const [before, kept, after] = [gpu.alloc(30_000), gpu.alloc(4096), gpu.alloc(30_000)];
  gpu.write(kept, new Uint8Array(4096).fill(3));
  await gpu.settled();
  backend.oomAt = backend.liveBytes + 65_536; // for reading back, but not for the next block
  const fat = [gpu.alloc(30_000), gpu.alloc(60_000)];
  gpu.free(before);
  gpu.free(after);
  assertEquals(gpu.defragment().moved, 0);
  await assertRejects(() => gpu.settled(), FrameAllocError, "FA856");
  assertEquals((await gpu.read(kept))[4095], 3);
  backend.oomAt = Infinity;
  for (const handle of fat) gpu.free(handle);
  const others = [gpu.alloc(30_000), gpu.alloc(30_000), gpu.alloc(30_000)];
  await gpu.settled();
  gpu.free(others[0]!);
  assertEquals(gpu.defragment().moved, 1); // once it is known to be there
  assertEquals((await gpu.read(kept))[4095], 3);
  gpu.dispose();
});

Deno.test("GpuAllocator lets all of a buffer be freed when it is told of the first that has no memory", async () => {
  const handles: GpuHandle[] = [];
  const told: GpuHandle[] = [];
  const { alloc, backend, gpu } = kit({
    onOutOfMemory: (handle) => {
      told.push(handle);
      for (const one of handles) if (gpu.isLive(one)) gpu.free(one);
    },
  });
  backend.oomAt = 0;
  for (let i = 0; i < 6; i++) handles.push(gpu.alloc(100, i < 4 ? {} : { lifetime: "Streaming" }));
  await gpu.settled();
  assert(told.length >= 1 && told.length <= 2, `${told}`); // once per buffer
  assertEquals([gpu.stats().allocations, gpu.stats().used, backend.liveBytes], [0, 0, 0]);
  backend.oomAt = Infinity;
  const next = [gpu.alloc(100), gpu.alloc(100, { lifetime: "Streaming" })];
  await gpu.settled(); // none of them has inherited the failure
  for (const handle of next) assertEquals(gpu.offset(handle), 0);
  gpu.dispose();
  assertEquals(alloc.stats().tags.every(({ inUse }) => (inUse.gpu ?? 0) === 0), true);
});

Deno.test("GpuAllocator tells no callback of an allocation that another one has freed", async () => {
  const told: boolean[] = [];
  const movable: GpuHandle[] = [];
  const onMove = (handle: GpuHandle): void => {
    told.push(gpu.isLive(handle));
    for (const one of movable) if (one !== handle && gpu.isLive(one)) gpu.free(one);
  };
  const { gpu } = kit(SMALL);
  const fill = [gpu.alloc(30_000), gpu.alloc(30_000)];
  movable.push(gpu.alloc(256, { onMove }), gpu.alloc(256, { onMove }));
  gpu.alloc(60_000);
  gpu.alloc(30_000);
  await gpu.settled();
  for (const handle of fill) gpu.free(handle);
  assertEquals(gpu.defragment().moved, 2);
  assertEquals(told, [true]);
  gpu.dispose();
});

// Callbacks that throw, and limits

Deno.test("GpuAllocator keeps nothing of an allocation that a callback has stopped", () => {
  const stop = (): never => {
    throw new RangeError("the program's own");
  };
  const { alloc, gpu } = kit({ budget: { soft: 1, hard: 1e9, onCross: stop } });
  alloc.budgets.setTag("tagged", { soft: 1, onCross: stop });
  for (let i = 0; i < 3; i++) {
    assertThrows(() => gpu.alloc(100, { intent: "HostVisible" }), RangeError);
    assertThrows(() => alloc.withTag("tagged", () => gpu.alloc(100, { intent: "HostVisible" })), RangeError);
  }
  const { allocations, reserved } = gpu.stats();
  const { budgets, heap, tags } = alloc.stats();
  assertEquals([allocations, reserved, heap.bytes], [0, 0, 0]);
  assertEquals(tags.every(({ inUse }) => (inUse.gpu ?? 0) === 0), true);
  assertEquals(budgets.find(({ name }) => name === "tagged")!.used, 0);
  gpu.dispose();
});

Deno.test("GpuAllocator refuses what a limit does not allow, and holds nothing of it", () => {
  const { gpu } = kit({ budgets: { storage: { hard: 100_000 } } });
  assertEquals(gpu.tryAlloc(200_000, { isolate: true, onLoss: "shadow" }), undefined);
  throws("FA352", () => gpu.alloc(200_000));
  assertEquals([gpu.stats().allocations, gpu.stats().reserved], [0, 0]);
  gpu.dispose();
});

Deno.test("GpuRing stays within the limit of a tag, padding included", () => {
  const { alloc, gpu } = kit();
  alloc.budgets.setTag("tagged", { hard: 200 });
  gpu.beginFrame();
  alloc.withTag("tagged", () => {
    gpu.ring.alloc(100);
    throws("FA352", () => gpu.ring.alloc(16)); // at 256
    assertEquals(gpu.ring.offset(gpu.ring.alloc(16, "vertex")), 112);
  });
  const { used, peak } = alloc.stats().budgets.find(({ name }) => name === "tagged")!;
  assertEquals([used, peak], [128, 128]);
  gpu.endFrame();
  gpu.dispose();
});

Deno.test("GpuRing uploads all of chunks that are larger than was asked for", () => {
  const source = {
    ...arrayBufferSource,
    name: "generous",
    obtain: (bytes: number) => arrayBufferSource.obtain(4 * bytes),
  };
  const { gpu } = kit({ ringSize: 1000 }, source);
  gpu.beginFrame();
  const arrays = Array.from({ length: 600 }, (_, i) => gpu.ring.slice(Uint32Array, 64).fill(i));
  gpu.flush();
  for (const [i, array] of arrays.entries()) {
    const { buffer } = gpu.ring.buffer(array);
    assertEquals(new Uint32Array(buffer, gpu.ring.offset(array), 64), new Uint32Array(64).fill(i));
  }
  gpu.endFrame();
  gpu.dispose();
});
