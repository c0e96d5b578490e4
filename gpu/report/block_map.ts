/**
 * The picture of a dump: where memory went, what is free, and why a large allocation may not fit although enough is free in all.
 */

import { ArgumentError, show } from "../../src/errors.ts";
import { type BarScale, drawBlock, rowBytesOf } from "./block_bar.ts";
import { checkDump } from "./check_dump.ts";
import type { GpuBlockDump, GpuDump, GpuHeapDump } from "./gpu_dump.ts";
import { FREE, INK, MapSheet } from "./map_sheet.ts";
import { countOf, countText, fitText, percentText, shorten, sizeText, textWidth } from "./svg_text.ts";
import { type TagColors, tagColors } from "./tag_colors.ts";

/** How a block map is drawn. */
export interface BlockMapOptions {
  /** How wide the picture is, in pixels; at least 640. @default {1200} */
  readonly width?: number;
  /** The headline. @default {"GPU memory"} */
  readonly title?: string;
}

/** The margin left and right. */
const MARGIN = 24;
/** No picture has more bytes, whatever is in the dump: small allocations are drawn together until it fits. */
const MOST_BYTES = 290_000;
/** Blocks that are drawn at first; of more than that the largest ones are. */
const MOST_BLOCKS = 120;
/** Pages of the ring that are drawn. */
const MOST_PAGES = 24;

/**
 * Draws a dump as an SVG picture that needs nothing else: no scripts, fonts or styles. It has a background of its own, so it can be read on
 * light and dark pages.
 *
 * Each heap has a bar per block, all to one scale; a large block has several rows. Colours are tags, hatching is free memory, and a
 * tooltip says what a rectangle is. Allocations too narrow to be seen are drawn together, with their tags one above the other by their
 * share. The file stays below 300,000 bytes however many allocations there are.
 *
 * @param dump What the allocator's `dump` returned, or the same read from JSON.
 * @param options Its width and headline.
 * @returns The text of an SVG file. The same dump gives the same text.
 * @throws {ArgumentError} `FA008` if that is no dump or one of another version, or the width is not a whole number of 640 to 10,000.
 *
 * @example
 * ```ts
 * import { SmartAlloc } from "@framealloc/core";
 * import { blockMap, GpuAllocator, NullBackend } from "@framealloc/core/gpu";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const gpu = new GpuAllocator(new SmartAlloc(), new NullBackend());
 * const svg = blockMap(gpu.dump(), { title: "Level 3" });
 * assertStringIncludes(svg, "Level 3");
 * // Deno.writeTextFileSync("memory.svg", svg);
 * gpu.dispose();
 * ```
 */
export function blockMap(dump: GpuDump, options: BlockMapOptions = {}): string {
  checkDump(dump);
  if (typeof options !== "object" || options === null) {
    throw new ArgumentError("FA008", `Cannot draw with the options ${show(options)}: give an object`);
  }
  const { width = 1200, title = "GPU memory" } = options;
  if (!Number.isInteger(width) || width < 640 || width > 10_000) {
    throw new ArgumentError("FA008", `Cannot draw ${show(width)} pixels wide: give a whole number of 640 to 10,000`);
  }
  if (typeof title !== "string") {
    throw new ArgumentError("FA008", `Cannot draw with the title ${show(title)}: give a text`);
  }
  const colors = tagColors(dump);
  const encoder = new TextEncoder();
  let grain = 0.5;
  let blocks = MOST_BLOCKS;
  for (;;) {
    const svg = draw(dump, width, shorten(title, 80), colors, grain, blocks);
    if (encoder.encode(svg).length <= MOST_BYTES || blocks < 1) return svg;
    if (grain < 64) grain *= 1.5;
    else blocks >>= 1;
  }
}

function draw(dump: GpuDump, width: number, title: string, colors: TagColors, grain: number, blocks: number): string {
  const sheet = new MapSheet();
  const inner = width - 2 * MARGIN;
  header(sheet, dump, title, inner);
  const shown = largest(dump, blocks);
  const rowBytes = rowBytesOf([...shown].map((block) => block.size));
  const scale: BarScale = { left: MARGIN, width: inner, rowBytes, grain };
  legend(sheet, dump, colors, inner, shown.size === 0 ? 0 : rowBytes);
  for (const heap of dump.heaps) drawHeap(sheet, heap, shown, scale, colors);
  ring(sheet, dump, inner);
  readback(sheet, dump, inner);
  sheet.y += 14;
  return sheet.toSvg(width, title);
}

