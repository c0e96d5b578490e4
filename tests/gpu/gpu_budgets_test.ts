/**
 * Limits on memory of the device: refused before the device is touched, told once per crossing, and charged and taken off to the byte,
 * whatever goes wrong in between.
 */

import { type BudgetEvent, SmartAlloc } from "@framealloc/core";
import { arrayBufferSource, type ChunkSource } from "@framealloc/core/memory";
import { GpuAllocator, type GpuAllocOptions, type GpuUse, NullBackend } from "@framealloc/core/gpu";
import { assertEquals, assertThrows } from "@std/assert";
import {
  type Bench,
  charged,
  checkCharges,
  codeOf,
  conform,
  KIB,
  MIB,
  onNull,
  rejection,
  tagged,
} from "./_conformance.ts";

const BLOCKS = { blockSize: 64 * KIB, maxBlockSize: 64 * KIB };
const USES: readonly GpuUse[] = ["uniform", "vertex", "storage"];

/** Whatever may have been left behind. */
function traces(bench: Omit<Bench, "note">): unknown {
  const { alloc, gpu, backend } = bench;
  checkCharges(bench);
  const { heap, tags, budgets } = alloc.stats();
  return {
    heap: [heap.live, heap.bytes],
    tags: tags.map(({ path, inUse }) => [path, inUse.gpu]),
    budgets: budgets.map(({ name, used }) => name === "global" ? used - heap.idle : used),
    allocations: gpu.stats().allocations,
    used: gpu.stats().used,
    device: backend instanceof NullBackend ? [backend.liveBytes, backend.liveBuffers] : [],
  };
}

// Soft and hard limits

const events: BudgetEvent[] = [];
conform("GpuAllocator tells of a soft limit once per crossing", ({ gpu, note }) => {
  events.length = 0;
  const handles: number[] = [];
  const fill = (): void => {
    for (let i = 0; i < 4; i++) handles.push(gpu.alloc(40 * KIB));
  };
  fill();
  assertEquals(events, [{
    crossed: "soft",
    budget: "gpu",
    used: 80 * KIB,
    requested: 40 * KIB,
    limit: 100 * KIB,
  }]);
  while (handles.length > 0) gpu.free(handles.pop()!);
  assertEquals(gpu.stats().reserved, 0);
  fill();
  assertEquals(events.length, 2);
  note("events", events);
}, { gpu: { ...BLOCKS, budget: { soft: 100 * KIB, hard: MIB, onCross: (event) => events.push(event) } } });

conform("GpuAllocator is refused by the hard limits of a heap, of itself, and of everything", (bench) => {
  const { alloc, gpu } = bench;
  for (let i = 0; i < 2; i++) gpu.alloc(64 * KIB, { use: "vertex" });
  const before = traces(bench);
  assertEquals(codeOf(() => gpu.alloc(64 * KIB, { use: "vertex" })), "FA352"); // its own
  assertEquals(gpu.tryAlloc(64 * KIB, { use: "vertex" }), undefined);
  assertEquals(traces(bench), before);
  gpu.alloc(100, { use: "vertex", intent: "HostVisible" }); // a smaller buffer than usual still fits
  for (let i = 0; i < 2; i++) gpu.alloc(64 * KIB);
  assertEquals(codeOf(() => gpu.alloc(64 * KIB)), "FA352"); // the whole
  alloc.budgets.setGlobal({ hard: charged(alloc, "global") });
  assertEquals(codeOf(() => gpu.alloc(32 * KIB + 1, { isolate: true })), "FA351");
  alloc.budgets.setGlobal({});
  gpu.alloc(32 * KIB, { isolate: true });
  for (const name of ["gpu", "gpu vertex", "gpu storage"]) {
    const budget = alloc.stats().budgets.find((budget) => budget.name === name)!;
    assertEquals(budget.used <= budget.hard, true, name);
  }
}, { gpu: { ...BLOCKS, budget: { hard: 310 * KIB }, budgets: { vertex: { hard: 140 * KIB } } } });

