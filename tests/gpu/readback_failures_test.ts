/**
 * Reading back when something fails: the arrays, the sources, the account, the memory of the device, or the device itself. Each request
 * is told why, those that it does not concern arrive, and nothing stays on the account.
 */

import { ArgumentError, FrameAllocError, FrameStateError, PoolError } from "@framealloc/core";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { type GpuBufferId, USAGE } from "../../gpu/backend/backend.ts";
import { GpuError } from "../../gpu/gpu_error.ts";
import { KIB, later, pattern, Refusal, type Rig, rig, SMALLEST, source, turns } from "./_readbacks.ts";

Deno.test("A readback whose array was transferred or made smaller meanwhile fails alone", async () => {
  const { backend, readbacks } = rig();
  const bytes = pattern(64);
  const buffer = source(backend, bytes);
  const dedicated = source(backend, bytes, USAGE.MAP_READ | USAGE.COPY_DST);
  const ends = [false, true].flatMap((isDirect) => {
    const ask = (into: Uint8Array): Promise<Uint8Array> =>
      later(isDirect ? readbacks.readDirect(dedicated, 0, 8, into) : readbacks.read(buffer, 0, 8, into));
    const whole = ask(new Uint8Array(8));
    const array = new Uint8Array(8);
    const detached = ask(array);
    const resizable = new Uint8Array(new ArrayBuffer(8, { maxByteLength: 16 }));
    const shrunk = ask(resizable);
    structuredClone(array, { transfer: [array.buffer] });
    resizable.buffer.resize(4);
    return [[whole, ask(new Uint8Array(8))], [detached, shrunk]] as const;
  });
  readbacks.flush();
  for (const [i, promises] of ends.entries()) {
    for (const promise of promises) {
      if (i % 2 === 0) assertEquals(await promise, bytes.slice(0, 8));
      else await assertRejects(() => promise, GpuError, "FA858: Cannot read back 8 bytes as the array for them was");
    }
  }
  assertEquals(readbacks.bytesRead, 32);
  readbacks.dispose();
});

Deno.test("A readback of a buffer that is gone, cannot be copied or is too small fails alone", async () => {
  const { backend, purse, readbacks } = rig();
  const bytes = pattern(64);
  const good = source(backend, bytes);
  const gone = source(backend, bytes);
  const uncopied = source(backend, bytes, USAGE.COPY_DST | USAGE.VERTEX);
  const ask = (buffer: GpuBufferId, at = 0): Promise<Uint8Array> =>
    later(readbacks.read(buffer, at, 32, new Uint8Array(32)));
  const fine = [ask(good)];
  const bad = [ask(gone), ask(uncopied), ask(good, 40)] as const;
  fine.push(ask(good, 32));
  backend.destroy(gone);
  readbacks.flush();
  assertEquals(await Promise.all(fine), [bytes.slice(0, 32), bytes.slice(32, 64)]);
  await assertRejects(() => bad[0], PoolError, "FA401");
  await assertRejects(() => bad[1], GpuError, "FA852");
  await assertRejects(() => bad[2], ArgumentError, "FA008");
  assertEquals(readbacks.maps, 1);

  const none = ask(gone);
  readbacks.flush();
  await assertRejects(() => none, PoolError, "FA401");
  assertEquals([readbacks.maps, readbacks.inFlight, readbacks.pending], [1, 0, 0], "nothing was sent for nothing");
  readbacks.dispose();
  assertEquals([purse.held, backend.liveBytes], [0, 128]);
});

Deno.test("Readbacks refuse ranges that no buffer has and arrays that are too small, and send nothing for no bytes", async () => {
  const { backend, readbacks } = rig();
  const buffer = source(backend, pattern(64));
  for (const ask of [readbacks.read.bind(readbacks), readbacks.readDirect.bind(readbacks)]) {
    for (const [at, bytes] of [[-1, 4], [0, -1], [0.5, 4], [0, 1.5], [NaN, 4], [0, Infinity], [2 ** 40, 4]] as const) {
      await assertRejects(() => ask(buffer, at, bytes, new Uint8Array(64)), ArgumentError, "FA008: Cannot read back");
    }
    await assertRejects(() => ask(buffer, 0, 5, new Uint8Array(4)), ArgumentError, "an array of 4 bytes");
    const into = new Uint8Array(3);
    assertStrictEquals(await ask(buffer, 64, 0, into), into);
  }
  assertEquals([readbacks.pending, readbacks.maps, readbacks.reserved], [0, 0, 0]);
});

Deno.test("An account that refuses fails the whole flush, and later ones work", async () => {
  const { backend, purse, readbacks } = rig();
  const buffer = source(backend, pattern(128 * KIB));
  const ask = (length: number): Promise<Uint8Array> => later(readbacks.read(buffer, 0, length, new Uint8Array(length)));
  purse.limit = SMALLEST;
  const refused = [ask(64 * KIB), ask(8)];
  readbacks.flush();
  for (const read of refused) await assertRejects(() => read, Refusal, "Cannot read back 65544 bytes");
  assertEquals([purse.held, readbacks.pending, readbacks.maps], [0, 0, 0]);
  const granted = ask(64 * KIB);
  readbacks.flush();
  await granted;
  assertEquals([purse.held, readbacks.maps], [SMALLEST, 1]);
  readbacks.dispose();
});

