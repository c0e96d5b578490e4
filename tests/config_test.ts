/**
 * The configuration: presets, each option with values that are wrong, options that contradict each other, and every chunk source with
 * every safety mode.
 */

import {
  AllocConfig,
  type AsyncSafety,
  ConfigError,
  type ErrorCode,
  f32,
  FrameAlloc,
  gigabytes,
  kilobytes,
  megabytes,
  type Safety,
  SmartAlloc,
  type StatsLevel,
  struct,
  vec3f,
} from "@framealloc/core";
import { arrayBufferSource, type ChunkSource, sharedWasmSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import { resolveConfig } from "../src/config.ts";

const Particle = struct("Particle", { position: vec3f, life: f32 });

const SOURCES = ["wasm", "arraybuffer", "shared"] as const;
const SAFETIES: readonly Safety[] = ["checked", "revoke", "release"];

/** Asserts that a configuration is refused with a code and in words that say what is wrong. */
function refused(code: ErrorCode, config: unknown, ...words: string[]): void {
  const error = assertThrows(() => new SmartAlloc(config as AllocConfig), ConfigError);
  assertEquals(error.code, code, error.message);
  assertEquals(error.name, "ConfigError");
  for (const word of ["Cannot ", ...words]) assertStringIncludes(error.message, word);
}

/** Asserts that two frames with a slice and a record work, and returns the buffer that they lie in. */
function works(config: AllocConfig): ArrayBufferLike {
  const alloc = new SmartAlloc(config);
  let buffer: ArrayBufferLike | undefined;
  for (let frame = 1; frame <= 2; frame++) {
    alloc.beginFrame();
    const slice = alloc.frameSlice(Float32Array, 100).fill(frame);
    const particle = alloc.frameAlloc(Particle);
    particle.life = frame / 2;
    particle.position.set(1, 2, frame);
    assertEquals([slice[99], particle.life, particle.position.toArray()], [frame, frame / 2, [1, 2, frame]]);
    buffer = slice.buffer;
    alloc.endFrame();
  }
  alloc.dispose();
  assert(buffer !== undefined);
  return buffer;
}

/** Runs a function while a global is missing. */
function without(name: "WebAssembly" | "SharedArrayBuffer", fn: () => void): void {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, name);
  assert(descriptor !== undefined && descriptor.configurable === true);
  Reflect.deleteProperty(globalThis, name);
  try {
    fn();
  } finally {
    Object.defineProperty(globalThis, name, descriptor);
  }
}

Deno.test("AllocConfig presets are plain options that are accepted", () => {
  for (const [name, preset] of Object.entries(AllocConfig) as [string, () => AllocConfig][]) {
    const config = preset();
    assertEquals(Object.getPrototypeOf(config), Object.prototype, name);
    assertEquals(structuredClone(config), config, name);
    works(config);
    works({ ...config, frameArenaSize: kilobytes(64) });
  }
});

Deno.test("AllocConfig presets are what their documentation says", () => {
  const kept = (config: AllocConfig) => {
    const { frameArenaSize, safety, asyncSafety, stats, debug } = resolveConfig(config);
    return [frameArenaSize, safety, asyncSafety, stats, debug];
  };
  assertEquals(Object.keys(AllocConfig), ["default", "minimal", "highPerformance", "debug", "release"]);
  assertEquals(kept(AllocConfig.default()), [megabytes(16), "checked", "frames", "tags", false]);
  assertEquals(kept(AllocConfig.minimal()), [megabytes(1), "checked", "frames", "totals", false]);
  assertEquals(kept(AllocConfig.highPerformance()), [megabytes(64), "release", "frames", "totals", false]);
  assertEquals(kept(AllocConfig.debug()), [megabytes(16), "revoke", "turns", "tags", true]);
  assertEquals(kept(AllocConfig.release()), [megabytes(16), "release", "frames", "off", false]);
});

Deno.test("no options are those of AllocConfig.default()", () => {
  assertEquals(resolveConfig({}), resolveConfig(AllocConfig.default()));
  assertEquals(resolveConfig({ safety: undefined, reserve: undefined } as unknown as AllocConfig), resolveConfig({}));
  works({});
});

Deno.test("a preset is a fresh object each time", () => {
  const first = AllocConfig.default() as { frameArenaSize?: number };
  first.frameArenaSize = 1;
  assertEquals(AllocConfig.default().frameArenaSize, megabytes(16));
});

Deno.test("a configuration that is no object is refused", () => {
  for (const config of [null, 7, "debug", true]) refused("FA010", config, "options");
});

