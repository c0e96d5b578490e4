/**
 * Random programs that retain records and end frames in every way, against a model: which copies there are, what they hold however
 * many frames go by, why others could not be made, and to which tag each byte is charged.
 */

import {
  array,
  bool,
  BudgetError,
  type BytesByKind,
  f32,
  f64,
  FrameAllocError,
  type FrameCheckpoint,
  type FrameScope,
  type FrameSummary,
  i64,
  Importance,
  type Layout,
  type Leak,
  mat3x3f,
  type PromotedBox,
  type PromotionCounts,
  type PromotionFailure,
  type PromotionResult,
  RetentionPolicy,
  SmartAlloc,
  struct,
  type TagGuard,
  u16,
  u32,
  u8,
  vec3f,
} from "@framealloc/core";
import type { ChunkSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Pair, SUPPORTED } from "./frame/_sources.ts";
import { CountingSource } from "./memory/_counting_source.ts";

const RUNS_PER_PAIR = 150;
const SLOTS = [32, 128, 512];
const TIGHT = 1024;
const SMALL_POOL = 320;

const Body = struct("Body", { id: u32, at: vec3f, mass: f32 });
const Mixed = struct("Mixed", { small: u8, body: Body, list: array(u16, 20), flag: bool, wide: f64 });
const Shader = struct("Shader", { basis: mat3x3f, at: vec3f }, { rules: "wgsl" });

/** A layout, and what a record of it looks like that was filled from a seed. */
interface Kind {
  readonly layout: Layout;
  values(seed: number): unknown;
}

const KINDS: readonly Kind[] = [
  { layout: f32, values: (seed) => seed + 0.5 },
  { layout: i64, values: (seed) => BigInt(seed) },
  { layout: Body, values: (seed) => ({ id: seed, at: { x: seed, y: 2, z: 3 }, mass: 0.25 }) },
  {
    layout: Mixed,
    values: (seed) => ({
      small: seed % 256,
      body: { id: seed, at: { x: 1, y: 2, z: seed }, mass: 4 },
      list: Array.from({ length: 20 }, (_, i) => (seed + i) % 65_536),
      flag: seed % 2 === 0,
      wide: seed / 3,
    }),
  },
  { layout: Shader, values: (seed) => ({ basis: [seed, 2, 3, 4, 5, 6, 7, 8, 9], at: { x: 1, y: seed, z: 3 } }) },
  { layout: array(u32, 100), values: (seed) => Array.from({ length: 100 }, (_, i) => seed + i) },
  { layout: array(u32, 200), values: (seed) => Array.from({ length: 200 }, (_, i) => seed * i) },
];

const POLICIES: readonly RetentionPolicy[] = [
  RetentionPolicy.Discard,
  RetentionPolicy.PromoteToPool,
  Importance.Reusable,
  RetentionPolicy.PromoteToHeap,
  Importance.Persistent,
  RetentionPolicy.PromoteToScratch("large"),
  Importance.Scratch("small"),
  RetentionPolicy.PromoteToScratch("late"),
  Importance.Ephemeral,
];

type End = "promotions" | "plain" | "summary";

type Op =
  | { readonly kind: "retain"; readonly of: number; readonly policy: number; readonly seed: number }
  | { readonly kind: "rewrite" | "rewriteCopy"; readonly which: number; readonly seed: number }
  | { readonly kind: "fill"; readonly bytes: number }
  | { readonly kind: "tag" | "phase"; readonly name: string }
  | { readonly kind: "end"; readonly how: End; readonly refuses: boolean }
  | { readonly kind: "free"; readonly which: number }
  | { readonly kind: "endScope"; readonly commit: boolean }
  | { readonly kind: "reset"; readonly pool: string }
  | { readonly kind: "untag" | "unphase" | "scope" | "checkpoint" | "rollback" | "late" | "trim" };