/** The largest blocks, if there are more than can be drawn. */
function largest(dump: GpuDump, most: number): Set<GpuBlockDump> {
  const all = dump.heaps.flatMap((heap) => heap.blocks);
  if (all.length > most) all.sort((a, b) => b.size - a.size || a.id - b.id).length = most;
  return new Set(all);
}

function header(sheet: MapSheet, dump: GpuDump, title: string, width: number): void {
  const { totals, budget } = dump;
  sheet.text(MARGIN, 44, 22, fitText(title, width, 22), INK.text, 'font-weight="700"');
  const recovered = dump.generation === 0 ? "" : ` · device recovered ${countOf(dump.generation, "time")}`;
  const place = `${shorten(dump.backend, 40)} · frame ${countText(dump.frame)}${recovered}`;
  sheet.text(MARGIN, 64, 12, place, INK.faint);
  const tiles = [
    [sizeText(totals.used), `used, ${percentText(totals.used, totals.reserved)} of what is reserved`],
    [sizeText(totals.reserved), "reserved"],
    [sizeText(totals.peak), "peak of use"],
    [countText(totals.allocations), "allocations"],
    [countText(totals.blocks), "blocks"],
  ] as const;
  const steps = [0, 0.3, 0.5, 0.7, 0.88];
  for (const [index, [value, what]] of tiles.entries()) {
    const x = MARGIN + width * (steps[index] ?? 0);
    sheet.text(x, 98, 20, value, INK.text, 'font-weight="600"');
    sheet.text(x, 114, 11, what, INK.faint);
  }
  const { soft, hard } = budget;
  const whole = Math.max(1, budget.used, totals.used, soft ?? 0, hard ?? 0);
  const isOver = budget.used > Math.min(soft ?? Infinity, hard ?? Infinity);
  const limits = [
    soft === null ? "" : `soft limit ${sizeText(soft)}`,
    hard === null ? "" : `hard limit ${sizeText(hard)}`,
  ].filter((text) => text !== "");
  sheet.spans(MARGIN, 143, 12, [
    { text: "Budget", isBold: true },
    { text: `   ${sizeText(budget.used)} counted`, fill: isOver ? INK.over : INK.text },
    { text: limits.length === 0 ? " · no limit" : ` · ${limits.join(" · ")}`, fill: INK.faint },
    {
      text: hard === null ? "" : ` · ${percentText(budget.used, hard)} of the hard limit`,
      fill: INK.faint,
    },
  ]);
  sheet.openBar(MARGIN, 151, width, 14, ["not reserved"]);
  const counted = width * budget.used / whole;
  const used = Math.min(counted, width * totals.used / whole);
  sheet.rect(0, 0, used, 14, INK.used, [`${sizeText(totals.used)} used`]);
  sheet.rect(used, 0, counted - used, 14, isOver ? INK.over : INK.held, [`${sizeText(budget.used)} counted`]);
  sheet.closeBar(width, 14);
  for (const [limit, name] of [[soft, "soft limit"], [hard, "hard limit"]] as const) {
    if (limit === null) continue;
    const x = MARGIN + Math.min(width - 1, Math.max(1, width * limit / whole));
    sheet.rect(x - 1, 147, 2, 22, INK.text, [`${name} ${sizeText(limit)}`]);
  }
  sheet.y = 188;
}

/** What the colours mean, in as many lines as it takes. */
function legend(sheet: MapSheet, dump: GpuDump, colors: TagColors, width: number, rowBytes: number): void {
  const { used } = dump.totals;
  const entries = colors.legend.map(({ text, color, bytes, count }) => {
    const name = shorten(text, 28);
    const size = ` ${sizeText(bytes)} (${percentText(bytes, used)})`;
    return { name, size, color, tooltip: [name, countOf(count, "allocation")] };
  });
  entries.push({ name: "free", size: "", color: FREE, tooltip: ["free memory"] });
  let x = 0;
  for (const { name, size, color, tooltip } of entries) {
    const step = 20 + textWidth(name + size, 12) + 16;
    if (x > 0 && x + step > width) {
      x = 0;
      sheet.y += 20;
    }
    sheet.rect(MARGIN + x, sheet.y, 13, 13, color, tooltip, `rx="2" stroke="${INK.edge}" stroke-width="0.5"`);
    sheet.spans(MARGIN + x + 19, sheet.y + 11, 12, [{ text: name }, { text: size, fill: INK.faint }]);
    x += step;
  }
  sheet.y += 20;
  if (rowBytes === 0) return;
  sheet.text(
    MARGIN,
    sheet.y + 11,
    11,
    `A full row is ${sizeText(rowBytes)}. A dark foot marks what is pinned.`,
    INK.faint,
  );
  sheet.y += 17;
}

