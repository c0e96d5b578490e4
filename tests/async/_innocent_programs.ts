/**
 * Programs in which nothing of a frame crosses an `await`, near as some of them come to it: none of them may be reported.
 */

import {
  f32,
  type Infer,
  kilobytes,
  type ObjectPool,
  RetentionPolicy,
  SmartAlloc,
  struct,
  TaskAlloc,
  u32,
  u8,
} from "@framealloc/core";
import { assert, assertEquals } from "@std/assert";
import { debounce, pooledMap, retry } from "@std/async";
import { EventEmitter, on } from "node:events";
import { nextTick } from "node:process";
import { Readable } from "node:stream";
import { Body, chunks, known, load, type Program, stream, turn } from "./_programs.ts";

const Particle = struct("Particle", { x: f32, y: f32, life: f32 });

/** The work of a frame: handles of several kinds, and raw views. */
function work(alloc: SmartAlloc): number {
  const body = alloc.frameBox(Body, { mass: 1 }).value;
  const bodies = alloc.frameAllocBatch(Body, 4);
  for (const k = bodies.cursor(); k.next();) k.record.mass = k.index;
  const masses = alloc.frameVec(f32, 2);
  for (const { mass } of bodies) masses.push(mass);
  const byId = alloc.frameMap(u32, f32);
  masses.view.forEach((mass, id) => byId.set(id, mass));
  const heights = alloc.frameSlice(Float32Array, 4).fill(body.mass);
  const { life } = alloc.frameColumns(Particle, 4);
  life.set(heights);
  bodies.view(Float32Array).fill(0);
  return alloc.frameString("life ").append(`${life[3]}`).byteLength + byId.get(3)!;
}

