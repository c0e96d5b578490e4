/**
 * The smoke program: what the library promises, tried in the engine that runs it. It is plain JavaScript without `using`, as not every
 * engine parses that, and it imports nothing but the library, by the names that users write.
 */

import {
  array,
  AsyncPoolGuard,
  bool,
  BudgetError,
  f16,
  f32,
  FrameAllocError,
  i64,
  mat4x4f,
  RetentionPolicy,
  SmartAlloc,
  StaleHandleError,
  struct,
  TaskAlloc,
  u32,
  u8,
  vec3f,
} from "@framealloc/core";
import { GpuAllocator, NullBackend, UnifiedAllocator, wgsl } from "@framealloc/core/gpu";
import { arrayBufferSource, Region, viewOf, wasmSource } from "@framealloc/core/memory";

const Body = struct("Body", { at: vec3f, mass: f32, id: u32 });
const Mixed = struct("Mixed", { on: bool, half: f16, big: i64, matrix: mat4x4f, list: array(u8, 3) });

/** Runs every check. */
export async function smoke() {
  const failures = [];
  const checks = Object.entries(CHECKS);
  for (const [name, check] of checks) {
    try {
      await check();
    } catch (error) {
      failures.push(`${name}: ${error}`);
    }
  }
  return { passed: checks.length - failures.length, failures };
}

