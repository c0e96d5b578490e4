import { ArgumentError } from "@framealloc/core";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertNotEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as fc from "fast-check";
import { blockMap } from "../../gpu/report/block_map.ts";
import { blockRuns } from "../../gpu/report/block_runs.ts";
import type { GpuDump } from "../../gpu/report/gpu_dump.ts";
import { type AllocationSketch, block, dumpOf, dumps, hostileNames, readPicture, type Shape } from "./_dumps.ts";

const MB = 1024 * 1024;
const MOST = 300_000;
const PIN = "#1c2430";
const FREE = "url(#framealloc-free)";

function bytesOf(svg: string): number {
  return new TextEncoder().encode(svg).length;
}

function many(count: number, sketch: (index: number) => AllocationSketch): AllocationSketch[] {
  return Array.from({ length: count }, (_, index) => sketch(index));
}

/** Everything in a bar is inside of it, and nothing but the feet of what is pinned lies on anything else. */
function checkBar([bar, ...shapes]: Shape[]): void {
  assert(bar !== undefined);
  let area = 0;
  for (const shape of shapes) {
    const { x, y, width, height } = shape;
    assert(width >= 0 && height >= 0, JSON.stringify(shape));
    assert(x >= 0 && x + width <= bar.width + 0.011, JSON.stringify([bar, shape]));
    assert(y >= 0 && y + height <= bar.height + 0.011, JSON.stringify([bar, shape]));
    if (shape.fill !== PIN) area += width * height;
  }
  assert(area <= bar.width * bar.height * 1.001 + 0.1, `${area} of ${bar.width} × ${bar.height}`);
  const solid = shapes.filter((shape) => shape.fill !== PIN).sort((a, b) => a.x - b.x);
  for (const [index, a] of solid.entries()) {
    for (const b of solid.slice(index + 1)) {
      if (b.x >= a.x + a.width - 0.011) break;
      assert(b.y >= a.y + a.height - 0.011 || a.y >= b.y + b.height - 0.011, JSON.stringify([a, b]));
    }
  }
}

Deno.test("blockMap draws any dump as well-formed XML of less than 300,000 bytes, with everything inside its bar", () => {
  fc.assert(
    fc.property(dumps, hostileNames, fc.integer({ min: 640, max: 2000 }), (dump, title, width) => {
      const svg = blockMap(dump, { title, width });
      const picture = readPicture(svg);
      assertEquals(picture.width, width);
      assertLess(bytesOf(svg), MOST);
      assert(svg.isWellFormed());
      const { blocks } = dump.totals;
      assert(picture.bars.length > blocks);
      for (const bar of picture.bars) checkBar(bar);
    }),
    { numRuns: 60 },
  );
});

Deno.test("blockMap shows names as they are but for what XML cannot have", () => {
  const sketches = [{ size: 1000, name: `<b>&"it"]]>`, tag: "\u0001a\ud800b😀" }];
  const { bars, texts } = readPicture(blockMap(dumpOf([block(0, 1000, sketches, { label: "x\ny" })])));
  const tooltip = bars[1]?.[1]?.tooltip ?? "";
  assertEquals(tooltip.split("\n").slice(0, 2), [`<b>&"it"]]>`, "tag: \ufffda\ufffdb😀"]);
  assert(texts.some((text) => text.includes("x\ufffdy")));
});

Deno.test("blockMap keeps a headline from adding attributes or elements", () => {
  const title = `"><script onload="x">`;
  const svg = blockMap(dumpOf([]), { title });
  const { attributes, name, texts } = readPicture(svg);
  assertEquals([name, texts[0]], [title, title]);
  assert(!attributes.has("onload"));
  assert(!svg.includes("<script"));
});

