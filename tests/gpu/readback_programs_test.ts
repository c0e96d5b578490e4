/**
 * Random programs of readbacks, faults and waits against a model: every promise is settled once, with the exact bytes or with an error
 * that something in the program explains, and the account pays for exactly the buffers that live.
 */

import { FrameAllocError } from "@framealloc/core";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import * as fc from "fast-check";
import { type GpuBufferId, USAGE } from "../../gpu/backend/backend.ts";
import { pattern, Refusal, type Rig, rig, SMALLEST, source, turns } from "./_readbacks.ts";

type Op =
  | {
    readonly do: "read";
    readonly from: number;
    readonly at: number;
    readonly bytes: number;
    readonly direct: boolean;
  }
  | { readonly do: "flush" | "lose" | "reopen" | "destroy" | "detach" | "trim" | "batch" }
  | { readonly do: "turn" | "latency" | "oom" | "limit" | "again"; readonly n: number };

const just = (what: "flush" | "lose" | "reopen" | "destroy" | "detach" | "trim" | "batch"): fc.Arbitrary<Op> =>
  fc.constant({ do: what });
const counted = (what: "turn" | "latency" | "oom" | "limit" | "again", max: number): fc.Arbitrary<Op> =>
  fc.nat(max).map((n) => ({ do: what, n }));
const anOp: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant("read" as const),
      from: fc.nat(3),
      at: fc.oneof(fc.nat(40), fc.nat(100_000)),
      bytes: fc.oneof(fc.nat(40), fc.nat(100_000)),
      direct: fc.boolean(),
    }),
  },
  { weight: 12, arbitrary: just("flush") },
  { weight: 12, arbitrary: counted("turn", 12) },
  { weight: 2, arbitrary: counted("latency", 8) },
  { weight: 1, arbitrary: just("lose") },
  { weight: 6, arbitrary: just("reopen") },
  { weight: 1, arbitrary: just("destroy") },
  { weight: 1, arbitrary: just("detach") },
  { weight: 1, arbitrary: just("trim") },
  { weight: 1, arbitrary: just("batch") },
  { weight: 1, arbitrary: counted("oom", 6) },
  { weight: 1, arbitrary: counted("limit", 6) },
  { weight: 1, arbitrary: counted("again", 2) },
);

const SOURCE_BYTES = 100_032;
const PATTERNS = Array.from({ length: 13 }, (_, seed) => pattern(SOURCE_BYTES, seed));

/** A device, its sources, and everything that was asked for. */
class Program {
  readonly self: Rig = rig();
  readonly sources: { id: GpuBufferId; bytes: Uint8Array }[] = [];
  readonly open: { into: Uint8Array<ArrayBuffer>; reasons: Set<string> }[] = [];
  /** What may have gone wrong until now, by code. */
  readonly standing = new Set<string>();
  readonly failures: unknown[] = [];
  settled = 0;
  asked = 0;
  rejected = 0;
  #seed = 0;

  constructor() {
    for (let i = 0; i < 4; i++) this.renew(i);
  }

