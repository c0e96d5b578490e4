/**
 * Random programs that allocate under tags and phases, in and out of scopes, and a model of who owns the bytes.
 */

import {
  type BytesByKind,
  f32,
  type FrameCheckpoint,
  type FrameScope,
  type SmartAlloc,
  struct,
  type TagGuard,
  u32,
  vec3f,
} from "@framealloc/core";
import * as fc from "fast-check";

const Body = struct("Body", { id: u32, position: vec3f, mass: f32 });

export type Op =
  | { readonly op: "slice" | "batch" | "grow" | "records" | "map" | "text"; readonly n: number }
  | { readonly op: "tag" | "phase"; readonly name: string }
  | { readonly op: "speculate"; readonly n: number; readonly throws: boolean }
  | { readonly op: "withTag"; readonly name: string; readonly n: number; readonly throws: boolean }
  | { readonly op: "untag" | "unphase" | "scope" | "endScope" | "commit" | "checkpoint" | "rollback" | "frame" };

const NAMES = fc.constantFrom("physics", "audio", "render", "a", "b");
const SMALL = fc.oneof({ weight: 9, arbitrary: fc.nat(40) }, {
  weight: 1,
  arbitrary: fc.integer({ min: 500, max: 5000 }),
});

export const PROGRAMS: fc.Arbitrary<Op[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        op: fc.constantFrom("slice", "batch", "grow", "records", "map", "text"),
        n: SMALL,
      }),
    },
    { weight: 3, arbitrary: fc.record({ op: fc.constantFrom("tag", "phase"), name: NAMES }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant("speculate" as const), n: SMALL, throws: fc.boolean() }) },
    {
      weight: 2,
      arbitrary: fc.record({ op: fc.constant("withTag" as const), name: NAMES, n: SMALL, throws: fc.boolean() }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        op: fc.constantFrom("untag", "unphase", "scope", "endScope", "commit", "checkpoint", "rollback", "frame"),
      }),
    },
  ),
  { minLength: 1, maxLength: 60 },
) as fc.Arbitrary<Op[]>;

/** Bytes that were allocated together. */
interface Run {
  readonly tag: string;
  readonly phase: string;
  readonly bytes: number;
}

/** What one owner is to have. */
export interface Owned {
  bytes: number;
  allocations: number;
}

/** A scope or checkpoint with the number of runs that there were when it was made. */
interface Held {
  readonly handle: FrameScope | FrameCheckpoint;
  readonly runs: number;
}

/** Runs a program on an allocator. With `watched` it reads the counts after each step, and keeps a model by them. */
export class Runner {
  /** What the current frame is to have by tag path. */
  readonly tags: Map<string, Owned> = new Map();
  /** What the current frame is to have by phase. */
  readonly phases: Map<string, Owned> = new Map();
  readonly #alloc: SmartAlloc;
  readonly #watched: boolean;
  #runs: Run[] = [];
  #held: Held[] = [];
  readonly #openTags: { readonly name: string; readonly guard: TagGuard }[] = [];
  #openPhases: string[] = [];
  #used = 0;
  #allocations = 0;

  constructor(alloc: SmartAlloc, watched: boolean) {
    this.#alloc = alloc;
    this.#watched = watched;
  }

  /** The path of the open tags. */
  get path(): string {
    return this.#openTags.map((tag) => tag.name).join("::");
  }

  /** The innermost phase. */
  get phase(): string | undefined {
    return this.#openPhases.at(-1);
  }