Deno.test("blockMap says of every allocation what it is", () => {
  const sketch = {
    gap: 8192,
    size: 65_536,
    name: "hills",
    tag: "terrain",
    intent: "Storage",
    lifetime: "Level",
    policy: "restore",
    frame: 31,
    isPinned: true,
  } as const;
  const picture = readPicture(blockMap(dumpOf([block(0, 80_000, [sketch])])));
  const shapes = picture.bars[1] ?? [];
  assertEquals(shapes.map((shape) => shape.tooltip), [
    "block 0\n14.13 KB of 78.13 KB free",
    "8 KB free\n8192 bytes at 0",
    "hills\ntag: terrain\n64 KB at 8192\nStorage, Level, restore, since frame 31, pinned",
    "",
    "6.13 KB free\n6272 bytes at 73728",
  ]);
  for (const text of ["hills", "64 KB", "8 KB free"]) assert(picture.texts.includes(text), text);
});

Deno.test("blockMap draws blocks to one scale, large ones in rows", () => {
  const sizes = [16 * MB, 4 * MB, 4 * MB, 3 * MB];
  const { bars } = readPicture(blockMap(dumpOf(sizes.map((size, id) => block(id, size, [])))));
  assertEquals(bars.slice(1).map(([bar]) => bar?.width), [1152, 1152, 1152, 1152, 1152, 1152, 864]);
});

Deno.test("blockMap draws a small block wide enough to be read, and says so", () => {
  const { bars, texts } = readPicture(blockMap(dumpOf([block(0, 64 * MB, []), block(1, MB, [])])));
  assertEquals(bars.at(-1)?.[0]?.width, 150);
  assert(texts.some((text) => text.startsWith("#1") && text.endsWith("drawn 8.3× as wide")));
  assert(texts.some((text) => text.startsWith("#0") && !text.includes("drawn")));
});

Deno.test("blockMap says how full and how fragmented a block is, and what is special about it", () => {
  const marks = { isDedicated: true, isStreaming: true, isPinned: true };
  const sketches = [{ size: 2 * MB }, { gap: MB, size: MB }];
  const { texts } = readPicture(blockMap(dumpOf([block(3, 8 * MB, sketches, marks), block(4, MB, [{ size: MB }])])));
  assertEquals(texts.filter((text) => text.startsWith("#")).map((text) => text.replace(/ +/g, " ")), [
    "#3 block 3 DEDICATED STREAMING PINNED 8 MB · 38% used · largest free 4 MB · 20% fragmented · 2 allocations",
    "#4 block 4 1 MB · 100% used · 1 allocation",
  ]);
});

Deno.test("blockMap draws neighbours of one tag that are too narrow to be seen as one", () => {
  const sketches = [{ size: MB, tag: "ui", name: "atlas" }, ...many(20_000, () => ({ size: 100, tag: "water" }))];
  const { bars } = readPicture(blockMap(dumpOf([block(0, 4 * MB, sketches)])));
  const [, atlas, water, free, ...others] = bars[1] ?? [];
  assertEquals(others, []);
  assertStringIncludes(atlas?.tooltip ?? "", "atlas");
  assertEquals(water?.tooltip, `20,000 × water\n1.91 MB from ${MB} to ${MB + 2_000_000}`);
  assertAlmostEquals(water?.width ?? 0, 1152 * 2_000_000 / (4 * MB), 1);
  assertEquals(free?.fill, FREE);
});

Deno.test("blockMap draws as much colour as there is memory, however it is scattered", () => {
  const sketch = (index: number) => ({ size: 64 + index % 7 * 16, gap: index % 3 * 40, tag: `tag ${index % 4}` });
  const one = block(0, 2 * MB, many(30_000, sketch));
  const { bars } = readPicture(blockMap(dumpOf([one])));
  const [bar, ...shapes] = bars[1] ?? [];
  assert(bar !== undefined);
  const area = shapes.filter(({ fill }) => fill !== FREE).reduce((sum, { width, height }) => sum + width * height, 0);
  assertAlmostEquals(area / (bar.width * bar.height), one.used / one.size, 0.02);
  assert(shapes.length > 500, "no coarser than it has to be");
  assertStringIncludes(shapes[0]?.tooltip ?? "", "allocations\n");
  for (let tag = 0; tag < 4; tag++) assertStringIncludes(shapes[0]?.tooltip ?? "", `tag ${tag} `);
});

