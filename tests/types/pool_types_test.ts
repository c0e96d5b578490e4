/**
 * The types of what outlives frames. What is wrong here fails when the file is type-checked; nothing is allocated.
 */

import {
  array,
  type Batch,
  bool,
  type Box,
  type BudgetEvent,
  type BudgetPolicy,
  type Budgets,
  type Cell,
  type Eviction,
  f32,
  type FrameAlloc,
  type FrameMap,
  type FrameString,
  type FrameSummary,
  type Group,
  type Handle,
  type HeapBlock,
  i64,
  Importance,
  type Infer,
  type Layout,
  type Leak,
  type Lease,
  type NumberVec,
  type ObjectPool,
  type OwnedBox,
  type PromotedBox,
  type PromotedSlice,
  type Promotion,
  type PromotionFailure,
  type PromotionResult,
  type RecordVec,
  RetentionPolicy,
  type ScalarList,
  type ScratchPool,
  type SmartAlloc,
  type Stats,
  type StreamState,
  struct,
  u32,
  u8,
  type Vec3,
  vec3f,
} from "@framealloc/core";
import { expectTypeOf } from "expect-type";

const Body = struct("Body", { id: u32, position: vec3f });
type Body = Infer<typeof Body>;

/** Has its body type-checked and never run. */
function typesOf(_body: (alloc: SmartAlloc) => void): void {}

Deno.test("poolAlloc() gives the record, or a cell for a scalar", () => {
  typesOf((alloc) => {
    expectTypeOf(alloc.poolAlloc(Body)).toEqualTypeOf<Body>();
    expectTypeOf(alloc.poolAlloc(f32)).toEqualTypeOf<Cell<number>>();
    expectTypeOf(alloc.poolAlloc(i64)).toEqualTypeOf<Cell<bigint>>();
    expectTypeOf(alloc.poolAlloc(bool)).toEqualTypeOf<Cell<boolean>>();
    expectTypeOf(alloc.poolAlloc(vec3f)).toEqualTypeOf<Vec3>();
    expectTypeOf(alloc.poolAlloc(array(u8, 2))).toEqualTypeOf<ScalarList<number>>();
    expectTypeOf(alloc.tryPoolAlloc(Body)).toEqualTypeOf<Body | undefined>();
    expectTypeOf(alloc.tryPoolAlloc(f32)).toEqualTypeOf<Cell<number> | undefined>();
    expectTypeOf(alloc.poolFree(alloc.poolAlloc(Body))).toEqualTypeOf<void>();
    // @ts-expect-error -- a typed array is no layout
    alloc.poolAlloc(Float32Array);
    // @ts-expect-error -- a number is no record
    alloc.poolFree(3);
  });
});

Deno.test("poolBox() and heapBox() have the record as their value, and for a scalar the number itself", () => {
  typesOf((alloc) => {
    expectTypeOf(alloc.poolBox(Body, { id: 1 })).toEqualTypeOf<OwnedBox<typeof Body>>();
    expectTypeOf(alloc.poolBox(Body).value).toEqualTypeOf<Body>();
    expectTypeOf(alloc.poolBox(f32, 1).value).toEqualTypeOf<number>();
    expectTypeOf(alloc.poolBox(i64, 1n).value).toEqualTypeOf<bigint>();
    expectTypeOf(alloc.poolBox(bool).value).toEqualTypeOf<boolean>();
    expectTypeOf(alloc.poolBox(vec3f, [1, 2, 3]).value).toEqualTypeOf<Vec3>();
    expectTypeOf(alloc.tryPoolBox(f32)).toEqualTypeOf<OwnedBox<typeof f32> | undefined>();
    expectTypeOf(alloc.heapBox(Body).value).toEqualTypeOf<Body>();
    expectTypeOf(alloc.heapBox(f32).value).toEqualTypeOf<number>();
    expectTypeOf(alloc.tryHeapBox(Body)).toEqualTypeOf<OwnedBox<typeof Body> | undefined>();
    const box = alloc.poolBox(f32);
    box.value += 1;
    expectTypeOf(box.assign(2)).toEqualTypeOf<OwnedBox<typeof f32>>();
    expectTypeOf(box.isFreed).toEqualTypeOf<boolean>();
    expectTypeOf(box).toExtend<Disposable>();
    alloc.poolBox(Body).assign({ id: 1 });
    // @ts-expect-error -- there is no such field
    alloc.poolBox(Body, { idd: 1 });
    // @ts-expect-error -- a text is no number
    alloc.heapBox(f32, "1");
    // @ts-expect-error -- neither is a bigint
    box.value = 1n;
    // @ts-expect-error -- whether it was freed is not for the program to say
    box.isFreed = true;
  });
});