Deno.test("an unknown option is refused by its name", () => {
  refused("FA010", { frameArenSize: 1024 }, '"frameArenSize"', "frameArenaSize");
  refused("FA010", { ...AllocConfig.default(), Safety: "checked" }, '"Safety"');
  refused("FA010", { toString: 1 }, '"toString"');
  refused("FA010", { unknown: undefined }, '"unknown"');
});

Deno.test("sizes that are none are refused", () => {
  const wrong = [-1, 0, 1.5, NaN, Infinity, -Infinity, "16", 16n, true, {}, [65_536]];
  for (const option of ["frameArenaSize", "reserve"]) {
    for (const value of wrong) refused("FA010", { [option]: value }, `"${option}"`);
  }
  for (const value of wrong) {
    if (value !== Infinity) refused("FA010", { maxFrameBytes: value }, '"maxFrameBytes"');
  }
});

Deno.test("absurd sizes are refused", () => {
  refused("FA010", { frameArenaSize: 1023 }, '"frameArenaSize"', "1023");
  refused("FA010", { frameArenaSize: gigabytes(1) + 1 }, '"frameArenaSize"');
  refused("FA010", { frameArenaSize: 2 ** 53 }, '"frameArenaSize"');
  refused("FA010", { reserve: gigabytes(1) + 1 }, '"reserve"');
  refused("FA010", { maxFrameBytes: 2 ** 60 }, '"maxFrameBytes"');
  works({ frameArenaSize: kilobytes(1) });
  works({ frameArenaSize: gigabytes(1) });
});

Deno.test("sizes that contradict frameArenaSize are refused", () => {
  refused("FA010", { frameArenaSize: megabytes(2), reserve: megabytes(1) }, '"reserve"');
  refused("FA010", { frameArenaSize: megabytes(2), maxFrameBytes: megabytes(1) }, '"maxFrameBytes"');
  refused("FA010", { reserve: megabytes(15) }, '"reserve"');
  works({ frameArenaSize: megabytes(1), reserve: megabytes(1), maxFrameBytes: megabytes(1) });
});

Deno.test("choices that there are not are refused, and named with those that there are", () => {
  for (const value of ["", "Grow", 1, true, {}]) refused("FA010", { growth: value }, '"growth"', '"grow" or "fail"');
  for (const value of ["", "debug", 1, true, {}]) refused("FA010", { safety: value }, '"safety"', '"checked"');
  for (const value of ["", "all", 1, true, {}]) refused("FA010", { stats: value }, '"stats"', '"off"');
  for (const value of ["", "turn", 1, true, {}]) {
    refused("FA010", { asyncSafety: value }, '"asyncSafety"', '"off" or "frames" or "turns"');
  }
  for (const value of ["true", 0, 1, {}]) refused("FA010", { debug: value }, '"debug"', "true or false");
});

Deno.test("null is no value of any option", () => {
  for (const option of Object.keys(resolveConfig({}))) refused("FA010", { [option]: null }, `"${option}"`, "null");
});

Deno.test("growth that fails is refused with options that would have no effect", () => {
  refused("FA010", { growth: "fail", reserve: megabytes(32) }, '"reserve"', "growth");
  refused("FA010", { growth: "fail", maxFrameBytes: megabytes(32) }, '"maxFrameBytes"', "growth");
  works({ growth: "fail" });
  works({ growth: "fail", maxFrameBytes: Infinity });
});

Deno.test("a reserve above the most that a frame may have is refused", () => {
  refused("FA010", { reserve: megabytes(64), maxFrameBytes: megabytes(32) }, "maxFrameBytes", "reserve");
});

Deno.test("sampleSites needs debug, and a whole number", () => {
  refused("FA010", { sampleSites: 4 }, '"sampleSites"', "debug");
  refused("FA010", { debug: false, sampleSites: 4 }, '"sampleSites"', "debug");
  for (const value of [0, -1, 1.5, NaN, Infinity, "4"]) {
    refused("FA010", { debug: true, sampleSites: value }, '"sampleSites"');
  }
  works({ debug: true, sampleSites: 1 });
});

Deno.test("framesAlive is a whole number from 1 to 16", () => {
  for (const value of [0, -1, 17, 1.5, NaN, Infinity, "2", true]) {
    refused("FA010", { framesAlive: value }, '"framesAlive"', "1 to 16");
  }
  for (const framesAlive of [1, 2, 16]) works({ framesAlive, frameArenaSize: kilobytes(64) });
});

