/**
 * What each method of the library does to memory. The analysis knows nothing else about the library, so this is the one place that has to
 * follow it.
 *
 * What hands out memory, begins, ends or calls back is said by hand. All other public members, which `api_members.ts` lists, do nothing
 * to memory; a test holds both against the library, and against the types that its members give.
 */

import { API_MEMBERS } from "./api_members.ts";
import type { ClassEffects, Effect, Memory, Shape } from "./effects.ts";

export type { ClassEffects, Effect, Memory, Shape } from "./effects.ts";

const COPY: Effect = { does: "copy" };
const SELF: Effect = { does: "self" };
const END: Effect = { does: "end" };
const BEGIN: Effect = { does: "begin" };
const RELEASE: Effect = { does: "release" };
const ELEMENT: Effect = { does: "view", gives: "element" };
const ARRAY: Effect = { does: "view", gives: "TypedArray" };
const EACH: Effect = { does: "each", gives: "copy", first: "element" };

function alloc(memory: Memory, gives: Shape | "Vec", layout?: number): Effect {
  const of = layout === undefined ? {} : { layout };
  const isArray = gives === "TypedArray" || gives === "Vec" || gives === "Batch" || gives === "Columns" ||
    gives === "FrameMap" || gives === "FrameString";
  return { does: "alloc", memory, gives, ...of, ...isArray ? { array: true } : {} };
}

function view(gives: Shape): Effect {
  return { does: "view", gives };
}

function guard(of: "frame" | "scope" | "label"): Effect {
  return { does: "guard", of };
}

function copies(...names: readonly string[]): Record<string, Effect> {
  return Object.fromEntries(names.map((name) => [name, COPY]));
}

function selves(...names: readonly string[]): Record<string, Effect> {
  return Object.fromEntries(names.map((name) => [name, SELF]));
}

/** The same allocations with `try` in front. */
function withTry(members: Record<string, Effect>): Record<string, Effect> {
  const more = Object.entries(members).map((
    [name, effect],
  ) => [`try${name[0]?.toUpperCase()}${name.slice(1)}`, effect]);
  return { ...members, ...Object.fromEntries(more) };
}

const DISPOSE = { "Symbol.dispose": RELEASE };

const FRAME_ALLOCATIONS = withTry({
  frameAlloc: alloc("frame", "Record", 0),
  frameAlloc2: alloc("frame", "Tuple", 0),
  frameAlloc4: alloc("frame", "Tuple", 0),
  frameAlloc8: alloc("frame", "Tuple", 0),
  frameAllocBatch: alloc("frame", "Batch", 0),
  frameBox: alloc("frame", "Box", 0),
  frameColumns: alloc("frame", "Columns", 0),
  frameMap: alloc("frame", "FrameMap", 1),
  frameSlice: alloc("frame", "TypedArray"),
  frameString: alloc("frame", "FrameString"),
  frameVec: alloc("frame", "Vec", 0),
});

function region(memory: Memory): Record<string, Effect> {
  return {
    alloc: alloc(memory, "Record", 0),
    allocBatch: alloc(memory, "Batch", 0),
    allocBox: alloc(memory, "Box", 0),
    allocColumns: alloc(memory, "Columns", 0),
    allocMap: alloc(memory, "FrameMap", 1),
    allocSlice: alloc(memory, "TypedArray"),
    allocString: alloc(memory, "FrameString"),
    allocVec: alloc(memory, "Vec", 0),
  };
}