Deno.test("blockMap shows a single tiny allocation in a huge block", () => {
  const { bars } = readPicture(blockMap(dumpOf([block(0, 256 * MB, [{ gap: MB, size: 4, name: "dot" }])])));
  const dot = bars[1]?.find((shape) => shape.tooltip.startsWith("dot"));
  assertEquals(dot?.width, 1);
});

Deno.test("blockMap stays small with 100,000 allocations of many names, sizes and tags in many blocks", () => {
  const name = "&<long>".repeat(30);
  const sketch = (index: number) => ({
    size: 16 + index * 7919 % 40 * 16,
    gap: index % 5 * 64,
    name: `${index}${name}`,
    tag: `${index % 23} & others`,
  });
  const blocks = many(20, () => ({ size: 1 })).map((_, id) => block(id, 4 * MB, many(5000, sketch)));
  const svg = blockMap(dumpOf(blocks));
  assertLess(bytesOf(svg), MOST);
  assertLess(MOST / 2, bytesOf(svg), "no coarser than it has to be");
  const { bars, texts } = readPicture(svg);
  for (const bar of bars) checkBar(bar);
  assert(texts.some((text) => text.startsWith("15 other tags")));
});

Deno.test("blockMap draws the largest blocks of thousands, and sums up the others", () => {
  const blocks = many(3000, () => ({ size: 1 })).map((_, id) =>
    block(id, MB + id * 1024, [{ size: MB, name: "ü".repeat(200), tag: "tiles" }], { isDedicated: true })
  );
  const svg = blockMap(dumpOf(blocks));
  assertLess(bytesOf(svg), MOST);
  const { texts } = readPicture(svg);
  assert(texts.some((text) => text.startsWith("#2999 ")));
  assert(!texts.some((text) => text.startsWith("#0 ")));
  assert(texts.some((text) => text.startsWith("and 2,880 smaller blocks: ")));
});

Deno.test("blockMap gives a tag the same colour in every dump", () => {
  const tags = ["terrain", "water", "ui", "particles", "characters"];
  const colorsIn = (sizes: number[]) => {
    const sketches = tags.map((tag, index) => ({ size: sizes[index] ?? 1, tag, name: tag }));
    const { bars } = readPicture(blockMap(dumpOf([block(0, 200, sketches)])));
    return tags.map((tag) => bars[1]?.find((shape) => shape.tooltip.startsWith(`${tag}\n`))?.fill);
  };
  const colors = colorsIn([10, 20, 30, 40, 50]);
  assertEquals(new Set(colors).size, tags.length);
  assertEquals(colorsIn([50, 40, 30, 20, 10]), colors);
  // A tag has a colour of its own even if it is the only one: it does not depend on which others there are.
  const alone = ["a", "b", "c", "d", "e", "f", ...tags].map((tag) => {
    const { bars } = readPicture(blockMap(dumpOf([block(0, 200, [{ size: 200, tag }])])));
    return bars[1]?.[1]?.fill;
  });
  assert(new Set(alone).size > 3);
});

Deno.test("blockMap gives the same text for the same dump, also after JSON, and does not change it", () => {
  fc.assert(
    fc.property(dumps, (dump) => {
      const copy: GpuDump = JSON.parse(JSON.stringify(dump));
      const svg = blockMap(dump);
      assertEquals(dump, copy);
      assertEquals(blockMap(dump), svg);
      assertEquals(blockMap(copy), svg);
    }),
    { numRuns: 20 },
  );
});

Deno.test("blockMap explains the colours with the bytes of each tag, the largest first", () => {
  const sketches = [{ size: MB, tag: "ui" }, { size: 2 * MB, tag: "water" }, { size: MB }];
  const { texts } = readPicture(blockMap(dumpOf([block(0, 8 * MB, sketches)])));
  const from = texts.indexOf("water 2 MB (50%)");
  assertNotEquals(from, -1);
  assertEquals(texts.slice(from, from + 4), ["water 2 MB (50%)", "ui 1 MB (25%)", "no tag 1 MB (25%)", "free"]);
});