Deno.test("heapAlloc() gives a block, and that typed arrays", () => {
  typesOf((alloc) => {
    expectTypeOf(alloc.heapAlloc(16)).toEqualTypeOf<HeapBlock>();
    expectTypeOf(alloc.tryHeapAlloc(16, { zero: false })).toEqualTypeOf<HeapBlock | undefined>();
    expectTypeOf(alloc.heapAlloc(16).bytes).toExtend<Uint8Array>();
    expectTypeOf(alloc.heapAlloc(16).view(Float64Array)).toExtend<Float64Array>();
    expectTypeOf(alloc.heapAlloc(16).view(BigInt64Array)).toExtend<BigInt64Array>();
    expectTypeOf(alloc.heapAlloc(16)).toExtend<Disposable>();
    // @ts-expect-error -- a DataView is no typed array
    alloc.heapAlloc(16).view(DataView);
    // @ts-expect-error -- there is no such option
    alloc.heapAlloc(16, { zeros: true });
    // @ts-expect-error -- a size is a number
    alloc.heapAlloc("16");
  });
});

Deno.test("handles.alloc() gives a number that knows its layout, and resolve() its record", () => {
  typesOf(({ handles }) => {
    const body = handles.alloc(Body, { id: 1 });
    expectTypeOf(body).toEqualTypeOf<Handle<typeof Body>>();
    expectTypeOf(body).toExtend<number>();
    expectTypeOf(handles.resolve(body)).toEqualTypeOf<Body>();
    expectTypeOf(handles.resolve(handles.alloc(f32, 1))).toEqualTypeOf<Cell<number>>();
    expectTypeOf(handles.resolve(handles.alloc(vec3f))).toEqualTypeOf<Vec3>();
    const saved: number = body;
    expectTypeOf(handles.resolve(saved, Body)).toEqualTypeOf<Body>();
    expectTypeOf(handles.resolve(saved, f32)).toEqualTypeOf<Cell<number>>();
    expectTypeOf(handles.isValid(saved)).toEqualTypeOf<boolean>();
    expectTypeOf(handles.pin(body)).toExtend<Disposable>();
    handles.unpin(body);
    handles.free(saved);
    handles.compact({ maxBytes: 1024, onMove: (handle) => expectTypeOf(handle).toEqualTypeOf<number>() });
    expectTypeOf(handles.compact().movedBytes).toEqualTypeOf<number>();
    // @ts-expect-error -- a handle of another layout
    const other: Handle<typeof f32> = body;
    // @ts-expect-error -- there is no such field
    handles.alloc(Body, { idd: other });
    // @ts-expect-error -- a text is no handle
    handles.resolve("1");
  });
});

