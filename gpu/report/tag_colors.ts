/**
 * Which tag has which colour. It follows from its name, so that a tag looks the same in the maps of two frames.
 */

import type { GpuDump } from "./gpu_dump.ts";

/** The light scheme of Paul Tol: apart for colour-blind people too, and black text can be read on all of them. */
const PALETTE = ["#77aadd", "#ee8866", "#eedd88", "#ffaabb", "#44bb99", "#bbcc33", "#99ddff", "#aaaa00"];
/** The last two are near to others, and are only used if all of the first ones are. */
const CLEAREST = 6;
const NO_TAG = "#c4c8ce";
const OTHER_TAGS = "#949ba6";

/** A colour, what it stands for, and how much there is of it. */
export interface LegendEntry {
  /** The tag in words. */
  readonly text: string;
  /** Its colour. */
  readonly color: string;
  /** The bytes of its allocations. */
  bytes: number;
  /** How many allocations. */
  count: number;
}

/** The colours of the tags of a dump. */
export interface TagColors {
  /** The colour of each of the largest tags; the others have {@linkcode TagColors.rest}. */
  readonly byTag: ReadonlyMap<string, string>;
  /** The colour of all other tags. */
  readonly rest: string;
  /** The tags of a colour in words. */
  readonly names: ReadonlyMap<string, string>;
  /** What to explain: the largest first, then other tags, then none. */
  readonly legend: readonly LegendEntry[];
}

/** Gives the largest tags a colour each, and all the others one together. */
export function tagColors(dump: GpuDump): TagColors {
  const tags = new Map<string, { bytes: number; count: number }>();
  for (const heap of dump.heaps) {
    for (const block of heap.blocks) {
      for (const { tag, size } of block.allocations) {
        const sum = tags.get(tag);
        if (sum === undefined) tags.set(tag, { bytes: size, count: 1 });
        else {
          sum.bytes += size;
          sum.count++;
        }
      }
    }
  }
  const ranked = [...tags].filter(([tag]) => tag !== "").sort((a, b) => b[1].bytes - a[1].bytes || compare(a[0], b[0]));
  const byTag = colorsOf(ranked.slice(0, PALETTE.length).map(([tag]) => tag));
  const legend: LegendEntry[] = ranked.slice(0, PALETTE.length)
    .map(([tag, sum]) => ({ text: tag, color: byTag.get(tag) ?? OTHER_TAGS, ...sum }));
  const others = ranked.slice(PALETTE.length);
  if (others.length > 0) {
    const entry: LegendEntry = {
      text: `${others.length} other tag${others.length === 1 ? "" : "s"}`,
      color: OTHER_TAGS,
      bytes: 0,
      count: 0,
    };
    for (const [, sum] of others) {
      entry.bytes += sum.bytes;
      entry.count += sum.count;
    }
    legend.push(entry);
  }
  const none = tags.get("");
  if (none !== undefined) {
    byTag.set("", NO_TAG);
    legend.push({ text: "no tag", color: NO_TAG, ...none });
  }
  const names = new Map(legend.map(({ color, text }) => [color, text]));
  return { byTag, rest: OTHER_TAGS, names, legend };
}

/**
 * Each tag gets the colour that its name says, or the next one if another tag before it in the alphabet has that. The last tags, of which
 * there is least, get what is left.
 */
function colorsOf(ranked: readonly string[]): Map<string, string> {
  const colors = new Map<string, string>();
  const taken = new Set<number>();
  for (const tag of ranked.slice(0, CLEAREST).sort(compare)) {
    let slot = hash(tag) % CLEAREST;
    while (taken.has(slot)) slot = (slot + 1) % CLEAREST;
    taken.add(slot);
    colors.set(tag, PALETTE[slot] ?? OTHER_TAGS);
  }
  for (const [index, tag] of ranked.slice(CLEAREST).sort(compare).entries()) {
    colors.set(tag, PALETTE[CLEAREST + index] ?? OTHER_TAGS);
  }
  return colors;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** FNV-1a, mixed so that its lowest bits depend on all others. */
function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return (sum ^ sum >>> 15 ^ sum >>> 7) >>> 0;
}
