/**
 * Programs in which a handle crosses an `await`: it is used, or more is allocated beside it, in a later turn than that in which it was
 * made, in the many ways in which programs wait. Those at the end cannot be noticed, or are not, and say why.
 */

import {
  array,
  type Batch,
  f32,
  type FrameMap,
  type Infer,
  kilobytes,
  RetentionPolicy,
  SmartAlloc,
  struct,
  u32,
  vec3f,
} from "@framealloc/core";
import { abortable, debounce, pooledMap, retry } from "@std/async";
import { EventEmitter, on, once } from "node:events";
import { nextTick } from "node:process";
import { Readable } from "node:stream";
import { setImmediate } from "node:timers";
import { promisify } from "node:util";
import { Body, chunks, known, load, type Program, stream, turn } from "./_programs.ts";

const Progress = struct("Progress", { done: u32, total: u32 });
const Bones = struct("Bones", { weights: array(f32, 8), root: vec3f });

/** A program that has to be noticed, or the reason why it is not. */
export interface Crossing extends Program {
  /** The code that it is noticed by. */
  readonly by?: string;
  /** Why it is not noticed. */
  readonly missed?: string;
}

export const HANDLES: readonly Crossing[] = [
  // Plain
  {
    name: "a record is read after an await",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const body = alloc.frameAlloc(Body);
      body.mass = 1;
      await turn();
      const { mass } = body;
      alloc.endFrame();
      return mass;
    },
  },
  {
    name: "what was awaited is assigned to a record",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const progress = alloc.frameAlloc(Progress);
      progress.total = (await load("level.bin")).length;
      alloc.endFrame();
    },
  },
  {
    name: "a sum is taken before the await and stored after it",
    by: "FA702",
    async run(alloc) {
      using _frame = alloc.frame();
      const progress = alloc.frameBox(Progress).value;
      progress.done += await known(1);
    },
  },
  {
    name: "a record is used after its frame and an await",
    by: "FA002",
    async run(alloc) {
      alloc.beginFrame();
      const body = alloc.frameAlloc(Body);
      alloc.endFrame();
      await load("shape.bin");
      body.mass = 2;
    },
  },
  {
    name: "a frame guard is held by an async function",
    by: "FA702",
    async run(alloc) {
      using _frame = alloc.frame();
      const cell = alloc.frameBox(u32, 1);
      await known(null);
      return cell.value;
    },
  },
  {
    name: "a part of a record is kept over an await",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const { at } = alloc.frameAlloc(Body);
      const target = await known({ x: 1, y: 2, z: 3 });
      at.set(target.x, target.y, target.z);
      alloc.endFrame();
    },
  },
  {
    name: "a list in a record is filled after an await",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const { weights } = alloc.frameAlloc(Bones);
      const loaded = await load("weights");
      for (let i = 0; i < weights.length; i++) weights.set(i, loaded[i] ?? 0);
      alloc.endFrame();
    },
  },
  {
    name: "one of four records is written after an await",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const [, , third] = alloc.frameAlloc4(Body);
      await turn();
      Body.assign(third, { mass: 3 });
      alloc.endFrame();
    },
  },
  {
    name: "a function that is awaited uses the record of its caller",
    by: "FA702",
    async run(alloc) {
      async function settle(body: Infer<typeof Body>): Promise<void> {
        await turn();
        body.at.y = 0;
      }
      alloc.beginFrame();
      await settle(alloc.frameAlloc(Body));
      alloc.endFrame();
    },
  },
  {
    name: "a class keeps a record in a field while it loads",
    by: "FA702",
    async run(alloc) {
      class Door {
        readonly #body = alloc.frameAlloc(Body);
        async open(): Promise<void> {
          const sound = await load("creak.ogg");
          this.#body.id = sound.length;
        }
      }
      alloc.beginFrame();
      await new Door().open();
      alloc.endFrame();
    },
  },
  {
    name: "a module is imported while a record is in use",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const body = alloc.frameAlloc(Body);
      const { basename } = await import("node:path");
      body.id = basename("/a/b").length;
      alloc.endFrame();
    },
  },
  {
    name: "a hash is awaited and stored in a box",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const box = alloc.frameBox(Progress);
      const hash = await crypto.subtle.digest("SHA-256", new Uint8Array(16));
      box.assign({ done: new Uint8Array(hash)[0]!, total: 256 });
      alloc.endFrame();
    },
  },
  // Loops
  {
    name: "a loop awaits each of its steps",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const progress = alloc.frameBox(Progress, { done: 0, total: 3 }).value;
      for (const name of ["a", "b", "c"]) {
        await load(name);
        progress.done++;
      }
      alloc.endFrame();
    },
  },
  {
    name: "a loop polls until something is ready",
    by: "FA702",
    async run(alloc) {
      let isReady = false;
      setTimeout(() => isReady = true, 1);
      alloc.beginFrame();
      const polls = alloc.frameBox(u32);
      while (!isReady) {
        await turn();
        polls.value++;
      }
      alloc.endFrame();
    },
  },
  {
    name: "a cursor walks with an await at each record",
    by: "FA702",
    async run(alloc) {
      const sent: number[] = [];
      const send = async (mass: number) => void sent.push(await known(mass));
      alloc.beginFrame();
      const bodies = alloc.frameAllocBatch(Body, 4);
      for (const k = bodies.cursor(); k.next();) await send(k.record.mass);
      alloc.endFrame();
    },
  },
  {
    name: "the records of a vec are sent one after the other",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const bodies = alloc.frameVec(Body);
      for (let i = 0; i < 3; i++) bodies.push({ mass: i });
      for (const body of bodies) await known(body.mass);
      alloc.endFrame();
    },
  },
  {
    name: "the entries of a map are sent one after the other",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const scores = alloc.frameMap(u32, u32);
      scores.set(1, 10).set(2, 20);
      for (const [player, score] of scores) await known([player, score]);
      alloc.endFrame();
    },
  },
  // for await
  {
    name: "for await adds up chunks in a record",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const progress = alloc.frameAlloc(Progress);
      progress.done = 0;
      for await (const chunk of chunks(3)) progress.done += chunk.length;
      alloc.endFrame();
    },
  },
  {
    name: "for await fills a growing list from a stream",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const bytes = alloc.frameVec(Uint8Array, 2);
      for await (const chunk of stream(3)) for (const byte of chunk) bytes.push(byte);
      alloc.endFrame();
    },
  },
  {
    name: "for await over promises that are all known",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const names = alloc.frameString();
      for await (const name of [known("a"), known("b")]) names.append(name);
      alloc.endFrame();
    },
  },
  {
    name: "Array.fromAsync maps over records",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const bodies = alloc.frameAllocBatch(Body, 3);
      await Array.fromAsync(bodies, async (body) => (await turn(), body.mass));
      alloc.endFrame();
    },
  },
  // Promises
  {
    name: "Promise.all fills a batch",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const bodies = alloc.frameAllocBatch(Body, 3);
      await Promise.all(["a", "bb", "ccc"].map(async (name, i) => {
        bodies.at(i).mass = (await load(name)).length;
      }));
      alloc.endFrame();
    },
  },
  {
    name: "Promise.allSettled swallows what is thrown",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const bodies = alloc.frameAllocBatch(Body, 2);
      await Promise.allSettled([0, 1].map(async (i) => {
        await turn();
        bodies.at(i).id = i;
      }));
      alloc.endFrame();
    },
  },
  {
    name: "Promise.race between a load and a timer",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const isLate = alloc.frameBox(u32, 0);
      await Promise.race([load("slow.bin"), turn().then(() => isLate.value = 1)]);
      await turn();
      alloc.endFrame();
    },
  },
  {
    name: "then() uses the record of the function that called it",
    by: "FA002",
    async run(alloc) {
      function refresh(): Promise<void> {
        using _frame = alloc.frame();
        const body = alloc.frameAlloc(Body);
        return load("mass").then((bytes) => void (body.mass = bytes.length));
      }
      await refresh();
    },
  },
  {
    name: "a thenable of the program's own is awaited",
    by: "FA702",
    async run(alloc) {
      const query = {
        then(resolve: (rows: number[]) => void): void {
          setTimeout(() => resolve([1, 2, 3]), 0);
        },
      };
      alloc.beginFrame();
      const rows = alloc.frameVec(u32);
      for (const row of await query) rows.push(row);
      alloc.endFrame();
    },
  },
  {
    name: "Promise.withResolvers() is resolved by a timer",
    by: "FA702",
    async run(alloc) {
      const { promise, resolve } = Promise.withResolvers<number>();
      setTimeout(resolve, 0, 7);
      alloc.beginFrame();
      const counts = alloc.frameMap(u32, u32);
      counts.set(1, await promise);
      alloc.endFrame();
    },
  },
  // Errors and ends
  {
    name: "finally tidies up a record",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const body = alloc.frameAlloc(Body);
      try {
        await load("shape.bin");
      } finally {
        body.id = 0;
        alloc.endFrame();
      }
    },
  },
  {
    name: "catch marks a record as failed",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const body = alloc.frameAlloc(Body);
      try {
        await Promise.reject(new Error("404"));
      } catch {
        body.mass = -1;
      }
      alloc.endFrame();
    },
  },
  {
    name: "a load is aborted, and its record marked",
    by: "FA702",
    async run(alloc) {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 0);
      alloc.beginFrame();
      const progress = alloc.frameAlloc(Progress);
      try {
        await abortable(new Promise(() => {}), controller.signal);
      } catch {
        progress.total = 0;
      }
      alloc.endFrame();
    },
  },
  {
    name: "the listener of a signal uses a record",
    by: "FA002",
    async run(alloc) {
      const controller = new AbortController();
      alloc.beginFrame();
      const body = alloc.frameAlloc(Body);
      controller.signal.addEventListener("abort", () => body.id = 0);
      alloc.endFrame();
      await turn();
      controller.abort();
    },
  },
  {
    name: "what is disposed asynchronously uses its record",
    by: "FA702",
    async run(alloc) {
      class Connection implements AsyncDisposable {
        readonly #sent = alloc.frameBox(u32, 0);
        async [Symbol.asyncDispose](): Promise<void> {
          await turn();
          this.#sent.value = 0;
        }
      }
      alloc.beginFrame();
      {
        await using _connection = new Connection();
      }
      alloc.endFrame();
    },
  },
  {
    name: "retry() counts its attempts in a cell",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const attempts = alloc.frameBox(u32, 0);
      await retry(async () => {
        await turn();
        if (++attempts.value < 2) throw new Error("again");
      }, { maxAttempts: 2, minTimeout: 1, jitter: 0 });
      alloc.endFrame();
    },
  },
  // Events
  {
    name: "a listener of an EventTarget uses a record",
    by: "FA002",
    async run(alloc) {
      const button = new EventTarget();
      alloc.runFrame(() => {
        const body = alloc.frameAlloc(Body);
        button.addEventListener("click", () => body.mass++);
      });
      await turn();
      button.dispatchEvent(new Event("click"));
    },
  },
  {
    name: "a listener of an EventEmitter uses the record of an open frame",
    by: "FA702",
    async run(alloc) {
      const socket = new EventEmitter();
      alloc.beginFrame();
      const body = alloc.frameAlloc(Body);
      socket.on("message", (mass: number) => body.mass = mass);
      setTimeout(() => socket.emit("message", 3), 0);
      await turn();
      alloc.endFrame();
    },
  },
  {
    name: "once() is awaited in a frame",
    by: "FA702",
    async run(alloc) {
      const socket = new EventEmitter();
      setTimeout(() => socket.emit("open", 80), 0);
      alloc.beginFrame();
      const port = alloc.frameBox(u32);
      [port.value] = await once(socket, "open") as [number];
      alloc.endFrame();
    },
  },
  {
    name: "for await over the events of an emitter",
    by: "FA702",
    async run(alloc) {
      const socket = new EventEmitter();
      setTimeout(() => socket.emit("data", 1) && socket.emit("data", 2) && socket.emit("end"), 0);
      alloc.beginFrame();
      const sum = alloc.frameBox(u32, 0);
      for await (const [value] of on(socket, "data", { close: ["end"] })) sum.value += value as number;
      alloc.endFrame();
    },
  },
  {
    name: "a message port answers after the frame",
    by: "FA002",
    async run(alloc) {
      const { port1, port2 } = new MessageChannel();
      alloc.beginFrame();
      const answers = alloc.frameVec(u32);
      port1.onmessage = ({ data }) => void answers.push(data as number);
      port2.postMessage(42);
      alloc.endFrame();
      await turn();
      await turn();
      port1.close();
      port2.close();
    },
  },
  // Timers and microtasks
  {
    name: "a timer uses a record after its frame",
    by: "FA002",
    async run(alloc) {
      alloc.beginFrame();
      const body = alloc.frameAlloc(Body);
      setTimeout(() => body.mass = 1, 0);
      alloc.endFrame();
      await turn();
    },
  },
  {
    name: "an interval adds to a vec",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const samples = alloc.frameVec(f32);
      const interval = setInterval(() => void samples.push(performance.now()), 0);
      await turn();
      await turn();
      clearInterval(interval);
      alloc.endFrame();
    },
  },
  {
    name: "setImmediate() looks at a batch",
    by: "FA002",
    async run(alloc) {
      alloc.beginFrame();
      const bodies = alloc.frameAllocBatch(Body, 8);
      setImmediate(() => bodies.at(7).mass);
      alloc.endFrame();
      await turn();
    },
  },
  {
    name: "a microtask of the frame's own turn counts up",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const score = alloc.frameBox(u32, 0);
      queueMicrotask(() => score.value++);
      await known(null);
      alloc.endFrame();
    },
  },
  {
    name: "a promisified callback is awaited",
    by: "FA702",
    async run(alloc) {
      const read = promisify((name: string, done: (error: Error | null, size: number) => void) => {
        setTimeout(() => done(null, name.length), 0);
      });
      alloc.beginFrame();
      const progress = alloc.frameAlloc(Progress);
      progress.total = await read("level");
      alloc.endFrame();
    },
  },
  {
    name: "a game loop keeps the record of the last step",
    by: "FA002",
    async run(alloc) {
      let player: Infer<typeof Body> | undefined;
      let steps = 0;
      function step(): void {
        using _frame = alloc.frame();
        player ??= alloc.frameAlloc(Body);
        player.at.x += 1;
        if (++steps < 3) setTimeout(step, 0);
      }
      step();
      for (let i = 0; i < 3; i++) await turn();
    },
  },
  {
    name: "a debounced handler uses the record that it was called with",
    by: "FA002",
    async run(alloc) {
      const save = debounce((body: Infer<typeof Body>) => void body.mass, 0);
      alloc.runFrame(() => save(alloc.frameAlloc(Body)));
      await turn();
      await turn();
    },
  },
  // Streams and queues
  {
    name: "a stream pulls a record that its start has made",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      let progress: Infer<typeof Progress>;
      const source = new ReadableStream<number>({
        start: () => void (progress = alloc.frameBox(Progress, { done: 0, total: 2 }).value),
        pull(controller) {
          if (progress.done++ < progress.total) controller.enqueue(progress.done);
          else controller.close();
        },
      }, { highWaterMark: 0 });
      for await (const _ of source);
      alloc.endFrame();
    },
  },
  {
    name: "a transform counts what passes through",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const passed = alloc.frameBox(u32, 0);
      const counter = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          passed.value += chunk.length;
          controller.enqueue(chunk);
        },
      });
      for await (const _ of stream(2).pipeThrough(counter));
      alloc.endFrame();
    },
  },
  {
    name: "a sink stores what is written to it in a map",
    by: "FA002",
    async run(alloc) {
      alloc.beginFrame();
      const sizes = alloc.frameMap(u32, u32);
      const sink = new WritableStream<Uint8Array>({
        write: (chunk) => void sizes.set(sizes.size, chunk.length),
      });
      alloc.endFrame();
      await stream(2).pipeTo(sink);
    },
  },
  {
    name: "a readable of Node feeds a record",
    by: "FA002",
    async run(alloc) {
      alloc.beginFrame();
      const progress = alloc.frameAlloc(Progress);
      const readable = Readable.from(["a", "b"]);
      readable.on("data", () => progress.done++);
      readable.on("error", () => {});
      alloc.endFrame();
      await once(readable, "close").catch(() => {});
    },
  },
  {
    name: "jobs are queued in a frame and worked off in later turns",
    by: "FA002",
    async run(alloc) {
      const jobs: (() => void)[] = [];
      alloc.beginFrame();
      for (const body of alloc.frameAllocBatch(Body, 3)) jobs.push(() => body.mass = 1);
      alloc.endFrame();
      for (const job of jobs) {
        await turn();
        job();
      }
    },
  },
  {
    name: "pooledMap() works on records, two at a time",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const bodies = [...alloc.frameAllocBatch(Body, 4)];
      const weigh = async (body: Infer<typeof Body>): Promise<number> => (await turn(), body.mass);
      await Array.fromAsync(pooledMap(2, bodies, weigh));
      alloc.endFrame();
    },
  },
  // Generators
  {
    name: "a generator that is resumed by timers",
    by: "FA702",
    async run(alloc) {
      function* fade(): Generator<void> {
        using _frame = alloc.frame();
        const alpha = alloc.frameBox(f32, 1);
        for (; alpha.value > 0; alpha.value -= 0.5) yield;
      }
      const steps = fade();
      while (!steps.next().done) await turn();
    },
  },
  {
    name: "an async generator keeps a frame open while it yields",
    by: "FA702",
    async run(alloc) {
      async function* waves(): AsyncGenerator<number> {
        alloc.beginFrame();
        const wave = alloc.frameBox(u32, 0);
        while (wave.value < 3) yield wave.value++;
        alloc.endFrame();
      }
      for await (const _ of waves());
    },
  },
  {
    name: "coroutines share a record",
    by: "FA702",
    async run(alloc) {
      function* walk(body: Infer<typeof Body>): Generator<void> {
        for (let i = 0; i < 2; i++) {
          body.at.x += 1;
          yield;
        }
      }
      alloc.beginFrame();
      const body = alloc.frameAlloc(Body);
      const routines = [walk(body), walk(body)];
      for (let i = 0; i < 2; i++) {
        for (const routine of routines) routine.next();
        await turn();
      }
      alloc.endFrame();
    },
  },
  // Allocating after an await
  {
    name: "more is allocated after an await, in the same frame",
    by: "FA701",
    async run(alloc) {
      alloc.beginFrame();
      await load("level.bin");
      const body = alloc.frameAlloc(Body);
      body.mass = 1;
      alloc.endFrame();
    },
  },
  {
    name: "a continuation allocates in a frame that somebody else has begun",
    by: "FA701",
    async run(alloc) {
      async function loader(): Promise<void> {
        await turn();
        alloc.frameBox(Body, { mass: 1 });
      }
      async function game(): Promise<void> {
        using _frame = alloc.frame();
        for (let i = 0; i < 3; i++) await turn();
      }
      await Promise.all([loader(), game()]);
    },
  },
  {
    name: "each chunk gets a record of the same frame",
    by: "FA701",
    async run(alloc) {
      using _frame = alloc.frame();
      for await (const chunk of chunks(2)) alloc.frameAlloc(Progress).done = chunk.length;
    },
  },
  {
    name: "a text is built in the frame of the request handler",
    by: "FA701",
    async run(alloc) {
      async function handle(request: Request): Promise<Response> {
        using _frame = alloc.frame();
        const body = await request.text();
        return new Response(alloc.frameString("hello ").append(body).toString());
      }
      await handle(new Request("http://localhost/", { method: "POST", body: "world" }));
    },
  },
  // Frames of others
  {
    name: "somebody else has begun another frame meanwhile",
    by: "FA002",
    async run(alloc) {
      async function mine(): Promise<number> {
        const body = alloc.runFrame(() => alloc.frameAlloc(Body));
        await turn();
        alloc.beginFrame(); // of this function, and the record is of the one before
        const { mass } = body;
        alloc.endFrame();
        return mass;
      }
      async function other(): Promise<void> {
        await known(null);
        alloc.runFrame(() => void (alloc.frameAlloc(Body).mass = 9));
      }
      await Promise.all([mine(), other()]);
    },
  },
  {
    name: "somebody else has ended the frame",
    by: "FA702",
    async run(alloc) {
      async function mine(): Promise<void> {
        alloc.beginFrame();
        const body = alloc.frameAlloc(Body);
        await turn();
        body.mass = 1;
      }
      async function other(): Promise<void> {
        await known(null);
        if (alloc.inFrame) alloc.endFrame();
      }
      await Promise.all([mine(), other()]);
    },
  },
  {
    name: "two handlers take turns in one frame",
    by: "FA702",
    async run(alloc) {
      const table = (): FrameMap<typeof f32> => alloc.frameMap(u32, f32);
      alloc.beginFrame();
      const shared = table();
      await Promise.all([1, 2].map(async (id) => {
        for (let i = 0; i < 2; i++) {
          shared.set(id, i);
          await turn();
        }
      }));
      alloc.endFrame();
    },
  },
  {
    name: "the frame of an outer allocator is held over the work of an inner one",
    by: "FA702",
    async run(alloc) {
      using inner = new SmartAlloc({ frameArenaSize: kilobytes(4) });
      alloc.beginFrame();
      const bytes = alloc.frameBox(u32, 0);
      for (const name of ["a", "b"]) {
        const loaded = await load(name);
        bytes.value += inner.runFrame(() => inner.frameSlice(Uint8Array, loaded.length).byteLength);
      }
      alloc.endFrame();
    },
  },
  {
    name: "a record of a frame that is no longer alive",
    by: "FA002",
    config: { framesAlive: 2 },
    async run(alloc) {
      const trail: Infer<typeof Body>[] = [];
      for (let i = 0; i < 3; i++) {
        alloc.runFrame(() => void trail.push(alloc.frameAlloc(Body)));
        await turn();
      }
      return trail[0]!.at.x;
    },
  },
  {
    name: "what an earlier frame has published is kept too long",
    by: "FA002",
    config: { framesAlive: 2 },
    async run(alloc) {
      alloc.runFrame(() => void alloc.publish("player", alloc.frameAlloc(Body)));
      const last = alloc.previous(0)!;
      for (let i = 0; i < 2; i++) {
        await turn();
        alloc.runFrame(() => {});
      }
      return last.get("player");
    },
  },
  // Scopes, tags and promotions
  {
    name: "a scope is held over an await",
    by: "FA702",
    async run(alloc) {
      using _frame = alloc.frame();
      using _scope = alloc.scope();
      const body = alloc.frameAlloc(Body);
      await turn();
      body.id = 1;
    },
  },
  {
    name: "a checkpoint is rolled back to after an await, and what is older used",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const best = alloc.frameBox(f32, 0);
      const start = alloc.frameCheckpoint();
      const trial = alloc.frameBox(f32, 1);
      trial.value = 2;
      await turn();
      alloc.rollbackTo(start);
      best.value = 1;
      alloc.endFrame();
    },
  },
  {
    name: "speculative() is given an async function",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const tried = alloc.speculative(async () => {
        const body = alloc.frameAlloc(Body);
        await turn();
        return body.mass;
      });
      if (tried.success) await tried.value;
      alloc.endFrame();
    },
  },
  {
    name: "withTag() is given an async function",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      await alloc.withTag("network", async () => {
        const packets = alloc.frameBox(u32, 0);
        await turn();
        packets.value++;
      });
      alloc.endFrame();
    },
  },
  {
    name: "a retained record waits for a frame that ends late",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      alloc.frameRetained(Body, RetentionPolicy.PromoteToPool, { mass: 1 });
      await turn();
      for (const { box } of alloc.endFrameWithPromotions().promotions) box?.free();
    },
  },
  {
    name: "a record is promoted after the await instead of before it",
    by: "FA702",
    async run(alloc) {
      alloc.beginFrame();
      const body = alloc.frameAlloc(Body);
      await turn();
      alloc.promote(body).free();
      alloc.endFrame();
    },
  },
  {
    name: "a cache of the module keeps records",
    by: "FA002",
    async run(alloc) {
      const cache = new Map<string, Batch<typeof Body>>();
      async function bodiesOf(level: string): Promise<number> {
        await turn();
        using _frame = alloc.frame();
        const known = cache.get(level) ?? alloc.frameAllocBatch(Body, 2);
        cache.set(level, known);
        return known.at(0).mass;
      }
      await bodiesOf("forest");
      await bodiesOf("forest");
    },
  },
  {
    name: "a response is made of a record that has ended",
    by: "FA002",
    async run(alloc) {
      async function handle(): Promise<Response> {
        const body = alloc.runFrame(() => alloc.frameBox(Body, { mass: 1 }));
        await load("session");
        return Response.json(body);
      }
      await (await handle()).text();
    },
  },
  {
    name: "handles are told apart by their frame, and one of them is late",
    by: "FA702",
    async run(alloc) {
      const seen: number[] = [];
      for (let i = 0; i < 2; i++) {
        alloc.beginFrame();
        const body = alloc.frameAlloc(Body);
        body.id = i;
        if (i === 1) await known(null);
        seen.push(body.id);
        alloc.endFrame();
      }
    },
  },
  // Those that are not noticed
  {
    name: "code that was queued before the frame began uses its record",
    missed: "what was queued before the first frame of a turn runs before the guard",
    async run(alloc) {
      const world: { body?: Infer<typeof Body> } = {};
      queueMicrotask(() => {
        if (world.body !== undefined) world.body.mass = 1;
        alloc.endFrame();
      });
      alloc.beginFrame();
      world.body = alloc.frameAlloc(Body);
      await turn();
    },
  },
  {
    name: "nextTick() uses the record of a frame that a timer has begun",
    missed: "process.nextTick() runs before the guard where a frame begins outside of promises",
    async run(alloc) {
      setTimeout(() => {
        alloc.beginFrame();
        const body = alloc.frameAlloc(Body);
        nextTick(() => {
          body.mass = 1;
          alloc.endFrame();
        });
      }, 0);
      await turn();
    },
  },
  {
    name: "only the length of a list is read after its frame",
    missed: "the length of a list is no memory of the frame, and is not checked",
    async run(alloc) {
      const bodies = alloc.runFrame(() => alloc.frameAllocBatch(Body, 3));
      await turn();
      return bodies.length;
    },
  },
];
