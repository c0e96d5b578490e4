/**
 * Memory of your own, over `@framealloc/core/memory` alone: first a chunk source, so that an allocator lives in memory that you
 * own and count; then an allocator with a lifetime of its own, an undo history, over a region.
 *
 * Run it with `deno run examples/06_custom_allocator.ts`. It needs no permissions.
 */

import { deepEqual, equal, throws } from "node:assert/strict";
import { ArenaExhaustedError, f32, formatBytes, kilobytes, SmartAlloc, struct, vec2f } from "../mod.ts";
import {
  type Account,
  arrayBufferSource,
  type Block,
  BlockStore,
  type Chunk,
  type ChunkCapabilities,
  type ChunkSource,
  GRANTED,
  type LifeOwner,
  type Position,
  REFUSED,
  Region,
  type Verdict,
  viewOf,
} from "../src/memory/mod.ts";

// A chunk source

/** A fixed number of buffers, made once, given out whole and taken back: never more, and nothing for the collector to do. */
class Banks implements ChunkSource {
  readonly name = "banks";
  readonly capabilities: ChunkCapabilities = {
    revocable: true,
    transferable: true,
    kernels: false,
    shared: false,
    zeroed: true,
    lazy: false,
  };
  readonly count: number;
  readonly size: number;
  readonly #free: ArrayBuffer[];

  constructor(count: number, size: number) {
    this.count = count;
    this.size = size;
    this.#free = Array.from({ length: count }, () => new ArrayBuffer(size));
  }

  get used(): number {
    return this.count - this.#free.length;
  }

  /** What it throws becomes the cause of an `FA003`. */
  obtain(bytes: number): Chunk {
    if (bytes > this.size) throw new RangeError(`a bank has ${this.size} bytes`);
    const buffer = this.#free.pop();
    if (buffer === undefined) throw new RangeError(`all ${this.count} banks are in use`);
    return new Bank(buffer, this.#free);
  }
}

class Bank implements Chunk {
  buffer: ArrayBuffer;
  readonly #home: ArrayBuffer[];

  constructor(buffer: ArrayBuffer, home: ArrayBuffer[]) {
    this.buffer = buffer;
    this.#home = home;
  }

  /** Detaches every view; the memory stays where it is. */
  revoke(): void {
    this.buffer = this.buffer.transfer();
  }

  /** Cleared here, as `zeroed` promises zeros to the next one. */
  release(): void {
    this.revoke();
    new Uint8Array(this.buffer).fill(0);
    this.#home.push(this.buffer);
    this.buffer = new ArrayBuffer(0);
  }
}

const banks = new Banks(8, kilobytes(64));
const Shot = struct("Shot", { position: vec2f, speed: f32 });

{
  using alloc = new SmartAlloc({
    source: banks,
    safety: "revoke",
    frameArenaSize: banks.size,
    poolPageSize: banks.size,
  });
  equal(banks.used, 0, "memory is asked for on first use");

  // Frames, pool and heap all live in the banks. A frame that needs more gets a further bank, and gives it back.
  const shot = alloc.poolAlloc(Shot);
  alloc.beginFrame();
  const [first, second] = [alloc.frameSlice(Uint8Array, 40_000).fill(1), alloc.frameSlice(Uint8Array, 40_000).fill(2)];
  equal(first.every((byte) => byte === 1) && second.every((byte) => byte === 2), true, "they do not overlap");
  const inFrame = banks.used;
  alloc.endFrame();
  alloc.beginFrame();
  equal([first.length, second.length].join(), "0,0", "this source can revoke, so views end with their frame");
  console.log(`banks: ${inFrame} in use in a large frame, ${banks.used} in the next one`);
  deepEqual([inFrame, banks.used], [3, 2]);

  const blocks: { free(): void }[] = [];
  const error = refused(() => {
    while (true) blocks.push(alloc.heapAlloc(60_000));
  });
  console.log(`banks: ${banks.used} of ${banks.count} in use\n  ${error.message}`);
  equal((error.cause as Error).message, "all 8 banks are in use");
  for (const block of blocks) block.free();
  alloc.trim();
  equal(banks.used, 2, "freed blocks are kept for later, until they are asked back");
  console.log(`  ${refused(() => alloc.heapAlloc(100_000)).message}`);
  shot.speed = 1;
  alloc.poolFree(shot);
  alloc.endFrame();
}
equal(banks.used, 0, "everything has come back");

/** What the allocator says when the source gives no more. */
function refused(fn: () => void): ArenaExhaustedError {
  try {
    fn();
  } catch (error) {
    if (error instanceof ArenaExhaustedError) return error;
    throw error;
  }
  throw new Error("Nobody has refused anything");
}

// An allocator with a lifetime of its own

/** Pays for a picture and its history together. */
class Purse implements Account {
  readonly limit: number;
  used = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  hold(bytes: number): Verdict {
    if (this.used + bytes > this.limit) return REFUSED;
    this.used += bytes;
    return GRANTED;
  }

  drop(bytes: number): void {
    this.used -= bytes;
  }

  /** Only asked by a region that was told how far it may go, with `region.allow`. */
  admit(): Verdict {
    return GRANTED;
  }

