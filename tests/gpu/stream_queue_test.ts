/**
 * Uploads over several frames: so much in each, in the right order, and told to whoever waits, also if they fail.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import * as fc from "fast-check";
import { type GpuBufferId, USAGE } from "../../gpu/backend/backend.ts";
import { NullBackend } from "../../gpu/backend/null_backend.ts";
import { GpuError } from "../../gpu/gpu_error.ts";
import type { Location, Locator } from "../../gpu/transfer/locator.ts";
import { StreamQueue } from "../../gpu/transfer/stream_queue.ts";
import { Uploader } from "../../gpu/transfer/uploader.ts";
import { readBack } from "./_backends.ts";

const MIB = 1024 ** 2;

/** A target that can be moved and freed. */
class Target implements Locator {
  readonly name = "texture";
  location: Location | undefined;

  constructor(buffer: GpuBufferId, at = 0) {
    this.location = { buffer, at };
  }

  locate(): Location | undefined {
    return this.location;
  }
}

function make(bytes = 4096): { backend: NullBackend; streams: StreamQueue; uploader: Uploader; buffer: GpuBufferId } {
  const backend = new NullBackend();
  const uploader = new Uploader(backend);
  const buffer = backend.create(bytes, USAGE.COPY_DST | USAGE.COPY_SRC, "streamed");
  return { backend, streams: new StreamQueue(uploader), uploader, buffer };
}

/** What became of promises, by name, in order. */
function follow(log: string[], name: string, done: Promise<void>): void {
  done.then(() => log.push(name), (error) => log.push(`${name} ${error.code}`));
}

async function turns(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

function bytesOf(length: number, value: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).fill(value);
}

