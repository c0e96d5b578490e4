/**
 * What becomes of memory of a GPU frame after the frame, with each safety and each source of memory.
 */

import { f32, struct, vec4f } from "@framealloc/core";
import { arrayBufferSource, type ChunkSource } from "@framealloc/core/memory";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { type Bench, codeOf, conform, frames, KIB, onNull } from "./_conformance.ts";
import { counting } from "./_bytes.ts";

const Draw = struct("Draw", { color: vec4f, glow: f32 }, { rules: "wgsl" });

const SOURCES = ["wasm", "arraybuffer", "shared"] as const;
const SAFETIES = ["checked", "revoke", "release"] as const;

for (const source of SOURCES) {
  for (const safety of SAFETIES) {
    if (source === "shared" && safety === "revoke") continue; // which no allocator can be
    const isGone = safety !== "release";
    conform(`GpuRing is uploaded from ${source} memory, and ${safety} after its frame`, async ({ gpu }) => {
      for (let frame = 1; frame <= 3; frame++) {
        gpu.beginFrame();
        const place = gpu.ring.push(counting(40, frame));
        const slice = gpu.ring.slice(Uint8Array, 40);
        slice.fill(frame);
        const batch = gpu.ring.batch(Draw, 4);
        const record = batch.at(1);
        record.glow = frame;
        const box = gpu.ring.box(Draw, { glow: frame });
        const cell = gpu.ring.box(f32, 7);
        const handle = gpu.alloc(40, { intent: "HostVisible", lifetime: "Frame" });
        gpu.write(handle, counting(40, 2 * frame));
        const bytes = gpu.bytes(handle);
        const read = gpu.read(handle);
        // A further page.
        const far = gpu.ring.push(new Uint8Array(70 * KIB).fill(frame));
        const offsets = [place, slice, batch, box, cell, far].map((data) => gpu.ring.offset(data));
        assertEquals(offsets.slice(0, 5), [0, 256, 512, 768, 1024]);
        gpu.endFrame();
        assertEquals(await read, counting(40, 2 * frame));

        for (const data of [place, slice, batch, box, cell, far]) {
          assertEquals(codeOf(() => gpu.ring.offset(data)), "FA855");
          assertEquals(codeOf(() => gpu.ring.buffer(data)), "FA855");
        }
        assertEquals(codeOf(() => gpu.ring.view(place, Uint8Array, 4)), "FA855");
        assertEquals(codeOf(() => gpu.bytes(handle)), "FA401");
        assertEquals([slice.length, bytes.length], safety === "revoke" ? [0, 0] : [40, 40]);

        gpu.beginFrame();
        gpu.ring.alloc(200 * KIB);
        if (isGone) {
          for (const call of [() => record.glow, () => box.value.glow, () => cell.value, () => batch.at(0).glow]) {
            assertEquals(codeOf(call), "FA855", `${call}`);
          }
          for (const data of [batch, box, cell]) assertEquals(codeOf(() => gpu.ring.offset(data)), "FA855");
        }
        if (safety === "revoke") assertEquals(codeOf(() => gpu.ring.offset(slice)), "FA855");
        gpu.endFrame();
        frames(gpu, 1);
      }
    }, { alloc: { source, safety }, gpu: { ringSize: 64 * KIB } });
  }
}

conform("GpuRing gives the same objects again in release safety", ({ gpu }) => {
  const seen: unknown[][] = [];
  for (let frame = 0; frame < 2; frame++) {
    gpu.beginFrame();
    seen.push([gpu.ring.box(Draw), gpu.ring.batch(Draw, 4), gpu.ring.slice(Uint8Array, 4)]);
    gpu.endFrame();
  }
  for (let i = 0; i < 3; i++) assertStrictEquals(seen[0]![i], seen[1]![i]);
}, { alloc: { safety: "release" } });