/** What the library has, and two kinds of memory of the language that it hands out; without what does nothing to memory. */
export const EFFECTS: Readonly<Record<string, ClassEffects>> = {
  FrameAlloc: {
    isAllocator: true,
    members: {
      ...FRAME_ALLOCATIONS,
      beginFrame: BEGIN,
      endFrame: END,
      endFrameWithSummary: END,
      frame: guard("frame"),
      scope: guard("scope"),
      checkpointGuard: guard("scope"),
      phase: guard("label"),
      tag: guard("label"),
      frameCheckpoint: { does: "mark" },
      rollbackTo: { does: "rollback" },
      runFrame: { does: "run", how: "frame", callback: 0 },
      withTag: { does: "run", how: "tag", callback: 1 },
      speculative: { does: "run", how: "speculative", callback: 0 },
      publish: { does: "publish" },
      dispose: RELEASE,
      ...DISPOSE,
      previous: COPY, // what is still alive of an earlier frame
    },
  },
  SmartAlloc: {
    extends: "FrameAlloc",
    isAllocator: true,
    members: {
      ...withTry({ poolAlloc: alloc("pool", "Record", 0), poolBox: alloc("pool", "Box", 0) }),
      ...withTry({ heapAlloc: alloc("heap", "Buffer"), heapBox: alloc("heap", "Box", 0) }),
      frameRetained: alloc("retained", "Record", 0),
      frameWithImportance: alloc("retained", "Record", 0),
      frameBoxForTransfer: alloc("transfer", "Box", 0),
      endFrameWithPromotions: { does: "end", promotes: true },
      handles: { does: "part", of: "Handles" },
      groups: { does: "part", of: "Groups" },
      scratchPool: { does: "part", of: "ScratchPool" },
      streaming: { does: "part", of: "Streaming" },
      kernels: { does: "part", of: "Kernels" },
      ...copies("budgets", "promote", "share"),
    },
  },
  Kernels: { members: copies("add", "fill") }, // which store nothing, whatever they do elsewhere
  RegionAlloc: { isAllocator: true, members: region("region") },
  TaskAlloc: {
    extends: "RegionAlloc",
    isAllocator: true,
    members: {
      ...region("task"),
      child: { does: "part", of: "TaskAlloc" },
      release: RELEASE,
      ...DISPOSE,
      "Symbol.asyncDispose": RELEASE,
      defer: COPY, // calls back, but when the task ends
      promote: COPY,
    },
  },
  AsyncPoolGuard: {
    isAllocator: true,
    members: {
      allocBox: alloc("guard", "Box", 0),
      allocSlice: alloc("guard", "TypedArray"),
      allocVec: alloc("guard", "Vec", 0),
      close: RELEASE,
      dispose: RELEASE,
      ...DISPOSE,
      "Symbol.asyncDispose": RELEASE,
    },
  },
  Group: {
    extends: "RegionAlloc",
    isAllocator: true,
    members: {
      createGroup: { does: "part", of: "Group" },
      free: RELEASE,
      ...DISPOSE,
    },
  },
  Groups: { members: { create: { does: "part", of: "Group" }, all: COPY } },
  ScratchPool: {
    extends: "RegionAlloc",
    isAllocator: true,
    members: { dispose: RELEASE, reset: COPY, ...DISPOSE },
  },
  Handles: {
    isAllocator: true,
    members: {
      alloc: alloc("handle", "Record", 0),
      ...copies("pin", "resolve"), // as long as the handle
    },
  },
  /** Its assets are there until they are freed or evicted, which detaches them. */
  Streaming: { members: copies("access", "beginLoad", "pin", "tryAccess") },
  GpuAllocator: {
    isAllocator: true,
    members: {
      beginFrame: BEGIN,
      endFrame: END,
      frame: guard("frame"),
      ring: { does: "part", of: "GpuRing" },
      cpu: { does: "part", of: "SmartAlloc" },
      ...withTry({ alloc: alloc("gpu", "Record") }),
      create: alloc("gpu", "Record"),
      dispose: RELEASE,
      ...DISPOSE,
      // Bytes of the allocator itself, and copies of what the device has.
      ...copies("bytes", "read", "refresh", "tryRead"),
    },
  },
  GpuRing: {
    isAllocator: true,
    members: {
      batch: alloc("gpu frame", "Batch", 0),
      box: alloc("gpu frame", "Box", 0),
      columns: alloc("gpu frame", "Columns", 0),
      slice: alloc("gpu frame", "TypedArray"),
      view: alloc("gpu frame", "TypedArray"),
    },
  },
  UnifiedAllocator: {
    isAllocator: true,
    members: {
      beginFrame: BEGIN,
      endFrame: END,
      frame: guard("frame"),
      cpuAllocator: { does: "part", of: "SmartAlloc" },
      gpuAllocator: { does: "part", of: "GpuAllocator" },
    },
  },

  // Memory

  Batch: {
    members: {
      at: ELEMENT,
      cursor: view("Cursor"),
      view: ARRAY,
      "Symbol.iterator": view("Iterator"),
    },
  },
  Cursor: { members: { record: ELEMENT } },
  NumberVec: { members: { view: ARRAY, "Symbol.iterator": view("Iterator") } },
  RecordVec: {
    members: {
      at: ELEMENT,
      cursor: view("Cursor"),
      pop: ELEMENT,
      push: ELEMENT,
      "Symbol.iterator": view("Iterator"),
    },
  },
  FrameMap: {
    members: {
      get: ELEMENT,
      getOrInsert: ELEMENT,
      set: SELF,
      forEach: EACH,
      keys: view("Iterator"),
      values: view("Iterator"),
      entries: view("Pairs"),
      "Symbol.iterator": view("Pairs"),
    },
  },
  FrameString: { members: { append: SELF, bytes: ARRAY } },
  /** Of a frame, a task, or an owner. */
  Box: { members: { value: ELEMENT, assign: SELF } },
  /** A record, a part of one, a vector, a matrix or a list inside one: what else it has is in its layout. */
  Record: {
    members: {
      at: ELEMENT,
      ...selves("copyFrom", "fill", "set"),
      "Symbol.iterator": view("Iterator"),
      ...copies("length", "toArray", "toJSON", "toString"),
    },
  },
  TypedArray: {
    members: {
      buffer: view("Buffer"),
      subarray: ARRAY,
      ...selves("copyWithin", "fill", "reverse", "sort"),
      entries: view("Iterator"),
      keys: view("Iterator"),
      values: view("Iterator"),
      "Symbol.iterator": view("Iterator"),
      forEach: EACH,
      every: EACH,
      filter: EACH,
      find: EACH,
      findIndex: EACH,
      findLast: EACH,
      findLastIndex: EACH,
      map: EACH,
      some: EACH,
      reduce: { does: "each", gives: "copy", first: "total" },
      reduceRight: { does: "each", gives: "copy", first: "total" },
      ...copies("at", "byteLength", "byteOffset", "BYTES_PER_ELEMENT", "includes", "indexOf", "join", "lastIndexOf"),
      ...copies("length", "set", "slice", "toLocaleString", "toReversed", "toSorted", "toString", "with"),
    },
  },
  Buffer: { members: copies("byteLength", "slice", "transfer", "resize") },
};