  /** Makes a source anew. */
  renew(i: number): void {
    const { backend } = this.self;
    const { oomAt } = backend;
    backend.oomAt = Infinity;
    const usage = (i >= 2 ? USAGE.MAP_READ : USAGE.COPY_SRC) | USAGE.COPY_DST;
    const bytes = PATTERNS[this.#seed++ % PATTERNS.length]!;
    this.sources[i] = { id: source(backend, bytes, usage), bytes };
    backend.oomAt = oomAt;
  }

  /** Something goes wrong, now or later, for those who are waiting. */
  blame(code: string): void {
    for (const { reasons } of this.open) reasons.add(code);
  }

  ask(op: Op & { do: "read" }): void {
    const { readbacks } = this.self;
    const from = this.sources[op.direct ? 2 + op.from % 2 : op.from % 2]!;
    const isOutside = op.at + op.bytes > SOURCE_BYTES;
    const into = new Uint8Array(op.bytes + 2).fill(170);
    const entry = { into, reasons: new Set(this.standing) };
    if (isOutside) entry.reasons.add("FA008");
    this.asked++;
    this.open.push(entry);
    const promise = op.direct
      ? readbacks.readDirect(from.id, op.at, op.bytes, into)
      : readbacks.read(from.id, op.at, op.bytes, into);
    const over = (): void => {
      this.settled++;
      this.open.splice(this.open.indexOf(entry), 1);
    };
    const wanted = from.bytes;
    promise.then((read) => {
      over();
      assert(!isOutside || op.bytes === 0);
      assertStrictEquals(read, into);
      if (entry.reasons.has("FA858")) return; // it was transferred after the bytes had come
      let isSame = into[op.bytes] === 170 && into[op.bytes + 1] === 170;
      for (let i = 0; i < op.bytes; i++) if (into[i] !== wanted[op.at + i]) isSame = false;
      assert(isSame, "other bytes arrived");
    }, (error) => {
      over();
      this.rejected++;
      const code = error instanceof Refusal ? "refused" : error instanceof FrameAllocError ? error.code : "none";
      assert(entry.reasons.has(code), `${error} for no reason`);
    }).catch((error) => this.failures.push(error));
  }

  async run(op: Op): Promise<void> {
    const { backend, purse, readbacks } = this.self;
    switch (op.do) {
      case "read":
        return this.ask(op);
      case "flush":
        return readbacks.flush();
      case "turn":
        return await turns(op.n);
      case "latency":
        backend.latency = op.n;
        return;
      case "lose":
        this.blame("FA857");
        this.standing.add("FA857");
        return backend.lose();
      case "reopen": {
        if (backend.loss === undefined) return;
        await backend.reopen();
        this.standing.delete("FA857");
        readbacks.reopened();
        const { oomAt } = backend;
        backend.oomAt = Infinity;
        for (const source of this.sources) {
          backend.recreate(source.id);
          backend.write(source.id, 0, source.bytes, 0, SOURCE_BYTES);
        }
        backend.oomAt = oomAt;
        return;
      }
      case "destroy": {
        if (backend.loss !== undefined) return;
        this.blame("FA401");
        this.blame("FA853");
        const i = this.asked % 4;
        backend.destroy(this.sources[i]!.id);
        return this.renew(i);
      }
      case "detach": {
        const entry = this.open[0];
        if (entry === undefined || entry.into.buffer.detached) return;
        entry.reasons.add("FA858");
        entry.into.buffer.transfer();
        return;
      }
      case "trim":
        readbacks.trim();
        return;
      case "batch":
        this.self.isBatching = !this.self.isBatching;
        return;
      case "oom":
        this.blame("FA856");
        this.standing.add("FA856");
        backend.oomAt = op.n >= 3 ? Infinity : 4 * SOURCE_BYTES + op.n * SMALLEST;
        return;
      case "limit":
        this.blame("refused");
        this.standing.add("refused");
        purse.limit = op.n >= 3 ? Infinity : op.n * SMALLEST;
        return;
      case "again":
        purse.first = op.n === 0
          ? () => void readbacks.trim()
          : op.n === 1
          ? () => readbacks.flush()
          : () => this.ask({ do: "read", from: 0, at: 3, bytes: 70_000, direct: false });
        return;
    }
  }

  check(): void {
    const { purse, readbacks } = this.self;
    if (this.failures.length > 0) throw this.failures[0];
    assertEquals(purse.held, readbacks.reserved);
    assert(readbacks.inFlight <= 3);
    assert(readbacks.pending <= this.open.length);
  }
}

Deno.test("Readbacks settle each promise once, with the exact bytes or a coded error, and balance the account", async () => {
  let asked = 0;
  let rejected = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anOp, { minLength: 5, maxLength: 60 }), fc.boolean(), async (ops, isPatient) => {
      const program = new Program();
      const { backend, purse, readbacks } = program.self;
      for (const op of ops) {
        await program.run(op);
        program.check();
      }
      if (isPatient) {
        if (backend.loss !== undefined) await program.run({ do: "reopen" });
        for (let i = 0; i < 100 && program.open.length > 0; i++) {
          readbacks.flush();
          await turns(20);
        }
        program.check();
        assertEquals([program.open.length, readbacks.pending, readbacks.inFlight], [0, 0, 0]);
        assertEquals(backend.liveBytes, 4 * SOURCE_BYTES + readbacks.reserved);
      }
      program.blame("FA012");
      readbacks.dispose();
      assertEquals([purse.held, readbacks.reserved, readbacks.pending], [0, 0, 0]);
      await turns(60);
      program.check();
      assertEquals([program.open.length, program.settled], [0, program.asked]);
      assertEquals(backend.liveBytes, backend.loss === undefined ? 4 * SOURCE_BYTES : 0);
      asked += program.asked;
      rejected += program.rejected;
      backend.dispose();
    }),
    { numRuns: 500 },
  );
  assert(rejected > 0 && rejected < asked / 2, "most programs should be served");
});