const CHECKS = {
  "SmartAlloc frames use the same memory again"() {
    const alloc = new SmartAlloc();
    const slices = [1, 2, 3].map((i) => {
      alloc.beginFrame();
      const slice = alloc.frameSlice(Float32Array, 100).fill(i);
      same(slice[99], i);
      alloc.endFrame();
      return slice;
    });
    same(new Set(slices).size, 1);
    same(alloc.stats().totals.frames, 3);
  },

  "kernels work on columns in place, and refuse those of an ended frame"() {
    const alloc = new SmartAlloc();
    alloc.beginFrame();
    const { at, mass } = alloc.frameColumns(Body, 1001);
    alloc.kernels.iota(mass, 0.5);
    for (const column of [at.x, at.y, at.z]) alloc.kernels.fill(column, 1);
    alloc.kernels.axpy(at.x, 2, mass);
    same(at.x[1000], 2002);
    same(alloc.kernels.sum(mass), 1001 * 500.5);
    same(alloc.stats().kernels.scalar, 0);
    alloc.endFrame();
    throwsCode("FA002", () => alloc.kernels.fill(mass, 0));
  },

  "SmartAlloc guards end what they opened"() {
    const alloc = new SmartAlloc();
    const frame = alloc.frame();
    const scope = alloc.scope();
    alloc.frameSlice(Uint8Array, 64);
    scope[Symbol.dispose]();
    same(alloc.stats().frame.used, 0);
    frame[Symbol.dispose]();
    same(alloc.inFrame, false);
    alloc.runFrame((alloc) => alloc.frameSlice(Uint8Array, 8));
    same(alloc.inFrame, false);
    throwsCode("FA704", () => alloc.runFrame(async () => await undefined));
  },

  "SmartAlloc records hold what was put into them"() {
    const alloc = new SmartAlloc();
    alloc.beginFrame();
    const body = alloc.frameBox(Body, { at: [1, 2, 3], mass: 0.5, id: 7 }).value;
    body.at.y += 40;
    same(JSON.stringify(Body.toObject(body)), '{"at":{"x":1,"y":42,"z":3},"mass":0.5,"id":7}');
    const mixed = alloc.frameBox(Mixed, { on: true, half: 1.5, big: -5n, list: [1, 2, 300 - 256] }).value;
    mixed.matrix.set(15, 15);
    same([mixed.on, mixed.half, mixed.big, mixed.matrix.at(15), ...mixed.list].join(), "true,1.5,-5,15,1,2,44");
  },

  "SmartAlloc batches, columns, lists, maps and texts"() {
    const alloc = new SmartAlloc();
    alloc.beginFrame();
    const batch = alloc.frameAllocBatch(Body, 50);
    let next = 0;
    for (const cursor = batch.cursor(); cursor.next();) cursor.record.id = next++;
    same(batch.at(49).id, 49);
    const { at, mass } = alloc.frameColumns(Body, 50);
    at.z.fill(2);
    mass.fill(3);
    same(at.z[49] * mass[0], 6);
    const list = alloc.frameVec(Body);
    for (let i = 0; i < 1000; i++) list.push({ mass: i });
    same(list.at(999).mass, 999);
    const map = alloc.frameMap(u32, Body);
    for (let i = 0; i < 100; i++) map.set(i * 7, { id: i });
    same([map.size, map.get(693).id, map.has(1)].join(), "100,99,false");
    same(alloc.frameString("fps ").append("60 ✓").toString(), "fps 60 ✓");
  },

  "SmartAlloc tells of handles that are kept too long"() {
    const alloc = new SmartAlloc();
    alloc.beginFrame();
    const kept = alloc.frameAlloc(Body);
    alloc.endFrame();
    const error = throwsCode("FA002", () => kept.mass);
    same(error instanceof StaleHandleError && error instanceof FrameAllocError && error instanceof Error, true);
    throwsCode("FA001", () => alloc.frameSlice(Uint8Array, 1));
  },

  'SmartAlloc detaches slices in the mode "revoke"'() {
    for (const source of ["wasm", "arraybuffer"]) {
      const alloc = new SmartAlloc({ source, safety: "revoke" });
      alloc.beginFrame();
      const slice = alloc.frameSlice(Uint8Array, 8).fill(1);
      alloc.endFrame();
      same(slice.length, 0);
    }
  },

  "SmartAlloc takes memory from every source"() {
    const kinds = { wasm: ArrayBuffer, arraybuffer: ArrayBuffer, shared: SharedArrayBuffer };
    for (const [source, kind] of Object.entries(kinds)) {
      const alloc = new SmartAlloc({ source, frameArenaSize: 65_536 });
      alloc.beginFrame();
      const slice = alloc.frameSlice(Float64Array, 100_000, { zero: true });
      same(slice.buffer instanceof kind && slice.every((value) => value === 0), true);
      alloc.endFrame();
    }
  },

  "SmartAlloc pool tells of records that were freed"() {
    const alloc = new SmartAlloc();
    const body = alloc.poolAlloc(Body);
    alloc.poolFree(body);
    alloc.poolAlloc(Body).mass = 5;
    throwsCode("FA401", () => body.mass);
    throwsCode("FA403", () => alloc.poolFree(body));
    const [leak] = alloc.dispose();
    same(leak.name, "Body");
  },

  "SmartAlloc heap detaches blocks that were freed"() {
    const alloc = new SmartAlloc();
    const block = alloc.heapAlloc(1_000_000);
    const view = block.bytes.fill(1);
    block.free();
    same(view.length, 0);
    throwsCode("FA401", () => block.bytes);
    same(alloc.heapBox(Body, { id: 3 }).value.id, 3);
  },

  "SmartAlloc handles are numbers, and stay so when records move"() {
    const { handles } = new SmartAlloc({ poolPageSize: 4096 });
    const all = Array.from({ length: 1000 }, (_, i) => handles.alloc(Body, { id: i }));
    all.forEach((handle, i) => i % 10 > 0 && handles.free(handle));
    const { before, after } = handles.compact();
    same(before > after, true);
    same(handles.resolve(JSON.parse(JSON.stringify(all[990])), Body).id, 990);
    throwsCode("FA401", () => handles.resolve(all[991]));
  },

  "SmartAlloc groups and scratch pools free all at once"() {
    const alloc = new SmartAlloc();
    const level = alloc.groups.create("level");
    const enemy = level.createGroup("wave").allocBox(Body, { mass: 1 });
    level.free();
    throwsCode("FA401", () => enemy.value.mass);
    const scratch = alloc.scratchPool("paths");
    scratch.allocSlice(Float32Array, 10_000).fill(1);
    scratch.reset();
    same(scratch.used, 0);
  },

  async "SmartAlloc streaming makes room for what is more important"() {
    const { streaming } = new SmartAlloc({ streamingBudget: 1000 });
    const rock = streaming.reserve(600, { priority: "low" });
    streaming.beginLoad(rock).fill(9);
    streaming.finishLoad(rock);
    same(streaming.access(rock)[599], 9);
    const hero = streaming.reserve(600, { priority: "high" });
    same([streaming.has(rock), streaming.has(hero)].join(), "false,true");
    const waiting = streaming.reserveAsync(600, { priority: "low" });
    streaming.free(hero);
    same(streaming.state(await waiting), "reserved");
  },

  "SmartAlloc budgets refuse what is too much"() {
    const alloc = new SmartAlloc();
    const crossed = [];
    alloc.budgets.setTag("audio", { soft: 1024, hard: 4096, onCross: (event) => crossed.push(event.crossed) });
    alloc.beginFrame();
    alloc.withTag("audio", () => {
      alloc.frameSlice(Uint8Array, 2048);
      same(alloc.tryFrameSlice(Uint8Array, 4096), undefined);
      const error = throwsCode("FA352", () => alloc.frameSlice(Uint8Array, 4096));
      same(error instanceof BudgetError, true);
    });
    same(crossed[0], "soft");
  },

  "SmartAlloc promotes what has to outlive its frame"() {
    const alloc = new SmartAlloc();
    alloc.beginFrame();
    const body = alloc.frameRetained(Body, RetentionPolicy.PromoteToPool, { mass: 4 });
    const kept = alloc.endFrameWithPromotions().of(body);
    same(kept.record.mass, 4);
    kept.free();
    same(alloc.dispose().length, 0);
  },

  "Region gives memory of every source by itself"() {
    for (const source of [wasmSource, arrayBufferSource]) {
      const region = new Region({ source, size: 65_536, owner: { expired: () => new Error("It is over") } });
      region.open();
      const position = region.at(region.alloc(256));
      viewOf(position).setFloat32(position.offset, 2, true);
      same(viewOf(position).getFloat32(position.offset, true), 2);
    }
  },

  async "asyncSafety tells of a record that is used after an await"() {
    const alloc = new SmartAlloc({ asyncSafety: "turns" });
    alloc.beginFrame();
    const body = alloc.frameBox(Body, { mass: 1 }).value;
    same(body.mass, 1);
    await undefined;
    throwsCode("FA702", () => body.mass);
    alloc.endFrame();
  },

  async "asyncSafety tells of memory that is taken after an await"() {
    const alloc = new SmartAlloc({ asyncSafety: "turns" });
    alloc.beginFrame();
    await undefined;
    throwsCode("FA701", () => alloc.frameSlice(Float32Array, 4));
    alloc.endFrame();
  },

  async "asyncSafety reports a frame with slices that is still open when the turn ends"() {
    const alloc = new SmartAlloc({ asyncSafety: "turns" });
    same(alloc.asyncGuard.mode, "throw");
    alloc.beginFrame();
    alloc.frameSlice(Float32Array, 4);
    await undefined;
    same(alloc.asyncGuard.reports.map(({ code }) => code).join(), "FA704");
    throwsCode("FA704", () => alloc.endFrame());

    const quiet = new SmartAlloc({ asyncSafety: "turns" });
    quiet.asyncGuard.mode = "collect";
    quiet.beginFrame();
    quiet.frameSlice(Float32Array, 4);
    await undefined;
    quiet.endFrame();
    same(quiet.asyncGuard.reports.length, 1);
  },

  "TaskAlloc ends all that it gave out"() {
    const alloc = new SmartAlloc();
    const ended = [];
    const task = new TaskAlloc(alloc, { name: "load" });
    const box = task.allocBox(Body, { mass: 2 });
    const slice = task.allocSlice(Float32Array, 16).fill(1);
    const list = task.allocVec(Body);
    list.push({ mass: 3 });
    same([box.value.mass, slice[15], list.at(0).mass, task.allocString("a").toString()].join(), "2,1,3,a");
    task.adopt({ [Symbol.dispose]: () => ended.push("adopted") });
    task.defer(() => ended.push("deferred"));
    task.child().defer(() => ended.push("child"));
    task[Symbol.dispose]();
    same(ended.sort().join(), "adopted,child,deferred");
    same(slice.length, 0);
    throwsCode("FA711", () => box.value.mass);
    throwsCode("FA711", () => task.alloc(Body));
    same(alloc.dispose().length, 0);
  },

  async "TaskAlloc lives across awaits, and what is promoted outlives it"() {
    const alloc = new SmartAlloc();
    const task = new TaskAlloc(alloc, { name: "load" });
    const body = task.alloc(Body);
    body.mass = 6;
    await new Promise((resolve) => setTimeout(resolve, 1));
    same(body.mass, 6);
    const kept = task.promote(body);
    await task[Symbol.asyncDispose]();
    throwsCode("FA711", () => body.mass);
    same(kept.record.mass, 6);
    kept.free();
    same(alloc.dispose().length, 0);
  },

  async "TaskAlloc ends when its signal is aborted"() {
    const controller = new AbortController();
    const task = new TaskAlloc(new SmartAlloc(), { name: "load", signal: controller.signal });
    const slice = task.allocSlice(Uint8Array, 8);
    controller.abort();
    await undefined;
    same(slice.length, 0);
  },

  async "AsyncPoolGuard frees what is left when it is closed"() {
    const alloc = new SmartAlloc({ safety: "revoke" });
    const guard = new AsyncPoolGuard(alloc, { name: "jobs" });
    const freed = guard.allocBox(Body, { mass: 1 });
    guard.free(freed);
    throwsCode("FA713", () => freed.value.mass);
    const left = guard.allocBox(Body, { mass: 2 });
    const slice = guard.allocSlice(Float32Array, 4);
    const list = guard.allocVec(Body);
    list.push(left.value);
    await undefined;
    same(left.value.mass + list.at(0).mass + slice.length, 8);
    const report = await guard.close({ deadline: 1 });
    same(report.map(({ kind }) => kind).join(), "box,slice,vec");
    same(slice.length, 0);
    throwsCode("FA713", () => left.value.mass);
    throwsCode("FA713", () => guard.allocBox(Body));
    same(alloc.dispose().length, 0);
  },

  async "GpuAllocator uploads, reads back and comes back after a loss"() {
    const alloc = new SmartAlloc();
    const backend = new NullBackend();
    const gpu = new GpuAllocator(alloc, backend);
    const mesh = gpu.alloc(64, { intent: "HostVisible", use: "vertex", name: "mesh" });
    gpu.write(mesh, new Float32Array(16).fill(2));
    gpu.beginFrame();
    const place = gpu.ring.push(new Float32Array([1, 2, 3, 4]));
    gpu.flush();
    const onDevice = gpu.ring.buffer(place);
    same(new Float32Array(onDevice.buffer, onDevice.byteOffset + gpu.ring.offset(place), 4)[3], 4);
    const read = gpu.read(mesh);
    gpu.endFrame();
    same(new Float32Array((await read).buffer)[15], 2);
    throwsCode("FA855", () => gpu.ring.offset(place));
    backend.lose();
    throwsCode("FA857", () => gpu.beginFrame());
    same((await gpu.recover()).restored, 1);
    same(new Float32Array((await gpu.read(mesh)).buffer)[15], 2);
    gpu.free(mesh);
    throwsCode("FA401", () => gpu.offset(mesh));
    same(gpu.dispose().length, 0);
    same(alloc.dispose().length, 0);
  },

  async "UnifiedAllocator brings bytes to the GPU and back"() {
    const alloc = new SmartAlloc();
    const unified = new UnifiedAllocator(alloc, new GpuAllocator(alloc, new NullBackend()));
    const buffer = unified.createCpuBuffer(10);
    buffer.cpuSliceMut().fill(7);
    unified.transferToGpu(buffer);
    await unified.transferToCpu(buffer);
    same(buffer.cpuSlice()[9], 7);
    buffer.free();
    same(unified.getUsage().gpu > 0, true);
    unified.gpuAllocator.dispose();
    same(unified.getUsage().gpu, 0);
  },

  "wgsl() declares a layout for shaders"() {
    const Light = struct("Light", { at: vec3f, power: f32 }, { rules: "wgsl" });
    same(wgsl(Light), "struct Light {\n  at: vec3f,\n  power: f32,\n}");
  },
};

function same(actual, expected) {
  if (!Object.is(actual, expected)) throw new Error(`${String(actual)} instead of ${String(expected)}`);
}

function throwsCode(code, fn) {
  let outcome = "nothing was thrown";
  try {
    fn();
  } catch (error) {
    if (error?.code === code) return error;
    outcome = String(error);
  }
  throw new Error(`${outcome} instead of ${code}`);
}