Deno.test("An account that refuses is asked again once idle buffers were given back", async () => {
  const { backend, purse, readbacks } = rig();
  const buffer = source(backend, pattern(256 * KIB));
  const ask = (length: number): Promise<Uint8Array> => readbacks.read(buffer, 0, length, new Uint8Array(length));
  const small: Promise<Uint8Array>[] = [];
  for (let i = 0; i < 3; i++) {
    small.push(ask(4));
    readbacks.flush();
  }
  await Promise.all(small);
  assertEquals(purse.held, 3 * SMALLEST);
  purse.limit = 4 * SMALLEST;
  const large = ask(256 * KIB);
  readbacks.flush();
  await large;
  assertEquals(purse.held, 4 * SMALLEST);
  assertEquals(readbacks.trim(), 4 * SMALLEST);
  assertEquals([purse.held, readbacks.reserved, backend.liveBytes], [0, 0, 256 * KIB]);
});

Deno.test("An account may run the program before it answers, whatever that does", async () => {
  const { backend, purse, readbacks } = rig();
  const bytes = pattern(256 * KIB);
  const buffer = source(backend, bytes);
  const ask = (length: number): Promise<Uint8Array> => later(readbacks.read(buffer, 0, length, new Uint8Array(length)));

  let inner: Promise<Uint8Array> | undefined;
  purse.first = () => {
    inner = ask(200 * KIB);
    readbacks.flush();
  };
  const outer = ask(8);
  readbacks.flush();
  assertEquals(await outer, bytes.slice(0, 8));
  assertEquals(await inner, bytes.slice(0, 200 * KIB));
  assertEquals([readbacks.maps, purse.held], [1, 256 * KIB], "both went together");

  readbacks.trim();
  purse.first = () => {
    throw new Error("the program failed");
  };
  const failed = ask(8);
  readbacks.flush();
  await assertRejects(() => failed, Error, "the program failed");

  purse.first = () => readbacks.lost();
  const lost = ask(8);
  readbacks.flush();
  await assertRejects(() => lost, GpuError, "FA857");
  readbacks.reopened();

  let good: Promise<Uint8Array> | undefined;
  purse.first = () => {
    readbacks.lost();
    readbacks.reopened();
    good = ask(8);
    throw new Error("the program failed");
  };
  const twice = ask(8);
  readbacks.flush();
  await assertRejects(() => twice, GpuError, "FA857");
  readbacks.flush();
  assertEquals(await good, bytes.slice(0, 8), "what was asked for after the loss");

  readbacks.trim();
  purse.first = () => readbacks.dispose();
  const disposed = ask(8);
  readbacks.flush();
  await assertRejects(() => disposed, FrameStateError, "FA012");
  assertEquals([purse.held, readbacks.pending], [0, 0]);
});

Deno.test("A device without memory for the buffer fails the batch, and nothing else that was submitted", async () => {
  const { backend, purse, readbacks } = rig();
  const bytes = pattern(64);
  const buffer = source(backend, bytes);
  const other = source(backend, new Uint8Array(64));
  backend.submit();
  backend.oomAt = 128;
  backend.copy(buffer, 0, other, 0, 64);
  const reads = [0, 32].map((at) => later(readbacks.read(buffer, at, 32, new Uint8Array(32))));
  readbacks.flush();
  for (const read of reads) await assertRejects(() => read, GpuError, "FA856: Cannot make a buffer of 65536 bytes");
  assertEquals([purse.held, readbacks.reserved, readbacks.maps, readbacks.inFlight], [0, 0, 0, 0]);
  assertEquals(backend.raw(other).slice(), bytes);

  backend.oomAt = Infinity;
  const read = readbacks.read(buffer, 0, 64, new Uint8Array(64));
  readbacks.flush();
  assertEquals(await read, bytes);
  readbacks.dispose();
  assertEquals([purse.held, backend.liveBytes], [0, 128]);
});

Deno.test("What was asked of the device before goes without the copies to a buffer that it may not have memory for", async () => {
  const { backend, readbacks } = rig();
  const buffer = source(backend, pattern(64));
  const { create, copy, submit } = backend;
  const calls: string[] = [];
  backend.create = (...all) => (calls.push("create"), create.apply(backend, all));
  backend.copy = (...all) => (calls.push("copy"), copy.apply(backend, all));
  backend.submit = () => (calls.push("submit"), submit.call(backend));
  for (const wanted of [["create", "submit", "copy", "submit"], ["copy", "submit"]]) {
    const read = readbacks.read(buffer, 0, 4, new Uint8Array(4));
    readbacks.flush();
    await read;
    assertEquals(calls.splice(0), wanted);
  }
  readbacks.dispose();
});

