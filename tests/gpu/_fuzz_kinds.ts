/**
 * Kinds of arguments of the public methods: one that is right, and what is wrong in their place that only a world has.
 */

import { f32, i64, struct, vec3f } from "@framealloc/core";
import { MultiFrame, NullBackend, UnifiedBuffer } from "@framealloc/core/gpu";
import { Draw, World } from "./_fuzz_world.ts";

/** A kind of argument. */
export interface Kind {
  /** One that is right. */
  readonly right: (world: World) => unknown;
  /** More that are wrong, or right only at times. */
  readonly wrong?: Readonly<Record<string, (world: World) => unknown>>;
  /** What its properties are, for an object. */
  readonly fields?: Readonly<Record<string, Kind>>;
  /** Whether a value has to be refused, and is not only to do no harm. */
  readonly refuses?: (value: unknown) => boolean;
}

/** Another allocator, of which everything is foreign. */
export const foreign = new World(new NullBackend());
foreign.beginFrame();

export const value = (right: unknown, refuses?: (value: unknown) => boolean): Kind =>
  refuses === undefined ? { right: () => right } : { right: () => right, refuses };
export const isCount = (value: unknown, least: number): boolean =>
  Number.isSafeInteger(value) && (value as number) >= least;
export const isMemory = (value: unknown): boolean =>
  ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;

export const bytes = value(64, (bytes) => !isCount(bytes, 1));
export const ringBytes = value(64, (bytes) => !isCount(bytes, 0) || (bytes as number) > 2 ** 30);
export const length = value(4, (length) => !isCount(length, 0) || (length as number) > 2 ** 30);
export const number = value(4);
export const anything = value(undefined);
export const text = value("name");
export const callback = value(() => {});
export const whole = (right: number): Kind =>
  value(right, (value) => value !== undefined && value !== null && !isCount(value, 0));
export const offset = whole(0);
export const oneOf = (...names: readonly string[]): Kind =>
  value(names[0], (name) => name !== undefined && !names.includes(name as string));
export const object = (fields: Readonly<Record<string, Kind>>): Kind => ({
  right: (world) => Object.fromEntries(Object.entries(fields).map(([key, kind]) => [key, kind.right(world)])),
  fields,
  refuses: (value) => value === null || (typeof value !== "object" && value !== undefined),
});

export const use = oneOf("storage", "uniform", "vertex");
export const handle: Kind = {
  right: (world) => world.live,
  wrong: {
    "another one": (world) => world.other,
    "one with a copy": (world) => world.shadowed,
    "one to read back with": (world) => world.readback,
    "a freed one": (world) => world.gone[0],
    "one that was freed in the same place": (world) => world.gone[1],
    "a foreign one": () => foreign.live,
    "half of one": (world) => world.live + 0.5,
    "less than nothing of one": (world) => -world.live,
    "the next life": (world) => world.live + 2 ** 24,
    "the next place": (world) => world.live + 1000,
    "its text": (world) => String(world.live),
    "its object": (world) => ({ handle: world.live }),
    "its bigint": (world) => BigInt(world.live),
  },
  refuses: (value) => typeof value !== "number" || !Number.isSafeInteger(value) || value < 2 ** 24,
};
const frameThings: NonNullable<Kind["wrong"]> = Object.fromEntries(
  (["place", "view", "batch", "box", "columns"] as const).flatMap((key) => [
    [`the ${key} of an earlier frame`, (world: World) => world.stale[key]],
    [`a foreign ${key}`, () => foreign.current[key]],
    [`this frame's ${key}`, (world: World) => world.current[key]],
  ]),
);
export const frameData: Kind = {
  right: (world) => world.current.view,
  wrong: {
    ...frameThings,
    "what the CPU has staged": (world) => world.current.staging,
    "a slice of the CPU's frame": (world) => world.alloc.inFrame ? world.alloc.frameSlice(Float32Array, 4) : undefined,
    "a batch of the CPU's frame": (world) => world.alloc.inFrame ? world.alloc.frameAllocBatch(Draw, 4) : undefined,
    "a box of the CPU's heap": (world) => world.isOver ? undefined : world.alloc.tryHeapBox(Draw),
    "a place that says so itself": () => ({ $pos: 1 }),
    "a position that says so itself": () => ({ $pos: { life: null, offset: 0 }, $base: 0 }),
    "a value that says so itself": () => ({ value: { $pos: { life: { view: new DataView(new ArrayBuffer(8)) } } } }),
    "a list of columns": () => [new Float32Array(4)],
  },
};
export const place: Kind = { right: (world) => world.current.place, wrong: frameThings };
export const arrayConstructor = value(
  Float32Array,
  (value) => typeof value !== "function" || !("BYTES_PER_ELEMENT" in value),
);
export const layout: Kind = {
  right: () => Draw,
  wrong: { "a scalar": () => f32, "a layout of another rule": () => struct("C", { at: vec3f }), "i64": () => i64 },
  refuses: (value) => typeof value !== "object" || value === null || !("$inner" in value),
};
export const init: Kind = object({ glow: number });
export const data: Kind = {
  right: () => new Uint8Array(64).fill(1),
  wrong: { "the bytes of a frame": (world) => world.stale.view },
  refuses: (value) => !isMemory(value),
};
export const bytesArray: Kind = { right: () => new Uint8Array(64), refuses: (value) => !ArrayBuffer.isView(value) };
const shared: Kind = { right: () => new Uint8Array(64) };

