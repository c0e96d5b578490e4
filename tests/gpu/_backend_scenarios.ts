/**
 * What every device must do alike, as programs that write down what they saw.
 */

import { FrameAllocError } from "@framealloc/core";
import { type GpuBufferId, USAGE } from "../../gpu/backend/backend.ts";
import { mistakes } from "./_backend_mistakes.ts";
import { type Device, lose, readBack } from "./_backends.ts";
import { counting, digest, packedRecords } from "./_bytes.ts";

/** Writes a line down. */
export type Log = (line: string) => void;

/** A program for a device. */
export type Scenario = (backend: Device, log: Log) => Promise<void>;

const DATA = USAGE.COPY_SRC | USAGE.COPY_DST;
const ARRAY = DATA | USAGE.STORAGE;
const READ = USAGE.MAP_READ | USAGE.COPY_DST;

/** The error of a call, with its class, code and words. */
function told(error: unknown): string {
  if (!(error instanceof FrameAllocError)) return `no error of ours: ${error}`;
  return `${error.name} ${error.message}`;
}

/** Notes what a call throws or rejects with. */
async function attempt(log: Log, name: string, call: () => unknown): Promise<void> {
  try {
    const given = call();
    const value = given instanceof Promise ? await given.then((value) => `resolves ${value}`) : given;
    log(`${name}: ${value}`);
  } catch (error) {
    log(`${name}: ${told(error)}`);
  }
}

/** Notes only the code: the words say what the device said. */
async function attemptCode(log: Log, name: string, call: () => unknown): Promise<void> {
  try {
    await call();
    log(`${name}: nothing`);
  } catch (error) {
    log(`${name}: ${error instanceof FrameAllocError ? error.code : error}`);
  }
}

/** A range of a buffer, in words. */
async function show(backend: Device, buffer: GpuBufferId, at: number, bytes: number): Promise<string> {
  return (await readBack(backend, buffer, at, bytes)).join(" ");
}