Deno.test("Readbacks fail when the device is lost while they are sent", async () => {
  const { backend, purse, readbacks } = rig();
  const buffer = source(backend, pattern(64));
  const { copy } = backend;
  let copies = 0;
  backend.copy = (...all) => {
    if (++copies === 2) backend.lose();
    copy.apply(backend, all);
  };
  const reads = [0, 4, 8].map((at) => later(readbacks.read(buffer, at, 4, new Uint8Array(4))));
  readbacks.flush();
  for (const read of reads) await assertRejects(() => read, GpuError, "FA857");
  assertEquals([copies, purse.held, readbacks.pending, readbacks.maps], [3, 0, 0, 0]);
});

/** Asks for something in each of the stages that a request can be in. */
function everyStage({ backend, readbacks }: Rig): Record<string, Promise<Uint8Array>> {
  const buffer = source(backend, pattern(64));
  const dedicated = source(backend, pattern(64), USAGE.MAP_READ | USAGE.COPY_DST);
  const ask = (): Promise<Uint8Array> => later(readbacks.read(buffer, 0, 4, new Uint8Array(4)));
  const stages: Record<string, Promise<Uint8Array>> = {};
  for (const stage of ["first", "second", "third", "waiting"]) {
    stages[stage] = ask();
    readbacks.flush();
  }
  stages.queued = ask();
  stages.direct = later(readbacks.readDirect(dedicated, 0, 4, new Uint8Array(4)));
  stages.inLine = later(readbacks.readDirect(dedicated, 0, 4, new Uint8Array(4)));
  return stages;
}

Deno.test("Readbacks fail when the device is lost, however far they came, and work on the next device", async () => {
  let answered = 0;
  for (let stage = 0; stage < 40; stage++) {
    const self = rig({ latency: 6 });
    const { backend, purse, readbacks } = self;
    const reads = everyStage(self);
    const ends = Object.values(reads).map((read) => read.then(() => "read", (error) => error));
    await turns(stage);
    backend.lose();
    assertEquals([purse.held, readbacks.reserved, readbacks.pending, readbacks.inFlight], [0, 0, 0, 0]);
    await turns(3);
    for (const end of await Promise.all(ends)) {
      if (end === "read") {
        answered++;
        continue;
      }
      assertInstanceOf(end, GpuError);
      assertEquals(end.code, "FA857");
    }
    await assertRejects(() => readbacks.read(0, 0, 4, new Uint8Array(4)), GpuError, "FA857: Cannot read back 4 bytes");
    await assertRejects(() => readbacks.readDirect(0, 0, 4, new Uint8Array(4)), GpuError, "FA857");

    await backend.reopen();
    readbacks.reopened();
    backend.recreate(0);
    backend.recreate(1);
    for (const id of [0, 1]) backend.write(id, 0, pattern(64, 1), 0, 64);
    const again = readbacks.read(0, 0, 64, new Uint8Array(64));
    const direct = readbacks.readDirect(1, 0, 64, new Uint8Array(64));
    readbacks.flush();
    assertThrows(() => backend.recreate(2), PoolError, "FA401", "the first buffer of the lost device is kept");
    assertEquals(await again, pattern(64, 1));
    assertEquals(await direct, pattern(64, 1));
    await turns(40);
    assertEquals([purse.held, readbacks.reserved, backend.liveBytes], [SMALLEST, SMALLEST, 128 + SMALLEST]);
    readbacks.dispose();
    assertEquals([purse.held, backend.liveBytes], [0, 128]);
  }
  assert(answered > 0, "no request came through before the loss");
});

Deno.test("Readbacks fail with FA857 as well before they were told of the loss", async () => {
  const self = rig({ latency: 3 });
  const { backend, purse, readbacks } = self;
  backend.onLoss = undefined;
  const stages = Object.values(everyStage(self));
  backend.lose();
  readbacks.flush();
  for (const read of stages) await assertRejects(() => read, GpuError, "FA857");
  assertEquals([purse.held, readbacks.pending], [0, 0]);
  readbacks.lost();
  assertEquals(purse.held, 0);
});

Deno.test("Readbacks fail when they are disposed of, however far they came, and give everything back", async () => {
  for (let stage = 0; stage < 40; stage++) {
    for (const isLost of [false, true]) {
      const self = rig({ latency: 6 });
      const { backend, purse, readbacks } = self;
      const ends = Object.values(everyStage(self)).map((read) => read.then(() => "read", (error) => error));
      await turns(stage);
      if (isLost) backend.lose();
      readbacks.dispose();
      readbacks.dispose();
      assertEquals([purse.held, readbacks.reserved, readbacks.pending], [0, 0, 0]);
      assertEquals(backend.liveBytes, isLost ? 0 : 128);
      for (const end of await Promise.all(ends)) {
        if (end === "read") continue;
        assertInstanceOf(end, FrameAllocError);
        assertEquals(end.code, isLost ? "FA857" : "FA012");
      }
      readbacks.flush();
      readbacks.lost();
      readbacks.reopened();
      await assertRejects(
        () => readbacks.read(0, 0, 4, new Uint8Array(4)),
        FrameStateError,
        "FA012: Cannot read back 4",
      );
      if (isLost) continue;
      await backend.map(1, 0, 4); // it was let go of
      backend.unmap(1);
    }
  }
});