const seed = fc.nat(1000);
const which = fc.nat();
const OPS: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 16,
    arbitrary: fc.record({
      kind: fc.constant("retain" as const),
      of: fc.nat(KINDS.length - 1),
      policy: fc.nat(POLICIES.length - 1),
      seed,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("rewrite" as const, "rewriteCopy" as const), which, seed }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("fill" as const),
      bytes: fc.oneof({ weight: 4, arbitrary: fc.nat(200) }, {
        weight: 1,
        arbitrary: fc.integer({ min: 2000, max: 9000 }),
      }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("tag" as const), name: fc.constantFrom("tight", "tight", "a", "b") }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("phase" as const), name: fc.constantFrom("update", "draw") }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("end" as const),
      how: fc.constantFrom<End>("promotions", "promotions", "promotions", "plain", "summary"),
      refuses: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("free" as const), which }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("endScope" as const), commit: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reset" as const), pool: fc.constantFrom("large", "small") }) },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constantFrom("untag", "unphase", "scope", "scope", "checkpoint", "rollback", "rollback", "late", "trim"),
    }),
  },
) as fc.Arbitrary<Op>;

/** A retained record of the current frame. */
interface Kept {
  readonly kind: Kind;
  readonly policy: RetentionPolicy;
  readonly record: object;
  readonly tag: string;
  readonly phase: string;
  readonly time: number;
  seed: number;
}

/** Bytes of the current frame. */
interface Run {
  readonly tag: string;
  readonly bytes: number;
  readonly time: number;
}

/** A copy that lives. */
interface Copy {
  readonly kind: Kind;
  readonly box: PromotedBox;
  readonly to: "pool" | "heap" | "scratch";
  /** The scratch pool that it is in. */
  readonly pool: string | undefined;
  readonly tag: string;
  readonly bytes: number;
  readonly frame: number;
  seed: number;
}

const NOTHING: BytesByKind = {
  frame: 0,
  pool: 0,
  heap: 0,
  handles: 0,
  groups: 0,
  scratch: 0,
  streaming: 0,
  tasks: 0,
  gpu: 0,
};
const NO_FAILURES: Readonly<Record<PromotionFailure, number>> = {
  TooLarge: 0,
  BudgetExceeded: 0,
  ScratchPoolNotFound: 0,
  ScratchPoolFull: 0,
  SourceRefused: 0,
};

/** What the programs have met, to be sure that they meet it. */
class Met {
  readonly counts: Map<string, number> = new Map();
  note(what: string, count: number = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + count);
  }
}

const ALL_MET = [
  "pool",
  "heap",
  "scratch",
  "nothing",
  "TooLarge",
  "BudgetExceeded",
  "ScratchPoolNotFound",
  "ScratchPoolFull",
  "SourceRefused",
  "rolled back",
  "committed",
  "plain",
  "summary",
  "refused",
  "freed",
  "reset",
  "rewritten",
  "old copies",
];