/** The programs, by what they show. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "a new buffer is full of zeros, and what is written is read back": async (backend, log) => {
    const buffer = backend.create(32, DATA, "numbers");
    log(await show(backend, buffer, 0, 32));
    const source = counting(12, 1);
    backend.write(buffer, 8, source, 2, 8);
    source.fill(99);
    log(await show(backend, buffer, 0, 32));
    const shared = new Uint8Array(new SharedArrayBuffer(16)).fill(7);
    backend.write(buffer, 28, shared, 12, 4);
    log(await show(backend, buffer, 4, 28));
  },

  "writes and copies that overlap happen in their order": async (backend, log) => {
    const a = backend.create(16, DATA, "a");
    const b = backend.create(16, DATA, "b");
    await backend.verify(a);
    await backend.verify(b);
    backend.write(a, 0, counting(16, 1), 0, 16);
    backend.copy(a, 0, b, 0, 16);
    backend.write(a, 0, counting(16, 100), 0, 8);
    backend.write(b, 4, counting(16, 50), 0, 4);
    backend.copy(b, 0, a, 12, 4);
    backend.clear(b, 8, 4);
    backend.copy(a, 0, b, 12, 4);
    backend.submit();
    log(await show(backend, a, 0, 16));
    log(await show(backend, b, 0, 16));
  },

  "a buffer is cleared in part": async (backend, log) => {
    const buffer = backend.create(16, DATA, "numbers");
    backend.write(buffer, 0, counting(16, 1), 0, 16);
    backend.clear(buffer, 4, 8);
    log(await show(backend, buffer, 0, 16));
  },

  "a destroyed buffer takes nothing along that was called before": async (backend, log) => {
    const a = backend.create(8, DATA, "a");
    const b = backend.create(8, DATA, "b");
    const c = backend.create(8, DATA, "c");
    backend.write(a, 0, counting(8, 1), 0, 8);
    backend.copy(a, 0, b, 0, 8);
    backend.destroy(a);
    backend.destroy(a);
    backend.write(c, 0, counting(8, 11), 0, 8);
    backend.copy(b, 0, c, 0, 4);
    backend.submit();
    log(await show(backend, c, 0, 8));
    log(await backend.verify(a));
  },

  "records are scattered bit by bit as a loop would": async (backend, log) => {
    const programs = [[1, 1, 4], [300, 17, 4], [300, 300, 12], [1000, 333, 64], [77, 40, 256], [3, 2, 4096]] as const;
    for (const [records, count, stride] of programs) {
      const buffer = backend.create(512 + records * stride, ARRAY, "records");
      const [packed, array] = packedRecords(records, count, stride, records * stride);
      backend.scatter(buffer, 256, records * stride, packed, count, stride);
      packed.fill(0);
      const read = await readBack(backend, buffer, 0, 512 + records * stride);
      const expected = new Uint8Array(512 + records * stride);
      expected.set(array, 256);
      log(`${records} ${count} ${stride}: ${digest(read) === digest(expected) ? "same" : "other"} ${digest(read)}`);
    }
  },

  "scatters, writes and copies happen in their order": async (backend, log) => {
    const records = 2000;
    const buffer = backend.create(records * 16, ARRAY, "records");
    const copy = backend.create(records * 16, DATA, "copy");
    await backend.verify(buffer);
    await backend.verify(copy);
    // More than the staging buffer of the first scatter has room for.
    for (let round = 0; round < 5; round++) {
      const [packed] = packedRecords(records, 400 + round * 400, 16, round + 1);
      backend.scatter(buffer, 0, records * 16, packed, 400 + round * 400, 16);
      if (round === 1) backend.copy(buffer, 0, copy, 0, records * 16);
      if (round === 2) backend.write(buffer, 64, counting(64), 0, 64);
      if (round === 3) backend.clear(buffer, 160, 32);
    }
    log(digest(await readBack(backend, buffer, 0, records * 16)));
    log(digest(await readBack(backend, copy, 0, records * 16)));
  },

  "20 MiB arrive bit by bit": async (backend, log) => {
    const bytes = 20 * 1024 ** 2 + 12;
    const source = new Uint8Array(bytes + 4);
    const words = new Uint32Array(source.buffer);
    for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 0x9e3779b1);
    const buffer = backend.create(bytes + 4, DATA, "large");
    backend.write(buffer, 4, source, 1, bytes);
    source.fill(0, 0, 64);
    const read = await readBack(backend, buffer, 0, bytes + 4);
    const readWords = new Uint32Array(read.buffer, 4);
    let wrong = readWords[0] === 0 ? 1 : 0;
    for (let i = 16; i < readWords.length; i++) {
      const expected = Math.imul(i, 0x9e3779b1) >>> 8 | Math.imul(i + 1, 0x9e3779b1) << 24;
      if (readWords[i] !== expected >>> 0) wrong++;
    }
    log(`${wrong} wrong, first ${readWords[0]}`);
  },

  "a buffer can be read only while it is mapped, and do nothing else meanwhile": async (backend, log) => {
    const source = backend.create(64, DATA, "source");
    const target = backend.create(64, READ, "target");
    const into = new Uint8Array(8);
    backend.write(source, 0, counting(64, 1), 0, 64);
    backend.copy(source, 0, target, 0, 64);
    backend.submit();
    const read = (): string => (backend.readMapped(target, 16, into), into.join(" "));
    await attempt(log, "read at first", read);
    backend.unmap(target);
    const wait = backend.map(target, 8, 32);
    await attempt(log, "read too early", read);
    await attempt(log, "map twice", () => backend.map(target, 0, 8));
    await attempt(log, "write", () => backend.write(target, 0, into, 0, 8));
    log(`then: ${await wait}`);
    await attempt(log, "read", read);
    await attempt(log, "read again", read);
    await attempt(log, "read the start", () => (backend.readMapped(target, 8, into), into.join(" ")));
    await attempt(log, "read before it", () => backend.readMapped(target, 0, into));
    await attempt(log, "read behind it", () => backend.readMapped(target, 40, into));
    await attempt(log, "read at 4", () => backend.readMapped(target, 12, into));
    await attempt(log, "read 6 bytes", () => backend.readMapped(target, 8, new Uint8Array(6)));
    await attempt(log, "map mapped", () => backend.map(target, 0, 8));
    await attempt(log, "copy to", () => backend.copy(source, 0, target, 0, 8));
    await attempt(log, "clear", () => backend.clear(target, 0, 8));
    backend.unmap(target);
    backend.unmap(target);
    await attempt(log, "read at last", read);
    backend.clear(target, 16, 4);
    backend.submit();
    await backend.map(target, 0, 64);
    await attempt(log, "read after it was cleared", read);
    backend.destroy(target);
    await attempt(log, "read destroyed", read);
    backend.unmap(target);
  },

  "a mapping that is given up before its bytes arrive says so": async (backend, log) => {
    const target = backend.create(64, READ, "target");
    const other = backend.create(64, READ, "other");
    const first = backend.map(target, 0, 64);
    const ended = attempt(log, "unmapped", () => first);
    backend.unmap(target);
    await ended;
    const abandoned = backend.map(target, 0, 64);
    const waits = attempt(log, "unmapped again", () => abandoned);
    backend.unmap(target);
    const again = backend.map(target, 0, 64);
    await waits;
    await attempt(log, "mapped again", () => again);
    const destroyed = attempt(log, "destroyed", () => backend.map(other, 0, 64));
    backend.destroy(other);
    await destroyed;
    const last = attempt(log, "disposed", () => (backend.unmap(target), backend.map(target, 0, 64)));
    backend.dispose();
    await last;
  },

  "whatever is wrong is refused with a code, before anything happens": async (backend, log) => {
    for (const [name, call] of Object.entries(mistakes(backend))) await attempt(log, name, call);
    backend.submit();
    log(digest(await readBack(backend, 0, 0, 1024)));
  },

  "a lost device is told once, refuses everything, and is replaced": async (backend, log) => {
    const a = backend.create(64, DATA, "a");
    const b = backend.create(64, DATA, "b");
    const gone = backend.create(64, DATA, "gone");
    const map = backend.create(64, READ, "map");
    const into = new Uint8Array(64);
    backend.write(a, 0, counting(64, 1), 0, 64);
    backend.copy(a, 0, b, 0, 64);
    backend.onLoss = (loss) => log(`onLoss ${loss.reason} ${backend.loss === loss}`);
    log(`before: ${backend.loss}`);
    const waits = [attemptCode(log, "map meanwhile", () => backend.map(map, 0, 64))];
    await lose(backend);
    await Promise.all(waits);
    log(`reason: ${backend.loss?.reason}`);
    const tries: Record<string, () => unknown> = {
      "create": () => backend.create(64, DATA, ""),
      "write": () => backend.write(a, 0, into, 0, 4),
      "copy": () => backend.copy(a, 0, b, 0, 4),
      "clear": () => backend.clear(a, 0, 4),
      "scatter": () => backend.scatter(a, 0, 4, into, 1, 4),
      "map": () => backend.map(map, 0, 8),
      "read": () => backend.readMapped(map, 0, into),
      "raw": () => backend.raw(a),
      "done": () => backend.done(),
      "recreate": () => backend.recreate(a),
      "unmap": () => backend.unmap(map),
      "destroy": () => backend.destroy(gone),
      "submit": () => backend.submit(),
    };
    for (const [name, call] of Object.entries(tries)) await attemptCode(log, name, call);
    log(`verify: ${await backend.verify(a)}`);
    await Promise.all([backend.reopen(), backend.reopen()]);
    log(`after: ${backend.loss}`);
    await attempt(log, "write to a lost one", () => backend.write(a, 0, into, 0, 4));
    await attempt(log, "make one again that was destroyed meanwhile", () => backend.recreate(gone));
    for (const buffer of [a, b, map]) backend.recreate(buffer);
    await attempt(log, "make one again twice", () => backend.recreate(a));
    log(await backend.verify(a));
    log(await show(backend, a, 0, 16));
    backend.write(a, 0, counting(64, 1), 0, 64);
    backend.copy(a, 0, map, 0, 64);
    backend.submit();
    await backend.done();
    await backend.map(map, 0, 64);
    backend.readMapped(map, 0, into);
    log(into.join(" "));
    await lose(backend);
    log(`again: ${backend.loss?.reason}`);
    await backend.reopen();
    await backend.reopen();
    log(`new: ${backend.create(4, DATA, "new")}`);
  },

  "numbers rest before they are given again": async (backend, log) => {
    const first = backend.create(4, DATA, "first");
    const second = backend.create(4, DATA, "second");
    backend.destroy(second);
    backend.destroy(first);
    for (let others = 0; others < 3000; others++) {
      const buffer = backend.create(4, DATA, "other");
      if (buffer <= second) log(`${buffer} after ${others} others`);
      if (others === 1000) log(await show(backend, buffer, 0, 4));
      backend.destroy(buffer);
    }
  },

  "what was disposed of refuses everything, and ends quietly": async (backend, log) => {
    const buffer = backend.create(64, DATA, "a");
    const map = backend.create(64, READ, "map");
    const waits = [attempt(log, "map", () => backend.map(map, 0, 8)), attempt(log, "done", () => backend.done())];
    backend.onLoss = () => log("onLoss");
    backend.dispose();
    backend.dispose();
    await Promise.all(waits);
    await attempt(log, "create", () => backend.create(64, DATA, ""));
    await attempt(log, "write", () => backend.write(buffer, 0, new Uint8Array(4), 0, 4));
    await attempt(log, "raw", () => backend.raw(buffer));
    await attempt(log, "done", () => backend.done());
    await attempt(log, "reopen", () => backend.reopen());
    await attempt(log, "verify", () => backend.verify(buffer));
    await attempt(log, "submit", () => backend.submit());
    await attempt(log, "unmap", () => backend.unmap(map));
    await attempt(log, "destroy", () => backend.destroy(buffer));
    await new Promise((resolve) => setTimeout(resolve));
    log(`loss: ${backend.loss}`);
  },
};