conform("GpuAllocator touches no device for what a limit refuses", (bench) => {
  const { gpu, backend } = bench;
  const { create } = backend;
  backend.create = () => {
    throw new Error("touched");
  };
  for (const use of USES) {
    for (const options of [{}, { intent: "HostVisible" }, { isolate: true }, { lifetime: "Streaming" }] as const) {
      assertEquals(codeOf(() => gpu.alloc(64, { ...options, use })), "FA352");
      assertEquals(gpu.tryAlloc(MIB, { ...options, use }), undefined);
    }
  }
  assertEquals(codeOf(() => gpu.alloc(64, { intent: "Readback" })), "FA352");
  assertEquals(codeOf(() => gpu.beginFrame()), "FA352");
  backend.create = create;
  assertEquals(gpu.stats().allocations, 0);
}, { gpu: { budget: { hard: 10 } } });

conform("GpuAllocator is within the limits of tags, with padding and copies", (bench) => {
  const { alloc, gpu } = bench;
  alloc.budgets.setTag("level", { hard: 1000 });
  alloc.withTag("level", () => {
    const one = gpu.alloc(10); // 256 bytes
    const two = gpu.alloc(10, { intent: "HostVisible", use: "vertex" }); // 16, and 16 of the copy
    assertEquals(tagged(alloc, "level"), 288);
    const before = traces(bench);
    assertEquals(codeOf(() => gpu.alloc(713)), "FA352");
    assertEquals(codeOf(() => gpu.alloc(360, { intent: "HostVisible", use: "vertex" })), "FA352");
    assertEquals(codeOf(() => gpu.alloc(720, { intent: "Staging", lifetime: "Streaming" })), "FA352");
    assertEquals(traces(bench), before);
    gpu.alloc(352, { intent: "HostVisible", use: "vertex" });
    assertEquals(tagged(alloc, "level"), 992);
    gpu.free(one);
    gpu.free(two);
    assertEquals(tagged(alloc, "level"), 704);
  });
});

conform("GpuAllocator has readback buffers within their limit", async ({ gpu, alloc }) => {
  const handle = gpu.alloc(100 * KIB, { zero: true });
  assertEquals(await rejection(() => gpu.read(handle)), "FA352");
  assertEquals(codeOf(() => gpu.alloc(66 * KIB, { intent: "Readback" })), "FA352");
  assertEquals((await gpu.read(handle, { bytes: 60 * KIB })).length, 60 * KIB);
  assertEquals(charged(alloc, "gpu readback"), 64 * KIB);
  assertEquals(codeOf(() => gpu.alloc(2 * KIB, { intent: "Readback" })), "FA352");
  gpu.trim();
  gpu.alloc(2 * KIB, { intent: "Readback" });
  assertEquals(charged(alloc, "gpu readback"), 2 * KIB);
}, { gpu: { budgets: { readback: { hard: 65 * KIB } } } });

// Failures on every way

const KINDS: readonly GpuAllocOptions[] = [
  {},
  { isolate: true },
  { intent: "HostVisible" },
  { intent: "HostVisible", isolate: true },
  { intent: "HostCached", lifetime: "Frame" },
  { intent: "Readback" },
  { intent: "Staging", lifetime: "Streaming" },
  { intent: "HostVisible", lifetime: "Streaming", use: "vertex" },
  { lifetime: "Streaming", onLoss: "shadow", zero: true },
];

const OWN: ChunkSource & { fails: boolean } = {
  ...arrayBufferSource,
  fails: false,
  obtain(bytes) {
    if (this.fails) throw new RangeError("no memory");
    return arrayBufferSource.obtain(bytes);
  },
};

