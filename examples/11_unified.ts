/**
 * CPU and GPU under one budget: twelve frames of a game whose units are moved on the CPU, whose influence map is computed on the GPU, and
 * whose scenery needs more memory than there is. On the way the device is lost.
 *
 * Run it with `deno run examples/11_unified.ts`. It needs no permissions, and no GPU: without an adapter it goes on with a device in
 * JavaScript, and says so. With `--allow-write` and `--svg=memory.svg` it draws where the memory of the GPU went.
 */

import { equal } from "node:assert/strict";
import { parseArgs } from "node:util";
import { BudgetError, type BudgetEvent, formatBytes, kilobytes, megabytes, SmartAlloc } from "../mod.ts";
import {
  blockMap,
  GpuAllocator,
  type GpuBackend,
  GpuError,
  NullBackend,
  UnifiedAllocator,
  type UnifiedBuffer,
  WebGpuBackend,
} from "../gpu/mod.ts";
import { type Influence, influenceOf, onNull, onWebGpu, SIDE, Unit } from "./gpu/influence.ts";

const FRAMES = 12;
const UNITS = 400;
const SCENERY = megabytes(3);
const SOFT = megabytes(14);
/** In this frame the device is lost, and in that one far too much is asked for. */
const LOSS = 8;
const FEAST = 10;

const { values } = parseArgs({ args: Deno.args, options: { svg: { type: "string" } } });

const backend = await WebGpuBackend.request().catch((error) => {
  if (!(error instanceof GpuError && error.code === "FA857")) throw error;
  console.log(`On a device in JavaScript, as there is no other.\n  ${error.message}\n`);
  return new NullBackend();
});
if (backend instanceof WebGpuBackend) {
  console.log(`On a WebGPU device${backend.isFallback ? " in software" : ""}.\n`);
  await play(backend, onWebGpu, async () => {
    backend.device.destroy();
    await backend.device.lost;
  });
} else await play(backend, onNull, () => Promise.resolve(backend.lose("destroyed")));

/** The game, on any device. */
async function play<B, D extends GpuBackend<B>>(
  device: D,
  influenceOn: (device: D) => Influence<B>,
  lose: () => Promise<void>,
): Promise<void> {
  const alloc = new SmartAlloc({ frameArenaSize: megabytes(1) });
  // One limit for everything: what the GPU has, the CPU cannot get.
  alloc.budgets.setGlobal({ soft: SOFT, hard: megabytes(20), onCross: press });
  let influence = influenceOn(device);
  const gpu = new GpuAllocator<B>(alloc, device, {
    blockSize: kilobytes(256),
    ringSize: kilobytes(64),
    onLost: ({ message }) => console.log(`  the device is lost: ${message}`),
    onRestored: () => influence = influenceOn(device), // pipelines and bind groups are of the old device
  });
  const unified = new UnifiedAllocator<B>(alloc, gpu);

  const map = alloc.withTag(
    "ai",
    () => unified.createGpuBuffer(4 * SIDE * SIDE, "DeviceOnly", "Persistent", { name: "map" }),
  );
  /** What there is to see; the first came first. */
  const scenery: UnifiedBuffer<B>[] = [];
  let places = 0;
  let pressures = 0;
  let isPressed = false;

  /** Told before the soft limit is crossed, once per crossing. What is drawn in this frame is still needed: scenery goes after it. */
  function press({ used, requested, limit }: BudgetEvent): void {
    console.log(`  pressure: ${formatBytes(used)} and ${formatBytes(requested)} more are over ${formatBytes(limit)}`);
    isPressed = true;
    pressures++;
  }
  function relieve(): void {
    let freed = 0;
    for (; scenery.length > 0 && unified.getUsage().combined > SOFT / 2; freed++) scenery.shift()!.free();
    console.log(`  relief: the oldest ${freed} sceneries are freed`);
    isPressed = false;
  }

  /** Scenery is drawn by the GPU alone. If the device is lost, it is made again. */
  function build(bytes: number): UnifiedBuffer<B> {
    const name = `scenery ${++places}`;
    const seed = places;
    const restore = (): Uint8Array => new Uint8Array(bytes).fill(seed);
    const built = alloc.withTag(
      "scenery",
      () => unified.createGpuBuffer(bytes, "DeviceOnly", "Persistent", { name, restore }),
    );
    gpu.write(built.handle, restore());
    return built;
  }

  let known = new Float32Array(SIDE * SIDE);
  const units = startingUnits();
  for (let frame = 1; frame <= FRAMES; frame++) {
    console.log(`frame ${frame}`);
    if (frame === LOSS) await lose();
    try {
      unified.beginFrame();
    } catch (error) {
      if (!(error instanceof GpuError) || error.code !== "FA857") throw error;
      console.log(`  ${error.message}`);
      const { restored, bytes, discarded } = await gpu.recover();
      console.log(
        `  recovered: ${formatBytes(bytes)} uploaded for ${restored} allocations, ${discarded.length} is empty`,
      );
      // The map was on the device alone since the last dispatch. What the CPU had of it is the best there is.
      if (map.location === "CpuOnly") unified.transferToGpu(map);
      unified.beginFrame();
    }

    // Scratch on the CPU: gone at the end of the frame.
    const pushes = alloc.withTag("physics", () => alloc.frameSlice(Float32Array, 2 * UNITS, { zero: true }));
    move(units, pushes, known);

    // The units for the GPU, in memory of this frame on both sides. A dispatch that writes the map cannot read from the same buffer.
    const staging = alloc.withTag(
      "ai",
      () => unified.createStagingBuffer(units.byteLength, { use: "uniform", name: "units" }),
    );
    staging.cpuSliceMut().set(new Uint8Array(units.buffer));
    unified.transferToGpu(staging);

    // More to see with every frame, as the camera moves on.
    if (frame === FEAST) {
      try {
        build(megabytes(32));
      } catch (error) {
        if (!(error instanceof BudgetError)) throw error;
        console.log(`  ${error.message}`);
        scenery.push(build(megabytes(1)));
        console.log("  1.00 MB has to do");
      }
    } else scenery.push(build(SCENERY));

    gpu.checkScope([{ handle: staging.handle, access: "read" }, { handle: map.handle, access: "write" }]);
    gpu.flush();
    influence.dispatch(staging, map);
    // Asked for now, and there after the end of the frame.
    const reading = frame % 3 === 0 ? unified.transferToCpu(map) : undefined;
    unified.endFrame();
    if (reading !== undefined) {
      await reading;
      known = new Float32Array(map.cpuSlice().slice().buffer);
      console.log(
        `  the map is here: our best cell has ${Math.max(...known).toFixed(1)}, theirs ${
          Math.min(...known).toFixed(1)
        }`,
      );
    }

    if (isPressed) relieve();
    const { cpu, gpu: onGpu, combined, limits } = unified.getUsage();
    console.log(
      `  CPU ${formatBytes(cpu)} + GPU ${formatBytes(onGpu)} = ${formatBytes(combined)} of ${
        formatBytes(limits.combined)
      }, ${scenery.length} sceneries`,
    );
    equal(combined <= limits.combined && cpu + onGpu === combined, true);
  }

  // What the device has computed is what it should be.
  const expected = new Float32Array(SIDE * SIDE);
  influenceOf(units, expected);
  const worst = expected.reduce((most, value, cell) => Math.max(most, Math.abs(value - known[cell]!)), 0);
  console.log(`\nthe map of frame ${FRAMES}, no cell more than ${worst.toExponential(0)} from what the CPU computes:`);
  console.log(drawn(known));
  equal(worst < 1e-3, true, "the map is right");
  equal(pressures > 0 && gpu.stats().recoveries === 1, true);

  const { uploads, readbacks } = gpu.stats();
  console.log(`\n${formatBytes(uploads.bytes)} uploaded in ${uploads.writes} writes, ${readbacks.maps} readbacks`);
  for (const { path, inUse } of alloc.stats().tags) {
    if (inUse.gpu > 0) console.log(`  ${path.padEnd(8)} ${formatBytes(inUse.gpu).padStart(10)} on the GPU`);
  }
  if (values.svg !== undefined) {
    await Deno.writeTextFile(values.svg, blockMap(gpu.dump(), { title: "CPU and GPU under one budget" }));
    console.log(`${values.svg}: the map of the memory`);
  }

  for (const buffer of [map, ...scenery]) buffer.free();
  equal(gpu.dispose().length + alloc.dispose().length, 0);
  console.log("nothing was left in use");
}

