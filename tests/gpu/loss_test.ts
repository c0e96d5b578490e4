/**
 * The device is lost, and there is another one: nothing works in between but freeing, and everything comes back as was agreed.
 */

import { type GpuHandle, type GpuRecovery, NullBackend } from "@framealloc/core/gpu";
import { assertEquals, assertNotStrictEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { lose } from "./_backends.ts";
import { checkCharges, codeOf, conform, digest, frames, KIB, onNull, rejection, tagged } from "./_conformance.ts";
import { counting } from "./_bytes.ts";

const VISIBLE = { intent: "HostVisible" } as const;

conform("GpuAllocator refuses everything but the ends with FA857 while its device is lost", async (bench) => {
  const { gpu, backend } = bench;
  const handle = gpu.alloc(64, VISIBLE);
  const other = gpu.alloc(64);
  gpu.beginFrame();
  gpu.ring.alloc(16);
  const short = gpu.alloc(64, { lifetime: "Frame" });
  assertEquals([gpu.isLost, await rejection(() => gpu.recover())], [false, "FA857"]);
  const waiting = [gpu.read(handle), gpu.stream(other, counting(64))].map((promise) => rejection(() => promise));
  await lose(backend);
  assertEquals([gpu.isLost, await Promise.all(waiting)], [true, ["FA857", "FA857"]]);
  const calls = [
    () => gpu.alloc(64),
    () => gpu.tryAlloc(64),
    () => gpu.create(64),
    () => gpu.buffer(handle),
    () => gpu.offset(handle),
    () => gpu.binding(handle),
    () => gpu.write(handle, counting(4)),
    () => gpu.bytes(handle),
    () => gpu.touch(handle),
    () => gpu.copy(handle, other),
    () => gpu.read(handle),
    () => gpu.tryRead(handle),
    () => gpu.refresh(handle),
    () => gpu.stream(other, counting(4)),
    () => gpu.flush(),
    () => gpu.defragment(),
    () => gpu.checkScope([{ handle, access: "read" }]),
  ];
  for (const call of calls) assertEquals(codeOf(call), "FA857", `${call}`);
  assertEquals(await rejection(() => gpu.reserve(64)), "FA857");
  assertEquals(await rejection(() => gpu.calibrate()), "FA857");
  await gpu.settled();
  assertEquals([gpu.size(handle), gpu.isLive(handle), gpu.isLive(short)], [64, true, true]);
  assertEquals([codeOf(() => gpu.endFrame()), gpu.inFrame, gpu.isLive(short)], ["FA857", false, false]);
  assertEquals(codeOf(() => gpu.beginFrame()), "FA857");
  gpu.free(other);
  assertEquals(codeOf(() => gpu.free(other)), "FA401");
  const { allocations } = gpu.stats();
  assertEquals([allocations, gpu.dump().totals.allocations], [1, 1]);
  await gpu.recover();
  assertEquals([gpu.isLost, codeOf(() => gpu.buffer(handle)), codeOf(() => gpu.buffer(other))], [
    false,
    "none",
    "FA401",
  ]);
  frames(gpu, 1);
});

const lost: string[] = [];
const restored: GpuRecovery[] = [];

conform("GpuAllocator brings back what is shadowed or restored, and says what is gone", async (bench) => {
  const { gpu, backend, note, alloc } = bench;
  lost.length = restored.length = 0;
  const shadow = gpu.alloc(100, VISIBLE);
  const cached = gpu.alloc(64, { intent: "HostCached", onLoss: "shadow" });
  const asked: string[] = [];
  const bring = (name: string, bytes: Uint8Array, importance: number, lifetime: "Persistent" | "Streaming") =>
    gpu.alloc(64, {
      importance,
      lifetime,
      restore: async () => {
        asked.push(name);
        await undefined;
        return bytes;
      },
    });
  const some = bring("some", counting(40, 7), 1, "Persistent");
  const streamed = bring("streamed", counting(64, 8), 9, "Streaming");
  const important = bring("important", counting(64, 9), 2, "Persistent");
  const gone = gpu.alloc(64);
  const visible = gpu.alloc(64, { ...VISIBLE, onLoss: "discard" });
  const fails = gpu.alloc(64, { restore: () => Promise.reject(new Error("no file")) });
  const nothing = gpu.alloc(64, { restore: () => null as unknown as Uint8Array });
  const readback = gpu.alloc(64, { intent: "Readback" });
  const staged = gpu.alloc(64, { intent: "Staging", lifetime: "Streaming" });
  const all = [shadow, cached, some, streamed, important, gone, visible, fails, nothing, readback];
  for (const handle of [...all, staged]) gpu.write(handle, counting(64, 50));
  gpu.flush();
  gpu.write(shadow, counting(30, 1), 4); // not flushed: the copy has it all the same
  gpu.write(visible, counting(8, 1));
  const before = all.map((handle) => [gpu.buffer(handle), gpu.offset(handle), gpu.version(handle)]);
  const charges = [gpu.stats().reserved, tagged(alloc, "")];
  await lose(backend);
  assertEquals(lost.length, 1);
  const first = gpu.recover();
  const second = gpu.recover(); // while that goes on
  const [recovery, other] = await Promise.all([first, second]);
  assertStrictEquals(recovery, other);
  assertEquals(restored, [recovery]);
  assertEquals([recovery.restored, recovery.discarded.length], [5, 3]);
  assertEquals(recovery.discarded.toSorted(), [gone, visible, readback].toSorted());
  assertEquals(recovery.failed.map(({ handle }) => handle), [fails, nothing]);
  assertEquals((recovery.failed[0]!.error as Error).message, "no file");
  assertEquals(
    codeOf(() => {
      throw recovery.failed[1]!.error;
    }),
    "FA858",
  );
  assertEquals(asked, ["important", "some", "streamed"]);
  note("bytes", recovery.bytes);
  for (const [i, handle] of all.entries()) {
    const [buffer, offset, version] = before[i]!;
    if (backend instanceof NullBackend) assertNotStrictEquals(gpu.buffer(handle), buffer);
    assertEquals([gpu.offset(handle), gpu.version(handle) > (version as number)], [offset, true]);
  }
  const expected = new Uint8Array(100);
  expected.set(counting(64, 50));
  expected.set(counting(30, 1), 4);
  assertEquals(await gpu.read(shadow), expected);
  assertEquals(await gpu.read(cached), counting(64, 50));
  const begun = new Uint8Array(64);
  begun.set(counting(40, 7));
  assertEquals(await gpu.read(some), begun);
  assertEquals([await gpu.read(streamed), await gpu.read(important)], [counting(64, 8), counting(64, 9)]);
  for (const handle of [gone, visible, fails, nothing, readback]) {
    assertEquals(await gpu.read(handle), new Uint8Array(64));
  }
  assertEquals(gpu.bytes(staged), counting(64, 50));
  gpu.trim();
  assertEquals([gpu.stats().reserved, tagged(alloc, ""), gpu.stats().recoveries], [...charges, 1]);
  checkCharges(bench);
  for (const handle of all) {
    gpu.write(handle, counting(64, 77));
    assertEquals((await gpu.read(handle)).slice(0, 64), counting(64, 77));
  }
}, {
  gpu: {
    onLost: ({ reason }) => lost.push(reason),
    onRestored: (recovery) => restored.push(recovery),
  },
});

conform("GpuAllocator recovers in the middle of a frame, with what was written in it", async ({ gpu, backend }) => {
  gpu.beginFrame();
  const early = gpu.alloc(64, { ...VISIBLE, lifetime: "Frame" });
  gpu.write(early, counting(64, 3));
  gpu.flush();
  const place = gpu.ring.push(counting(64, 9));
  await lose(backend);
  await gpu.recover();
  const target = gpu.alloc(64);
  gpu.copy(early, target);
  const read = gpu.read(early);
  assertEquals(gpu.ring.offset(place), 256);
  gpu.endFrame();
  assertEquals([await read, await gpu.read(target)], [counting(64, 3), counting(64, 3)]);
}, { gpu: { ringSegments: 2 } });

conform("GpuAllocator recovers as often as its device is lost", async ({ gpu, backend }) => {
  const handle = gpu.alloc(200 * KIB, VISIBLE);
  gpu.write(handle, counting(200 * KIB, 5));
  for (let loss = 1; loss <= 3; loss++) {
    await lose(backend);
    await gpu.recover();
    assertEquals(digest(await gpu.read(handle)), digest(counting(200 * KIB, 5)));
    assertEquals(gpu.stats().recoveries, loss);
    frames(gpu, 2);
  }
});

onNull("GpuAllocator tells how the device was lost", async ({ gpu, backend }) => {
  for (const reason of ["destroyed", "unknown"] as const) {
    lost.length = 0;
    backend.lose(reason, "by the test");
    assertEquals(lost, [`${reason} by the test`]);
    const error = await assertRejects(() => gpu.reserve(4), Error);
    assertEquals(error.message, 'FA857: Cannot reserve as the device was lost ("by the test"): await recover() first');
    await gpu.recover();
  }
}, { gpu: { onLost: ({ reason, message }) => lost.push(`${reason} ${message}`) } });

onNull("GpuAllocator fails to recover as long as there is no other device", async ({ gpu, backend }) => {
  const handle = gpu.alloc(64, VISIBLE);
  gpu.write(handle, counting(64));
  backend.failReopen = 2;
  backend.lose();
  for (let i = 0; i < 2; i++) {
    assertEquals(await rejection(() => gpu.recover()), "FA857");
    assertEquals([gpu.isLost, codeOf(() => gpu.alloc(4))], [true, "FA857"]);
  }
  await gpu.recover();
  assertEquals(await gpu.read(handle), counting(64));
});

onNull("GpuAllocator starts over if the next device is lost while contents come back", async (bench) => {
  const { gpu, backend } = bench;
  const shadow = gpu.alloc(64, VISIBLE);
  gpu.write(shadow, counting(64, 3));
  let asked = 0;
  const restore = (): Promise<Uint8Array> => {
    if (++asked <= 2) backend.lose();
    return Promise.resolve(counting(64, 4));
  };
  const handle = gpu.alloc(64, { restore });
  const thrown = gpu.alloc(64, { restore: () => asked < 3 ? Promise.reject(new Error("busy")) : counting(64, 6) });
  backend.lose();
  const { restored, failed } = await gpu.recover();
  assertEquals([restored, failed, asked, gpu.stats().recoveries], [3, [], 3, 3]);
  assertEquals([await gpu.read(shadow), await gpu.read(handle), await gpu.read(thrown)], [
    counting(64, 3),
    counting(64, 4),
    counting(64, 6),
  ]);
  checkCharges(bench);
  asked = -Infinity; // from now on each is lost
  backend.lose();
  assertEquals([await rejection(() => gpu.recover()), gpu.isLost], ["FA857", true]);
});

onNull(
  "GpuAllocator refuses everything but free() while it recovers, also from the functions to restore",
  async (bench) => {
    const { gpu, backend } = bench;
    const codes: string[] = [];
    const freed = gpu.alloc(64, { restore: () => counting(64) });
    const last = gpu.alloc(64, { importance: -1, restore: () => counting(64, 8) });
    const first = gpu.alloc(64, {
      importance: 1,
      restore: () => {
        codes.push(codeOf(() => gpu.alloc(4)), codeOf(() => gpu.write(last, counting(4))), codeOf(() => gpu.flush()));
        codes.push(codeOf(() => gpu.beginFrame()), codeOf(() => gpu.free(freed)));
        return counting(64, 2);
      },
    });
    const itself: GpuHandle = gpu.alloc(64, {
      restore: () => {
        gpu.free(itself);
        return counting(64);
      },
    });
    backend.lose();
    const { failed, discarded } = await gpu.recover();
    assertEquals(codes, ["FA857", "FA857", "FA857", "FA857", "none"]);
    assertEquals([failed, discarded, gpu.isLive(freed), gpu.isLive(itself)], [[], [], false, false]);
    assertEquals([await gpu.read(first), await gpu.read(last)], [counting(64, 2), counting(64, 8)]);
    checkCharges(bench);
  },
);

onNull("GpuAllocator is disposed of in the middle of a recovery", async ({ gpu, backend, alloc }) => {
  let isRestored = false;
  gpu.alloc(64, {
    restore: () => {
      gpu.dispose();
      isRestored = true;
      return counting(64);
    },
  });
  gpu.alloc(64, { ...VISIBLE, importance: -1 });
  restored.length = 0;
  backend.lose();
  assertEquals([await rejection(() => gpu.recover()), isRestored, restored], ["FA857", true, []]);
  assertEquals([backend.liveBytes, tagged(alloc, ""), await rejection(() => gpu.recover())], [0, 0, "FA012"]);
}, { gpu: { onRestored: (recovery) => restored.push(recovery) } });

onNull("GpuAllocator tries again on the next device what does not fit there", async (bench) => {
  const { gpu, backend } = bench;
  const shadow = gpu.alloc(1000, { ...VISIBLE, use: "storage", importance: 2 });
  const restored = gpu.alloc(1000, { restore: () => counting(1000, 7), importance: 1 });
  const gone = gpu.alloc(1000);
  gpu.write(shadow, counting(1000, 3));
  backend.oomAt = 150 * KIB;
  backend.lose();
  const recovery = await gpu.recover();
  assertEquals(recovery.discarded, [gone]);
  assertEquals([shadow, restored, gone].map((handle) => codeOf(() => gpu.offset(handle))), ["none", "none", "FA856"]);
  assertEquals(await rejection(() => gpu.settled()), "FA856");
  backend.oomAt = Infinity;
  assertEquals([await gpu.read(shadow), await gpu.read(restored)], [counting(1000, 3), counting(1000, 7)]);
  checkCharges(bench);
}, { gpu: { blockSize: 256 * KIB } });