Deno.test("StreamQueue sends no more than it may, the important first, and then those that were first", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: -2, max: 2 })), { maxLength: 12 }),
      fc.array(fc.nat(60), { minLength: 1, maxLength: 30 }),
      async (jobs, frames) => {
        const { backend, streams, uploader, buffer } = make(64 * 1024);
        const log: string[] = [];
        jobs.forEach(([words, importance], i) => {
          const done = streams.push(new Target(buffer, i * 1024), 4, bytesOf(words * 4, i + 1), importance);
          follow(log, String(i), done);
        });
        const order = jobs.map((_, i) => i).sort((a, b) => jobs[b]![1] - jobs[a]![1] || a - b);
        let waiting = jobs.reduce((bytes, [words]) => bytes + words * 4, 0);
        let sent = 0;
        for (const most of frames) {
          assertEquals(streams.pendingBytes, waiting);
          const now = streams.pump(most);
          assertEquals(now, Math.min(waiting, most - most % 4));
          waiting -= now;
          sent += now;
        }
        await turns();
        assertEquals(uploader.bytesWritten, sent);
        uploader.submit();
        const device = backend.raw(buffer);
        const finished: string[] = [];
        let left = sent;
        for (const i of order) {
          const bytes = jobs[i]![0] * 4;
          const there = Math.min(bytes, left);
          left -= there;
          const part = device.subarray(i * 1024, (i + 1) * 1024);
          assertEquals(part.slice(0, 4 + there), Uint8Array.of(0, 0, 0, 0, ...bytesOf(there, i + 1)));
          assert(part.subarray(4 + there).every((byte) => byte === 0));
          if (there === bytes) finished.push(String(i));
        }
        assertEquals(log, finished);
        assertEquals(streams.length, jobs.length - finished.length);
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("StreamQueue lets the more important one pass one that was begun", async () => {
  const { streams, buffer } = make();
  const log: string[] = [];
  follow(log, "ground", streams.push(new Target(buffer), 0, bytesOf(100, 1), 0));
  streams.pump(40);
  follow(log, "hero", streams.push(new Target(buffer, 1024), 0, bytesOf(100, 2), 1));
  streams.pump(100);
  await turns();
  assertEquals(log, ["hero"]);
  streams.pump(60);
  await turns();
  assertEquals(log, ["hero", "ground"]);
});

Deno.test("StreamQueue sends the rest to where the target has moved", async () => {
  const { backend, streams, uploader, buffer } = make();
  const other = backend.create(4096, USAGE.COPY_DST | USAGE.COPY_SRC, "other");
  const target = new Target(buffer, 256);
  const done = streams.push(target, 8, bytesOf(16, 7), 0);
  streams.pump(8);
  target.location = { buffer: other, at: 512 };
  streams.pump(8);
  await done;
  uploader.submit();
  assertEquals([...await readBack(backend, buffer, 264, 16)], [...bytesOf(8, 7), ...bytesOf(8, 0)]);
  assertEquals([...await readBack(backend, other, 520, 16)], [...bytesOf(8, 0), ...bytesOf(8, 7)]);
});

Deno.test("StreamQueue sends much in pieces, and lets little of it wait for the device", async () => {
  const { streams, uploader, buffer } = make(16 * MIB);
  const done = streams.push(new Target(buffer), 0, bytesOf(13 * MIB, 1), 0);
  assertEquals(streams.pump(Infinity), 13 * MIB);
  await done;
  assertEquals(uploader.writes, 4);
  assert(uploader.pending <= 8 * MIB);
});

Deno.test("StreamQueue is done at once with nothing", async () => {
  const { streams, buffer } = make();
  await streams.push(new Target(buffer), 0, new Uint8Array(0), 0);
  assertEquals([streams.length, streams.pump(100)], [0, 0]);
});

Deno.test("StreamQueue rejects what was freed meanwhile, and sends the next instead", async () => {
  const { streams, buffer } = make();
  const target = new Target(buffer);
  const freed = streams.push(target, 0, bytesOf(100, 1), 1);
  const next = streams.push(new Target(buffer, 1024), 0, bytesOf(100, 2), 0);
  streams.pump(40);
  target.location = undefined;
  assertEquals(streams.pump(100), 100);
  await next;
  const error = await assertRejects(() => freed, GpuError, "Cannot stream 100 bytes to texture as it was freed");
  assertEquals(error.code, "FA858");
  assertEquals([streams.length, streams.pendingBytes], [0, 0]);
});

Deno.test("StreamQueue rejects bytes that were detached meanwhile", async () => {
  const { streams, buffer } = make();
  const source = bytesOf(100, 1);
  const done = streams.push(new Target(buffer), 0, source, 0);
  streams.pump(40);
  source.buffer.transfer();
  assertEquals(streams.pump(100), 0);
  const error = await assertRejects(() => done, GpuError, "detached");
  assertEquals(error.code, "FA858");
  assertEquals(streams.pendingBytes, 0);
});

Deno.test("StreamQueue says what the device has refused", async () => {
  const { backend, streams, buffer } = make();
  const done = streams.push(new Target(buffer), 0, bytesOf(100, 1), 0);
  backend.destroy(buffer);
  assertEquals(streams.pump(100), 0);
  const error = await assertRejects(() => done, GpuError, "see the cause");
  assertEquals([error.code, (error.cause as GpuError).code], ["FA858", "FA401"]);
});

Deno.test("StreamQueue rejects everything when the device is lost, and can be used again after that", async () => {
  const { backend, streams, uploader, buffer } = make();
  const lost = [0, 1].map((importance) => streams.push(new Target(buffer), 0, bytesOf(100, 1), importance));
  backend.lose();
  assertEquals(streams.pump(100), 0);
  for (const done of lost) assertEquals((await assertRejects(() => done, GpuError)).code, "FA857");
  assertEquals([streams.length, streams.pendingBytes], [0, 0]);
  await backend.reopen();
  backend.recreate(buffer);
  const done = streams.push(new Target(buffer), 0, bytesOf(8, 3), 0);
  streams.pump(100);
  await done;
  uploader.submit();
  assertEquals([...await readBack(backend, buffer, 0, 8)], [...bytesOf(8, 3)]);
});

Deno.test("StreamQueue takes back what is for one target, and leaves the others", async () => {
  const { streams, buffer } = make();
  const target = new Target(buffer);
  const taken = [streams.push(target, 0, bytesOf(8, 1), 0), streams.push(target, 8, bytesOf(8, 1), 2)];
  const other = streams.push(new Target(buffer, 1024), 0, bytesOf(8, 1), 1);
  streams.cancel(target);
  assertEquals([streams.length, streams.pendingBytes], [1, 8]);
  for (const done of taken) assertEquals((await assertRejects(() => done, GpuError, "cancelled")).code, "FA858");
  streams.pump(100);
  await other;
});

Deno.test("StreamQueue fails with the error it is given, and needs nobody to listen", async () => {
  const { streams, buffer } = make();
  const unhandled: unknown[] = [];
  const note = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", note);
  try {
    const why = new Error("over");
    const heard = streams.push(new Target(buffer), 0, bytesOf(8, 1), 0);
    streams.push(new Target(buffer), 0, bytesOf(8, 1), 0);
    streams.fail(why);
    await assertRejects(() => heard, Error, "over");
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals([streams.length, streams.pendingBytes, unhandled], [0, 0, []]);
  } finally {
    globalThis.removeEventListener("unhandledrejection", note);
  }
});