/** Two armies, in the way of each other. */
function startingUnits(): Float32Array<ArrayBuffer> {
  const units = new Float32Array(UNITS * Unit.size / 4);
  for (let i = 0; i < UNITS; i++) {
    const side = i % 2 === 0 ? 1 : -1;
    const angle = i * 2.399963; // the golden angle: evenly over a disc
    const distance = 1.1 * Math.sqrt(i);
    const center = SIDE / 2 - side * SIDE / 4;
    units.set([center + distance * Math.cos(angle), SIDE / 2 + distance * Math.sin(angle), side, 3], i * 4);
  }
  return units;
}

/** Units go on, and away from where the others are stronger, as far as that is known. */
function move(units: Float32Array, pushes: Float32Array, known: Float32Array): void {
  for (let i = 0; i < UNITS; i++) {
    const side = units[4 * i + 2]!;
    const cell = Math.floor(units[4 * i]!) + SIDE * Math.floor(units[4 * i + 1]!);
    pushes[2 * i] = 0.8 * side;
    pushes[2 * i + 1] = side * (known[cell] ?? 0) < 0 ? 0.9 * Math.sign(units[4 * i + 1]! - SIDE / 2) : 0;
  }
  for (let i = 0; i < UNITS; i++) {
    for (const axis of [0, 1]) {
      units[4 * i + axis] = Math.min(SIDE - 1, Math.max(0, units[4 * i + axis]! + pushes[2 * i + axis]!));
    }
  }
}

/** A map as text: ours in #, theirs in o. */
function drawn(cells: Float32Array): string {
  const most = cells.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const lines: string[] = [];
  for (let y = 0; y < SIDE; y += 6) {
    let line = "  ";
    for (let x = 0; x < SIDE; x += 2) {
      const value = cells[x + y * SIDE]! / most;
      const depth = Math.min(3, Math.floor(8 * Math.abs(value)));
      line += value > 0 ? " -+#"[depth] : " .:o"[depth];
    }
    lines.push(line.trimEnd());
  }
  return lines.filter((line) => line !== "").join("\n");
}