Deno.test("blockMap marks the limits of the budget, and when they are passed", () => {
  const draw = (used: number) => blockMap(dumpOf([], { budget: { used: used * MB, soft: 60 * MB, hard: 80 * MB } }));
  const line = readPicture(draw(40)).texts.find((text) => text.startsWith("Budget"));
  assertEquals(
    line?.replace(/ +/g, " "),
    "Budget 40 MB counted · soft limit 60 MB · hard limit 80 MB · 50% of the hard limit",
  );
  assertEquals(readPicture(draw(40)).bars[0]?.[2]?.width, 576);
  assertNotEquals(readPicture(draw(61)).bars[0]?.[2]?.fill, readPicture(draw(60)).bars[0]?.[2]?.fill);
});

Deno.test("blockMap draws the pages of the ring and what is read back", () => {
  const pages = [{ id: 0, size: 1000, used: 1000 }, { id: 1, size: 1000, used: 250 }];
  const ring = { pages, peak: 1250, overflows: 1, segments: 3 };
  const { bars, texts } = readPicture(blockMap(dumpOf([], { ring, readback: { reserved: 4096, inFlight: 1024 } })));
  assert(texts.some((text) => text.endsWith("2 pages · 3 segments · peak of a frame 1.22 KB · 1 overflow")));
  assertEquals(bars.slice(1).map(([bar, part]) => (part?.width ?? 0) / (bar?.width ?? 0)), [1, 0.25, 0.25]);
});

Deno.test("blockMap draws a dump of nothing", () => {
  const { bars, texts } = readPicture(blockMap(dumpOf([])));
  assertEquals(bars.length, 1);
  for (const text of ["GPU memory", "Uniform   no blocks", "Vertex   no blocks", "Frame ring   no pages"]) {
    assert(texts.includes(text), text);
  }
  assertEquals(readPicture(blockMap(dumpOf([], { heaps: [] }))).bars.length, 1);
});

Deno.test("blockMap refuses other versions and widths that cannot be drawn", () => {
  const later = { ...dumpOf([]), version: 2 } as unknown as GpuDump;
  assertThrows(() => blockMap(later), ArgumentError, "FA008: Cannot draw a dump of version 2");
  for (const width of [0, 639, 640.5, NaN, Infinity, 10_001]) {
    assertThrows(() => blockMap(dumpOf([]), { width }), ArgumentError, "FA008");
  }
});

Deno.test("blockRuns has every allocation in one run, in order, and keeps wide ones alone", () => {
  const sketches = fc.array(
    fc.record({ size: fc.integer({ min: 1, max: 300 }), gap: fc.nat(120), tag: fc.constantFrom("a", "b") }),
    { maxLength: 200, size: "max" },
  );
  fc.assert(fc.property(sketches, fc.integer({ min: 0, max: 200 }), (sketches, grain) => {
    const { allocations, used } = block(0, 1e9, sketches);
    const runs = blockRuns(allocations, grain);
    let next = 0;
    let end = 0;
    for (const run of runs) {
      assertEquals(run.first, next);
      const inside = allocations.slice(run.first, run.first + run.count);
      assertEquals([inside.at(0)?.offset, (inside.at(-1)?.offset ?? 0) + (inside.at(-1)?.size ?? 0)], [
        run.from,
        run.to,
      ]);
      assert(run.from >= end);
      assertEquals(run.isUniform, new Set(inside.map(({ tag }) => tag)).size === 1);
      if (run.count > 1) assert(inside.every(({ size }) => size < grain));
      if (run.used < run.to - run.from || !run.isUniform) assert(run.count === 1 || run.to - run.from <= 4 * grain);
      next += run.count;
      end = run.to;
    }
    assertEquals(next, allocations.length);
    assertEquals(runs.reduce((sum, run) => sum + run.used, 0), used);
  }));
});