/** All members of these classes: those that are not said to do anything do nothing to memory. */
export const API: Readonly<Record<string, ClassEffects>> = Object.fromEntries(
  Object.entries(EFFECTS).map(([name, effects]) => {
    const others = membersOf(name).filter((member) => find(EFFECTS, name, member) === undefined);
    return [name, { ...effects, members: { ...effects.members, ...copies(...others) } }];
  }),
);

/** The effect of a member of a class, or of what it extends. */
export function effectOf(name: string, member: string): Effect | undefined {
  return find(API, name, member);
}

function find(api: Readonly<Record<string, ClassEffects>>, name: string, member: string): Effect | undefined {
  const at = Object.hasOwn(api, name) ? api[name] : undefined;
  if (at === undefined) return undefined;
  if (Object.hasOwn(at.members, member)) return at.members[member];
  return at.extends === undefined ? undefined : find(api, at.extends, member);
}

/** The names of the members that the library documents for a class. */
function membersOf(name: string): string[] {
  const text = Object.hasOwn(API_MEMBERS, name) ? API_MEMBERS[name] ?? "" : "";
  return (text.match(/\S+/g) ?? []).map((word) => word.replace(/:.*/, ""));
}

/** Whether a class of the library hands out memory. */
export function isAllocatorClass(name: string): boolean {
  return Object.hasOwn(API, name) && API[name]?.isAllocator === true;
}
