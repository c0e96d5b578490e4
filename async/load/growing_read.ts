/**
 * Loads what nobody knows the size of: piece by piece, each twice as large as the one before, and copied together at the end. Whoever
 * can start over never waits for memory while it holds some: it counts the rest, gives everything back, and starts over with a size.
 * So no two of them can wait for what the other one has.
 */

import { capacityFor } from "../../src/memory/block.ts";
import type { AssetMemory } from "./asset_memory.ts";
import { freeQuietly } from "./asset_memory.ts";
import { LoadFailure } from "./load_failure.ts";
import type { SourceReader } from "./source_reader.ts";

/** How memory is had for an asset that grows. */
export interface Growth {
  /** The name of the loader. */
  readonly name: string;
  /** What there may be in all. */
  readonly budget: number;
  /** What the limits on tags and all memory let through, which count whole blocks. */
  readonly limit: number;
  /** Whether the source can be opened once more. */
  readonly canStartOver: boolean;
  /** Memory, if there is some now. */
  tryTake(bytes: number): AssetMemory | undefined;
  /** Memory as soon as there is some, before anybody else. */
  takeFirst(bytes: number): Promise<AssetMemory>;
  /** Is told how many bytes are there. */
  onRead(loaded: number): void;
}

/** What came of it: the memory, `undefined` for no bytes at all, or how many bytes it takes, to start over with. */
export type Grown = AssetMemory | number | undefined;

/**
 * Reads a source to its end.
 *
 * @param reader Reads it.
 * @param first The first piece of memory.
 * @param growth How to get more.
 * @returns What came of it.
 * @throws {LoadFailure} If it cannot be loaded within the budget.
 */
export async function readGrowing(reader: SourceReader, first: AssetMemory, growth: Growth): Promise<Grown> {
  const pieces = [first];
  let loaded = 0;
  let whole: AssetMemory | undefined;
  try {
    for (;;) {
      const piece = pieces.at(-1)!;
      let filled = 0;
      let count = 1;
      while (filled < piece.size && count > 0) {
        count = await reader.readInto(piece, filled);
        filled += count;
        growth.onRead(loaded += count);
      }
      if (count === 0 || await reader.isOver()) break;
      // In the end the whole has to fit beside all pieces.
      const room = half(growth) - loaded;
      const next = await more(pieces, Math.min(loaded, room), loaded, growth);
      if (next === undefined) return await countOn(reader, pieces, loaded, growth);
      pieces.push(next);
    }
    if (loaded === 0) return undefined;
    whole = loaded === first.size ? first : await more(pieces, loaded, loaded, growth);
    if (whole !== undefined && whole !== first) join(pieces, whole, loaded);
    return whole ?? loaded;
  } finally {
    for (const piece of pieces) if (piece !== whole) freeQuietly(piece);
  }
}

/** More memory, beside what is held; `undefined` if it is better to start over. */
async function more(
  pieces: readonly AssetMemory[],
  bytes: number,
  loaded: number,
  growth: Growth,
): Promise<AssetMemory | undefined> {
  const { name, budget, limit, canStartOver } = growth;
  const memory = bytes > 0 ? growth.tryTake(bytes) : undefined;
  if (memory !== undefined || canStartOver) return memory;
  const held = pieces.reduce((sum, { size }) => sum + size, 0);
  const blocks = pieces.reduce((sum, { size }) => sum + capacityFor(size), capacityFor(bytes));
  if (bytes > 0 && held + bytes <= budget && blocks <= limit) return await growth.takeFirst(bytes);
  throw new LoadFailure(
    `its ${loaded} bytes, or more, have to fit twice into the ${
      Math.min(budget, limit)
    } that loader "${name}" may have for it`,
    {
      advice: "give its size, or a function that opens it again",
      isFinal: true,
    },
  );
}

/** Gives everything back and reads on, to know at least how many bytes there are. */
async function countOn(
  reader: SourceReader,
  pieces: AssetMemory[],
  loaded: number,
  growth: Growth,
): Promise<number> {
  for (const piece of pieces.splice(0)) freeQuietly(piece);
  const size = loaded + await reader.count(growth.budget - loaded);
  if (size > growth.budget) throw tooLarge(size, growth.budget, growth.name);
  return size;
}

/** As much as may be held before the whole is copied. */
export function half({ budget, limit }: { readonly budget: number; readonly limit: number }): number {
  return Math.floor(Math.min(budget / 2, Math.floor(limit / 32) * 16));
}

function join(pieces: readonly AssetMemory[], whole: AssetMemory, size: number): void {
  const bytes = whole.draft;
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece.draft.subarray(0, size - at), at);
    at += piece.size;
  }
}

/** The failure of what can never be had. */
export function tooLarge(bytes: number, budget: number, loader: string): LoadFailure {
  return new LoadFailure(`it takes at least ${bytes} bytes and loader "${loader}" may have ${budget}`, {
    advice: "raise the budget, or load less",
    isFinal: true,
  });
}