Deno.test("asyncSafety turns needs handles that are checked, and a SmartAlloc", () => {
  refused("FA010", { asyncSafety: "turns", safety: "release" }, '"turns"', '"release"', '"checked" or "revoke"');
  refused("FA010", { ...AllocConfig.release(), asyncSafety: "turns" }, '"turns"', '"release"');
  for (const asyncSafety of ["off", "frames", "turns"] satisfies AsyncSafety[]) {
    for (const safety of SAFETIES) {
      if (asyncSafety !== "turns" || safety !== "release") works({ asyncSafety, safety });
    }
  }
  for (const asyncSafety of ["off", "frames"] as const) assertEquals(new FrameAlloc({ asyncSafety }).inFrame, false);
  for (const config of [{ asyncSafety: "turns" } as const, AllocConfig.debug()]) {
    const error = assertThrows(() => new FrameAlloc(config), ConfigError, 'asyncSafety "turns"');
    assertEquals(error.code, "FA010");
    assertStringIncludes(error.message, "or a SmartAlloc");
  }
});

Deno.test("sizes of the pool, the heap, tasks, streaming and all memory are whole numbers of bytes", () => {
  const wrong = [-1, 1.5, NaN, "16", 16n, true, {}];
  for (const option of ["poolPageSize", "heapIdleBytes", "taskIdleBytes", "streamingBudget", "memoryLimit"]) {
    for (const value of wrong) refused("FA010", { [option]: value }, `"${option}"`);
  }
  refused("FA010", { poolPageSize: 4095 }, '"poolPageSize"', "4096");
  refused("FA010", { memoryLimit: 1023 }, '"memoryLimit"');
  for (const value of [-1, 1.5, NaN, Infinity, "2"]) refused("FA010", { poolIdlePages: value }, '"poolIdlePages"');
  assertEquals(resolveConfig({}).taskIdleBytes, megabytes(4));
  assertEquals(resolveConfig(AllocConfig.minimal()).taskIdleBytes, kilobytes(256));
  works({
    poolPageSize: 4096,
    heapIdleBytes: 0,
    taskIdleBytes: 0,
    streamingBudget: 0,
    poolIdlePages: 0,
    memoryLimit: Infinity,
  });
});

Deno.test("poolClasses are whole numbers above zero, ascending, and make no page too small by themselves", () => {
  for (const value of [[], [0], [-16], [32, 16], [16, 16], [1.5], ["16"], 16, "16", {}, [2 ** 31]]) {
    refused("FA010", { poolClasses: value }, '"poolClasses"', "ascending");
  }
  refused("FA010", { poolClasses: [100_000], poolPageSize: 65_536 }, '"poolPageSize"');
  works({ poolClasses: [100_000] });
  assertEquals(resolveConfig({ poolClasses: [100_000] }).poolPageSize, 100_000);
});

Deno.test("streaming has a quarter of the memory limit, or 256 MB", () => {
  assertEquals(resolveConfig({}).streamingBudget, megabytes(256));
  assertEquals(resolveConfig({ memoryLimit: megabytes(100) }).streamingBudget, megabytes(25));
  assertEquals(resolveConfig({ memoryLimit: megabytes(100), streamingBudget: 7 }).streamingBudget, 7);
});

Deno.test("onLeaks is a function", () => {
  for (const value of [1, "x", {}, true]) refused("FA010", { onLeaks: value }, '"onLeaks"', "a function");
  works({ onLeaks: () => {} });
});

Deno.test("a source that is none is refused", () => {
  const wrong = ["gpu", "", 1, true, {}, { obtain: () => {} }, { capabilities: {} }, ArrayBuffer, new ArrayBuffer(8)];
  for (const source of wrong) refused("FA010", { source }, '"source"', '"wasm"', "chunk source");
  refused("FA010", { source: { ...arrayBufferSource, obtain: 7 } }, '"source"');
});

Deno.test("every source works with every safety mode, or says why it cannot", () => {
  const outcomes: string[] = [];
  for (const source of SOURCES) {
    for (const safety of SAFETIES) {
      for (const debug of [false, true]) {
        if (source === "shared" && safety === "revoke") {
          refused("FA011", { source, safety, debug }, '"revoke"', '"shared wasm"', "cannot be detached");
          continue;
        }
        const buffer = works({ source, safety, debug, frameArenaSize: kilobytes(64) });
        assertEquals(buffer instanceof SharedArrayBuffer, source === "shared");
        outcomes.push(`${source} ${safety}`);
      }
    }
  }
  assertEquals(outcomes.length, 16);
});