Deno.test("groups and scratch pools give what frames give", () => {
  typesOf((alloc) => {
    const group = alloc.groups.create("level", { size: 1024, maxBytes: 4096 });
    const scratch = alloc.scratchPool("paths", { size: 1024 });
    expectTypeOf(group).toEqualTypeOf<Group>();
    expectTypeOf(group.createGroup("wave")).toEqualTypeOf<Group>();
    expectTypeOf(scratch).toEqualTypeOf<ScratchPool>();
    for (const region of [group, scratch] as const) {
      expectTypeOf(region.alloc(Body)).toEqualTypeOf<Body>();
      expectTypeOf(region.alloc(f32)).toEqualTypeOf<Cell<number>>();
      expectTypeOf(region.allocBox(Body, { id: 1 })).toEqualTypeOf<Box<typeof Body>>();
      expectTypeOf(region.allocBox(f32, 1)).toEqualTypeOf<Cell<number>>();
      expectTypeOf(region.allocSlice(Float32Array, 4, { zero: true })).toEqualTypeOf<Float32Array>();
      expectTypeOf(region.allocVec(f32)).toEqualTypeOf<NumberVec<Float32ArrayConstructor>>();
      expectTypeOf(region.allocVec(Uint8Array, 8)).toEqualTypeOf<NumberVec<Uint8ArrayConstructor>>();
      expectTypeOf(region.allocVec(Body)).toEqualTypeOf<RecordVec<typeof Body>>();
      expectTypeOf(region.allocMap(u32, Body)).toEqualTypeOf<FrameMap<typeof Body>>();
      expectTypeOf(region.allocString("x")).toEqualTypeOf<FrameString>();
      expectTypeOf(region.allocBatch(Body, 4)).toEqualTypeOf<Batch<typeof Body>>();
      expectTypeOf(region.allocColumns(Body, 4).position.z).toEqualTypeOf<Float32Array>();
      expectTypeOf(region).toExtend<Disposable>();
      // @ts-expect-error -- a bigint is no key
      region.allocMap(i64, Body);
      // @ts-expect-error -- no typed array holds truth values
      region.allocVec(bool);
    }
    // @ts-expect-error -- a group is freed, and not reset
    group.reset();
    // @ts-expect-error -- there is no such option
    alloc.scratchPool("paths", { bytes: 1024 });
  });
});

Deno.test("objectPool() has objects of the type that its function makes", () => {
  typesOf((alloc) => {
    const pool = alloc.objectPool(() => ({ x: 1 }), {
      name: "points",
      reset: (point) => expectTypeOf(point).toEqualTypeOf<{ x: number }>(),
      capacity: 4,
      max: 8,
    });
    expectTypeOf(pool).toEqualTypeOf<ObjectPool<{ x: number }>>();
    expectTypeOf(pool.acquire()).toEqualTypeOf<{ x: number }>();
    expectTypeOf(pool.tryAcquire()).toEqualTypeOf<{ x: number } | undefined>();
    expectTypeOf(pool.lease()).toEqualTypeOf<Lease<{ x: number }>>();
    expectTypeOf(pool.lease().value).toEqualTypeOf<{ x: number }>();
    expectTypeOf(alloc.objectPool((): string[] => []).acquire()).toEqualTypeOf<string[]>();
    pool.release(pool.acquire());
    // @ts-expect-error -- another kind of object
    pool.release({ y: 1 });
    // @ts-expect-error -- a number is no object
    alloc.objectPool(() => 1);
  });
});

Deno.test("frameRetained() gives the record, and a policy is one of a few", () => {
  typesOf((alloc) => {
    expectTypeOf(alloc.frameRetained(Body, RetentionPolicy.PromoteToPool, { id: 1 })).toEqualTypeOf<Body>();
    expectTypeOf(alloc.frameRetained(f32, RetentionPolicy.Discard, 1)).toEqualTypeOf<Cell<number>>();
    expectTypeOf(alloc.frameWithImportance(vec3f, Importance.Scratch("s"))).toEqualTypeOf<Vec3>();
    expectTypeOf(RetentionPolicy.PromoteToScratch("s")).toEqualTypeOf<RetentionPolicy>();
    expectTypeOf(Importance.Ephemeral).toEqualTypeOf<RetentionPolicy>();
    const policies: RetentionPolicy[] = [{ to: "nothing" }, { to: "pool" }, { to: "heap" }, {
      to: "scratch",
      pool: "s",
    }];
    alloc.frameRetained(Body, policies[0]!);
    // @ts-expect-error -- a scratch pool has a name
    policies.push({ to: "scratch" });
    // @ts-expect-error -- there is no such place
    policies.push({ to: "moon" });
    // @ts-expect-error -- a text is no policy
    alloc.frameRetained(Body, "pool");
    // @ts-expect-error -- the values come last
    alloc.frameRetained(Body, { id: 1 });
    // @ts-expect-error -- there is no such field
    alloc.frameRetained(Body, RetentionPolicy.PromoteToPool, { idd: 1 });
  });
});

