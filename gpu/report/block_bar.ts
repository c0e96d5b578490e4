/**
 * The picture of one block: a caption, and a bar of one or several rows that shows every allocation where it is.
 */

import { blockRuns, type Run, sharesOf } from "./block_runs.ts";
import type { GpuAllocationDump, GpuBlockDump } from "./gpu_dump.ts";
import { FREE, INK, type MapSheet, type Span, type Tooltip } from "./map_sheet.ts";
import { countOf, countText, fitText, percentText, round, shorten, sizeText, textWidth } from "./svg_text.ts";
import type { TagColors } from "./tag_colors.ts";

/** The height of a row. */
const ROW = 32;
/** From one row of a block to the next. */
const ROW_STEP = 35;
/** A bar is at least as wide, so that small blocks can be read. */
const LEAST_WIDTH = 150;
/** A free run is drawn with a tooltip of its own from this width on. */
const FREE_WIDTH = 12;
/** A run is at least as wide, where there is room. */
const LEAST_RUN = 1;
/** And at least as high, if it has gaps. */
const LEAST_HEIGHT = 2;

/** How blocks are drawn. */
export interface BarScale {
  /** Where bars start. */
  readonly left: number;
  /** How wide a full row is. */
  readonly width: number;
  /** The bytes of a full row. */
  readonly rowBytes: number;
  /** Allocations narrower than this are drawn together. */
  readonly grain: number;
}

/**
 * The bytes of a full row: the largest block fills whole rows, and no more than four; blocks of the usual size are about one row.
 *
 * @param sizes The sizes of all blocks.
 */
export function rowBytesOf(sizes: readonly number[]): number {
  const sorted = [...sizes].sort((a, b) => a - b);
  const largest = sorted.at(-1) ?? 0;
  const usual = sorted[sorted.length >> 1] ?? 0;
  const rows = usual > 0 ? Math.min(4, Math.max(1, Math.round(largest / usual))) : 1;
  return Math.max(1, largest / rows);
}

/** Draws a block and goes on below it. */
export function drawBlock(sheet: MapSheet, block: GpuBlockDump, scale: BarScale, colors: TagColors): void {
  const natural = block.size / scale.rowBytes * scale.width;
  const length = Math.max(natural, LEAST_WIDTH);
  caption(sheet, block, scale, length / natural);
  const top = sheet.y;
  const bar = new BlockBar(sheet, block, scale, length, colors);
  const rows = Math.max(1, Math.ceil(length / scale.width - 1e-6));
  for (let row = 0; row < rows; row++) {
    const width = Math.min(scale.width, length - row * scale.width);
    const free = `${sizeText(block.size - block.used)} of ${sizeText(block.size)} free`;
    sheet.openBar(scale.left, top + row * ROW_STEP, width, ROW, [shorten(block.label, 80), free]);
    bar.row(row * scale.width, row * scale.width + width);
    sheet.closeBar(width, ROW);
  }
  sheet.y = top + rows * ROW_STEP + 9;
}

/** The lines above a bar: which block it is, what it is, and how full. */
function caption(sheet: MapSheet, block: GpuBlockDump, scale: BarScale, stretch: number): void {
  const free = block.size - block.used;
  const whole = [sizeText(block.size), `${percentText(block.used, block.size)} used`];
  if (free > 0) {
    const apart = Math.min(1, Math.max(0, 1 - block.largestFree / free));
    whole.push(`largest free ${sizeText(block.largestFree)}`, `${percentText(apart, 1)} fragmented`);
  }
  whole.push(countOf(block.allocations.length, "allocation"));
  if (stretch > 1.05 && Number.isFinite(stretch)) {
    whole.push(`drawn ${stretch < 10 ? stretch.toFixed(1) : countText(Math.round(stretch))}× as wide`);
  }
  const figures = `   ${whole.join(" · ")}`;
  const marks: Span[] = [];
  if (block.isDedicated) marks.push({ text: "   DEDICATED", fill: "#7a4a9e", size: 10, isBold: true });
  if (block.isStreaming) marks.push({ text: "   STREAMING", fill: "#0b7a6f", size: 10, isBold: true });
  if (block.isPinned) marks.push({ text: "   PINNED", fill: "#a8480f", size: 10, isBold: true });
  const number = `#${block.id}  `;
  const taken = textWidth(number + figures, 12) + marks.length * 75;
  const label = fitText(block.label, Math.max(80, scale.width - taken), 12);
  sheet.spans(scale.left, sheet.y + 12, 12, [
    { text: number, fill: INK.faint },
    { text: label, isBold: true },
    ...marks,
    { text: figures, fill: INK.faint, size: 11 },
  ]);
  sheet.y += 19;
}

/** What of a run is in the row that is being drawn: its edges, rounded. */
interface Piece {
  readonly x: number;
  readonly width: number;
}

class BlockBar {
  readonly #sheet: MapSheet;
  readonly #block: GpuBlockDump;
  readonly #colors: TagColors;
  readonly #runs: readonly Run[];
  /** How wide a byte is. */
  readonly #unit: number;
  readonly #length: number;
  /** The first run that may reach into the next row. */
  #next = 0;
  /** Which run was labelled last: once is enough, also in several rows. */
  #labelled: Run | undefined;

  constructor(sheet: MapSheet, block: GpuBlockDump, scale: BarScale, length: number, colors: TagColors) {
    this.#sheet = sheet;
    this.#block = block;
    this.#colors = colors;
    this.#length = length;
    this.#unit = block.size > 0 ? length / block.size : 0;
    this.#runs = blockRuns(block.allocations, this.#unit > 0 ? scale.grain / this.#unit : 0);
  }

