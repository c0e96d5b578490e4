/**
 * What every public method takes. Methods are looked up in the classes, so that one without a line here is noticed.
 */

import * as entry from "@framealloc/core/gpu";
import { blockMap, GpuAllocation, layoutOf, MultiFrame, NullBackend, wgsl } from "@framealloc/core/gpu";
import * as d from "typegpu/data";
import { USAGE } from "../../gpu/backend/backend.ts";
import { detached } from "./_bad_values.ts";
import * as k from "./_fuzz_kinds.ts";
import { foreign, type Kind, object, oneOf, value, whole } from "./_fuzz_kinds.ts";
import type { World } from "./_fuzz_world.ts";

/** A method, getter, constructor or function, and what it takes. */
export interface Call {
  readonly name: string;
  readonly kinds: readonly Kind[];
  readonly run: (world: World, args: readonly unknown[]) => unknown;
}

type Methods = Readonly<Record<string, readonly Kind[]>>;

const CLASSES: Readonly<Record<string, { readonly of: (world: World) => object; readonly methods: Methods }>> = {
  GpuAllocator: {
    of: (world) => world.gpu,
    methods: {
      new: [{ right: (world) => world.alloc }, { right: () => new NullBackend() }, k.gpuOptions],
      alloc: [k.bytes, k.allocOptions],
      tryAlloc: [k.bytes, k.allocOptions],
      create: [k.bytes, k.allocOptions],
      ref: [k.handle],
      free: [k.handle],
      isLive: [{ ...k.handle, refuses: () => false }],
      buffer: [k.handle],
      offset: [k.handle],
      size: [k.handle],
      version: [k.handle],
      binding: [k.handle],
      pin: [k.handle],
      unpin: [k.handle],
      reserve: [k.bytes, k.use],
      settled: [],
      write: [k.handle, k.data, k.offset],
      bytes: [{ ...k.handle, right: (world) => world.shadowed }],
      touch: [{ ...k.handle, right: (world) => world.shadowed }, k.offset, whole(64)],
      copy: [k.handle, { ...k.handle, right: (world) => world.other }, k.copyOptions],
      read: [k.handle, k.readOptions],
      tryRead: [k.handle, k.readOptions],
      refresh: [{ ...k.handle, right: (world) => world.shadowed }],
      stream: [k.handle, k.data, k.streamOptions],
      inFrame: [],
      frameNumber: [],
      beginFrame: [],
      frame: [],
      flush: [],
      endFrame: [],
      checkScope: [{
        right: (world) => [{ handle: world.live, access: "read" }, { handle: world.shadowed, access: "write" }],
        fields: { 0: object({ handle: k.handle, access: oneOf("read", "write") }), 1: k.handle },
        refuses: (value) => !Array.isArray(value),
      }],
      defragment: [object({ maxBytes: value(1000), maxMoves: value(2) })],
      trim: [],
      calibrate: [],
      isLost: [],
      recover: [],
      stats: [],
      dump: [],
      leaks: [object({ olderThanFrames: value(1) })],
      dispose: [],
      "Symbol(Symbol.dispose)": [],
    },
  },
  GpuRing: {
    of: (world) => world.gpu.ring,
    methods: {
      used: [],
      overflows: [],
      alloc: [k.ringBytes, k.use],
      push: [{ right: () => new Float32Array(4), refuses: (value) => !k.isMemory(value) }, k.use],
      slice: [k.arrayConstructor, k.length, k.use],
      batch: [k.layout, k.length, k.use],
      box: [k.layout, k.init, k.use],
      columns: [k.layout, k.length, k.use],
      view: [k.place, k.arrayConstructor, k.length],
      offset: [k.frameData],
      buffer: [k.frameData],
    },
  },
  GpuAllocation: {
    of: (world) => new GpuAllocation(world.gpu, world.live),
    methods: { isLive: [], bytes: [], buffer: [], offset: [], free: [], "Symbol(Symbol.dispose)": [] },
  },
  UnifiedAllocator: {
    of: (world) => world.unified,
    methods: {
      new: [{ right: (world) => world.alloc }, { right: (world) => world.gpu, refuses: () => true }],
      inFrame: [],
      beginFrame: [],
      frame: [],
      endFrame: [],
      createCpuBuffer: [k.bytes, k.allocOptions],
      createGpuBuffer: [k.bytes, k.allocFields.intent!, k.lifetime, k.unifiedOptions],
      createStagingBuffer: [k.bytes, k.unifiedOptions],
      transferToGpu: [k.unifiedBuffer],
      transferToCpu: [{ ...k.unifiedBuffer, right: (world) => world.gpuBuffer }],
      getUsage: [],
      gpuDone: [],
    },
  },
  UnifiedBuffer: {
    of: (world) => world.cpuBuffer,
    methods: {
      location: [],
      isWritten: [],
      isFreed: [],
      cpuSlice: [],
      cpuSliceMut: [],
      handle: [],
      buffer: [],
      offset: [],
      free: [],
      "Symbol(Symbol.dispose)": [],
    },
  },
  NullBackend: {
    of: (world) => world.backend instanceof NullBackend ? world.backend : foreign.backend,
    methods: {
      new: [object({
        limits: object({
          uniformAlign: whole(256),
          storageAlign: whole(256),
          maxBufferSize: whole(2 ** 28),
          maxUniformBinding: whole(2 ** 16),
          maxStorageBinding: whole(2 ** 27),
        }),
        oomAt: value(2 ** 20),
        latency: value(1),
        isFallback: value(true),
      })],
      loss: [],
      liveBytes: [],
      liveBuffers: [],
      lose: [oneOf("unknown", "destroyed"), k.text],
      ...backendMethods(),
    },
  },
  WebGpuBackend: {
    of: (world) => world.backend,
    methods: {
      new: [{ right: () => null, refuses: () => true }, object({ request: k.callback, onError: k.callback })],
      request: [object({ adapter: k.anything, device: k.anything, onError: k.callback })],
      device: [],
      limits: [],
      isFallback: [],
      loss: [],
      ...backendMethods(),
    },
  },
};

