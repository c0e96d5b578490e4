/**
 * The types of tasks. What is wrong here fails when the file is type-checked; nothing is allocated.
 */

import {
  array,
  type Batch,
  bool,
  type Box,
  type BudgetLimits,
  type Cell,
  type ChildBudget,
  type ColumnsOf,
  f32,
  type FrameMap,
  type FrameString,
  i64,
  type Infer,
  type Layout,
  type Leak,
  type NumberVec,
  type PromotedBox,
  type PromotedSlice,
  type RecordVec,
  type RegionAlloc,
  RetentionPolicy,
  type ScalarList,
  type SmartAlloc,
  struct,
  TaskAlloc,
  type TaskBox,
  TaskError,
  type TaskOptions,
  type TaskStats,
  type TaskUse,
  u32,
  u8,
  type Vec3,
  vec3f,
} from "@framealloc/core";
import { expectTypeOf } from "expect-type";

const Body = struct("Body", { id: u32, position: vec3f });
type Body = Infer<typeof Body>;

/** Has its body type-checked and never run. */
function typesOf(_body: (task: TaskAlloc, alloc: SmartAlloc) => void): void {}

Deno.test("TaskAlloc is made of an allocator, and can be disposed of in both ways", () => {
  typesOf((task, alloc) => {
    expectTypeOf(new TaskAlloc(alloc)).toEqualTypeOf<TaskAlloc>();
    expectTypeOf(TaskAlloc).toBeConstructibleWith(alloc, { name: "a", size: 1, zero: false, budget: 1 });
    expectTypeOf(TaskAlloc).toBeConstructibleWith(alloc, { signal: undefined });
    expectTypeOf<TaskOptions["signal"]>().toEqualTypeOf<AbortSignal | undefined>();
    expectTypeOf<TaskOptions["budget"]>().toEqualTypeOf<number | BudgetLimits<SmartAlloc> | ChildBudget | undefined>();
    expectTypeOf(task).toExtend<Disposable>();
    expectTypeOf(task).toExtend<AsyncDisposable>();
    expectTypeOf(task).toExtend<RegionAlloc>();
    expectTypeOf(task.release()).toEqualTypeOf<void>();
    expectTypeOf(task[Symbol.asyncDispose]()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(task.child({ name: "b" })).toEqualTypeOf<TaskAlloc>();
    expectTypeOf(task.name).toEqualTypeOf<string>();
    expectTypeOf(task.isReleased).toEqualTypeOf<boolean>();
    expectTypeOf(task.signal).toEqualTypeOf<AbortSignal>();
    expectTypeOf(task.reserved).toEqualTypeOf<number>();
    // @ts-expect-error -- there is no such option
    new TaskAlloc(alloc, { zeroed: true });
    // @ts-expect-error -- a controller is no signal
    new TaskAlloc(alloc, { signal: new AbortController() });
    // @ts-expect-error -- a task needs an allocator
    new TaskAlloc();
    // @ts-expect-error -- a task is no allocator; it has child()
    new TaskAlloc(task);
    // @ts-expect-error -- a name cannot be changed
    task.name = "c";
    // @ts-expect-error -- whether it has ended is not for the program to say
    task.isReleased = true;
  });
});

Deno.test("a task allocates what groups do", () => {
  typesOf((task) => {
    expectTypeOf(task.alloc(Body)).toEqualTypeOf<Body>();
    expectTypeOf(task.alloc(f32)).toEqualTypeOf<Cell<number>>();
    expectTypeOf(task.alloc(i64)).toEqualTypeOf<Cell<bigint>>();
    expectTypeOf(task.alloc(bool)).toEqualTypeOf<Cell<boolean>>();
    expectTypeOf(task.alloc(vec3f)).toEqualTypeOf<Vec3>();
    expectTypeOf(task.alloc(array(u8, 2))).toEqualTypeOf<ScalarList<number>>();
    expectTypeOf(task.allocSlice(Uint8Array, 1, { zero: true })).toExtend<Uint8Array>();
    expectTypeOf(task.allocSlice(BigInt64Array, 1)[0]).toEqualTypeOf<bigint | undefined>();
    expectTypeOf(task.allocVec(Body)).toEqualTypeOf<RecordVec<typeof Body>>();
    expectTypeOf(task.allocVec(f32)).toEqualTypeOf<NumberVec<Float32ArrayConstructor>>();
    expectTypeOf(task.allocVec(Float64Array, 10)).toEqualTypeOf<NumberVec<Float64ArrayConstructor>>();
    expectTypeOf(task.allocMap(u32, Body)).toEqualTypeOf<FrameMap<typeof Body>>();
    expectTypeOf(task.allocString("text")).toEqualTypeOf<FrameString>();
    expectTypeOf(task.allocBatch(Body, 3)).toEqualTypeOf<Batch<typeof Body>>();
    expectTypeOf(task.allocColumns(Body, 3)).toEqualTypeOf<ColumnsOf<typeof Body>>();
    // @ts-expect-error -- a typed array is no layout
    task.alloc(Float32Array);
    // @ts-expect-error -- there is no such field
    task.allocVec(Body).push({ idd: 1 });
  });
});

Deno.test("allocBox() boxes a layout, or any value by its own type", () => {
  typesOf((task) => {
    expectTypeOf(task.allocBox(Body, { id: 1 })).toEqualTypeOf<Box<typeof Body>>();
    expectTypeOf(task.allocBox(Body).value).toEqualTypeOf<Body>();
    expectTypeOf(task.allocBox(f32, 1)).toEqualTypeOf<Cell<number>>();
    expectTypeOf(task.allocBox(i64).value).toEqualTypeOf<bigint>();
    expectTypeOf(task.allocBox(["a", "b"])).toEqualTypeOf<TaskBox<string[]>>();
    expectTypeOf(task.allocBox({ a: 1 }).value).toEqualTypeOf<{ a: number }>();
    expectTypeOf(task.allocBox("a")).toEqualTypeOf<TaskBox<string>>();
    expectTypeOf(task.allocBox<number | undefined>(undefined).value).toEqualTypeOf<number | undefined>();
    expectTypeOf(task.allocBox(Uint8Array)).toEqualTypeOf<TaskBox<Uint8ArrayConstructor>>();
    task.allocBox({ a: 1 }).value = { a: 2 };
    // @ts-expect-error -- there is no such field
    task.allocBox(Body, { idd: 1 });
    // @ts-expect-error -- a text is no number
    task.allocBox(f32, "1");
    // @ts-expect-error -- it holds objects of that type
    task.allocBox({ a: 1 }).value = { b: 2 };
  });
});

Deno.test("adopt() gives back what it was given, and defer() takes any function", () => {
  typesOf((task, alloc) => {
    expectTypeOf(task.adopt(alloc.objectPool(() => ({ x: 1 })).lease()).value).toEqualTypeOf<{ x: number }>();
    expectTypeOf(task.adopt(alloc.poolBox(Body)).value).toEqualTypeOf<Body>();
    expectTypeOf(task.adopt({ x: 1, async [Symbol.asyncDispose]() {} }).x).toEqualTypeOf<number>();
    expectTypeOf(task.adopt(task)).toEqualTypeOf<TaskAlloc>();
    expectTypeOf(task.defer(() => {})).toEqualTypeOf<void>();
    task.defer(async () => {});
    task.defer(() => 5);
    // @ts-expect-error -- it cannot be disposed of
    task.adopt({ x: 1 });
    // @ts-expect-error -- a promise is no function
    task.defer(Promise.resolve());
    // @ts-expect-error -- nobody gives it an argument
    task.defer((_x: number) => {});
  });
});

Deno.test("promote() gives what outlives the task", () => {
  typesOf((task) => {
    expectTypeOf(task.promote(task.allocSlice(Float32Array, 4)).slice).toEqualTypeOf<Float32Array>();
    expectTypeOf(task.promote(task.allocVec(Float32Array))).toExtend<PromotedSlice<Float32Array>>();
    expectTypeOf(task.promote(task.allocVec(u8)).slice).toExtend<Uint8Array>();
    expectTypeOf(task.promote(task.alloc(Body))).toEqualTypeOf<PromotedBox<Body>>();
    expectTypeOf(task.promote(task.alloc(Body), RetentionPolicy.PromoteToHeap).record).toEqualTypeOf<Body>();
    expectTypeOf(task.promote(task.alloc(Body).position).record).toEqualTypeOf<Vec3>();
    expectTypeOf(task.promote(task.allocBox(Body)).record).toEqualTypeOf<Body>();
    expectTypeOf(task.promote(task.allocBox(f32, 1)).record).toEqualTypeOf<Cell<number>>();
    expectTypeOf(task.promote(task.allocString("a"))).toEqualTypeOf<string>();
    expectTypeOf(task.promote(task.allocBox(["a"]))).toEqualTypeOf<string[]>();
    // @ts-expect-error -- a number is nothing that ends
    task.promote(5);
    // @ts-expect-error -- that is no policy
    task.promote(task.alloc(Body), "heap");
  });
});

Deno.test("stats() and leaks() know of tasks", () => {
  typesOf((_task, alloc) => {
    expectTypeOf(alloc.stats().tasks).toEqualTypeOf<TaskStats>();
    expectTypeOf(alloc.stats().tasks.tasks).toEqualTypeOf<readonly TaskUse[]>();
    expectTypeOf(alloc.stats().tags[0]!.inUse.tasks).toEqualTypeOf<number>();
    expectTypeOf<"task">().toExtend<Leak["kind"]>();
    expectTypeOf(new TaskError("FA711", "Cannot do that").code).toExtend<string>();
  });
});

Deno.test("tasks can be used by code that knows no more than a layout, or no more than a region", () => {
  function keep<L extends Layout>(region: RegionAlloc, layout: L): Batch<L> {
    return region.allocBatch(layout, 4);
  }
  typesOf((task, alloc) => {
    expectTypeOf(keep(task, Body)).toEqualTypeOf<Batch<typeof Body>>();
    expectTypeOf(keep(alloc.groups.create("g"), Body).at(0)).toEqualTypeOf<Body>();
  });
});