  /** Draws what is between two places of the bar. */
  row(from: number, to: number): void {
    for (; this.#next < this.#runs.length; this.#next++) {
      const run = this.#runs[this.#next];
      if (run === undefined) break;
      const start = this.#start(this.#next);
      if (start >= to) break;
      const end = this.#end(this.#next);
      this.#free(this.#next, from, to);
      const piece = pieceOf(start, end, from, to);
      if (piece !== undefined) this.#draw(run, piece);
      if (end > to) return;
    }
    this.#free(this.#next, from, to);
  }

  /** Where a run starts; the end of the bar after the last one. */
  #start(index: number): number {
    const run = this.#runs[index];
    return run === undefined ? this.#length : Math.min(this.#length, run.from * this.#unit);
  }

  /** Where a run ends as it is drawn: a tiny one takes some of the free space after it. */
  #end(index: number): number {
    const run = this.#runs[index];
    if (run === undefined) return this.#length;
    const end = Math.max(run.to * this.#unit, Math.min(run.from * this.#unit + LEAST_RUN, this.#start(index + 1)));
    return Math.min(this.#length, end);
  }

  /** Draws what is free before a run. */
  #free(index: number, from: number, to: number): void {
    const start = index === 0 ? 0 : this.#end(index - 1);
    const end = this.#start(index);
    const piece = end - start < FREE_WIDTH ? undefined : pieceOf(start, end, from, to);
    if (piece === undefined) return;
    const at = this.#runs[index - 1]?.to ?? 0;
    const bytes = (this.#runs[index]?.from ?? this.#block.size) - at;
    const text = `${sizeText(bytes)} free`;
    this.#sheet.rect(piece.x, 0, piece.width, ROW, FREE, [text, `${bytes} bytes at ${at}`]);
    if (textWidth(text, 10) + 10 > piece.width) return;
    this.#sheet.text(piece.x + piece.width / 2, ROW / 2 + 4, 10, text, INK.faint, 'text-anchor="middle"');
  }

  #draw(run: Run, piece: Piece): void {
    const allocation = this.#block.allocations[run.first];
    if (allocation === undefined) return;
    const color = this.#colors.byTag.get(allocation.tag) ?? this.#colors.rest;
    // A hair of space after a rectangle keeps neighbours of one colour apart.
    const width = piece.width > 3 ? piece.width - 0.5 : piece.width;
    if (run.count === 1) {
      this.#sheet.rect(piece.x, 0, width, ROW, color, tooltipOf(allocation));
      if (allocation.isPinned && width >= 3) this.#sheet.rect(piece.x, ROW - 3, width, 3, INK.pin);
      this.#label(run, piece.x + 5, width - 10, nameOf(allocation), sizeText(allocation.size));
      return;
    }
    const place = `${sizeText(run.used)} from ${run.from} to ${run.to}`;
    if (run.isUniform && run.used === run.to - run.from) {
      const name = `${countText(run.count)} × ${tagOf(allocation)}`;
      this.#sheet.rect(piece.x, 0, width, ROW, color, [name, place]);
      this.#label(run, piece.x + 5, width - 10, name, sizeText(run.used));
      return;
    }
    this.#stack(run, piece, place);
  }

  /** Many small ones: their colours one above the other, by their shares, and the rest of the height free. */
  #stack(run: Run, piece: Piece, place: string): void {
    const shares = sharesOf(run, this.#block.allocations, this.#colors.byTag, this.#colors.rest);
    const tags = shares.map(([color, bytes]) =>
      `${shorten(this.#colors.names.get(color) ?? "", 24)} ${sizeText(bytes)}`
    );
    this.#sheet.openGroup([countOf(run.count, "allocation"), place, tags.join(", ")]);
    const height = Math.max(LEAST_HEIGHT, ROW * Math.min(1, run.used / (run.to - run.from)));
    let bottom = ROW;
    let done = 0;
    for (const [color, bytes] of shares) {
      done += bytes;
      const top = round(ROW - height * Math.min(1, done / run.used));
      if (bottom > top) this.#sheet.rect(piece.x, top, piece.width, bottom - top, color);
      bottom = top;
    }
    this.#sheet.closeGroup();
  }

  #label(run: Run, x: number, width: number, name: string, size: string): void {
    const text = run === this.#labelled ? "" : fitText(name, width, 11);
    if (text === "") return;
    this.#labelled = run;
    const hasSize = textWidth(size, 10) <= width;
    this.#sheet.text(x, hasSize ? 13.5 : 20, 11, text);
    if (hasSize) this.#sheet.text(x, 25.5, 10, size, INK.text, 'opacity="0.65"');
  }
}

function pieceOf(start: number, end: number, from: number, to: number): Piece | undefined {
  const x = round(Math.max(start, from) - from);
  const width = round(Math.min(end, to) - from) - x;
  return width > 0 ? { x, width } : undefined;
}

function nameOf(allocation: GpuAllocationDump): string {
  return allocation.name === "" ? tagOf(allocation) : allocation.name;
}

function tagOf(allocation: GpuAllocationDump): string {
  return allocation.tag === "" ? "no tag" : shorten(allocation.tag, 60);
}

function tooltipOf(allocation: GpuAllocationDump): Tooltip {
  const { name, intent, lifetime, policy, offset, size, frame, isPinned } = allocation;
  return [
    name === "" ? "no name" : shorten(name, 80),
    `tag: ${tagOf(allocation)}`,
    `${sizeText(size)} at ${offset}`,
    `${shorten(intent, 30)}, ${shorten(lifetime, 30)}, ${policy}, since frame ${frame}${isPinned ? ", pinned" : ""}`,
  ];
}