/** A headline with figures after it. */
function section(sheet: MapSheet, name: string, figures: string, width: number): void {
  sheet.y += 10;
  sheet.rect(MARGIN, sheet.y, width, 1, INK.border);
  sheet.spans(MARGIN, sheet.y + 24, 15, [{ text: name, isBold: true }, {
    text: `   ${figures}`,
    fill: INK.faint,
    size: 12,
  }]);
  sheet.y += 36;
}

function drawHeap(
  sheet: MapSheet,
  heap: GpuHeapDump,
  shown: ReadonlySet<GpuBlockDump>,
  scale: BarScale,
  colors: TagColors,
): void {
  const name = shorten(heap.name.charAt(0).toUpperCase() + heap.name.slice(1), 30);
  const share = percentText(heap.used, heap.reserved);
  const figures = heap.blocks.length === 0
    ? "no blocks"
    : `${sizeText(heap.used)} of ${sizeText(heap.reserved)} used (${share}) · ${countOf(heap.blocks.length, "block")}`;
  section(sheet, name, figures, scale.width);
  let hidden = 0;
  let size = 0;
  let used = 0;
  for (const block of heap.blocks) {
    if (shown.has(block)) {
      drawBlock(sheet, block, scale, colors);
      continue;
    }
    hidden++;
    size += block.size;
    used += block.used;
  }
  if (hidden === 0) return;
  const rest = `and ${countOf(hidden, "smaller block")}: ${sizeText(size)}, ${percentText(used, size)} used`;
  sheet.text(MARGIN, sheet.y + 11, 12, rest, INK.faint);
  sheet.y += 20;
}

/** The pages side by side, as they are about as large as each other. */
function ring(sheet: MapSheet, dump: GpuDump, width: number): void {
  const { pages, peak, overflows, segments } = dump.ring;
  const figures = pages.length === 0
    ? "no pages"
    : `${countOf(pages.length, "page")} · ${countOf(segments, "segment")} · ` +
      `peak of a frame ${sizeText(peak)} · ${countOf(overflows, "overflow")}`;
  section(sheet, "Frame ring", figures, width);
  const columns = Math.max(1, Math.floor((width + 16) / 240));
  const step = (width + 16) / columns;
  const shown = pages.slice(0, MOST_PAGES);
  for (const [index, page] of shown.entries()) {
    const x = MARGIN + step * (index % columns);
    const text = `page ${page.id} · ${sizeText(page.used)} of ${sizeText(page.size)}`;
    sheet.text(x, sheet.y + 11, 11, text, INK.faint);
    gauge(sheet, x, sheet.y + 17, step - 16, page.used, page.size, text);
    if (index % columns === columns - 1 || index === shown.length - 1) sheet.y += 42;
  }
  if (shown.length === pages.length) return;
  sheet.text(MARGIN, sheet.y + 11, 12, `and ${countOf(pages.length - shown.length, "more page")}`, INK.faint);
  sheet.y += 20;
}

function readback(sheet: MapSheet, dump: GpuDump, width: number): void {
  const { reserved, inFlight } = dump.readback;
  const figures = `${sizeText(inFlight)} of ${sizeText(reserved)} on its way to the CPU`;
  section(sheet, "Reading back", reserved === 0 ? "nothing reserved" : figures, width);
  if (reserved === 0) return;
  gauge(sheet, MARGIN, sheet.y, Math.min(width, 460), inFlight, reserved, figures);
  sheet.y += 28;
}

/** A bar that is filled in part. */
function gauge(sheet: MapSheet, x: number, y: number, width: number, part: number, whole: number, what: string): void {
  sheet.openBar(x, y, width, 14, [what]);
  const filled = whole > 0 ? width * Math.min(1, Math.max(0, part / whole)) : 0;
  if (filled > 0) sheet.rect(0, 0, filled, 14, INK.used, [what]);
  sheet.closeBar(width, 14);
}
