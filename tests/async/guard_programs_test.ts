/**
 * Random programs that go on over the ends of turns, against a model: whatever has crossed, been freed, grown and pardoned, a handle
 * shows its own values or is refused, and what is reported is what has happened.
 */

import {
  AsyncSafetyError,
  f64,
  FrameAllocError,
  type FrameCheckpoint,
  type FrameScope,
  type Safety,
  SmartAlloc,
  struct,
  u32,
} from "@framealloc/core";
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { known } from "./_programs.ts";

const Item = struct("Item", { value: f64, id: u32 });

type Op =
  | { readonly op: "record" | "batch" | "numbers" | "records" | "slice"; readonly n: number }
  | { readonly op: "push" | "use" | "rollback"; readonly which: number }
  | { readonly op: "turn" | "scope" | "endScope" | "commit" | "checkpoint" | "frame" };

const PROGRAMS: fc.Arbitrary<Op[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        op: fc.constantFrom("record", "batch", "numbers", "records", "slice"),
        n: fc.oneof({ weight: 9, arbitrary: fc.nat(20) }, { weight: 1, arbitrary: fc.nat(300) }),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({ op: fc.constantFrom("push", "push", "use", "use", "rollback"), which: fc.nat() }),
    },
    {
      weight: 9,
      arbitrary: fc.record({
        op: fc.constantFrom("turn", "turn", "turn", "scope", "endScope", "commit", "checkpoint", "frame"),
      }),
    },
  ),
  { minLength: 1, maxLength: 60, size: "max" },
) as fc.Arbitrary<Op[]>;

/** A handle that the model holds. */
interface Held {
  readonly values: number[];
  readonly read: () => number[];
  /** Adds a value, if it is a list; whether it has grown. */
  readonly push: ((value: number) => boolean) | undefined;
  readonly frame: number;
  /** How many marks had been set when it was made. */
  readonly time: number;
  /** The same for its newest memory. */
  newest: number;
  isFreed: boolean;
}

/** What the programs have met, to be sure that they meet it. */
const met = { crossings: 0, pardons: 0, reopenings: 0, rewinds: 0, growths: 0, refusals: 0, views: 0 };

/** An allocator and what it is to hold. */
class Runner {
  readonly #alloc: SmartAlloc;
  readonly #framesAlive: number;
  readonly #doesThrow: boolean;
  #held: Held[] = [];
  #scopes: { readonly scope: FrameScope; readonly time: number }[] = [];
  #checkpoints: { readonly checkpoint: FrameCheckpoint; readonly time: number }[] = [];
  /** When each slice of the frame was made. */
  #slices: number[] = [];
  #time = 0;
  /** No two values are the same. */
  #next = 0.5;
  /** The frames that have crossed the end of a turn. */
  readonly #crossed: Set<number> = new Set();
  /** Whether the next allocation is a late one. */
  #isClosed = false;
  /** Whether the end of the frame is to throw. */
  #isDue = false;

  constructor(safety: Safety, framesAlive: number, doesThrow: boolean) {
    this.#framesAlive = framesAlive;
    this.#doesThrow = doesThrow;
    const source = safety === "revoke" ? "wasm" : "arraybuffer";
    const turns = { safety, framesAlive, source, asyncSafety: "turns", frameArenaSize: 4096, debug: true } as const;
    this.#alloc = new SmartAlloc(turns);
    this.#alloc.asyncGuard.mode = doesThrow ? "throw" : "collect";
    this.#alloc.beginFrame();
  }

