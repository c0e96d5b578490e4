/**
 * Programs in which raw memory crosses an `await`: slices, columns, and the views of batches, lists and texts. Nothing can be checked when
 * they are used, so the frame that has handed them out has to be noticed. Those at the end are not, and say why.
 */

import { f32, SmartAlloc, struct, type TypedArray, u32, u8 } from "@framealloc/core";
import { EventEmitter } from "node:events";
import type { Crossing } from "./_crossing_programs.ts";
import { Body, chunks, known, load, stream, turn } from "./_programs.ts";

const Particle = struct("Particle", { x: f32, y: f32, life: f32 });

export const SLICES: readonly Crossing[] = [
  // Slices
  {
    name: "a slice is filled after an await",
    by: "FA704",
    async run(alloc) {
      alloc.beginFrame();
      const heights = alloc.frameSlice(Float32Array, 256);
      await turn();
      heights.fill(1);
      alloc.endFrame();
    },
  },
  {
    name: "an element is assigned what was awaited",
    by: "FA704",
    async run(alloc) {
      using _frame = alloc.frame();
      const sizes = alloc.frameSlice(Uint32Array, 2);
      sizes[0] = (await load("a")).length;
    },
  },
  {
    name: "chunks of a stream are gathered in a slice",
    by: "FA704",
    async run(alloc) {
      alloc.beginFrame();
      const text = alloc.frameSlice(Uint8Array, 64);
      let length = 0;
      for await (const chunk of stream(3)) {
        text.set(chunk, length);
        length += chunk.length;
      }
      alloc.endFrame();
    },
  },
  {
    name: "a file is read into a slice",
    by: "FA704",
    async run(alloc) {
      using file = await Deno.open(new URL(import.meta.url));
      alloc.beginFrame();
      const buffer = alloc.frameSlice(Uint8Array, 32);
      const length = await file.read(buffer);
      const start = buffer.subarray(0, length ?? 0);
      alloc.endFrame();
      return start.length;
    },
  },
  {
    name: "parts of a slice are decoded one after the other",
    by: "FA704",
    async run(alloc) {
      alloc.beginFrame();
      const header = alloc.frameSlice(Uint8Array, 8).fill(65).subarray(2, 6);
      await known(null);
      const text = new TextDecoder().decode(header.slice());
      alloc.endFrame();
      return text;
    },
  },
  {
    name: "a DataView of the program's own over a slice",
    by: "FA704",
    async run(alloc) {
      alloc.beginFrame();
      const { buffer, byteOffset, byteLength } = alloc.frameSlice(Uint8Array, 16);
      const view = new DataView(buffer, byteOffset, byteLength);
      await turn();
      view.setFloat32(0, 1, true);
      alloc.endFrame();
    },
  },
  {
    name: "the iterator of a slice is drained with an await at each step",
    by: "FA704",
    async run(alloc) {
      alloc.beginFrame();
      for (const sample of alloc.frameSlice(Int16Array, 3)) await known(sample);
      alloc.endFrame();
    },
  },
  {
    name: "a function that is awaited gets a slice",
    by: "FA704",
    async run(alloc) {
      async function mix(samples: Float32Array): Promise<void> {
        const gain = await known(0.5);
        for (let i = 0; i < samples.length; i++) samples[i]! *= gain;
      }
      alloc.beginFrame();
      await mix(alloc.frameSlice(Float32Array, 64, { zero: true }));
      alloc.endFrame();
    },
  },
  {
    name: "finally clears a slice",
    by: "FA704",
    async run(alloc) {
      alloc.beginFrame();
      const secret = alloc.frameSlice(Uint8Array, 32);
      try {
        await crypto.subtle.digest("SHA-256", new Uint8Array(secret));
      } finally {
        secret.fill(0);
        alloc.endFrame();
      }
    },
  },
  {
    name: "the listener of a signal clears a slice",
    by: "FA704",
    async run(alloc) {
      const controller = new AbortController();
      alloc.beginFrame();
      const partial = alloc.frameSlice(Uint8Array, 32);
      controller.signal.addEventListener("abort", () => partial.fill(0));
      await turn();
      controller.abort();
      alloc.endFrame();
    },
  },
  {
    name: "a task that was aborted leaves the frame open",
    by: "FA704",
    async run(alloc) {
      const controller = new AbortController();
      async function parse(signal: AbortSignal): Promise<void> {
        alloc.beginFrame();
        const tokens = alloc.frameSlice(Uint32Array, 16);
        for (let i = 0; i < 3; i++) {
          await turn();
          signal.throwIfAborted();
          tokens[i] = i;
        }
        alloc.endFrame();
      }
      setTimeout(() => controller.abort(), 0);
      await parse(controller.signal).catch(() => {});
    },
  },
  {
    name: "a sink is given slices and waits for each of them",
    by: "FA701",
    async run(alloc) {
      const written: Uint8Array[] = [];
      const writer = new WritableStream<Uint8Array>({ write: (chunk) => void written.push(chunk) }).getWriter();
      alloc.beginFrame();
      for (let i = 0; i < 2; i++) {
        await writer.ready;
        writer.write(alloc.frameSlice(Uint8Array, 4).fill(i)).catch(() => {});
      }
      alloc.endFrame();
      await writer.close();
    },
  },
  {
    name: "an async generator yields slices",
    by: "FA704",
    async run(alloc) {
      async function* tiles(): AsyncGenerator<Uint8Array> {
        using _frame = alloc.frame();
        for (let i = 0; i < 2; i++) yield alloc.frameSlice(Uint8Array, 16).fill(i);
      }
      for await (const tile of tiles()) tile[0] = 255;
    },
  },
  {
    name: "a generator that is resumed by timers keeps a slice",
    by: "FA704",
    async run(alloc) {
      function* blur(): Generator<void> {
        alloc.beginFrame();
        const rows = alloc.frameSlice(Float32Array, 16);
        for (let row = 0; row < 4; row++) {
          rows.fill(row, row * 4, row * 4 + 4);
          yield;
        }
        alloc.endFrame();
      }
      for (const _ of blur()) await turn();
    },
  },
  {
    name: "a listener of an emitter fills the slice of a frame that waits for it",
    by: "FA704",
    async run(alloc) {
      const microphone = new EventEmitter();
      setTimeout(() => microphone.emit("samples", [1, 2, 3]), 0);
      alloc.beginFrame();
      const ring = alloc.frameSlice(Float32Array, 16);
      microphone.once("samples", (samples: number[]) => ring.set(samples));
      await turn();
      alloc.endFrame();
    },
  },
  {
    name: "an interval reads the slice of a frame that is left open",
    by: "FA704",
    async run(alloc) {
      let peak = 0;
      alloc.beginFrame();
      const levels = alloc.frameSlice(Float32Array, 8, { zero: true });
      const meter = setInterval(() => peak = Math.max(peak, ...levels), 0);
      await turn();
      clearInterval(meter);
      alloc.endFrame();
    },
  },
  {
    name: "a message port brings what a slice waits for",
    by: "FA704",
    async run(alloc) {
      const { port1, port2 } = new MessageChannel();
      alloc.beginFrame();
      const pixels = alloc.frameSlice(Uint8ClampedArray, 16);
      port1.onmessage = ({ data }) => pixels.fill(data as number);
      port2.postMessage(128);
      await turn();
      await turn();
      port1.close();
      port2.close();
      alloc.endFrame();
    },
  },
  {
    name: "Promise.all writes ranges of one slice",
    by: "FA704",
    async run(alloc) {
      alloc.beginFrame();
      const atlas = alloc.frameSlice(Uint8Array, 64);
      await Promise.all(["a", "bb"].map(async (name, i) => atlas.set(await load(name), i * 32)));
      alloc.endFrame();
    },
  },
  {
    name: "a slice is made after an await, in the same frame",
    by: "FA701",
    async run(alloc) {
      alloc.beginFrame();
      const bytes = await load("mesh.bin");
      const vertices = alloc.frameSlice(Float32Array, bytes.length);
      vertices[0] = bytes[0]!;
      alloc.endFrame();
    },
  },
  {
    name: "columns are made for each chunk of the same frame",
    by: "FA701",
    async run(alloc) {
      using _frame = alloc.frame();
      for await (const chunk of chunks(2)) alloc.frameColumns(Particle, chunk.length).life.fill(1);
    },
  },
  {
    name: "somebody else ends the frame of a slice, and begins another",
    by: "FA704",
    async run(alloc) {
      async function mine(): Promise<void> {
        alloc.beginFrame();
        const mesh = alloc.frameSlice(Float32Array, 16);
        await turn();
        mesh.fill(1); // in the memory of the other
      }
      async function other(): Promise<void> {
        await known(null);
        if (alloc.inFrame) alloc.endFrame();
        await turn();
        alloc.runFrame(() => void alloc.frameSlice(Float32Array, 16));
      }
      await Promise.all([mine(), other()]);
    },
  },
  {
    name: "the slices of two tags wait in one frame",
    by: "FA704",
    async run(alloc) {
      alloc.beginFrame();
      const voices = alloc.withTag("audio", () => alloc.frameSlice(Float32Array, 16));
      const lights = alloc.withTag("render", () => alloc.frameSlice(Float32Array, 16));
      await turn();
      voices.set(lights);
      alloc.endFrame();
    },
  },
  {
    name: "a scope with a slice is held over an await",
    by: "FA704",
    async run(alloc) {
      using _frame = alloc.frame();
      {
        using _scope = alloc.scope();
        const scratch = alloc.frameSlice(Float32Array, 16);
        await turn();
        scratch.sort();
      }
    },
  },
  {
    name: "speculative() is given an async function with a slice",
    by: "FA704",
    async run(alloc) {
      alloc.beginFrame();
      const tried = alloc.speculative(async () => {
        const path = alloc.frameSlice(Uint16Array, 32);
        await turn();
        return path.length;
      });
      if (tried.success) await tried.value;
      alloc.endFrame();
    },
  },
  {
    name: "a slice is promoted after the await instead of before it",
    by: "FA704",
    async run(alloc) {
      alloc.beginFrame();
      const mesh = alloc.frameSlice(Float32Array, 16);
      await turn();
      alloc.promote(mesh).free();
      alloc.endFrame();
    },
  },
  {
    name: "a slice of one of two frames that are alive is awaited in its own",
    by: "FA704",
    config: { framesAlive: 2 },
    async run(alloc) {
      alloc.runFrame(() => void alloc.publish("heights", alloc.frameSlice(Float32Array, 4)));
      alloc.beginFrame();
      const heights = alloc.publish("heights", alloc.frameSlice(Float32Array, 4));
      await turn();
      heights.set(alloc.previous(1)!.get<Float32Array>("heights")!);
      alloc.endFrame();
    },
  },
  {
    name: "the slices of an outer and an inner allocator",
    by: "FA704",
    async run(alloc) {
      using inner = new SmartAlloc({ asyncSafety: "turns" });
      alloc.beginFrame();
      const total = alloc.frameSlice(Float64Array, 1, { zero: true });
      for (const name of ["a", "bb"]) {
        const bytes = await load(name);
        total[0]! += inner.runFrame(() => inner.frameSlice(Uint8Array, bytes.length).length);
      }
      alloc.endFrame();
    },
  },
  {
    name: "a program checks the epoch of a slice that it has kept",
    by: "FA702",
    async run(alloc) {
      const { epoch } = alloc.asyncGuard;
      const kept = alloc.runFrame(() => alloc.frameSlice(Float32Array, 16));
      await turn();
      alloc.asyncGuard.check(epoch);
      kept.fill(0);
    },
  },
  {
    name: "runFrame() is given an async function",
    by: "FA704",
    run: (alloc) =>
      alloc.runFrame(
        (async () => {
          const heights = alloc.frameSlice(Float32Array, 16);
          await turn();
          heights.fill(1);
        }) as () => unknown,
      ),
  },
  {
    name: "runFrame() is given a function that returns a promise",
    by: "FA704",
    run(alloc) {
      const heights = (): Float32Array => alloc.frameSlice(Float32Array, 16);
      alloc.runFrame((() => load("heights").then((bytes) => heights().set(bytes))) as () => unknown);
    },
  },
  // Columns
  {
    name: "columns are filled by a load",
    by: "FA704",
    async run(alloc) {
      alloc.beginFrame();
      const { x, y } = alloc.frameColumns(Particle, 16);
      const bytes = await load("positions");
      x.set(bytes);
      y.set(bytes);
      alloc.endFrame();
    },
  },
  {
    name: "columns are stepped by timers",
    by: "FA704",
    async run(alloc) {
      alloc.beginFrame();
      const { life } = alloc.frameColumns(Particle, 16);
      for (let step = 0; step < 3; step++) {
        life.forEach((value, i) => life[i] = value - 1);
        await turn();
      }
      alloc.endFrame();
    },
  },
  // Views
  {
    name: "the view of a batch is uploaded after an await",
    by: "FA704",
    async run(alloc) {
      const queue = { writes: 0, writeBuffer: (data: TypedArray): void => void (queue.writes += data.byteLength) };
      const ready = known(queue);
      alloc.beginFrame();
      const instances = alloc.frameAllocBatch(Particle, 8).view(Float32Array);
      (await ready).writeBuffer(instances);
      alloc.endFrame();
    },
  },
  {
    name: "the view of a list is sent when the socket is ready",
    by: "FA704",
    async run(alloc) {
      const sent: number[] = [];
      alloc.beginFrame();
      const indices = alloc.frameVec(u32);
      for (let i = 0; i < 4; i++) indices.push(i);
      const { view } = indices;
      await turn();
      sent.push(...view);
      alloc.endFrame();
    },
  },
  {
    name: "the bytes of a text are written to a sink that waits",
    by: "FA704",
    async run(alloc) {
      const sink = new WritableStream<Uint8Array>({ write: turn });
      const writer = sink.getWriter();
      alloc.beginFrame();
      await writer.write(alloc.frameString("fps 60").bytes);
      alloc.endFrame();
      await writer.close();
    },
  },
  {
    name: "a list of bytes is viewed again and again while it grows",
    by: "FA704",
    async run(alloc) {
      alloc.beginFrame();
      const packet = alloc.frameVec(u8, 1);
      const views: Uint8Array[] = [];
      for (let i = 0; i < 3; i++) {
        packet.push(i);
        views.push(packet.view);
      }
      await known(null);
      views[2]!.fill(0);
      alloc.endFrame();
    },
  },
  // Those that are not noticed
  {
    name: "a slice is kept past the end of its frame, and used after an await",
    missed: "the frame of a raw slice has ended in its own turn",
    async run(alloc) {
      const heights = alloc.runFrame(() => alloc.frameSlice(Float32Array, 16).fill(1));
      await turn();
      alloc.runFrame(() => void alloc.frameSlice(Float32Array, 16).fill(2));
      return heights.reduce((sum, height) => sum + height); // of the frame after it
    },
  },
  {
    name: "columns are kept in an object past the end of their frame",
    missed: "the frame of raw columns has ended in its own turn",
    async run(alloc) {
      class Cloud {
        readonly #particles = alloc.frameColumns(Particle, 16);
        fade(): void {
          this.#particles.life.fill(0);
        }
      }
      alloc.beginFrame();
      const cloud = new Cloud();
      alloc.endFrame();
      await turn();
      cloud.fade();
    },
  },
  {
    name: "a slice is put into a stream in a frame that ends at once",
    missed: "the frame of a raw slice has ended in its own turn",
    async run(alloc) {
      const queue = new ReadableStream<Uint8Array>({
        start(controller) {
          using _frame = alloc.frame();
          controller.enqueue(alloc.frameSlice(Uint8Array, 4).fill(1));
          controller.close();
        },
      });
      for await (const bytes of queue) bytes.at(0);
    },
  },
  {
    name: "the view of an older batch is taken in a scope, and kept",
    missed: "what is handed out in a scope counts as gone when the scope ends",
    async run(alloc) {
      alloc.beginFrame();
      const bodies = alloc.frameAllocBatch(Body, 2);
      const scope = alloc.scope();
      const view = bodies.view(Float32Array);
      scope.end();
      await turn();
      view.fill(0);
      alloc.endFrame();
    },
  },
];
