/**
 * What is in allocations: written at once or with the next flush, copied on the device, and read back, exactly and in order.
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { MultiFrame, NullBackend } from "@framealloc/core/gpu";
import { codeOf, conform, digest, KIB, MIB, onNull, rejection } from "./_conformance.ts";
import { counting } from "./_bytes.ts";

const VISIBLE = { intent: "HostVisible" } as const;

conform(
  "GpuAllocator writes to allocations with a copy at the next flush, and to others at once",
  async ({ gpu, note }) => {
    const plain = gpu.alloc(64, { zero: true });
    const copied = gpu.alloc(64, { ...VISIBLE, zero: true });
    const neighbour = gpu.alloc(64, { zero: true });
    gpu.write(plain, counting(16, 1), 8);
    gpu.write(copied, new Float32Array([1, 2]), 4);
    gpu.write(copied, counting(3, 200), 21); // any byte, as the copy has the rest of the word
    gpu.write(plain, new DataView(counting(20, 100).buffer, 4, 8), 32);
    gpu.write(plain, counting(4, 50).buffer as ArrayBuffer, 60);
    const { writes } = gpu.stats().uploads;
    assertEquals(writes, 3);
    gpu.flush();
    assertEquals(gpu.stats().uploads.writes, 4);
    const expected = new Uint8Array(64);
    expected.set(counting(16, 1), 8);
    expected.set(counting(8, 104), 32);
    expected.set(counting(4, 50), 60);
    assertEquals(await gpu.read(plain), expected);
    const visible = new Uint8Array(64);
    visible.set(new Uint8Array(new Float32Array([1, 2]).buffer), 4);
    visible.set(counting(3, 200), 21);
    assertEquals([await gpu.read(copied), gpu.bytes(copied)], [visible, visible]);
    assertEquals(await gpu.read(neighbour), new Uint8Array(64));
    note("uploads", gpu.stats().uploads);
  },
);

conform("GpuAllocator takes numbers of every kind, shared memory and large arrays", async ({ gpu }) => {
  const sources = [
    new Int8Array([-1, 2, 3, 4]),
    new Uint16Array([1, 65_535]),
    new Float64Array([Math.PI]),
    new BigInt64Array([-5n]),
    new Uint8Array(new SharedArrayBuffer(16), 4, 8).fill(7),
    counting(100).subarray(3, 31),
  ];
  for (const options of [{}, VISIBLE]) {
    for (const source of sources) {
      const handle = gpu.alloc(source.byteLength, options);
      gpu.write(handle, source);
      gpu.flush();
      const wanted = new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice();
      assertEquals(await gpu.read(handle), wanted);
    }
  }
  const large = counting(9 * MIB);
  const handle = gpu.alloc(9 * MIB);
  gpu.write(handle, large);
  assertEquals(gpu.stats().uploads.chunks, 3);
  assertEquals(digest(await gpu.read(handle)), digest(large));
});

conform("GpuAllocator reads what it was last told, whatever was not flushed", async ({ gpu }) => {
  const handle = gpu.alloc(32, VISIBLE);
  const before = gpu.stats().uploads.writes;
  for (let i = 0; i < 50; i++) {
    gpu.write(handle, counting(32, i));
    assertEquals(await gpu.read(handle), counting(32, i));
  }
  assertEquals(gpu.stats().uploads.writes - before, 50);
  gpu.flush();
  assertEquals(gpu.stats().uploads.writes - before, 50); // nothing is left
});

conform(
  "GpuAllocator uploads what was touched in the copy, and nothing else of what the GPU writes",
  async ({ gpu, note }) => {
    const bytes = 256;
    const written = gpu.alloc(bytes, { ...VISIBLE, use: "storage" });
    const other = gpu.alloc(bytes, { zero: true });
    gpu.touch(written);
    gpu.flush();
    // The GPU writes there.
    gpu.write(other, new Uint8Array(bytes).fill(9));
    gpu.copy(other, written);
    gpu.bytes(written).fill(1);
    gpu.touch(written, 16, 4);
    gpu.touch(written, 101, 2);
    gpu.touch(written, 240);
    gpu.touch(written, undefined, 4);
    gpu.touch(written, 50, 0);
    gpu.flush();
    const expected = new Uint8Array(bytes).fill(9);
    for (const [start, end] of [[0, 4], [16, 20], [100, 104], [240, 256]] as const) expected.fill(1, start, end);
    assertEquals(await gpu.read(written), expected);
    note("uploads", gpu.stats().uploads);
    for (const [offset, count] of [[257], [-1], [0, 257], [200, 57], [NaN], [0.5], [0, -1]]) {
      assertEquals(codeOf(() => gpu.touch(written, offset!, count)), "FA009");
    }
  },
);

conform("GpuAllocator brings the copy of what the GPU writes up to date when that is asked", async ({ gpu }) => {
  const cached = gpu.alloc(60, { intent: "HostCached" });
  const source = gpu.alloc(60);
  gpu.write(source, counting(60, 10));
  gpu.copy(source, cached);
  assertEquals(gpu.bytes(cached), new Uint8Array(60));
  const refreshed = await gpu.refresh(cached);
  assertStrictEquals(refreshed, gpu.bytes(cached));
  assertEquals(refreshed, counting(60, 10));
  const gone = gpu.refresh(cached);
  gpu.free(cached);
  assertEquals(await rejection(() => gone), "FA858");
});

// Copies

conform("GpuAllocator copies within a buffer and between buffers, also over each other", async ({ gpu, note }) => {
  const one = gpu.alloc(64);
  const two = gpu.alloc(64);
  const alone = gpu.alloc(64, { isolate: true });
  const copied = gpu.alloc(64, { ...VISIBLE, use: "storage" });
  const { reserved } = gpu.stats();
  gpu.write(one, counting(64, 1));
  gpu.write(copied, counting(64, 150));
  gpu.copy(copied, two); // uploads it first
  gpu.copy(one, two, { from: 8, at: 40, bytes: 16 });
  gpu.copy(two, alone);
  gpu.copy(one, one, { from: 0, at: 12, bytes: 40 }); // forwards over itself
  gpu.copy(alone, alone, { from: 24, at: 4, bytes: 32 }); // backwards
  gpu.copy(one, one, { from: 4, at: 4 });
  gpu.copy(one, two, { bytes: 0 });
  const expectedTwo = counting(64, 150);
  expectedTwo.set(counting(16, 9), 40);
  const expectedOne = counting(64, 1);
  expectedOne.copyWithin(12, 0, 40);
  const expectedAlone = expectedTwo.slice().copyWithin(4, 24, 56);
  assertEquals([await gpu.read(one), await gpu.read(two), await gpu.read(alone)], [
    expectedOne,
    expectedTwo,
    expectedAlone,
  ]);
  assertEquals(gpu.stats().heaps.storage.allocations, 4);
  assertEquals(gpu.stats().heaps.storage.reserved, reserved);
  note("reserved", reserved);
});

conform("GpuAllocator refuses copies that are outside or misaligned, and copies nothing then", async ({ gpu }) => {
  const one = gpu.alloc(64);
  const two = gpu.alloc(40, { zero: true });
  for (
    const [code, options] of [
      ["FA009", { bytes: 44 }],
      ["FA009", { from: 32, bytes: 36 }],
      ["FA009", { from: 68 }],
      ["FA009", { at: -4 }],
      ["FA009", { bytes: -4 }],
      ["FA009", { bytes: NaN }],
      ["FA008", { from: 2, bytes: 4 }],
      ["FA008", { at: 1, bytes: 4 }],
      ["FA008", { bytes: 6 }],
    ] as const
  ) assertEquals(codeOf(() => gpu.copy(one, two, options)), code, JSON.stringify(options));
  gpu.write(one, counting(64, 1));
  gpu.copy(one, two); // as many as both have
  assertEquals(await gpu.read(two), counting(40, 1));
});

conform("GpuAllocator copies and writes through the frame ring as through any memory", async ({ gpu }) => {
  gpu.beginFrame();
  const options = { ...VISIBLE, lifetime: "Frame" } as const;
  const early = gpu.alloc(32, options);
  const target = gpu.alloc(32);
  gpu.write(early, counting(32, 1));
  gpu.copy(early, target); // what was not flushed yet goes along
  const read = gpu.read(target);
  // After the upload of the frame so far.
  gpu.write(early, counting(3, 99), 6);
  gpu.bytes(early).fill(55, 16, 24);
  gpu.touch(early, 16, 8);
  const late = gpu.alloc(8, options);
  gpu.write(late, counting(8, 70));
  const both = [gpu.read(early), gpu.read(late)];
  const over = gpu.alloc(32, options);
  gpu.bytes(over).fill(3);
  gpu.copy(target, over); // the GPU writes there, and nothing after it writes over that
  const copied = gpu.read(over);
  gpu.endFrame();
  const expected = counting(32, 1);
  expected.set(counting(3, 99), 6);
  expected.fill(55, 16, 24);
  assertEquals(await Promise.all([read, ...both, copied]), [
    counting(32, 1),
    expected,
    counting(8, 70),
    counting(32, 1),
  ]);
});

conform("GpuAllocator holds zeros where that was asked for, whatever was there", async ({ gpu }) => {
  for (const options of [{}, VISIBLE, { intent: "HostCached" }, { intent: "Readback" }] as const) {
    for (const bytes of [4, 30, 1000]) {
      const dirty = gpu.alloc(1024, options);
      gpu.write(dirty, new Uint8Array(1024).fill(255));
      gpu.flush();
      gpu.free(dirty);
      const clean = gpu.alloc(bytes, { ...options, zero: true });
      assertEquals(await gpu.read(clean), new Uint8Array(bytes), JSON.stringify(options));
      gpu.free(clean);
    }
  }
  gpu.beginFrame();
  gpu.ring.push(new Uint8Array(256).fill(255));
  gpu.endFrame();
  gpu.beginFrame();
  const handle = gpu.alloc(64, { ...VISIBLE, lifetime: "Frame", zero: true });
  assertEquals(gpu.bytes(handle), new Uint8Array(64));
  gpu.endFrame();
});

// Reading

conform("GpuAllocator brings all that is read in a frame at once, at every offset and size", async ({ gpu, note }) => {
  const handle = gpu.alloc(64);
  const direct = gpu.alloc(64, { intent: "Readback" });
  gpu.write(handle, counting(64, 1));
  gpu.copy(handle, direct);
  gpu.beginFrame();
  const reads: Promise<void>[] = [];
  for (let offset = 0; offset < 12; offset++) {
    for (let bytes = 0; bytes < 12; bytes++) {
      const into = new Uint8Array(bytes + 1).fill(255);
      reads.push(
        gpu.read(handle, { offset, bytes, into }).then((read) => {
          assertStrictEquals(read, into);
          assertEquals(read, new Uint8Array([...counting(bytes, offset + 1), 255]));
        }),
      );
    }
  }
  const rest = gpu.read(handle, { offset: 60 });
  assertEquals(gpu.stats().readbacks.maps, 0);
  gpu.endFrame();
  await Promise.all(reads);
  assertEquals(await rest, counting(4, 61));
  assertEquals(gpu.stats().readbacks.maps, 1);
  assertEquals(await gpu.read(direct, { offset: 5, bytes: 7 }), counting(7, 6));
  note("readbacks", gpu.stats().readbacks);
});

conform(
  "GpuAllocator refuses reads that make no sense, and fails those whose allocation or array is gone",
  async ({ gpu }) => {
    const handle = gpu.alloc(64);
    for (const options of [{ offset: 65 }, { bytes: 65 }, { offset: -1 }, { offset: 1.5 }, { bytes: -1 }]) {
      assertEquals(codeOf(() => gpu.read(handle, options)), "FA009", JSON.stringify(options));
    }
    for (const into of [new Uint8Array(63), new Float32Array(64), [], 7]) {
      assertEquals(codeOf(() => gpu.read(handle, { into: into as Uint8Array })), "FA008");
    }
    gpu.beginFrame();
    const into = new Uint8Array(64);
    const detached = gpu.read(handle, { into });
    const read = gpu.read(handle);
    const direct = gpu.alloc(64, { intent: "Readback", zero: true });
    const mapped = gpu.read(direct);
    into.buffer.transfer();
    gpu.free(direct);
    const codes = [rejection(() => detached), rejection(() => mapped)];
    gpu.endFrame();
    assertEquals(await Promise.all(codes), ["FA858", "FA858"]);
    assertEquals((await read).length, 64);
    gpu.beginFrame();
    const short = gpu.alloc(64, { lifetime: MultiFrame(1) });
    const late = [gpu.read(handle), gpu.read(short)];
    gpu.free(handle);
    gpu.endFrame();
    assertEquals(await Promise.all(late.map((read) => rejection(() => read))), ["FA858", "none"]);
  },
);

onNull("GpuAllocator says when a read would have to wait, and reads it in its turn", async ({ gpu, backend }) => {
  backend.latency = 50;
  const handle = gpu.alloc(64, { zero: true });
  const reads: Promise<Uint8Array>[] = [];
  for (let i = 0; i < 2; i++) {
    gpu.beginFrame();
    reads.push(gpu.tryRead(handle)!);
    gpu.endFrame();
  }
  gpu.beginFrame();
  assertEquals([gpu.tryRead(handle), gpu.stats().readbacks.inFlight], [undefined, 2]);
  reads.push(gpu.read(handle));
  gpu.endFrame();
  for (const read of reads) assertEquals(await read, new Uint8Array(64));
}, { gpu: { readbackBuffers: 2 } });

conform("GpuAllocator refuses data that have lost their memory, do not fit, or are no data", ({ gpu }) => {
  const plain = gpu.alloc(64);
  const copied = gpu.alloc(64, VISIBLE);
  const gone = new Uint8Array(64);
  gone.buffer.transfer();
  for (const handle of [plain, copied]) {
    for (const data of [gone, null, undefined, 7, "bytes", [1, 2], {}]) {
      assertEquals(codeOf(() => gpu.write(handle, data as Uint8Array)), "FA008", `${typeof data}`);
    }
    for (const offset of [61, -4, 1.5, NaN]) {
      assertEquals(codeOf(() => gpu.write(handle, counting(4), offset)), "FA009", String(offset));
    }
    assertEquals(codeOf(() => gpu.write(handle, counting(65))), "FA009");
    gpu.write(handle, new Uint8Array(0), 64);
  }
  assertEquals(codeOf(() => gpu.write(plain, counting(4), 2)), "FA008");
  assertEquals(codeOf(() => gpu.write(plain, counting(6))), "FA008");
  assertEquals([gpu.stats().uploads.writes, gpu.size(plain)], [0, 64]);
});

onNull("GpuAllocator uploads in the fewest writes, and scatters where that is cheaper", ({ gpu, backend }) => {
  const handle = gpu.alloc(256 * KIB, { ...VISIBLE, use: "storage" });
  const bytes = gpu.bytes(handle);
  for (let i = 0; i < 4096; i += 2) {
    bytes.fill(i & 255, i * 64, i * 64 + 64);
    gpu.touch(handle, i * 64, 64);
  }
  gpu.flush();
  const { writes, scatters } = gpu.stats().uploads;
  assertEquals([writes, scatters], [0, 1]);
  gpu.touch(handle, 0, 64);
  gpu.touch(handle, 64, 64);
  gpu.flush();
  assertEquals([gpu.stats().uploads.writes, gpu.stats().uploads.scatters], [1, 1]);
  const device = gpu.buffer(handle) as Uint8Array;
  assertEquals(backend instanceof NullBackend && digest(device.slice(0, bytes.length)), digest(bytes));
});
