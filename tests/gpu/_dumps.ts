/**
 * Dumps made up for tests, and a reader of the pictures that are drawn of them.
 */

import * as fc from "fast-check";
import { SaxesParser } from "saxes";
import type { GpuAllocationDump, GpuBlockDump, GpuDump } from "../../gpu/report/gpu_dump.ts";

export type AllocationSketch = Partial<GpuAllocationDump> & { size: number; gap?: number };

/** A block with allocations one after the other, each after a gap. */
export function block(
  id: number,
  size: number,
  sketches: AllocationSketch[],
  more: Partial<GpuBlockDump> = {},
): GpuBlockDump {
  const allocations: GpuAllocationDump[] = [];
  let at = 0;
  let used = 0;
  let largestFree = 0;
  for (const { gap = 0, ...sketch } of sketches) {
    if (at + gap + sketch.size > size) break;
    allocations.push({
      offset: at + gap,
      name: "",
      tag: "",
      intent: "Static",
      lifetime: "Persistent",
      policy: "shadow",
      frame: 7,
      isPinned: false,
      ...sketch,
    });
    largestFree = Math.max(largestFree, gap);
    at += gap + sketch.size;
    used += sketch.size;
  }
  largestFree = Math.max(largestFree, size - at);
  const marks = { isDedicated: false, isStreaming: false, isPinned: false };
  return { id, label: `block ${id}`, size, used, largestFree, allocations, ...marks, ...more };
}

/** A dump of blocks that are all in the vertex heap. */
export function dumpOf(blocks: readonly GpuBlockDump[], more: Partial<GpuDump> = {}): GpuDump {
  const reserved = blocks.reduce((sum, { size }) => sum + size, 0);
  const used = blocks.reduce((sum, block) => sum + block.used, 0);
  const allocations = blocks.reduce((sum, block) => sum + block.allocations.length, 0);
  return {
    version: 1,
    backend: "null",
    frame: 12,
    generation: 0,
    totals: { reserved, used, peak: used, allocations, blocks: blocks.length },
    budget: { used: reserved, soft: null, hard: null },
    heaps: [
      { name: "uniform", reserved: 0, used: 0, blocks: [] },
      { name: "vertex", reserved, used, blocks },
    ],
    ring: { pages: [], peak: 0, overflows: 0, segments: 3 },
    readback: { reserved: 0, inFlight: 0 },
    ...more,
  };
}

/** Names that break pictures: markup, control characters, halves of characters, and very long ones. */
export const hostileNames: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom(
    "",
    "</title><script>",
    "a & b",
    "]]>",
    "\u0000\u001b[31m",
    "\ud800",
    "\udc00\ud83d",
    "x\ny",
    "\ufffe",
    '" onload="',
  ),
  fc.constantFrom("&".repeat(5000), "𝕏".repeat(3000), "W".repeat(300)),
);

const sketches = fc.record({
  size: fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 500_000 })),
  gap: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 300_000 })),
  name: hostileNames,
  tag: fc.oneof(fc.constantFrom("terrain", "water", "ui"), hostileNames),
  intent: hostileNames,
  lifetime: hostileNames,
  isPinned: fc.boolean(),
});

const blocks = fc.array(
  fc.record({
    size: fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 1, max: 40_000_000 })),
    sketches: fc.array(sketches, { maxLength: 60, size: "max" }),
    label: hostileNames,
    marks: fc.record({ isDedicated: fc.boolean(), isStreaming: fc.boolean(), isPinned: fc.boolean() }),
  }),
  { maxLength: 8, size: "max" },
).map((list) => list.map(({ size, sketches, label, marks }, id) => block(id, size, sketches, { label, ...marks })));

const bytes = fc.integer({ min: 0, max: 2 ** 40 });
const limit = fc.option(bytes);

/** Dumps of all kinds, with names of all kinds. */
export const dumps: fc.Arbitrary<GpuDump> = fc.record({
  blocks,
  backend: hostileNames,
  budget: fc.record({ used: bytes, soft: limit, hard: limit }),
  pages: fc.array(fc.record({ id: fc.nat(), size: bytes, used: bytes }), { maxLength: 40, size: "max" }),
  readback: fc.record({ reserved: bytes, inFlight: bytes }),
}).map(({ blocks, pages, ...more }) =>
  dumpOf(blocks, { ...more, ring: { pages, peak: 5, overflows: 1, segments: 3 } })
);

export interface Shape {
  x: number;
  y: number;
  width: number;
  height: number;
  fill: string;
  tooltip: string;
}

export interface Picture {
  /** The bars, in order: what is first in each is the bar itself. */
  bars: Shape[][];
  /** Every line of text. */
  texts: string[];
  width: number;
  height: number;
  /** What the picture is called for those who cannot see it. */
  name: string;
  /** The names of the attributes of all elements. */
  attributes: Set<string>;
}

/** Reads a picture strictly: throws if it is not well-formed XML. */
export function readPicture(svg: string): Picture {
  const picture: Picture = { bars: [], texts: [], width: 0, height: 0, name: "", attributes: new Set() };
  const groups: { isBar: boolean; tooltip: string }[] = [];
  const open: string[] = [];
  let shape: Shape | undefined;
  let text = "";
  const parser = new SaxesParser();
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("opentag", ({ name, attributes }) => {
    open.push(name);
    const number = (key: string) => Number(attributes[key]);
    for (const key of Object.keys(attributes)) picture.attributes.add(key);
    if (name === "svg") picture.name = attributes["aria-label"] ?? "";
    if (name === "svg") [picture.width, picture.height] = [number("width"), number("height")];
    if (name === "g") {
      groups.push({ isBar: attributes["class"] === "framealloc-bar", tooltip: "" });
      if (attributes["class"] === "framealloc-bar") picture.bars.push([]);
    }
    if (name === "text" || name === "title") text = "";
    if (name === "rect" && groups.length > 0) {
      const tooltip = groups.at(-1)?.tooltip ?? "";
      const [x, y, width, height] = [number("x"), number("y"), number("width"), number("height")];
      shape = { x, y, width, height, fill: attributes["fill"] ?? "", tooltip };
      picture.bars.at(-1)?.push(shape);
    }
  });
  parser.on("text", (part) => {
    text += part;
  });
  parser.on("closetag", ({ name }) => {
    open.pop();
    if (name === "text") picture.texts.push(text);
    if (name === "g") groups.pop();
    if (name !== "title") return;
    const group = groups.at(-1);
    if (open.at(-1) === "g" && group !== undefined) group.tooltip = text;
    else if (shape !== undefined && groups.length > 0) shape.tooltip = text;
  });
  parser.write(svg).close();
  return picture;
}