/** A source that gives nothing when it is told so. */
function refusing(): ChunkSource & { gives: boolean; out: number } {
  return {
    ...arrayBufferSource,
    gives: true,
    out: 0,
    obtain(bytes: number) {
      if (!this.gives) throw new RangeError("no memory");
      this.out++;
      const chunk = arrayBufferSource.obtain(bytes);
      return {
        get buffer() {
          return chunk.buffer;
        },
        revoke: () => chunk.revoke(),
        release: () => {
          this.out--;
          chunk.release();
        },
      };
    },
  };
}

const source = refusing();

onNull("GpuRing makes no buffer for memory that its source refuses, and charges nothing", (bench) => {
  const { gpu } = bench;
  source.gives = false;
  assertEquals(codeOf(() => gpu.beginFrame()), "FA003");
  assertEquals([gpu.inFrame, gpu.frameNumber, gpu.stats().reserved, bench.backend.liveBytes], [false, 0, 0, 0]);
  source.gives = true;
  gpu.beginFrame();
  source.gives = false;
  assertEquals(codeOf(() => gpu.ring.alloc(100 * KIB)), "FA003");
  assertEquals(gpu.tryAlloc(100 * KIB, { intent: "HostVisible", lifetime: "Frame" }), undefined);
  assertEquals([gpu.stats().reserved, bench.backend.liveBytes], [64 * KIB, 64 * KIB]);
  gpu.endFrame();
  source.gives = true;
}, { alloc: { source }, gpu: { ringSize: 64 * KIB } });

onNull("GpuRing gives back the memory for which the device makes no buffer", (bench) => {
  const { gpu, backend, alloc } = bench;
  const { create } = backend;
  const { out } = source;
  let made = 0;
  // The second segment.
  backend.create = (...buffer) => {
    if (++made % 2 === 0) throw new RangeError("no buffer");
    return create.apply(backend, buffer);
  };
  assertEquals(codeOf(() => gpu.beginFrame()), "FA003");
  assertEquals([backend.liveBytes, gpu.stats().reserved, source.out], [0, 0, out]);
  assertEquals(alloc.stats().budgets.find(({ name }) => name === "gpu ring")!.used, 0);
  backend.create = create;
  frames(gpu, 1);
}, { alloc: { source }, gpu: { ringSize: 64 * KIB, ringSegments: 2 } });

onNull("GpuRing leaves nothing charged if a callback of its budget throws", (bench: Bench) => {
  const { gpu, alloc } = bench;
  const used = (): number[] => alloc.stats().budgets.map(({ used }) => used);
  const before = used();
  let message = "";
  try {
    gpu.beginFrame();
  } catch (error) {
    message = (error as Error).message;
  }
  assertEquals([message, gpu.inFrame, used()], ["of the program", false, before]);
}, {
  gpu: {
    ringSize: 64 * KIB,
    budgets: {
      ring: {
        soft: 10,
        onCross: () => {
          throw new Error("of the program");
        },
      },
    },
  },
});

onNull("GpuRing goes on after a frame for which the device had no memory", async ({ gpu, backend }) => {
  frames(gpu, 1);
  const small = backend.liveBytes;
  backend.oomAt = small;
  gpu.beginFrame();
  gpu.ring.alloc(60 * KIB);
  gpu.ring.alloc(60 * KIB); // on a page that is not there
  await backend.done();
  assertEquals(codeOf(() => gpu.flush()), "FA856");
  assertEquals([codeOf(() => gpu.endFrame()), gpu.inFrame], ["FA856", false]);
  // The larger buffer of the next frame is not there either.
  gpu.beginFrame();
  gpu.ring.alloc(16);
  await backend.done();
  assertEquals(codeOf(() => gpu.endFrame()), "FA856");
  assertEquals([backend.liveBytes, gpu.stats().reserved], [0, 0]);
  backend.oomAt = 64 * KIB;
  gpu.beginFrame();
  const place = gpu.ring.push(counting(16));
  gpu.flush();
  assertEquals((gpu.ring.buffer(place) as Uint8Array).slice(0, 16), counting(16));
  gpu.endFrame();
}, { gpu: { ringSize: 64 * KIB } });