Deno.test("the default source is wasm, which is asked for four times the size", () => {
  const reserved = (config: AllocConfig): number => {
    const alloc = new SmartAlloc(config);
    alloc.beginFrame();
    assertEquals(alloc.stats().frame.committed, config.frameArenaSize);
    return alloc.stats().frame.reserved;
  };
  const size = kilobytes(64);
  assertEquals(resolveConfig({}).source.name, "wasm");
  assertEquals(reserved({ frameArenaSize: size }), 4 * size);
  assertEquals(reserved({ frameArenaSize: size, reserve: 2 * size }), 2 * size);
  assertEquals(reserved({ frameArenaSize: size, source: "arraybuffer" }), size);
  assertEquals(reserved({ frameArenaSize: size, source: "arraybuffer", reserve: 2 * size }), 2 * size);
  assertEquals(reserved({ frameArenaSize: size, growth: "fail" }), size);
});

Deno.test("where WebAssembly is missing, the default source is arraybuffer", () => {
  without("WebAssembly", () => {
    assertEquals(resolveConfig({}).source.name, "arraybuffer");
    for (const safety of SAFETIES) assertInstanceOf(works({ safety }), ArrayBuffer);
    works({ source: "arraybuffer" });
    refused("FA011", { source: "wasm" }, '"wasm"', "no WebAssembly", '"arraybuffer"');
  });
  works({ source: "wasm" });
});

Deno.test("where WebAssembly is missing, the source shared is a bare SharedArrayBuffer", () => {
  without("WebAssembly", () => {
    assertEquals(resolveConfig({ source: "shared" }).source.name, "shared arraybuffer");
    for (const safety of ["checked", "release"] as const) {
      assertInstanceOf(works({ source: "shared", safety, frameArenaSize: kilobytes(64) }), SharedArrayBuffer);
    }
    refused("FA011", { source: "shared", safety: "revoke" }, '"revoke"');
  });
});

Deno.test("where SharedArrayBuffer is missing, the source shared is refused", () => {
  without("SharedArrayBuffer", () => {
    for (const safety of SAFETIES) {
      refused("FA011", { source: "shared", safety }, '"shared"', "no SharedArrayBuffer", "cross-origin isolated");
    }
    works({});
  });
});

/** A source that counts what it gave, over any other. */
function counting(over: ChunkSource): ChunkSource & { readonly given: number[] } {
  const given: number[] = [];
  return {
    name: "counting",
    capabilities: over.capabilities,
    given,
    obtain(bytes) {
      given.push(bytes);
      return over.obtain(bytes);
    },
  };
}

Deno.test("a chunk source of one's own is asked for the memory of the first frame", () => {
  for (const safety of SAFETIES) {
    const source = counting(arrayBufferSource);
    const alloc = new SmartAlloc({ source, safety, frameArenaSize: kilobytes(64) });
    assertEquals(source.given, []);
    alloc.beginFrame();
    assertEquals(source.given, [kilobytes(64)]);
    alloc.endFrame();
    works({ source, safety });
  }
});

Deno.test("a chunk source of one's own may be a class", () => {
  class Own implements ChunkSource {
    readonly name = "own";
    readonly capabilities = arrayBufferSource.capabilities;
    #bytes = 0;
    obtain(bytes: number) {
      this.#bytes += bytes;
      return arrayBufferSource.obtain(bytes);
    }
    get bytes() {
      return this.#bytes;
    }
  }
  const source = new Own();
  works({ source, frameArenaSize: kilobytes(64) });
  assertEquals(source.bytes, kilobytes(64));
});

Deno.test("a chunk source of one's own that cannot revoke is refused by its name", () => {
  const source = counting(sharedWasmSource);
  refused("FA011", { source, safety: "revoke" }, '"revoke"', '"counting"');
  assertInstanceOf(works({ source, safety: "checked", frameArenaSize: kilobytes(64) }), SharedArrayBuffer);
});

Deno.test("a refused configuration asks the source for nothing", () => {
  const source = counting(sharedWasmSource);
  assertThrows(() => new SmartAlloc({ source, safety: "revoke" }), ConfigError);
  assertEquals(source.given, []);
});

Deno.test("every stats level and safety mode go together", () => {
  for (const stats of ["off", "totals", "tags"] satisfies StatsLevel[]) {
    for (const safety of SAFETIES) works({ stats, safety, frameArenaSize: kilobytes(64) });
  }
});
