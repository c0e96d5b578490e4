/**
 * T11 and T12: a frame of a thousand objects. Each has 64 bytes that the CPU writes anew, and a dispatch that uses them.
 *
 * The engine has a uniform buffer and a bind group per object, made once, and writes each buffer. The ring is written once, and one bind
 * group with a dynamic offset serves all objects.
 */

import { USAGE } from "../../gpu/mod.ts";
import { type Bench, mustEqual, openBench, readBack } from "./device.ts";
import { inRounds, submitted } from "./rounds.ts";
import type { Row } from "./row.ts";

const COUNT = 1000;
const BYTES = 64;
const WORDS = BYTES / 4;

const SHADER = `
struct Object { place: u32, value: u32, rest: array<vec4u, 3> }
@group(0) @binding(0) var<uniform> object: Object;
@group(0) @binding(1) var<storage, read_write> results: array<u32>;
@compute @workgroup_size(1) fn main() { results[object.place] = object.value * 2u; }
`;

/** What an object holds in a frame. */
function fill(words: Uint32Array, at: number, object: number, frame: number): void {
  words[at] = object;
  words[at + 1] = object + frame;
  for (let i = 2; i < WORDS; i++) words[at + i] = frame;
}

/** A pipeline with a bind group layout for a uniform. */
function pipelineOf(device: GPUDevice, hasDynamicOffset: boolean): GPUComputePipeline {
  const layout = device.createBindGroupLayout({
    entries: [
      {
        binding: 0,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: "uniform", hasDynamicOffset, minBindingSize: BYTES },
      },
      { binding: 1, visibility: GPUShaderStage.COMPUTE, buffer: { type: "storage" } },
    ],
  });
  return device.createComputePipeline({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ code: SHADER }), entryPoint: "main" },
  });
}

/** The parts of a frame: bringing the objects to the device, and what uses them. */
interface Frame {
  readonly upload: () => void;
  readonly encode: () => void;
  /** What the frames of the ring end with; it is a part of the work. */
  readonly end: () => void;
}

/** Frames of both kinds, which take their number from `now`. */
function framesOf({ gpu, device, queue }: Bench, results: GPUBuffer, now: { frame: number }) {
  const fixed = pipelineOf(device, false);
  const dynamic = pipelineOf(device, true);
  const groupOf = (pipeline: GPUComputePipeline, buffer: GPUBuffer, offset = 0): GPUBindGroup =>
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: { buffer, offset, size: BYTES } },
        { binding: 1, resource: { buffer: results } },
      ],
    });
  const none: GPUCommandBuffer[] = [];

  const words = new Uint32Array(COUNT * WORDS);
  const bytes = new Uint8Array(words.buffer);
  const buffers = Array.from(
    { length: COUNT },
    () => device.createBuffer({ size: BYTES, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST }),
  );
  const groups = buffers.map((buffer) => groupOf(fixed, buffer));
  const inPass = (pipeline: GPUComputePipeline, each: (pass: GPUComputePassEncoder, object: number) => void): void => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    for (let i = 0; i < COUNT; i++) {
      each(pass, i);
      pass.dispatchWorkgroups(1);
    }
    pass.end();
    queue.submit([encoder.finish()]);
  };
  const engine: Frame = {
    upload: () => {
      for (let i = 0; i < COUNT; i++) {
        fill(words, i * WORDS, i, now.frame);
        queue.writeBuffer(buffers[i]!, 0, bytes, i * BYTES, BYTES);
      }
      queue.submit(none);
    },
    encode: () => inPass(fixed, (pass, i) => pass.setBindGroup(0, groups[i]!)),
    end: () => {},
  };

  const offsets = new Uint32Array(COUNT);
  let known: GPUBuffer | undefined;
  let group: GPUBindGroup | undefined;
  let last = 0;
  const fillRing = (): void => {
    gpu.beginFrame();
    for (let i = 0; i < COUNT; i++) {
      const object = gpu.ring.slice(Uint32Array, WORDS);
      fill(object, 0, i, now.frame);
      offsets[i] = gpu.ring.offset(object);
      if (i === 0) {
        const buffer = gpu.ring.buffer(object);
        if (buffer !== known) group = groupOf(dynamic, known = buffer);
      }
    }
    last = now.frame;
    gpu.flush();
  };
  const ring: Frame = {
    upload: fillRing,
    encode: () => inPass(dynamic, (pass, i) => pass.setBindGroup(0, group!, offsets, i, 1)),
    end: () => gpu.endFrame(),
  };
  const groupPerDraw = (): void =>
    inPass(fixed, (pass, i) => pass.setBindGroup(0, groupOf(fixed, known!, offsets[i]!)));
  return { engine, ring, groupPerDraw, last: () => last };
}