for (const [i, options] of KINDS.entries()) {
  onNull(`GpuAllocator leaves nothing behind if something fails on the way to ${JSON.stringify(options)}`, (bench) => {
    const { gpu, backend, alloc } = bench;
    gpu.beginFrame();
    alloc.budgets.setTag("a", { hard: Infinity });
    const bytes = 100 * KIB;
    const attempt = (): string => {
      let code = "none";
      alloc.withTag("a", () => {
        try {
          gpu.free(gpu.alloc(bytes, options));
        } catch (error) {
          code = (error as { code?: string }).code ?? (error as Error).message;
        }
      });
      return code;
    };
    assertEquals(attempt(), "none");
    gpu.trim();
    alloc.trim();
    const before = traces(bench);

    OWN.fails = true; // no memory for the copy
    const copied = options.intent === "HostVisible" || options.intent === "HostCached" ||
      options.intent === "Staging" ||
      options.onLoss === "shadow";
    assertEquals(attempt(), copied ? "FA003" : "none");
    OWN.fails = false;
    gpu.trim();
    assertEquals(traces(bench), before);

    const { create, clear } = backend;
    backend.create = () => {
      throw new Error("no buffer");
    };
    assertEquals(attempt(), options.intent === "Staging" ? "none" : "no buffer");
    backend.create = create;
    alloc.trim();
    assertEquals(traces(bench), before);

    backend.clear = () => {
      throw new Error("no zeros");
    };
    assertEquals(attempt(), options.zero ? "no zeros" : "none");
    backend.clear = clear;
    gpu.trim();
    alloc.trim();
    assertEquals(traces(bench), before);

    alloc.budgets.setTag("a", { hard: 90 * KIB });
    assertEquals(attempt(), "FA352");
    alloc.budgets.setTag("a", { hard: copied && options.intent !== "Staging" ? 150 * KIB : 90 * KIB });
    assertEquals(attempt(), "FA352");
    alloc.trim();
    assertEquals(traces(bench), before);

    // What a callback throws comes out.
    const onCross = (): never => {
      throw new Error("of the program");
    };
    alloc.budgets.setTag("a", { soft: 90 * KIB, onCross });
    assertEquals(attempt(), "of the program");
    alloc.budgets.setTag("a", { soft: 150 * KIB, onCross });
    assertEquals(attempt(), copied && options.intent !== "Staging" ? "of the program" : "none");
    alloc.budgets.setTag("a", {});
    gpu.trim();
    alloc.trim();
    assertEquals(traces(bench), before);
    gpu.endFrame();
  }, { alloc: { source: OWN }, gpu: { ...BLOCKS, ringSize: 64 * KIB * (i % 2 + 1) } });
}

/** An allocator whose budget runs a callback at its first soft crossing. */
function withCallback(callback: (gpu: GpuAllocator<unknown>, alloc: SmartAlloc) => void) {
  const alloc = new SmartAlloc();
  const backend = new NullBackend();
  let calls = 0;
  const gpu: GpuAllocator<unknown> = new GpuAllocator<unknown>(alloc, backend, {
    ...BLOCKS,
    ringSize: 64 * KIB,
    budget: {
      soft: 1,
      hard: MIB,
      onCross: () => {
        calls++;
        callback(gpu, alloc);
      },
    },
  });
  return { alloc, backend, gpu, calls: () => calls };
}