export const lifetime: Kind = {
  right: () => "Persistent",
  wrong: {
    "a frame": () => "Frame",
    "frames": () => MultiFrame(2),
    "no frames": () => ({ frames: 0 }),
    "half a frame": () => ({ frames: 0.5 }),
    "frames without end": () => ({ frames: Infinity }),
    "frames of nothing": () => ({ frames: undefined }),
  },
};
export const allocFields: Readonly<Record<string, Kind>> = {
  intent: oneOf("DeviceOnly", "HostVisible", "HostCached", "Staging", "Readback"),
  lifetime,
  use,
  align: whole(256),
  name: text,
  onLoss: oneOf("shadow", "discard", "restore"),
  restore: anything,
  importance: value(1),
  isolate: value(false),
  zero: value(true),
  onMove: callback,
  onEvict: callback,
};
export const allocOptions = object(allocFields);
const { intent: _, lifetime: __, ...unifiedFields } = allocFields;
export const unifiedOptions = object(unifiedFields);
export const readOptions = object({ offset, bytes: whole(64), into: shared });
export const streamOptions = object({ importance: value(1), offset });
export const copyOptions = object({ from: offset, at: offset, bytes: whole(64) });
const limits = object({
  soft: whole(2 ** 24),
  hard: whole(2 ** 28),
  policy: oneOf("fail", "warn"),
  onCross: callback,
});
export const gpuOptions = object({
  budget: limits,
  budgets: object({ uniform: limits, vertex: limits, storage: limits, ring: limits, readback: limits }),
  blockSize: whole(2 ** 20),
  maxBlockSize: whole(2 ** 20),
  ringSize: whole(2 ** 16),
  maxRingBytes: value(2 ** 20),
  ringSegments: whole(1),
  streamBytesPerFrame: whole(4096),
  readbackBuffers: whole(2),
  uploadCosts: object({ call: value(0.01), bytesPerMs: value(1e6), scatter: value(1), scatterBytesPerMs: value(1e6) }),
  onLost: callback,
  onRestored: callback,
  onOutOfMemory: callback,
});
export const unifiedBuffer: Kind = {
  right: (world) => world.cpuBuffer,
  wrong: {
    "one on the GPU": (world) => world.gpuBuffer,
    "a freed one": (world) => world.freedBuffer,
    "one of an earlier frame": (world) => world.stale.staging,
    "one of this frame": (world) => world.current.staging,
    "a foreign one": () => foreign.cpuBuffer,
    "a foreign one on the GPU": () => foreign.gpuBuffer,
    "one that only looks like it": () => Object.create(UnifiedBuffer.prototype),
  },
  refuses: (value) => !(value instanceof UnifiedBuffer),
};
export const buffer: Kind = {
  right: (world) => world.data,
  wrong: {
    "the one to copy to": (world) => world.target,
    "the one to map": (world) => world.mapped,
    "a destroyed one": (world) => world.destroyed,
    "one that was never made": () => 900,
    "its text": (world) => String(world.data),
  },
  refuses: (value) => !isCount(value, 0),
};
export const target: Kind = { ...buffer, right: (world) => world.target };
export const mapped: Kind = { ...buffer, right: (world) => world.mapped };
/** What was read from JSON. */
export const dump = (world: World): unknown => JSON.parse(JSON.stringify(world.gpu.dump()));

/** A kind for what JSON holds, each part of which may be wrong. */
export function shapeOf(sample: unknown, right: (world: World) => unknown): Kind {
  if (typeof sample !== "object" || sample === null) return { right };
  const fields: Record<string, Kind> = {};
  for (const [key, part] of Object.entries(sample).slice(0, 16)) {
    fields[key] = shapeOf(part, (world) => (right(world) as Record<string, unknown>)[key]);
  }
  return { right, fields };
}