  /** Takes one step. */
  step(op: Op): void {
    const alloc = this.#alloc;
    switch (op.op) {
      case "slice":
      case "batch":
      case "grow":
      case "records":
      case "map":
      case "text":
        this.#allocate(op.op, op.n);
        break;
      case "tag":
        if (this.#openTags.length < 4) this.#openTags.push({ name: op.name, guard: alloc.tag(op.name) });
        break;
      case "untag":
        this.#openTags.pop()?.guard.end();
        break;
      case "phase":
        this.#openPhases.push(op.name);
        alloc.beginPhase(op.name);
        break;
      case "unphase":
        if (this.#openPhases.pop() !== undefined) alloc.endPhase();
        break;
      case "speculate": {
        const runs = this.#runs.length;
        alloc.speculative(() => {
          this.#allocate("slice", op.n);
          if (op.throws) throw new Error("no");
        });
        if (op.throws) this.#rewound(runs);
        else this.#note(this.path);
        break;
      }
      case "withTag":
        try {
          alloc.withTag(op.name, () => {
            this.#allocate("slice", op.n);
            if (op.throws) throw new Error("no");
          });
        } catch {
          // the bytes stay until the frame ends
        }
        this.#note(this.path === "" ? op.name : `${this.path}::${op.name}`);
        break;
      case "scope":
        this.#held.push({ handle: alloc.scope(), runs: this.#runs.length });
        break;
      case "checkpoint":
        this.#held.push({ handle: alloc.frameCheckpoint(), runs: this.#runs.length });
        break;
      case "endScope":
      case "commit": {
        const i = this.#held.findLastIndex(({ handle }) => "commit" in handle);
        const held = this.#held[i];
        if (held === undefined) break;
        this.#held = this.#held.slice(0, i);
        const scope = held.handle as FrameScope;
        if (op.op === "commit") scope.commit();
        else {
          scope.end();
          this.#rewound(held.runs);
        }
        break;
      }
      case "rollback": {
        const i = this.#held.findLastIndex(({ handle }) => !("commit" in handle));
        const held = this.#held[i];
        if (held === undefined) break;
        this.#held = this.#held.slice(0, i + 1);
        alloc.rollbackTo(held.handle as FrameCheckpoint);
        this.#rewound(held.runs);
        break;
      }
      case "frame":
        alloc.endFrame();
        alloc.beginFrame();
        this.#restart();
        break;
    }
    this.#note(this.path);
  }

  #allocate(kind: "slice" | "batch" | "grow" | "records" | "map" | "text", n: number): void {
    const alloc = this.#alloc;
    switch (kind) {
      case "slice":
        alloc.frameSlice(Uint8Array, n);
        break;
      case "batch":
        alloc.frameAllocBatch(Body, n);
        break;
      case "records":
        alloc.frameAlloc(Body);
        alloc.frameAlloc4(vec3f);
        break;
      case "grow": {
        const numbers = alloc.frameVec(f32, 2);
        const bodies = alloc.frameVec(Body, 2);
        for (let i = 0; i < n; i++) {
          numbers.push(i);
          bodies.push();
        }
        break;
      }
      case "map": {
        const map = alloc.frameMap(u32, f32, 2);
        for (let i = 0; i < n; i++) map.set(i, i);
        break;
      }
      case "text":
        alloc.frameString("text").append("x".repeat(n));
        break;
    }
  }

  /** Credits what was allocated since the last step. */
  #note(tag: string): void {
    if (!this.#watched) return;
    const { used, allocations } = this.#alloc.stats().frame;
    const run = { tag, phase: this.phase ?? "", bytes: used - this.#used };
    this.#runs.push(run);
    this.#add(run, run.bytes, allocations - this.#allocations);
    this.#used = used;
    this.#allocations = allocations;
  }

  /** Takes back what is freed by going back to when there were fewer runs; what was never noted is freed as well. */
  #rewound(runs: number): void {
    if (!this.#watched) return;
    for (const run of this.#runs.splice(runs)) {
      this.#add(run, -run.bytes, 0);
      this.#used -= run.bytes;
    }
  }

  #add({ tag, phase }: Run, bytes: number, allocations: number): void {
    for (const [owners, name] of [[this.tags, tag], [this.phases, phase]] as const) {
      const owned = owners.get(name) ?? { bytes: 0, allocations: 0 };
      owners.set(name, owned);
      owned.bytes += bytes;
      owned.allocations += allocations;
    }
  }

  #restart(): void {
    this.tags.clear();
    this.phases.clear();
    this.#runs = [];
    this.#held = [];
    this.#openPhases = [];
    this.#used = 0;
    this.#allocations = 0;
  }
}

/** What a tag has in use that has frame memory alone. */
export function frameOnly(frame: number): BytesByKind {
  return { frame, pool: 0, heap: 0, handles: 0, groups: 0, scratch: 0, streaming: 0, tasks: 0, gpu: 0 };
}