Deno.test("endFrameWithPromotions() gives copies of the types of their records", () => {
  typesOf((alloc) => {
    const body = alloc.frameRetained(Body, RetentionPolicy.PromoteToPool);
    const number = alloc.frameRetained(f32, RetentionPolicy.PromoteToHeap);
    const result = alloc.endFrameWithPromotions();
    expectTypeOf(result).toEqualTypeOf<PromotionResult>();
    expectTypeOf(result.of(body)).toEqualTypeOf<PromotedBox<Body> | undefined>();
    expectTypeOf(result.of(number)!.record.value).toEqualTypeOf<number>();
    expectTypeOf(result.promotions).toEqualTypeOf<readonly Promotion[]>();
    expectTypeOf(result.promotions[0]!.failure).toEqualTypeOf<PromotionFailure | undefined>();
    expectTypeOf(result.promotions[0]!.layout).toEqualTypeOf<Layout>();
    expectTypeOf(result.summary.frame).toEqualTypeOf<FrameSummary>();
    expectTypeOf(result.summary.failures).toEqualTypeOf<{ readonly [reason in PromotionFailure]: number }>();
    expectTypeOf(result.summary.tags[0]!.path).toEqualTypeOf<string>();
    expectTypeOf(result.summary.phases[0]!.scratch.bytes).toEqualTypeOf<number>();
    expectTypeOf<PromotedBox<Body>>().toExtend<Disposable>();
  });
});

Deno.test("promote() of a record, a cell, a part or a slice gives a copy of the same type", () => {
  typesOf((alloc) => {
    expectTypeOf(alloc.promote(alloc.frameAlloc(Body))).toEqualTypeOf<PromotedBox<Body>>();
    expectTypeOf(alloc.promote(alloc.frameAlloc(Body), RetentionPolicy.PromoteToHeap).record).toEqualTypeOf<Body>();
    expectTypeOf(alloc.promote(alloc.frameAlloc(Body).position).record).toEqualTypeOf<Vec3>();
    expectTypeOf(alloc.promote(alloc.frameBox(f32, 1)).record.value).toEqualTypeOf<number>();
    expectTypeOf(alloc.promote(alloc.frameSlice(Float32Array, 4)).slice).toEqualTypeOf<Float32Array>();
    expectTypeOf(alloc.promote(alloc.frameSlice(BigInt64Array, 4))).toEqualTypeOf<
      PromotedSlice<BigInt64Array>
    >();
    // @ts-expect-error -- a number is nothing that has memory
    alloc.promote(3);
    // @ts-expect-error -- a text is no policy
    alloc.promote(alloc.frameAlloc(Body), "heap");
    // @ts-expect-error -- a copy of a slice is no record
    alloc.promote(alloc.frameSlice(Uint8Array, 4)).record;
  });
});

Deno.test("promote() of a box gives a copy of the record in it", () => {
  typesOf((alloc) => {
    expectTypeOf(alloc.promote(alloc.frameBox(Body)).record).toEqualTypeOf<Body>();
    expectTypeOf(alloc.promote(alloc.groups.create("g").allocBox(vec3f)).record).toEqualTypeOf<Vec3>();
    expectTypeOf(alloc.promote(alloc.poolBox(Body)).record).toEqualTypeOf<Body>();
    expectTypeOf(alloc.promote(alloc.heapBox(vec3f)).record).toEqualTypeOf<Vec3>();
    expectTypeOf(alloc.promote(alloc.poolBox(f32)).record).toEqualTypeOf<Cell<number>>();
  });
});