for (const options of KINDS.filter(({ intent, lifetime }) => intent !== "Staging" && lifetime !== "Frame")) {
  const what = JSON.stringify(options);
  Deno.test(`GpuAllocator can be used by the callback of a budget while it allocates ${what}`, () => {
    const inside: number[] = [];
    const bench = withCallback((gpu) => {
      for (const kind of KINDS.slice(0, 4)) inside.push(gpu.alloc(1000, kind));
      gpu.free(inside[1]!);
      gpu.defragment();
      gpu.trim();
      gpu.dump();
      assertEquals(gpu.leaks().length, 3);
    });
    const { gpu, alloc } = bench;
    const handle = gpu.alloc(1000, options);
    assertEquals([bench.calls(), gpu.stats().allocations, gpu.isLive(handle)], [1, 4, true]);
    checkCharges(bench);
    for (const other of inside) if (gpu.isLive(other)) gpu.free(other);
    gpu.free(handle);
    gpu.trim();
    checkCharges(bench);
    assertEquals([gpu.stats().reserved, gpu.stats().allocations, tagged(alloc, "")], [0, 0, 0]);
    gpu.dispose();
    alloc.dispose();
  });

  Deno.test(`GpuAllocator can be disposed of by the callback of a budget while it allocates ${what}`, () => {
    for (const which of ["gpu", "tag", "cpu"]) {
      const bench = withCallback((gpu, alloc) => {
        if (which === "gpu") gpu.dispose();
        if (which === "cpu") alloc.dispose();
      });
      const { gpu, alloc, backend } = bench;
      alloc.budgets.setTag("a", { soft: 1, onCross: () => void (which === "tag" && gpu.dispose()) });
      alloc.withTag("a", () => assertEquals(codeOf(() => gpu.alloc(1000, options)), "FA012"));
      gpu.dispose();
      assertEquals([backend.liveBytes, tagged(alloc, "a"), gpu.stats().reserved], [0, 0, 0], which);
      alloc.dispose();
    }
  });
}

Deno.test("GpuAllocator asks a tag again that a callback has filled after the buffer was made", () => {
  const bench = withCallback((gpu) => gpu.alloc(1000, { isolate: true }));
  const { gpu, alloc, backend } = bench;
  alloc.budgets.setTag("a", { hard: 1500 });
  alloc.withTag("a", () => {
    assertEquals(gpu.tryAlloc(1000, { isolate: true }), undefined);
    assertThrows(() => gpu.alloc(1000), Error, "FA352");
  });
  checkCharges(bench);
  assertEquals([tagged(alloc, "a"), gpu.stats().allocations, backend.liveBytes], [1024, 1, 1024]);
  gpu.dispose();
  alloc.dispose();
});

Deno.test("GpuAllocator begins and ends frames whatever the callback of a budget does", () => {
  for (const action of ["begin", "end", "dispose"] as const) {
    let code = "none";
    const { gpu, alloc } = withCallback((gpu) => {
      code = codeOf(() => action === "begin" ? gpu.beginFrame() : action === "end" ? gpu.endFrame() : gpu.dispose());
    });
    const outer = codeOf(() => gpu.beginFrame());
    assertEquals([code, outer], [
      { begin: "FA004", end: "FA005", dispose: "none" }[action],
      action === "dispose" ? "FA012" : "none",
    ]);
    if (action !== "dispose") {
      assertEquals([gpu.frameNumber, gpu.inFrame], [1, true]);
      gpu.endFrame();
    }
    gpu.dispose();
    alloc.dispose();
  }
  // A readback buffer is made in the middle of the end of a frame.
  for (const action of ["end", "begin", "dispose"] as const) {
    let isArmed = false;
    const bench = withCallback((gpu) => {
      if (!isArmed) return;
      if (action === "dispose") gpu.dispose();
      else gpu.endFrame();
      if (action === "begin") gpu.beginFrame();
    });
    const { gpu, alloc } = bench;
    alloc.budgets.setGlobal({ soft: 300 * KIB, onCross: () => (gpu.isLost, bench.calls) });
    gpu.beginFrame();
    const handle = gpu.alloc(100);
    const short = gpu.alloc(100, { lifetime: "Frame" });
    gpu.read(handle).catch(() => {});
    isArmed = true;
    gpu.endFrame();
    assertEquals([gpu.isLive(short), gpu.frameNumber >= 1], [false, true]);
    if (gpu.inFrame) gpu.endFrame();
    gpu.dispose();
    alloc.dispose();
  }
});