export const INNOCENT: readonly Program[] = [
  // Frames and turns
  {
    name: "a single frame",
    run: (alloc) => assertEquals(alloc.runFrame(work), 9),
  },
  {
    name: "a hundred frames in one turn",
    run(alloc) {
      for (let i = 0; i < 100; i++) {
        using _frame = alloc.frame();
        work(alloc);
      }
    },
  },
  {
    name: "a frame in each of many turns",
    async run(alloc) {
      for (let i = 0; i < 10; i++) {
        alloc.beginFrame();
        work(alloc);
        alloc.endFrame();
        await turn();
      }
    },
  },
  {
    name: "several frames in each of many microtasks",
    async run(alloc) {
      for (let i = 0; i < 10; i++) {
        for (let k = 0; k < 3; k++) alloc.runFrame(work);
        await known(null);
      }
    },
  },
  {
    name: "an async function ends its frame before its first await",
    async run(alloc) {
      alloc.beginFrame();
      const size = work(alloc);
      alloc.endFrame();
      await load(`${size}`);
      return size;
    },
  },
  {
    name: "an async function begins its frame after its last await",
    async run(alloc) {
      const bytes = await load("level.bin");
      using _frame = alloc.frame();
      alloc.frameSlice(Uint8Array, bytes.length).set(bytes);
      return work(alloc);
    },
  },
  {
    name: "a frame between any two awaits",
    async run(alloc) {
      for (const name of ["a", "b", "c"]) {
        const bytes = await load(name);
        alloc.runFrame(() => alloc.frameSlice(Uint8Array, bytes.length).set(bytes));
        await known(null);
      }
    },
  },
  {
    name: "a game loop of timers",
    async run(alloc) {
      let steps = 0;
      function step(): void {
        using _frame = alloc.frame();
        work(alloc);
        if (++steps < 3) setTimeout(step, 0);
      }
      step();
      for (let i = 0; i < 3; i++) await turn();
      assertEquals(steps, 3);
    },
  },
  {
    name: "an interval with a frame in it",
    async run(alloc) {
      const interval = setInterval(() => alloc.runFrame(work), 0);
      for (let i = 0; i < 3; i++) await turn();
      clearInterval(interval);
    },
  },
  {
    name: "microtasks that queue the next one, each with a frame",
    async run(alloc) {
      let left = 5;
      function step(): void {
        alloc.runFrame(work);
        if (--left > 0) queueMicrotask(step);
      }
      queueMicrotask(step);
      await turn();
      assertEquals(left, 0);
    },
  },
  {
    name: "a microtask that a frame has queued begins one of its own",
    async run(alloc) {
      alloc.beginFrame();
      queueMicrotask(() => alloc.runFrame(work));
      work(alloc);
      alloc.endFrame();
      await known(null);
    },
  },
  {
    name: "a microtask that was queued before a frame begins one of its own",
    async run(alloc) {
      queueMicrotask(() => alloc.runFrame(work));
      alloc.runFrame(work);
      await known(null);
      alloc.runFrame(work);
    },
  },
  {
    name: "nextTick() begins a frame of its own",
    async run(alloc) {
      setTimeout(() => {
        alloc.runFrame(work);
        nextTick(() => alloc.runFrame(work));
        queueMicrotask(() => alloc.runFrame(work));
      }, 0);
      await turn();
      await turn();
    },
  },
  {
    name: "frames in the branches of Promise.all",
    async run(alloc) {
      await Promise.all(["a", "b", "c"].map(async (name) => {
        alloc.runFrame(work);
        await load(name);
        alloc.runFrame(work);
        await known(null);
        alloc.runFrame(work);
      }));
    },
  },
  {
    name: "frames in callbacks of then(), catch() and finally()",
    run: (alloc) =>
      known(1)
        .then(() => alloc.runFrame(work))
        .then(() => Promise.reject(new Error(`${alloc.runFrame(work)}`)))
        .catch(() => alloc.runFrame(work))
        .finally(() => alloc.runFrame(work)),
  },
  {
    name: "frames in the body of for await",
    async run(alloc) {
      for await (const chunk of chunks(3)) {
        using _frame = alloc.frame();
        alloc.frameSlice(Uint8Array, chunk.length).set(chunk);
        work(alloc);
      }
    },
  },
  {
    name: "frames in an async generator, between what it yields",
    async run(alloc) {
      async function* sums(): AsyncGenerator<number> {
        for await (const chunk of stream(3)) {
          yield alloc.runFrame(() => {
            const bytes = alloc.frameVec(u8);
            for (const byte of chunk) bytes.push(byte);
            return bytes.view.reduce((sum, byte) => sum + byte, 0);
          });
        }
      }
      for await (const sum of sums()) assert(sum > 0);
    },
  },
  {
    name: "a generator with a frame in each step, resumed by timers",
    async run(alloc) {
      function* steps(): Generator<number> {
        for (let i = 0; i < 3; i++) yield alloc.runFrame(work);
      }
      for (const _ of steps()) await turn();
    },
  },
  {
    name: "frames in a transform stream",
    async run(alloc) {
      const double = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          using _frame = alloc.frame();
          const twice = alloc.frameSlice(Uint8Array, 2 * chunk.length);
          twice.set(chunk);
          twice.set(chunk, chunk.length);
          controller.enqueue(twice.slice());
        },
      });
      for await (const chunk of stream(2).pipeThrough(double)) assertEquals(chunk.length, 14);
    },
  },
  {
    name: "frames where a stream is pulled, and where a sink is written to",
    async run(alloc) {
      let left = 3;
      const source = new ReadableStream<number>({
        pull: (controller) => left-- > 0 ? controller.enqueue(alloc.runFrame(work)) : controller.close(),
      });
      await source.pipeTo(new WritableStream({ write: () => void alloc.runFrame(work) }));
    },
  },
  {
    name: "frames in the listeners of a readable of Node",
    async run(alloc) {
      const readable = Readable.from(["a", "b"]);
      readable.on("data", () => alloc.runFrame(work));
      readable.on("close", () => alloc.runFrame(work));
      for (let i = 0; i < 4; i++) await turn();
    },
  },
  {
    name: "frames in the body of a loop over events",
    async run(alloc) {
      const socket = new EventEmitter();
      setTimeout(() => socket.emit("data", 1) && socket.emit("data", 2) && socket.emit("end"), 0);
      for await (const _ of on(socket, "data", { close: ["end"] })) alloc.runFrame(work);
    },
  },
  {
    name: "frames in a handler of messages",
    async run(alloc) {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => void alloc.runFrame(work);
      for (let i = 0; i < 3; i++) port2.postMessage(i);
      for (let i = 0; i < 3; i++) await turn();
      port1.close();
      port2.close();
    },
  },
  {
    name: "a frame in the listener of a signal, and one in finally",
    async run(alloc) {
      const controller = new AbortController();
      controller.signal.addEventListener("abort", () => alloc.runFrame(work));
      try {
        await turn();
        alloc.runFrame(work);
      } finally {
        controller.abort();
        alloc.runFrame(work);
      }
    },
  },
  {
    name: "a thenable with a frame in its then()",
    async run(alloc) {
      const size = await {
        then(resolve: (size: number) => void): void {
          resolve(alloc.runFrame(work));
        },
      };
      assertEquals(size, 9);
    },
  },
  {
    name: "a frame in each attempt of retry(), and in each item of pooledMap()",
    async run(alloc) {
      let attempts = 0;
      await retry(async () => {
        await turn();
        alloc.runFrame(work);
        if (++attempts < 2) throw new Error("again");
      }, { maxAttempts: 2, minTimeout: 1, jitter: 0 });
      await Array.fromAsync(pooledMap(2, [1, 2, 3], async () => (await turn(), alloc.runFrame(work))));
    },
  },
  {
    name: "a debounced function with a frame in it",
    async run(alloc) {
      const draw = debounce(() => void alloc.runFrame(work), 0);
      alloc.runFrame(() => draw());
      draw();
      await turn();
      await turn();
    },
  },
  // A frame that is open while others run, in the same turn
  {
    name: "a frame is open over the listeners of an emitter",
    run(alloc) {
      const world = new EventEmitter();
      alloc.beginFrame();
      const body = alloc.frameBox(Body, { mass: 0 }).value;
      world.on("hit", (mass: number) => body.mass += mass);
      world.emit("hit", 1);
      world.emit("hit", 2);
      world.removeAllListeners();
      assertEquals(body.mass, 3);
      alloc.endFrame();
    },
  },
  {
    name: "a frame is open over dispatchEvent(), whose listener opens a scope",
    async run(alloc) {
      const button = new EventTarget();
      button.addEventListener("click", () => {
        using _scope = alloc.scope();
        work(alloc);
      });
      await turn();
      alloc.beginFrame();
      const sizes = alloc.frameVec(u32);
      button.dispatchEvent(new Event("click"));
      sizes.push(1);
      alloc.endFrame();
    },
  },
  {
    name: "a generator is used up inside the frame of its record",
    async run(alloc) {
      function* steps(body: Infer<typeof Body>): Generator<number> {
        for (let i = 0; i < 3; i++) yield body.mass = i;
      }
      await turn();
      alloc.beginFrame();
      assertEquals([...steps(alloc.frameAlloc(Body))], [0, 1, 2]);
      alloc.endFrame();
    },
  },
  {
    name: "callbacks of arrays use handles at once",
    async run(alloc) {
      await known(null);
      using _frame = alloc.frame();
      const bodies = alloc.frameAllocBatch(Body, 4);
      [3, 1, 2].sort((a, b) => (bodies.at(0).mass = a - b)).forEach((mass, i) => bodies.at(i).mass = mass);
      assertEquals(JSON.parse(JSON.stringify(bodies.at(1))).mass, 2);
    },
  },
  {
    name: "an async function runs up to its first await inside a frame",
    async run(alloc) {
      async function announce(body: Infer<typeof Body>): Promise<string> {
        const text = `weighs ${body.mass}`;
        await turn();
        return text;
      }
      alloc.beginFrame();
      const said = announce(alloc.frameBox(Body, { mass: 3 }).value);
      alloc.endFrame();
      assertEquals(await said, "weighs 3");
    },
  },
  {
    name: "work is started in a frame and awaited after it",
    async run(alloc) {
      alloc.beginFrame();
      work(alloc);
      const loads = ["a", "b"].map(load);
      alloc.endFrame();
      await Promise.all(loads);
    },
  },
  {
    name: "an epoch is checked in its own turn and frame",
    async run(alloc) {
      for (let i = 0; i < 3; i++) {
        await turn();
        using _frame = alloc.frame();
        const { epoch } = alloc.asyncGuard;
        const heights = alloc.frameSlice(Float32Array, 4);
        alloc.asyncGuard.check(epoch);
        heights.fill(1);
      }
    },
  },
  // What is carried over is a copy
  {
    name: "numbers are carried over",
    async run(alloc) {
      let x = 0;
      for (let i = 0; i < 3; i++) {
        alloc.beginFrame();
        const body = alloc.frameBox(Body, { mass: 1 }).value;
        body.at.x = x + 1;
        ({ x } = body.at);
        alloc.endFrame();
        await turn();
      }
      assertEquals(x, 3);
    },
  },
  {
    name: "plain objects are carried over",
    async run(alloc) {
      const plain = alloc.runFrame(() => Body.toObject(alloc.frameBox(Body, { mass: 2 }).value));
      await turn();
      assertEquals(plain.mass, 2);
    },
  },
  {
    name: "JSON and a text are carried over",
    async run(alloc) {
      alloc.beginFrame();
      const json = JSON.stringify(alloc.frameBox(Body, { mass: 2 }));
      const text = alloc.frameString("fps ").append("60").toString();
      alloc.endFrame();
      await turn();
      assertEquals([JSON.parse(json).mass, text], [2, "fps 60"]);
    },
  },
  {
    name: "copies of slices, columns and views are carried over",
    async run(alloc) {
      const copies = alloc.runFrame(() => [
        alloc.frameSlice(Float32Array, 4).fill(1).slice(),
        new Float32Array(alloc.frameColumns(Particle, 4).life.fill(2)),
        structuredClone(alloc.frameAllocBatch(Particle, 1).view(Float32Array).fill(3).slice()),
      ]);
      await turn();
      alloc.runFrame(work);
      assertEquals(copies.map((copy) => copy[0]), [1, 2, 3]);
    },
  },
  {
    name: "a platform that copies at once is given slices",
    async run(alloc) {
      const { port1, port2 } = new MessageChannel();
      const messages: number[] = [];
      port1.onmessage = ({ data }) => void messages.push((data as Uint8Array)[0]!);
      alloc.beginFrame();
      const bytes = alloc.frameSlice(Uint8Array, 4).fill(65);
      const copy = bytes.slice();
      const hash = crypto.subtle.digest("SHA-256", copy);
      const response = new Response(copy);
      const blob = new Blob([copy]);
      port2.postMessage(copy);
      const text = new TextDecoder().decode(copy);
      alloc.endFrame();
      await turn();
      assertEquals([text, await response.text(), await blob.text()], ["AAAA", "AAAA", "AAAA"]);
      assertEquals([(await hash).byteLength, messages], [32, [65]]);
      port1.close();
      port2.close();
    },
  },
  {
    name: "a record that has ended is printed for people",
    async run(alloc) {
      const body = alloc.runFrame(() => alloc.frameAlloc(Body));
      await turn();
      assertEquals(Deno.inspect(body), "[stale Body]");
    },
  },
  {
    name: "handles and slices are kept, and never used again",
    async run(alloc) {
      const kept: unknown[] = [];
      for (let i = 0; i < 3; i++) {
        alloc.runFrame(() => {
          kept.push(alloc.frameAlloc(Body), alloc.frameSlice(Uint8Array, 4), alloc.frameVec(Body), work(alloc));
        });
        await turn();
      }
      assertEquals(kept.length, 12);
    },
  },
  // What is carried over lives longer
  {
    name: "a record is promoted to the pool before the await",
    async run(alloc) {
      const promoted = alloc.runFrame(() => alloc.promote(alloc.frameBox(Body, { mass: 4 })));
      await turn();
      assertEquals(promoted.record.mass, 4);
      promoted.free();
    },
  },
  {
    name: "a slice is promoted to the heap before the await",
    async run(alloc) {
      using promoted = alloc.runFrame(() => alloc.promote(alloc.frameSlice(Float32Array, 4).fill(5)));
      await turn();
      alloc.runFrame(work);
      assertEquals(promoted.slice[3], 5);
    },
  },
  {
    name: "a frame ends with promotions, which are awaited with",
    async run(alloc) {
      alloc.beginFrame();
      alloc.frameRetained(Body, RetentionPolicy.PromoteToPool, { mass: 6 });
      alloc.frameRetained(Body, RetentionPolicy.PromoteToHeap, { mass: 7 });
      alloc.frameRetained(Body, RetentionPolicy.Discard);
      const { promotions } = alloc.endFrameWithPromotions();
      await turn();
      for (const { box } of promotions) {
        assert((box!.record as Infer<typeof Body>).mass >= 6);
        box!.free();
      }
    },
  },
  {
    name: "a record is promoted to a scratch pool, which is reset after the awaits",
    async run(alloc) {
      const level = alloc.scratchPool("level", { size: kilobytes(4) });
      const promoted = alloc.runFrame(() =>
        alloc.promote(alloc.frameBox(Body, { mass: 8 }), RetentionPolicy.PromoteToScratch("level"))
      );
      for (let i = 0; i < 2; i++) {
        await turn();
        alloc.runFrame(work);
      }
      assertEquals(promoted.record.mass, 8);
      level.dispose();
    },
  },
  {
    name: "a task holds records and slices over awaits, with frames between them",
    async run(alloc) {
      using task = new TaskAlloc(alloc, { name: "parse" });
      const body = task.allocBox(Body, { mass: 1 }).value;
      const bytes = task.allocSlice(Uint8Array, 64);
      for await (const chunk of chunks(3)) {
        bytes.set(chunk);
        body.mass += alloc.runFrame(work);
      }
      assertEquals(body.mass, 28);
    },
  },
  {
    name: "a record of the pool, a box and a block are used over awaits",
    async run(alloc) {
      const body = alloc.poolAlloc(Body);
      using box = alloc.heapBox(Body, { mass: 1 });
      using block = alloc.heapAlloc(16);
      for (let i = 0; i < 3; i++) {
        await turn();
        body.id = box.value.mass += alloc.runFrame(work);
        block.view(Uint8Array)[0] = body.id;
      }
      alloc.poolFree(body);
    },
  },
  {
    name: "a group, a handle and an object of a pool are used over awaits",
    async run(alloc) {
      const group = alloc.groups.create("level");
      const vec = group.allocVec(u32);
      const handle = alloc.handles.alloc(Body, { mass: 1 });
      const objects: ObjectPool<{ hits: number }> = alloc.objectPool(() => ({ hits: 0 }));
      using lease = objects.lease();
      for (let i = 0; i < 3; i++) {
        await known(null);
        vec.push(alloc.handles.resolve(handle).mass++);
        lease.value.hits += alloc.runFrame(work);
      }
      assertEquals([...vec], [1, 2, 3]);
      alloc.handles.free(handle);
      group.free();
    },
  },
  // Several frames alive
  {
    name: "a handle of the frame before is read in a later turn",
    config: { framesAlive: 2 },
    async run(alloc) {
      let before: Infer<typeof Body> | undefined;
      for (let i = 0; i < 5; i++) {
        alloc.beginFrame();
        const body = alloc.frameBox(Body, { mass: i }).value;
        assertEquals(before?.mass ?? -1, i - 1);
        before = body;
        alloc.endFrame();
        await turn();
        assertEquals(body.mass, i); // it is alive until the frame after the next begins
      }
    },
  },
  {
    name: "lists, maps and slices of two frames before are read between frames",
    config: { framesAlive: 3 },
    async run(alloc) {
      const sum = alloc.runFrame(() => {
        const masses = alloc.frameVec(f32);
        const byId = alloc.frameMap(u32, f32);
        const heights = alloc.frameSlice(Float32Array, 4).fill(1);
        masses.push(1);
        byId.set(1, 1);
        return () => masses.at(0) + byId.get(1)! + heights[3]! + masses.view[0]!;
      });
      for (let i = 0; i < 2; i++) {
        await turn();
        assertEquals(sum(), 4);
        alloc.runFrame(() => assertEquals(work(alloc) + sum(), 13));
      }
    },
  },
  {
    name: "what the frame before has published is interpolated with",
    config: { framesAlive: 2 },
    async run(alloc) {
      for (let i = 0; i < 4; i++) {
        alloc.beginFrame();
        const heights = alloc.publish("heights", alloc.frameSlice(Float32Array, 1).fill(i));
        const before: Float32Array = alloc.previous(1)?.get("heights") ?? heights;
        assertEquals(before[0], Math.max(0, i - 1));
        alloc.endFrame();
        await turn();
      }
    },
  },
  // An open frame with nothing out
  {
    name: "an empty frame is open over an await",
    async run(alloc) {
      alloc.beginFrame();
      await turn();
      alloc.endFrame();
    },
  },
  {
    name: "a scope with slices has ended before the await, and nothing is used after it",
    async run(alloc) {
      alloc.beginFrame();
      {
        using _scope = alloc.scope();
        work(alloc);
      }
      await turn();
      alloc.endFrame();
    },
  },
  {
    name: "a checkpoint was rolled back to before the await",
    async run(alloc) {
      alloc.beginFrame();
      const start = alloc.frameCheckpoint();
      for (let i = 0; i < 3; i++) {
        work(alloc);
        alloc.rollbackTo(start);
      }
      await known(null);
      await turn();
      alloc.endFrame();
    },
  },
  {
    name: "what was tried has failed before the await",
    async run(alloc) {
      alloc.beginFrame();
      const tried = alloc.speculative(() => {
        work(alloc);
        throw new Error("no");
      });
      assert(!tried.success);
      await turn();
      alloc.endFrame();
    },
  },
  {
    name: "handles and lists alone are in a frame over an await, and not used after it",
    async run(alloc) {
      alloc.beginFrame();
      const bodies = alloc.frameVec(Body, 1);
      for (let i = 0; i < 5; i++) bodies.push({ mass: i });
      alloc.frameMap(u32, f32, 1).set(1, 1);
      alloc.frameString("text").append(" and more of it than there is room for");
      const { length } = bodies;
      await turn();
      alloc.endFrame();
      assertEquals(length, 5);
    },
  },
  {
    name: "a frame is open over the awaits of a task, which alone is used",
    async run(alloc) {
      alloc.beginFrame();
      using task = new TaskAlloc(alloc, { name: "load" });
      const bytes = task.allocVec(Uint8Array);
      for await (const chunk of stream(2)) for (const byte of chunk) bytes.push(byte);
      alloc.endFrame();
      assertEquals(bytes.length, 14);
    },
  },
  // Tags, scopes and phases
  {
    name: "scopes, checkpoints and phases in a frame of each turn",
    async run(alloc) {
      for (let i = 0; i < 3; i++) {
        await turn();
        using _frame = alloc.frame();
        using _phase = alloc.phase("update");
        const start = alloc.frameCheckpoint();
        {
          using _scope = alloc.scope();
          work(alloc);
        }
        const kept = alloc.scope();
        const body = alloc.frameAlloc(Body);
        kept.commit();
        body.mass = 1;
        alloc.rollbackTo(start);
        assert(alloc.speculative(() => work(alloc)).success);
      }
    },
  },
  {
    name: "an async function under a tag has a frame between its awaits",
    async run(alloc) {
      await alloc.withTag("network", async () => {
        for (let i = 0; i < 2; i++) {
          await turn();
          alloc.withTag("parse", () => alloc.runFrame(work));
        }
      });
    },
  },
  {
    name: "budgets of tags are looked after in frames",
    async run(alloc) {
      const crossed: string[] = [];
      alloc.budgets.setTag("audio", { soft: 64, onCross: ({ budget }) => void crossed.push(budget) });
      for (let i = 0; i < 2; i++) {
        alloc.runFrame(() => alloc.withTag("audio", () => alloc.frameSlice(Float32Array, 64)));
        await turn();
      }
      assertEquals(crossed, ["audio", "audio"]);
    },
  },
  // Other allocators
  {
    name: "frames of two allocators inside each other",
    async run(alloc) {
      using other = new SmartAlloc({ asyncSafety: "turns", frameArenaSize: kilobytes(64) });
      for (let i = 0; i < 2; i++) {
        alloc.beginFrame();
        const body = alloc.frameBox(Body, { mass: 1 }).value;
        body.mass += other.runFrame(work);
        alloc.endFrame();
        await known(null);
      }
      assertEquals(other.asyncGuard.reports, []);
    },
  },
  {
    name: "another allocator, without a guard, keeps its frame open over awaits",
    async run(alloc) {
      using other = new SmartAlloc({ asyncSafety: "off", frameArenaSize: kilobytes(64) });
      other.beginFrame();
      const body = other.frameBox(Body, { mass: 1 }).value;
      for (let i = 0; i < 3; i++) {
        await turn();
        body.mass += alloc.runFrame(work);
        other.frameSlice(Uint8Array, 16);
      }
      other.endFrame();
      assertEquals(other.asyncGuard.reports, []);
    },
  },
  {
    name: "another allocator, which guards frames alone, keeps its frame open over awaits",
    async run(alloc) {
      using other = new SmartAlloc({ asyncSafety: "frames", frameArenaSize: kilobytes(64) });
      other.beginFrame();
      const body = other.frameBox(Body, { mass: 1 }).value;
      await turn();
      body.mass += alloc.runFrame(work);
      other.endFrame();
      assertEquals(other.asyncGuard.reports, []);
    },
  },
  // Errors and ends
  {
    name: "an error leaves a frame, which its guard ends",
    async run(alloc) {
      for (let i = 0; i < 2; i++) {
        try {
          using _frame = alloc.frame();
          work(alloc);
          throw new RangeError("game over");
        } catch (error) {
          assert(error instanceof RangeError);
        }
        await turn();
      }
    },
  },
  {
    name: "an error leaves runFrame(), also where frames run inside others' callbacks",
    async run(alloc) {
      const fail = (): never => {
        work(alloc);
        throw new RangeError("no");
      };
      await Promise.allSettled([1, 2].map(async () => {
        await turn();
        alloc.runFrame(fail);
      }));
      assertEquals(alloc.runFrame(work), 9);
    },
  },
  {
    name: "an allocation is refused, and the frame goes on",
    config: { growth: "fail" },
    async run(alloc) {
      for (let i = 0; i < 2; i++) {
        alloc.beginFrame();
        assertEquals(alloc.tryFrameSlice(Uint8Array, kilobytes(100)), undefined);
        work(alloc);
        alloc.endFrame();
        await turn();
      }
    },
  },
  {
    name: "a frame needs further chunks, and trim() takes them back in a later turn",
    async run(alloc) {
      for (let i = 0; i < 3; i++) {
        alloc.runFrame(() => alloc.frameSlice(Uint8Array, kilobytes(500)).fill(1));
        await turn();
        alloc.trim();
      }
    },
  },
  {
    name: "a batch is used again in the frames of later turns",
    async run(alloc) {
      let bodies = alloc.runFrame(() => alloc.frameAllocBatch(Body, 4));
      for (let i = 0; i < 3; i++) {
        await turn();
        alloc.beginFrame();
        const again = alloc.frameAllocBatch(Body, 4, { into: bodies });
        assert(again === bodies);
        bodies = again;
        bodies.at(3).mass = i;
        alloc.endFrame();
      }
    },
  },
  {
    name: "an allocator is disposed of inside a frame, in the turn in which that began",
    async run(alloc) {
      alloc.beginFrame();
      work(alloc);
      alloc.dispose();
      await turn();
      assertEquals(alloc.inFrame, false);
    },
  },
  {
    name: "an allocator is disposed of between turns",
    async run(alloc) {
      alloc.runFrame(work);
      await turn();
      alloc.dispose();
      await turn();
    },
  },
  // runFrame
  {
    name: "runFrame() inside runFrame() of another, and generators used up in it",
    async run(alloc) {
      using other = new SmartAlloc();
      await turn();
      const masses = alloc.runFrame(() => {
        const bodies = alloc.frameAllocBatch(Body, 3);
        function* all(): Generator<number> {
          for (const body of bodies) yield body.mass = other.runFrame(work);
        }
        return [...all()];
      });
      await known(null);
      assertEquals(masses, [9, 9, 9]);
    },
  },
  {
    name: "runFrame() returns what it has started before the frame",
    async run(alloc) {
      const bytes = load("level");
      const size = alloc.runFrame(() => {
        bytes.then(() => alloc.runFrame(work));
        return work(alloc);
      });
      assertEquals([size, (await bytes).length], [9, 5]);
    },
  },
];
