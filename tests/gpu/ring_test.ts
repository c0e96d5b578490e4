/**
 * Memory of a frame: the same offsets on both sides, one write per flush, and buffers that follow what frames need.
 */

import { f32, struct, vec4f } from "@framealloc/core";
import { NullBackend } from "@framealloc/core/gpu";
import { assert, assertEquals, assertNotEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { readBack } from "./_backends.ts";
import {
  type Bench,
  charged,
  checkCharges,
  codeOf,
  conform,
  digest,
  frames,
  KIB,
  MIB,
  onNull,
  tagged,
} from "./_conformance.ts";
import { counting } from "./_bytes.ts";

const Draw = struct("Draw", { color: vec4f, glow: f32 }, { rules: "wgsl" });
const SMALL = { gpu: { ringSize: 64 * KIB } };

/** Bytes of the ring on the device, by way of a copy. */
async function onDevice({ gpu, backend }: Bench, place: number, bytes: number): Promise<Uint8Array> {
  const buffer = gpu.ring.buffer(place);
  for (let id = 0;; id++) {
    if (codeOf(() => backend.raw(id)) !== "none" || backend.raw(id) !== buffer) continue;
    return await readBack(backend, id, gpu.ring.offset(place), bytes);
  }
}

conform("GpuRing has everything at the same offset on both sides, and uploads it in one write", async (bench) => {
  const { gpu, note } = bench;
  gpu.beginFrame();
  const bytes = gpu.ring.alloc(20);
  gpu.ring.view(bytes, Uint8Array, 20).set(counting(20, 1));
  const pushed = gpu.ring.push(new Float32Array([1, 2, 3]));
  const slice = gpu.ring.slice(Uint16Array, 5);
  slice.set([9, 8, 7, 6, 5]);
  const batch = gpu.ring.batch(Draw, 3);
  batch.at(2).glow = 7;
  const box = gpu.ring.box(Draw, { color: [1, 2, 3, 4], glow: 5 });
  const columns = gpu.ring.columns(Draw, 64);
  const glow = columns.glow as unknown as Float32Array;
  glow.fill(4);
  const packed = [gpu.ring.alloc(4, "vertex"), gpu.ring.alloc(4, "vertex"), gpu.ring.push(counting(8, 5), "vertex")];
  const offsets = [bytes, pushed, slice, batch, box, glow, ...packed].map((data) => gpu.ring.offset(data));
  note("offsets", offsets);
  assertEquals(offsets.slice(0, 5).map((offset) => offset % 256), [0, 0, 0, 0, 0]);
  assertEquals(packed, offsets.slice(6));
  assertEquals([packed[1]! - packed[0]!, packed[2]! - packed[1]!], [16, 16]);
  const before = gpu.stats().uploads;
  gpu.flush();
  const { writes, bytes: uploaded } = gpu.stats().uploads;
  assertEquals([writes - before.writes, uploaded - before.bytes], [1, gpu.ring.used]);
  gpu.flush();
  assertEquals(gpu.stats().uploads.writes, writes);

  assertEquals(await onDevice(bench, bytes, 20), counting(20, 1));
  assertEquals(new Float32Array((await onDevice(bench, pushed, 12)).buffer), new Float32Array([1, 2, 3]));
  const at = (data: Parameters<typeof gpu.ring.offset>[0], from: number, count: number) =>
    onDevice(bench, gpu.ring.offset(data) + from, count);
  assertEquals(new Uint16Array((await at(slice, 0, 12)).buffer).slice(0, 5), new Uint16Array([9, 8, 7, 6, 5]));
  const floats = new Float32Array((await at(box, 0, 32)).buffer);
  assertEquals(floats.slice(0, 5), new Float32Array([1, 2, 3, 4, 5]));
  assertEquals(new Float32Array((await at(batch, 2 * 32, 32)).buffer)[4], 7);
  for (const data of [bytes, pushed, slice, batch, box, glow]) {
    assertStrictEquals(gpu.ring.buffer(data), gpu.ring.buffer(bytes));
  }
  gpu.endFrame();
});

conform("GpuRing gives further memory when a frame needs more, and one larger buffer to the next", async (bench) => {
  const { gpu, note, alloc } = bench;
  gpu.beginFrame();
  const handles = Array.from({ length: 20 }, (_, i) => {
    const place = gpu.ring.push(new Uint8Array(10 * KIB).fill(i + 1));
    return { place, i };
  });
  const pages = gpu.dump().ring.pages.map(({ size }) => size / KIB);
  note("pages", pages);
  assertEquals(pages, [64, 64, 128]);
  assertEquals([gpu.ring.overflows, gpu.ring.used, gpu.stats().ring.reserved], [2, 20 * 10 * KIB, 256 * KIB]);
  gpu.flush();
  assertEquals(gpu.stats().uploads.writes, 3);
  for (const { place, i } of handles) {
    assertEquals(digest(await onDevice(bench, place, 10 * KIB)), digest(new Uint8Array(10 * KIB).fill(i + 1)));
  }
  // A place counts through all of them, an offset is in one.
  const last = handles.at(-1)!.place;
  assertNotEquals(gpu.ring.offset(last), last);
  gpu.endFrame();
  gpu.beginFrame();
  const [page, ...others] = gpu.dump().ring.pages;
  assertEquals([others, page!.size], [[], Math.ceil(200 * KIB * 1.25 / (64 * KIB)) * 64 * KIB]);
  for (let i = 0; i < 20; i++) gpu.ring.alloc(10 * KIB);
  assertEquals([gpu.ring.overflows, charged(alloc, "gpu ring")], [2, page!.size]);
  gpu.endFrame();
}, SMALL);

conform("GpuRing shrinks after 120 frames in which it was too large", ({ gpu, alloc, note }) => {
  gpu.beginFrame();
  for (let i = 0; i < 16; i++) gpu.ring.alloc(64 * KIB);
  gpu.endFrame();
  frames(gpu, 1);
  const large = gpu.stats().ring.reserved;
  assertEquals(large, Math.ceil(MIB * 1.25 / (64 * KIB)) * 64 * KIB);
  const sizes: number[] = [];
  for (let frame = 0; frame < 122; frame++) {
    gpu.beginFrame();
    gpu.ring.alloc(1000);
    gpu.endFrame();
    sizes.push(gpu.stats().ring.reserved);
  }
  note("sizes", sizes.map((size) => size / KIB));
  assertEquals([sizes[100], sizes.at(-1)], [large, 64 * KIB]);
  assertEquals(charged(alloc, "gpu ring"), 64 * KIB);
}, SMALL);

conform("GpuRing takes as many buffers in turn as it has segments", async (bench) => {
  const { gpu, alloc } = bench;
  const buffers: unknown[] = [];
  for (let frame = 1; frame <= 7; frame++) {
    gpu.beginFrame();
    const place = gpu.ring.push(new Uint8Array(16).fill(frame));
    buffers.push(gpu.ring.buffer(place));
    gpu.flush();
    assertEquals(await onDevice(bench, place, 16), new Uint8Array(16).fill(frame));
    gpu.endFrame();
  }
  assertEquals(new Set(buffers).size, 3);
  for (let i = 3; i < 7; i++) assertStrictEquals(buffers[i], buffers[i - 3]);
  assertEquals([gpu.stats().ring.reserved, charged(alloc, "gpu ring")], [3 * 64 * KIB, 3 * 64 * KIB]);
  if (bench.backend instanceof NullBackend) {
    // What was uploaded in the frames before is still there.
    assertEquals((buffers[6] as Uint8Array)[0], 7);
    assertEquals((buffers[5] as Uint8Array)[0], 6);
    assertEquals((buffers[4] as Uint8Array)[0], 5);
  }
}, { gpu: { ringSize: 64 * KIB, ringSegments: 3 } });

conform("GpuRing makes no object for places, and the same objects again for the same requests", ({ gpu }) => {
  const seen: unknown[][] = [];
  for (let frame = 0; frame < 2; frame++) {
    gpu.beginFrame();
    seen.push([gpu.ring.slice(Float32Array, 100), gpu.ring.slice(Uint8Array, 7, "vertex")]);
    gpu.endFrame();
  }
  assertStrictEquals(seen[0]![0], seen[1]![0]);
  assertStrictEquals(seen[0]![1], seen[1]![1]);
});

conform("GpuRing has places of no bytes", ({ gpu }) => {
  gpu.beginFrame();
  const none = gpu.ring.push(new Float32Array(0));
  assertEquals([gpu.ring.offset(none), gpu.ring.view(none, Uint8Array, 0).length], [0, 0]);
  const some = gpu.ring.push(new Float32Array(4));
  const last = gpu.ring.alloc(0, "vertex");
  assertEquals([gpu.ring.offset(none), gpu.ring.offset(some), gpu.ring.offset(last)], [0, 0, 16]);
  assertEquals(codeOf(() => gpu.ring.offset(32)), "FA855");
  gpu.endFrame();
});

conform("GpuRing refuses what makes no sense, with a code for each kind", ({ gpu, alloc }) => {
  assertEquals(codeOf(() => gpu.endFrame()), "FA005");
  for (
    const call of [
      () => gpu.ring.alloc(16),
      () => gpu.ring.push(new Uint8Array(4)),
      () => gpu.ring.slice(Uint8Array, 4),
      () => gpu.ring.batch(Draw, 4),
      () => gpu.ring.box(Draw),
      () => gpu.ring.columns(Draw, 4),
    ]
  ) assertEquals(codeOf(call), "FA001", `${call}`);
  gpu.beginFrame();
  assertEquals(codeOf(() => gpu.beginFrame()), "FA004");
  for (const bytes of [-1, 1.5, NaN, 2 ** 30 + 1, "16"]) {
    assertEquals(codeOf(() => gpu.ring.alloc(bytes as number)), "FA008", String(bytes));
  }
  const gone = new Uint8Array(4);
  gone.buffer.transfer();
  for (const data of [gone, [1], null, new DataView(new ArrayBuffer(4)), new ArrayBuffer(4), 7]) {
    assertEquals(codeOf(() => gpu.ring.push(data as Uint8Array)), "FA008");
  }
  for (const use of ["index", null, 7]) assertEquals(codeOf(() => gpu.ring.alloc(4, use as "vertex")), "FA008");
  assertEquals(codeOf(() => gpu.ring.slice(Uint8Array, -1)), "FA008");
  assertEquals(codeOf(() => gpu.ring.batch(Draw, 1.5)), "FA008");
  assertEquals(codeOf(() => gpu.ring.box(Draw, { color: 7 } as never)), "FA022");
  const place = gpu.ring.alloc(16, "vertex");
  for (const length of [5, -1, 1.5, NaN]) {
    assertEquals(codeOf(() => gpu.ring.view(place, Float32Array, length)), "FA009", String(length));
  }
  for (const data of [new Uint8Array(4), {}, null, "place", alloc]) {
    assertEquals(codeOf(() => gpu.ring.offset(data as object)), "FA404");
  }
  for (const none of [-16, 8, 1.5, 2 ** 40, NaN]) {
    assertEquals(codeOf(() => gpu.ring.offset(none)), "FA855", String(none));
  }
  gpu.endFrame();
  assertEquals(codeOf(() => gpu.ring.offset(place)), "FA855");
});

conform("GpuAllocator ends a frame with its guard, and no other one", ({ gpu }) => {
  const guard = gpu.frame();
  assertEquals([gpu.inFrame, gpu.frameNumber], [true, 1]);
  guard.end();
  guard.end();
  const second = gpu.frame();
  gpu.endFrame();
  gpu.beginFrame();
  assertEquals(codeOf(() => second.end()), "FA007");
  assertEquals([gpu.inFrame, gpu.frameNumber], [true, 3]);
  gpu.endFrame();
  assertThrows(
    () => {
      const guard = gpu.frame();
      try {
        throw new Error("of the program");
      } finally {
        guard.end();
      }
    },
    Error,
    "of the program",
  );
  assertEquals(gpu.inFrame, false);
});

// Who pays

conform("GpuRing books its bytes, with padding, to the tags that use it", ({ alloc, gpu, note }) => {
  gpu.beginFrame();
  gpu.ring.alloc(16);
  alloc.withTag("a", () => {
    gpu.ring.alloc(16); // and 240 of padding before it
    gpu.ring.slice(Uint8Array, 100);
    alloc.withTag("b", () => gpu.ring.alloc(40, "vertex"));
  });
  gpu.ring.alloc(16);
  const tags = ["", "a", "a::b"].map((path) => tagged(alloc, path));
  note("tags", tags);
  assertEquals(tags.reduce((sum, bytes) => sum + bytes), gpu.ring.used);
  assertEquals(tags, [16 + (256 - 160 % 256) + 16, 240 + 16 + 240 + 112, 48]);
  gpu.endFrame();
  assertEquals(["", "a", "a::b"].map((path) => tagged(alloc, path)), [0, 0, 0]);
});

conform("GpuRing never exceeds the limit of a tag, also by padding", ({ alloc, gpu }) => {
  alloc.budgets.setTag("a", { hard: 600 });
  alloc.budgets.setTag("b", { hard: 250 });
  gpu.beginFrame();
  gpu.ring.alloc(16, "vertex");
  alloc.withTag("a", () => {
    gpu.ring.alloc(16); // 240 + 16
    gpu.ring.slice(Uint8Array, 16); // the same
    assertEquals(tagged(alloc, "a"), 512);
    for (
      const call of [
        () => gpu.ring.alloc(16),
        () => gpu.ring.push(new Uint8Array(16)),
        () => gpu.ring.slice(Uint8Array, 16),
        () => gpu.ring.batch(Draw, 1),
        () => gpu.ring.box(Draw),
        () => gpu.ring.columns(Draw, 1),
        () => gpu.alloc(16, { intent: "HostVisible", lifetime: "Frame" }),
      ]
    ) {
      assertEquals(codeOf(call), "FA352", `${call}`);
      assertEquals(tagged(alloc, "a"), 512, `${call}`);
    }
    assertEquals(gpu.tryAlloc(16, { intent: "HostVisible", lifetime: "Frame" }), undefined);
    gpu.ring.alloc(80, "vertex");
    assertEquals(tagged(alloc, "a"), 592);
  });
  alloc.withTag("b", () => {
    const before = gpu.ring.used;
    assertEquals(codeOf(() => gpu.ring.alloc(100)), "FA352");
    assertEquals([gpu.ring.used, tagged(alloc, "b")], [before, 0]);
    assert(gpu.ring.offset(gpu.ring.alloc(100, "vertex")) % 16 === 0);
    assertEquals(tagged(alloc, "b"), 112);
  });
  assertEquals(gpu.ring.offset(gpu.ring.alloc(4)) % 256, 0);
  assertEquals(alloc.stats().budgets.find(({ name }) => name === "a")!.peak <= 600, true);
  gpu.endFrame();
});

conform("GpuRing goes no further than its limit and its budget, and pays for what it has", (bench) => {
  const { alloc, gpu } = bench;
  gpu.beginFrame();
  for (let i = 0; i < 5; i++) gpu.ring.alloc(50_000);
  assertEquals(codeOf(() => gpu.ring.alloc(50_000)), "FA003");
  assertEquals(gpu.tryAlloc(50_000, { intent: "HostVisible", lifetime: "Frame" }), undefined);
  checkCharges(bench);
  gpu.ring.alloc(1000);
  assertEquals(charged(alloc, "gpu ring"), gpu.stats().ring.reserved);
  gpu.endFrame();
  checkCharges(bench);
}, { gpu: { ringSize: 64 * KIB, maxRingBytes: 4 * 64 * KIB, ringSegments: 2 } });

conform("GpuRing asks its budget, before anything is made", (bench) => {
  const { gpu } = bench;
  gpu.beginFrame();
  gpu.ring.alloc(60 * KIB);
  assertEquals(codeOf(() => gpu.ring.alloc(200 * KIB)), "FA352");
  checkCharges(bench);
  gpu.ring.alloc(60 * KIB);
  gpu.endFrame();
  gpu.beginFrame(); // as large as the last one is more than there may be
  assertEquals([gpu.stats().ring.reserved, codeOf(() => gpu.ring.alloc(60 * KIB))], [64 * KIB, "none"]);
  gpu.endFrame();
}, { gpu: { ringSize: 64 * KIB, budgets: { ring: { hard: 190 * KIB } } } });

onNull("GpuRing begins no frame for which there is no memory", ({ gpu, alloc }) => {
  assertEquals(codeOf(() => gpu.beginFrame()), "FA352");
  assertEquals([gpu.inFrame, gpu.frameNumber, charged(alloc, "gpu")], [false, 0, 0]);
  assertEquals(codeOf(() => gpu.endFrame()), "FA005");
}, { gpu: { ringSize: 64 * KIB, budgets: { ring: { hard: 32 * KIB } } } });