Deno.test("streaming has numbers for assets, and bytes", () => {
  typesOf(({ streaming }) => {
    expectTypeOf(streaming.reserve(16, { priority: "high", name: "rock", tag: "level" })).toEqualTypeOf<
      number | undefined
    >();
    expectTypeOf(streaming.reserveAsync(16, { signal: AbortSignal.abort() })).toEqualTypeOf<Promise<number>>();
    expectTypeOf(streaming.beginLoad(1)).toExtend<Uint8Array>();
    expectTypeOf(streaming.access(1)).toExtend<Uint8Array>();
    expectTypeOf(streaming.tryAccess(1)?.length).toEqualTypeOf<number | undefined>();
    expectTypeOf(streaming.state(1)).toEqualTypeOf<StreamState | undefined>();
    streaming.onEvict = (eviction) => expectTypeOf(eviction).toEqualTypeOf<Eviction>();
    // @ts-expect-error -- there is no such priority
    streaming.reserve(16, { priority: "urgent" });
  });
});

Deno.test("budgets take limits, and spill to allocators alone", () => {
  typesOf((alloc) => {
    expectTypeOf(alloc.budgets).toEqualTypeOf<Budgets<SmartAlloc>>();
    alloc.budgets.setGlobal({ soft: 1, hard: 2, onCross: (event) => expectTypeOf(event).toEqualTypeOf<BudgetEvent>() });
    alloc.budgets.setTag("a", { hard: 2, policy: { spill: alloc } });
    expectTypeOf(alloc.budgets.child("b", { policy: "warn" }).used).toEqualTypeOf<number>();
    expectTypeOf<BudgetPolicy<SmartAlloc>>().toEqualTypeOf<"fail" | "warn" | { readonly spill: SmartAlloc }>();
    // @ts-expect-error -- there is no such policy
    alloc.budgets.setTag("a", { policy: "ignore" });
    // @ts-expect-error -- nothing can be spilled to a text
    alloc.budgets.setTag("a", { policy: { spill: "b" } });
    // @ts-expect-error -- there is no such limit
    alloc.budgets.setGlobal({ max: 1 });
  });
});

Deno.test("stats(), leaks() and dispose() give plain data", () => {
  typesOf((alloc) => {
    expectTypeOf(alloc.stats()).toEqualTypeOf<Stats>();
    expectTypeOf(alloc.stats()).toExtend<ReturnType<FrameAlloc["stats"]>>();
    expectTypeOf(alloc.leaks()).toEqualTypeOf<readonly Leak[]>();
    expectTypeOf(alloc.dispose()).toEqualTypeOf<readonly Leak[]>();
    expectTypeOf(alloc.trim()).toEqualTypeOf<number>();
    expectTypeOf<Leak["kind"]>().toEqualTypeOf<
      | "pool record"
      | "heap block"
      | "handle"
      | "group"
      | "streaming asset"
      | "pool object"
      | "task"
      | "lease"
      | "gpu allocation"
    >();
    expectTypeOf(alloc.stats().tags[0]!.inUse.handles).toEqualTypeOf<number>();
    expectTypeOf<FrameAlloc>().not.toHaveProperty("poolAlloc");
    expectTypeOf<FrameAlloc>().not.toHaveProperty("budgets");
    expectTypeOf(alloc).toExtend<FrameAlloc>();
  });
});

Deno.test("helpers over any layout can allocate outside of frames", () => {
  function keep<L extends Layout>(alloc: SmartAlloc, layout: L): OwnedBox<L> {
    return alloc.poolBox(layout);
  }
  function put<L extends Layout>(alloc: SmartAlloc, layout: L): Handle<L> {
    return alloc.handles.alloc(layout);
  }
  typesOf((alloc) => {
    expectTypeOf(keep(alloc, Body).value).toEqualTypeOf<Body>();
    expectTypeOf(keep(alloc, f32).value).toEqualTypeOf<number>();
    expectTypeOf(alloc.handles.resolve(put(alloc, Body))).toEqualTypeOf<Body>();
  });
});