/** Measures. */
export async function measure(): Promise<Row[]> {
  const bench = await openBench();
  const { device, queue } = bench;
  const results = device.createBuffer({ size: 4 * COUNT, usage: USAGE.STORAGE | USAGE.COPY_SRC });
  const now = { frame: 1 };
  const { engine, ring, groupPerDraw, last } = framesOf(bench, results, now);
  const next = (): void => void now.frame++;
  const check = async (frame: number, what: string): Promise<void> => {
    const expected = Uint32Array.from({ length: COUNT }, (_, i) => 2 * (i + frame));
    mustEqual(new Uint32Array(await readBack(device, results, 0, 4 * COUNT)), expected, what);
  };
  const whole = ({ upload, encode, end }: Frame) => (): void => {
    upload();
    encode();
    end();
  };
  const memory = ({ upload, end }: Frame) => (): void => {
    upload();
    end();
  };
  for (const [name, frame] of [["an engine", engine], ["the ring", ring]] as const) {
    next();
    whole(frame)();
    await check(now.frame, name);
  }
  next();
  engine.upload();
  engine.encode();
  groupPerDraw();
  await check(last(), "a bind group per draw"); // that of the ring, as it was before

  const effort = { rounds: 15, warmUp: 8 };
  const memories = await inRounds({
    engine: submitted(queue, memory(engine), next),
    ring: submitted(queue, memory(ring), next),
  }, effort);
  const frames = await inRounds({
    engine: submitted(queue, whole(engine), next),
    ring: submitted(queue, whole(ring), next),
  }, effort);
  const draws = await inRounds({
    perDraw: submitted(queue, groupPerDraw),
    offsets: submitted(queue, ring.encode),
  }, effort);
  await check(last(), "dynamic offsets");
  bench.gpu.dispose();
  const times = (a: number, b: number): string => `${a.toFixed(2)} and ${b.toFixed(2)} ms`;
  return [
    {
      gate: "T11",
      what: `memory of ${COUNT} objects in the ring, over a buffer each (busy)`,
      value: memories.ratio("ring", "engine"),
      unit: "×",
      atLeast: 3.5,
      note: times(memories.time("ring"), memories.time("engine")),
    },
    {
      gate: "T11",
      what: `memory of ${COUNT} objects in the ring, over a buffer each (done)`,
      value: memories.ratio("ring", "engine", "done"),
      unit: "×",
      atLeast: 14,
      note: times(memories.time("ring", "done"), memories.time("engine", "done")),
    },
    {
      gate: "T11",
      what: `whole frame of ${COUNT} dispatches (busy)`,
      value: frames.ratio("ring", "engine"),
      unit: "×",
      atLeast: 1.5,
      note: times(frames.time("ring"), frames.time("engine")),
    },
    {
      gate: "T12",
      what: `${COUNT} dispatches with dynamic offsets, over a bind group for each (busy)`,
      value: draws.ratio("offsets", "perDraw"),
      unit: "×",
      atLeast: 2.5,
      note: times(draws.time("offsets"), draws.time("perDraw")),
    },
  ];
}