const FUNCTIONS: Readonly<Record<string, readonly [(...args: never[]) => unknown, readonly Kind[]]>> = {
  MultiFrame: [MultiFrame, [k.bytes]],
  wgsl: [wgsl, [k.layout, object({ name: k.text })]],
  layoutOf: [layoutOf, [{
    // As plain data: what the package makes hides some of it.
    right: () => ({
      type: "struct",
      propTypes: { at: d.vec3f, all: { type: "array", elementType: d.f32, elementCount: 4 } },
    }),
    fields: {
      type: k.text,
      propTypes: object({
        at: value(d.vec3f),
        all: object({ type: value("array"), elementType: value(d.f32), elementCount: k.bytes }),
      }),
    },
    refuses: (value) => (value as { type?: unknown } | null | undefined)?.type !== "struct",
  }]],
  blockMap: [blockMap, [
    k.shapeOf(k.dump(foreign), k.dump),
    object({ width: whole(1200), title: k.text }),
  ]],
};

/** The methods of both devices. */
function backendMethods(): Methods {
  const bytes = value(16, (bytes) => !k.isCount(bytes, 0));
  const at = value(0, (at) => !k.isCount(at, 0));
  return {
    create: [bytes, value(USAGE.COPY_DST | USAGE.COPY_SRC), k.text],
    verify: [k.buffer],
    destroy: [{ ...k.buffer, right: (world) => world.target }],
    raw: [k.buffer],
    write: [k.buffer, at, k.bytesArray, at, bytes],
    copy: [k.buffer, at, k.target, at, bytes],
    clear: [k.buffer, at, bytes],
    scatter: [k.buffer, at, bytes, { ...k.bytesArray, right: () => new Uint8Array(8) }, value(1), value(4)],
    submit: [],
    done: [],
    map: [k.mapped, at, bytes],
    readMapped: [k.mapped, at, { right: () => new Uint8Array(8), wrong: { "a detached one": detached } }],
    unmap: [k.mapped],
    reopen: [],
    recreate: [k.buffer],
    dispose: [],
  };
}

/** What is exported and no call of a program: errors and numbers, and constructors that only the library calls. */
const NO_CALLS: readonly string[] = ["GpuError", "USAGE"];
const MADE_BY_OTHERS: readonly string[] = ["GpuRing", "GpuAllocation", "UnifiedBuffer"];

/** Every public method, getter, constructor and function. Throws if one has no line here, or a line is of none. */
export function calls(isReal: boolean): readonly Call[] {
  const all: Call[] = [];
  const missing: string[] = [];
  const exported = new Set(Object.keys(entry).filter((name) => !NO_CALLS.includes(name)));
  for (const [name, { of, methods }] of Object.entries(CLASSES)) {
    exported.delete(name);
    const constructor = (entry as unknown as Record<string, new (...args: unknown[]) => object>)[name]!;
    const known = new Set(Object.keys(methods));
    for (const [method, find] of membersOf(constructor)) {
      if (method === "new" && MADE_BY_OTHERS.includes(name)) continue;
      const kinds = methods[method];
      known.delete(method);
      if (kinds === undefined) missing.push(`${name}.${method}`);
      else if (name !== (isReal ? "NullBackend" : "WebGpuBackend") || method === "new") {
        all.push({ name: `${name}.${method}`, kinds, run: (world, args) => find(of(world), world, args) });
      }
    }
    for (const method of known) missing.push(`no ${name}.${method}`);
  }
  for (const [name, [run, kinds]] of Object.entries(FUNCTIONS)) {
    exported.delete(name);
    all.push({ name, kinds, run: (_, args) => Reflect.apply(run, undefined, args) });
  }
  missing.push(...exported);
  if (missing.length > 0) throw new Error(`without a line in the table of calls: ${missing.join(", ")}`);
  return all;
}

type Member = readonly [string, (self: object, world: World, args: readonly unknown[]) => unknown];

/** What a class has by name, and how it is called. */
function membersOf(constructor: new (...args: unknown[]) => object): Member[] {
  const members: Member[] = [];
  const { prototype } = constructor;
  for (const key of Reflect.ownKeys(prototype)) {
    const name = String(key);
    if (name.startsWith("$")) continue;
    const { get, value } = Object.getOwnPropertyDescriptor(prototype, key)!;
    if (name === "constructor") {
      members.push(["new", (_, world, args) => {
        const made = Reflect.construct(constructor, args);
        if ("dispose" in made && typeof made.dispose === "function") world.made.push(made as { dispose(): unknown });
        return made;
      }]);
    } else members.push([name, (self, _, args) => Reflect.apply(get ?? value, self, get === undefined ? args : [])]);
  }
  for (const key of Object.getOwnPropertyNames(constructor)) {
    const member: unknown = constructor[key as keyof typeof constructor];
    if (typeof member !== "function") continue;
    members.push([key, (_, __, args) => Reflect.apply(member, constructor, args)]);
  }
  return members;
}