function ceil16(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

/** Whether a tag is limited together with `"tight"`. */
function isTight(path: string): boolean {
  return path.split("::")[0] === "tight";
}

/** Text of a record or of values, with bigints. */
function text(value: unknown): string {
  return JSON.stringify(value, (_, inner) => typeof inner === "bigint" ? `${inner}n` : inner);
}

/** Fills a record. */
function write({ layout, values }: Kind, record: object, from: number): void {
  if (layout.kind === "struct") (layout as typeof Body).assign(record as never, values(from) as never);
  else if (layout.kind === "array") (record as { copyFrom(values: unknown): void }).copyFrom(values(from));
  else (record as { value: unknown }).value = values(from);
}

/** Reads something of a record, so that it throws if that is stale. */
function touch({ layout }: Kind, record: unknown): unknown {
  if (layout.kind === "struct") return (layout as typeof Body).toObject(record as never);
  return layout.kind === "array" ? (record as { at(i: number): number }).at(0) : (record as { value: unknown }).value;
}

function assertCode(code: string, fn: () => unknown): void {
  const error = assertThrows(fn, FrameAllocError);
  assertEquals(error.code, code, error.message);
}

class Runner {
  readonly #pair: Pair;
  readonly #met: Met;
  readonly #source: CountingSource;
  readonly #alloc: SmartAlloc;
  readonly #framesAlive: number;
  #kept: Kept[] = [];
  #dropped: Kept[] = [];
  #runs: Run[] = [];
  /** The bytes of frames that have ended and are still alive, by tag. */
  #alive: Run[][] = [];
  #copies: Copy[] = [];
  #dead: Copy[] = [];
  #oldRecords: Kept[] = [];
  #scopes: { readonly scope: FrameScope; readonly time: number }[] = [];
  #checkpoints: { readonly checkpoint: FrameCheckpoint; readonly time: number }[] = [];
  readonly #tags: { readonly name: string; readonly guard: TagGuard }[] = [];
  #phases: string[] = [];
  #time = 0;
  #allocations = 0;

  constructor(pair: Pair, framesAlive: number, met: Met) {
    this.#pair = pair;
    this.#met = met;
    this.#framesAlive = framesAlive;
    this.#source = new CountingSource(pair.source as ChunkSource);
    this.#alloc = new SmartAlloc({
      source: this.#source,
      safety: pair.safety,
      framesAlive,
      frameArenaSize: 2048,
      poolClasses: SLOTS,
      poolPageSize: 1024,
      poolIdlePages: 1,
      heapIdleBytes: 512,
    });
    this.#alloc.budgets.setTag("tight", { hard: TIGHT });
    this.#alloc.scratchPool("large", { size: 512 });
    this.#alloc.scratchPool("small", { size: 256, maxBytes: SMALL_POOL });
    this.#alloc.beginFrame();
  }

  step(op: Op): void {
    const alloc = this.#alloc;
    switch (op.kind) {
      case "retain":
        this.#retain(KINDS[op.of]!, POLICIES[op.policy]!, op.seed);
        break;
      case "rewrite": {
        const kept = this.#kept[op.which % Math.max(1, this.#kept.length)];
        if (kept === undefined) break;
        write(kept.kind, kept.record, op.seed);
        kept.seed = op.seed;
        break;
      }
      case "rewriteCopy": {
        const copy = this.#copies[op.which % Math.max(1, this.#copies.length)];
        if (copy === undefined) break;
        this.#met.note("rewritten");
        write(copy.kind, copy.box.record as object, op.seed);
        copy.seed = op.seed;
        break;
      }
      case "fill": {
        if (!this.#fits(this.#path, ceil16(op.bytes))) break;
        alloc.frameSlice(Uint8Array, op.bytes).fill(0xee);
        this.#took(op.bytes);
        break;
      }
      case "tag":
        if (this.#tags.length < 3) this.#tags.push({ name: op.name, guard: alloc.tag(op.name) });
        break;
      case "untag":
        this.#tags.pop()?.guard.end();
        break;
      case "phase":
        this.#phases.push(op.name);
        alloc.beginPhase(op.name);
        break;
      case "unphase":
        if (this.#phases.pop() !== undefined) alloc.endPhase();
        break;
      case "scope":
        this.#scopes.push({ scope: alloc.scope(), time: ++this.#time });
        break;
      case "endScope": {
        const last = this.#scopes.pop();
        if (last === undefined) break;
        this.#checkpoints = this.#checkpoints.filter((one) => one.time < last.time);
        if (op.commit) last.scope.commit();
        else last.scope.end();
        if (!op.commit) this.#rewound(last.time);
        else if (this.#kept.some((kept) => kept.time >= last.time)) this.#met.note("committed");
        break;
      }
      case "checkpoint":
        this.#checkpoints.push({ checkpoint: alloc.frameCheckpoint(), time: ++this.#time });
        break;
      case "rollback": {
        const last = this.#checkpoints.at(-1);
        if (last === undefined) break;
        alloc.rollbackTo(last.checkpoint);
        this.#scopes = this.#scopes.filter((one) => one.time < last.time);
        this.#rewound(last.time);
        break;
      }
      case "late":
        alloc.scratchPool("late", { size: 512 });
        break;
      case "trim":
        assert(alloc.trim() >= 0);
        break;
      case "reset":
        alloc.scratchPool(op.pool).reset();
        this.#met.note("reset");
        this.#bury((copy) => copy.pool === op.pool);
        break;
      case "free": {
        const copy = this.#copies[op.which % Math.max(1, this.#copies.length)];
        if (copy !== undefined) this.#free(copy);
        break;
      }
      case "end":
        this.#end(op.how, op.refuses);
        alloc.beginFrame();
        break;
    }
    this.#verifyBooks();
  }

  /** Ends everything, and looks at what is reported as left over. */
  finish(): void {
    this.#end("promotions", false);
    const alloc = this.#alloc;
    const left = this.#copies.flatMap(({ to, kind, tag, bytes, frame }): Leak[] =>
      to === "scratch" ? [] : [{
        kind: to === "pool" ? "pool record" : "heap block",
        name: kind.layout.name,
        tag,
        bytes: to === "pool" ? bytes : kind.layout.size,
        age: alloc.frameNumber - frame,
      }]
    );
    assertEquals(alloc.dispose().map(text).sort(), left.map(text).sort());
    assertEquals(this.#source.chunks, 0);
    assert(alloc.stats().tags.every((tag) => Object.values(tag.inUse).every((bytes) => bytes === 0)));
    for (const { box } of this.#copies) assert(box.isFreed);
  }

  get #path(): string {
    return this.#tags.map((tag) => tag.name).join("::");
  }

  /** What is charged to a tag. */
  #inUse(belongs: (path: string) => boolean): BytesByKind {
    const sum = { ...NOTHING } as { -readonly [kind in keyof BytesByKind]: number };
    for (const run of [...this.#alive.flat(), ...this.#runs]) if (belongs(run.tag)) sum.frame += run.bytes;
    for (const { to, tag, bytes } of this.#copies) if (belongs(tag)) sum[to] += bytes;
    return sum;
  }

  #fits(path: string, bytes: number): boolean {
    if (!isTight(path)) return true;
    return Object.values(this.#inUse(isTight)).reduce((sum, held) => sum + held, bytes) <= TIGHT;
  }

  #took(bytes: number): void {
    this.#runs.push({ tag: this.#path, bytes: ceil16(bytes), time: this.#time });
    this.#allocations++;
  }

  #retain(kind: Kind, policy: RetentionPolicy, from: number): void {
    const { layout, values } = kind;
    const retain = (): object =>
      from % 2 === 0
        ? this.#alloc.frameRetained(layout, policy, values(from) as never) as object
        : this.#alloc.frameWithImportance(layout, policy, values(from) as never) as object;
    if (!this.#fits(this.#path, ceil16(layout.size))) {
      this.#met.note("refused");
      assertThrows(retain, BudgetError, "FA352");
      return;
    }
    const record = retain();
    const phase = this.#phases.at(-1) ?? "";
    this.#kept.push({ kind, policy, record, tag: this.#path, phase, time: this.#time, seed: from });
    this.#took(layout.size);
  }

  #rewound(time: number): void {
    const gone = this.#kept.filter((kept) => kept.time >= time);
    if (gone.length > 0) this.#met.note("rolled back");
    this.#dropped.push(...gone);
    this.#kept = this.#kept.filter((kept) => kept.time < time);
    this.#runs = this.#runs.filter((run) => run.time < time);
    this.#checkpoints = this.#checkpoints.filter((one) => one.time <= time);
  }

  #free(copy: Copy): void {
    const { box, to } = copy;
    assertEquals(box.isFreed, false);
    if (to === "scratch") {
      box.free();
      box[Symbol.dispose]();
      assertEquals(box.isFreed, false);
      return;
    }
    this.#met.note("freed");
    if (copy.seed % 2 === 0) box.free();
    else box[Symbol.dispose]();
    box[Symbol.dispose]();
    assertCode("FA403", () => box.free());
    this.#bury((other) => other === copy);
  }

  #bury(isDead: (copy: Copy) => boolean): void {
    const gone = this.#copies.filter(isDead);
    for (const { box } of gone) assertEquals(box.isFreed, true);
    this.#dead.push(...gone);
    this.#copies = this.#copies.filter((copy) => !isDead(copy));
    this.#verifyDead();
  }

  /** What becomes of a record by the books. */
  #predict({ kind: { layout }, policy, tag }: Kept): { readonly bytes: number; readonly failure?: PromotionFailure } {
    const bytes = policy.to === "pool" ? SLOTS.find((slot) => slot >= layout.size) ?? -1 : ceil16(layout.size);
    if (bytes < 0) return { bytes, failure: "TooLarge" };
    if (policy.to === "scratch" && !this.#alloc.stats().scratch.some(({ name }) => name === policy.pool)) {
      return { bytes, failure: "ScratchPoolNotFound" };
    }
    if (!this.#fits(tag, bytes)) return { bytes, failure: "BudgetExceeded" };
    if (policy.to === "scratch" && policy.pool === "small") {
      const used = this.#copies.reduce((sum, copy) => copy.pool === "small" ? sum + copy.bytes : sum, 0);
      if (used + bytes > SMALL_POOL) return { bytes, failure: "ScratchPoolFull" };
    }
    return { bytes };
  }

  #end(how: End, refuses: boolean): void {
    const alloc = this.#alloc;
    const bytes = this.#runs.reduce((sum, run) => sum + run.bytes, 0);
    let summary: FrameSummary | undefined;
    if (how === "plain") {
      alloc.endFrame();
      this.#met.note("plain", this.#kept.length);
    } else {
      const { refusals } = this.#source;
      this.#source.isGenerous = !refuses;
      const result = how === "promotions" ? alloc.endFrameWithPromotions() : undefined;
      summary = result?.summary.frame ?? alloc.endFrameWithSummary();
      this.#source.isGenerous = true;
      assertEquals([summary.number, summary.bytes, summary.allocations], [alloc.frameNumber, bytes, this.#allocations]);
      if (result === undefined) this.#met.note("summary", this.#kept.length);
      else {
        this.#compare(result, refuses);
        assertEquals(result.summary.failures.SourceRefused, this.#source.refusals - refusals);
      }
    }
    this.#alive.push(this.#runs);
    while (this.#alive.length > this.#framesAlive - 1) this.#alive.shift();
    if (this.#framesAlive === 1) this.#oldRecords = [...this.#kept, ...this.#dropped];
    this.#kept = [];
    this.#dropped = [];
    this.#runs = [];
    for (const { path, inUse } of summary?.tags ?? []) {
      assertEquals(inUse, this.#inUse((other) => other === path), path);
    }
    this.#scopes = [];
    this.#checkpoints = [];
    this.#phases = [];
    this.#time = 0;
    this.#allocations = 0;
    this.#verifyCopies();
    this.#verifyDead();
  }

  #compare(result: PromotionResult, refuses: boolean): void {
    const { promotions, summary } = result;
    const totals = new Map<string, Record<keyof PromotionCounts, { count: number; bytes: number }>>();
    const failures = { ...NO_FAILURES } as Record<PromotionFailure, number>;
    const count = (key: string, what: keyof PromotionCounts, bytes: number): void => {
      const fresh = () => ({ count: 0, bytes: 0 });
      const known = totals.get(key) ??
        { discarded: fresh(), pool: fresh(), heap: fresh(), scratch: fresh(), failed: fresh() };
      totals.set(key, known);
      known[what].count++;
      known[what].bytes += bytes;
    };
    let n = 0;
    for (const kept of this.#kept) {
      const { kind, policy, tag, phase } = kept;
      const { size } = kind.layout;
      let what: keyof PromotionCounts = "discarded";
      if (policy.to !== "nothing") {
        const promotion = promotions[n++]!;
        const { bytes, failure } = this.#predict(kept);
        const isRefused = refuses && failure === undefined && promotion.failure === "SourceRefused";
        assertEquals(
          [promotion.to, promotion.failure, promotion.bytes, promotion.tag, promotion.phase],
          [policy.to, isRefused ? "SourceRefused" : failure, size, tag, phase],
        );
        assertStrictEquals(promotion.layout, kind.layout);
        assertEquals(promotion.box === undefined, promotion.failure !== undefined);
        if (promotion.failure !== undefined) failures[promotion.failure]++;
        what = promotion.failure === undefined ? policy.to : "failed";
        assertStrictEquals(result.of(kept.record), promotion.box);
        if (promotion.box !== undefined) {
          const pool = policy.to === "scratch" ? policy.pool : undefined;
          const frame = this.#alloc.frameNumber;
          this.#copies.push({ kind, box: promotion.box, to: policy.to, pool, tag, bytes, frame, seed: kept.seed });
        }
      } else assertEquals(result.of(kept.record), undefined);
      this.#met.note(what === "discarded" ? "nothing" : promotions[n - 1]!.failure ?? what);
      for (const key of ["", `tag ${tag}`, `phase ${phase}`]) count(key, what, size);
    }
    assertEquals(n, promotions.length);
    for (const { record } of this.#dropped) assertEquals(result.of(record), undefined);
    const { failures: failed, tags, phases, frame: _, ...counts } = summary;
    assertEquals(failed, failures);
    const reported: [string, PromotionCounts][] = [
      ...this.#kept.length > 0 ? [["", counts] as [string, PromotionCounts]] : [],
      ...tags.map(({ path, ...of }): [string, PromotionCounts] => [`tag ${path}`, of]),
      ...phases.map(({ name, ...of }): [string, PromotionCounts] => [`phase ${name}`, of]),
    ];
    assertEquals(new Map(reported), totals as Map<string, PromotionCounts>);
    assertEquals(reported.length, totals.size);
  }

  #verifyCopies(): void {
    for (const { kind, box, seed: from } of this.#copies) {
      assertEquals(box.isFreed, false);
      assertEquals(text(box.record), text(kind.values(from)));
    }
    this.#met.note("old copies", this.#copies.filter((copy) => copy.frame < this.#alloc.frameNumber - 1).length);
  }

  /** What was freed stays so, whoever has its memory now. In release mode nobody is told. */
  #verifyDead(): void {
    if (this.#pair.safety === "release") return;
    this.#dead = this.#dead.slice(-12);
    for (const { kind, box, to } of this.#dead) {
      assertEquals(box.isFreed, true);
      assertCode("FA401", () => touch(kind, box.record));
      if (to !== "scratch") assertCode("FA403", () => box.free());
    }
    for (const { kind, record } of this.#oldRecords) assertCode("FA002", () => touch(kind, record));
    for (const { kind, record } of this.#dropped) assertCode("FA002", () => touch(kind, record));
  }

  #verifyBooks(): void {
    const { tags, pool, heap, scratch, frame } = this.#alloc.stats();
    const paths = new Set([...this.#alive.flat(), ...this.#runs, ...this.#copies].map(({ tag }) => tag));
    for (const { path, inUse } of tags) {
      paths.delete(path);
      assertEquals(inUse, this.#inUse((other) => other === path), path);
    }
    for (const path of paths) assertEquals(this.#inUse((other) => other === path), NOTHING);
    const sum = (to: string): number => this.#copies.reduce((all, copy) => copy.to === to ? all + copy.bytes : all, 0);
    const count = (to: string): number => this.#copies.filter((copy) => copy.to === to).length;
    assertEquals([pool.live, pool.bytes, pool.large], [count("pool"), sum("pool"), 0]);
    assertEquals(heap.live, count("heap"));
    assertEquals(scratch.reduce((all, { used }) => all + used, 0), sum("scratch"));
    assertEquals(frame.allocations, this.#allocations);
    assertEquals(frame.used, this.#runs.reduce((all, run) => all + run.bytes, 0));
  }
}

for (const pair of SUPPORTED) {
  Deno.test(`endFrameWithPromotions() obeys the model in ${RUNS_PER_PAIR} random programs on ${pair.name}`, () => {
    const met = new Met();
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 }),
        fc.array(OPS, { minLength: 20, maxLength: 100, size: "max" }),
        (framesAlive, program) => {
          met.note("programs");
          const runner = new Runner(pair, framesAlive, met);
          for (const op of program) runner.step(op);
          runner.finish();
        },
      ),
      { numRuns: RUNS_PER_PAIR },
    );
    assert(met.counts.get("programs")! >= RUNS_PER_PAIR);
    for (const what of ALL_MET) assert((met.counts.get(what) ?? 0) > RUNS_PER_PAIR / 20, `too few: ${what}`);
    console.log(pair.name, JSON.stringify(Object.fromEntries(met.counts)));
  });
}