  /** Takes one step; what is returned has to be awaited, and nothing else may be. */
  step(op: Op): Promise<void> | undefined {
    const alloc = this.#alloc;
    switch (op.op) {
      case "record":
      case "batch":
      case "numbers":
      case "records":
      case "slice":
        this.#allocate(() => this.#make(op.op, op.n));
        return;
      case "push": {
        const lists = this.#held.filter((one) => one.push && !one.isFreed && one.frame === alloc.frameNumber);
        for (let i = 0; i < 3 && lists.length > 0; i++) this.#push(lists[op.which % lists.length]!);
        break;
      }
      case "use":
        if (this.#held.length > 0) this.#use(this.#held[op.which % this.#held.length]!);
        break;
      case "scope":
        this.#scopes.push({ scope: alloc.scope(), time: ++this.#time });
        break;
      case "checkpoint":
        this.#checkpoints.push({ checkpoint: alloc.frameCheckpoint(), time: ++this.#time });
        break;
      case "endScope":
      case "commit": {
        const last = this.#scopes.pop();
        if (last === undefined) break;
        if (op.op === "commit") last.scope.commit();
        else {
          last.scope.end();
          this.#free(last.time);
        }
        this.#checkpoints = this.#checkpoints.filter((mark) => mark.time < last.time);
        break;
      }
      case "rollback": {
        const to = this.#checkpoints[op.which % this.#checkpoints.length];
        if (to === undefined) break;
        alloc.rollbackTo(to.checkpoint);
        this.#free(to.time);
        break;
      }
      case "turn":
        return this.#turn();
      case "frame":
        this.#endFrame();
        alloc.beginFrame();
        break;
    }
  }

  end(): void {
    this.#endFrame();
    this.#alloc.dispose();
    for (const one of this.#held) this.#refused(one.read, "FA002", "FA702");
  }

  /** Does something, and returns the codes of its reports. */
  #codesOf(fn: () => void): string[] {
    this.#alloc.asyncGuard.clear();
    fn();
    return this.#alloc.asyncGuard.reports.map(({ code }) => code);
  }

  #refused(fn: () => unknown, ...codes: string[]): void {
    const reported = this.#codesOf(() => {
      const { code } = assertThrows(fn, FrameAllocError);
      assert(codes.includes(code), code);
    });
    assert(reported.length === 1 && codes.includes(reported[0]!), `${reported}`);
    met.refusals++;
  }

  #allocate(fn: () => void): void {
    if (this.#isClosed && this.#doesThrow) return this.#refused(fn, "FA701");
    assertEquals(this.#codesOf(fn), this.#isClosed ? ["FA701"] : []);
    if (this.#isClosed) met.reopenings++;
    this.#isClosed = false;
  }

  #make(kind: "record" | "batch" | "numbers" | "records" | "slice", n: number): void {
    const alloc = this.#alloc;
    switch (kind) {
      case "record": {
        const record = alloc.frameAlloc(Item);
        return this.#hold([record.value = this.#next++], () => [record.value]);
      }
      case "batch": {
        const batch = alloc.frameAllocBatch(Item, n + 1);
        const values = Array.from(batch, (item) => item.value = this.#next++);
        return this.#hold(values, () => Array.from(batch, ({ value }) => value));
      }
      case "numbers": {
        const vec = alloc.frameVec(f64, 2);
        vec.push(this.#next);
        const read = (): number[] => Array.from({ length: vec.length }, (_, i) => vec.at(i));
        return this.#hold([this.#next++], read, (value) => {
          const { capacity } = vec;
          vec.push(value);
          return vec.capacity !== capacity;
        });
      }
      case "records": {
        const vec = alloc.frameVec(Item, 2);
        vec.push().value = this.#next;
        return this.#hold([this.#next++], () => Array.from(vec, ({ value }) => value), (value) => {
          const { capacity } = vec;
          vec.push().value = value;
          return vec.capacity !== capacity;
        });
      }
      case "slice":
        alloc.frameSlice(Uint8Array, n).fill(0xee);
        this.#slices.push(this.#time);
    }
  }

  #hold(values: number[], read: () => number[], push?: (value: number) => boolean): void {
    const time = this.#time;
    this.#held.push({ values, read, push, frame: this.#alloc.frameNumber, time, newest: time, isFreed: false });
  }

  #isLapsed({ frame }: Held): boolean {
    return this.#doesThrow && this.#crossed.has(frame);
  }

  #use(one: Held): void {
    if (one.isFreed || this.#isLapsed(one)) return this.#refused(one.read, "FA002", "FA702");
    const codes = this.#codesOf(() => assertEquals(one.read(), one.values));
    assert(codes.every((code) => code === "FA702") && (codes.length === 0 || this.#crossed.has(one.frame)), `${codes}`);
    met.pardons += codes.length;
  }

  #push(list: Held): void {
    const value = this.#next++;
    if (this.#isLapsed(list)) return this.#refused(() => list.push!(value), "FA702");
    this.#codesOf(() => {
      if (!list.push!(value)) return;
      met.growths++;
      list.newest = this.#time;
      this.#isClosed = false;
    });
    list.values.push(value);
  }

  /** Takes note that what was allocated since a mark is free. */
  #free(from: number): void {
    const { frameNumber } = this.#alloc;
    met.rewinds++;
    for (const one of this.#held) if (one.frame === frameNumber && one.time >= from) one.isFreed = true;
    // A list that has grown since has lost a part.
    this.#held = this.#held.filter((one) => one.isFreed || one.frame !== frameNumber || one.newest < from);
    this.#slices = this.#slices.filter((made) => made < from);
    this.#scopes = this.#scopes.filter((mark) => mark.time < from);
    this.#checkpoints = this.#checkpoints.filter((mark) => mark.time <= from);
  }

  async #turn(): Promise<void> {
    const { asyncGuard, frameNumber } = this.#alloc;
    asyncGuard.clear();
    await known(null);
    const views = asyncGuard.reports.reduce((sum, { count }) => sum + count, 0);
    assert(asyncGuard.reports.every(({ code }) => code === "FA704"));
    if (this.#crossed.has(frameNumber)) assert(views <= this.#slices.length);
    else {
      assertEquals(views, this.#slices.length);
      met.crossings++;
    }
    met.views += views;
    this.#isDue ||= this.#doesThrow && views > 0;
    this.#crossed.add(frameNumber);
    this.#isClosed = true;
  }

  #endFrame(): void {
    const alloc = this.#alloc;
    if (this.#isDue) assertThrows(() => alloc.endFrame(), AsyncSafetyError, "FA704");
    else alloc.endFrame();
    const over = alloc.frameNumber + 1 - this.#framesAlive;
    for (const one of this.#held) if (one.frame <= over) one.isFreed = true;
    [this.#scopes, this.#checkpoints, this.#slices, this.#time] = [[], [], [], 0];
    this.#isClosed = this.#isDue = false;
  }
}

for (const safety of ["checked", "revoke"] as const) {
  Deno.test(`frames that cross turns obey the model in 300 random programs in ${safety}`, async () => {
    await fc.assert(
      fc.asyncProperty(PROGRAMS, fc.integer({ min: 1, max: 3 }), fc.boolean(), async (program, alive, doesThrow) => {
        const runner = new Runner(safety, alive, doesThrow);
        for (const op of program) {
          const waiting = runner.step(op);
          if (waiting !== undefined) await waiting;
        }
        runner.end();
      }),
      { numRuns: 300 },
    );
    for (const [what, count] of Object.entries(met)) assert(count > 50, `only ${count} ${what}`);
    console.log(safety, JSON.stringify(met));
  });
}