  refusal(action: string): Error {
    return new Error(`Cannot ${action} as ${this.used} of ${this.limit} bytes are in use: forget the history first`);
  }
}

/** What a stroke has painted over. */
interface Patch {
  readonly at: number;
  readonly length: number;
  readonly before: Position;
}

/**
 * A picture that remembers every stroke. A stroke is a mark in a region, and what it paints over is allocated after the mark: to
 * undo it is to copy that back and to rewind. Whoever still looks at an undone stroke is told its name.
 */
class Picture implements LifeOwner {
  readonly width: number;
  readonly #history: Region;
  readonly #store: BlockStore;
  readonly #block: Block;
  readonly #strokes: { readonly mark: number; readonly patches: Patch[] }[] = [];
  readonly #names: string[] = [];

  constructor(width: number, account: Account) {
    this.width = width;
    this.#history = new Region({ source: arrayBufferSource, size: kilobytes(4), owner: this, account });
    this.#store = new BlockStore({ source: arrayBufferSource, idleBytes: 0, account });
    const block = this.#store.take(width * width, true, this);
    if (block === undefined) throw account.refusal("make a picture");
    this.#block = block;
    this.#history.open();
  }

  get pixels(): Uint8Array {
    const view = this.#block.life.view;
    if (view === null) throw this.expired();
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  }

  get remembered(): number {
    return this.#history.used;
  }

  /** Paints a square; if there is no room to remember what was there, nothing is painted. */
  paint(name: string, x: number, y: number, size: number, color: number): readonly Patch[] {
    // Lives that are opened from now on, and so the positions in them, carry the number of the stroke.
    this.#history.serial = this.#names.push(name) - 1;
    const patches: Patch[] = [];
    this.#strokes.push({ mark: this.#history.mark(), patches });
    const { pixels } = this;
    for (let row = y; row < y + size; row++) {
      const at = row * this.width + x;
      const offset = this.#history.alloc(size);
      if (offset < 0) {
        const error = this.#history.refusal(`paint "${name}"`);
        this.undo();
        throw error;
      }
      this.#history.view(Uint8Array, offset, size).set(pixels.subarray(at, at + size));
      patches.push({ at, length: size, before: this.#history.at(offset) });
      pixels.fill(color, at, at + size);
    }
    return patches;
  }

  /** What was there before a patch was painted. */
  look({ before, length }: Patch): Uint8Array {
    const view = viewOf(before);
    return new Uint8Array(view.buffer, view.byteOffset + before.offset, length);
  }

  undo(): boolean {
    const stroke = this.#strokes.pop();
    if (stroke === undefined) return false;
    for (const patch of stroke.patches.reverse()) this.pixels.set(this.look(patch), patch.at);
    this.#history.rewind(stroke.mark);
    return true;
  }

  /** Nothing before this can be undone any longer. */
  forget(): void {
    this.#strokes.length = 0;
    this.#history.reset();
    this.#history.trim();
  }

  close(): void {
    this.#strokes.length = 0;
    this.#history.dispose();
    this.#store.free(this.#block);
  }

  /** Called with a position whose life has ended. */
  expired(before?: Position): Error {
    if (this.#block.life.view === null) return new Error("Cannot use a picture as it was closed");
    const stroke = before?.life.serial ?? 0;
    return new Error(`Cannot look at stroke ${stroke}, "${this.#names[stroke]}", as it was undone or forgotten`);
  }
}

const purse = new Purse(kilobytes(48));
const picture = new Picture(128, purse);

// Paint until the history is full. Copies of the picture tell later whether undoing has worked.
const copies: Uint8Array[] = [];
const strokes: (readonly Patch[])[] = [];
let full: unknown;
while (full === undefined) {
  const i = strokes.length;
  const copy = picture.pixels.slice();
  try {
    strokes.push(picture.paint(`square ${i}`, (i * 7) % 96, (i * 13) % 96, 8 + i % 24, i + 1));
    copies.push(copy);
  } catch (error) {
    full = error;
    deepEqual(picture.pixels, copy, "what cannot be remembered is not painted");
  }
}
console.log(`\npicture: ${strokes.length} strokes, ${formatBytes(picture.remembered)} remembered`);
console.log(`  ${(full as Error).message}`);
equal(purse.used <= purse.limit && purse.used >= 128 * 128 + picture.remembered, true, "the purse pays for both");

// Undo ten strokes, and paint others over them: a stroke that was undone is not mistaken for one in the same memory.
const undone = strokes.at(-1)![0]!;
equal(picture.look(undone).length, undone.length, "a stroke that can be undone can be looked at");
for (let i = 0; i < 10; i++) {
  picture.undo();
  deepEqual(picture.pixels, copies.pop(), "each stroke is undone to the pixel");
}
copies.push(picture.pixels.slice());
picture.paint("something else", 0, 0, 32, 255);
throws(() => picture.look(undone), complaint());
equal(picture.look(strokes[0]![0]!).every((pixel) => pixel === 0), true, "the first stroke was on an empty picture");

let count = 0;
while (picture.undo()) {
  deepEqual(picture.pixels, copies.pop());
  count++;
}
equal(picture.pixels.every((pixel) => pixel === 0) && picture.remembered === 0, true, "the picture is empty again");
console.log(`picture: ${count} more strokes undone, and the picture is empty again`);

picture.paint("the last one", 0, 0, 16, 1);
picture.forget();
equal(picture.undo(), false, "there is nothing left to undo");
equal(picture.pixels[0], 1, "what was painted stays");
throws(() => picture.look(strokes[0]![0]!), complaint());
picture.close();
throws(() => picture.pixels, complaint());
equal(purse.used, 0, "everything is paid back");
console.log("picture: closed, and all of its memory was given back");

/** Prints an error that is expected. */
function complaint(): (error: Error) => boolean {
  return (error) => {
    console.log(`  ${error.message}`);
    return error.message.startsWith("Cannot ");
  };
}
