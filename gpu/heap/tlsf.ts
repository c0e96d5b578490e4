/**
 * Where things lie in a block of device memory: a two-level segregated fit over offsets only, as the memory itself cannot be
 * written to. Both directions take bounded time, and nothing that is in use ever moves.
 *
 * The method is that of Masmano, Ripoll, Crespo and Real, "TLSF: a new dynamic memory allocator for real-time systems" (ECRTS
 * 2004). That the bins are small floats, and that nodes lie apart from the memory, is as in Sebastian Aaltonen's OffsetAllocator
 * (MIT). New here: a few runs of the bins below are tried before giving up, so that what fits exactly is found; alignment; and a
 * pool of nodes that grows.
 */

import { FrameAllocError } from "../../src/errors.ts";

/** A bin holds the free runs whose sizes are the same float with this many bits of mantissa. A row is the bins of one exponent. */
const BITS = 5;
const COLUMNS = 2 ** BITS;
const LAST_COLUMN = COLUMNS - 1;

/** How many runs that may be too small are tried when there is none that surely fits. */
const TRIES = 8;

/** A node is a run, used or free: its offset and size, the runs beside it, and the free runs beside it in its bin. */
const SHIFT = 3;
const OFFSET = 0;
const SIZE = 1;
const BEFORE = 2;
const AFTER = 3;
const PREVIOUS = 4;
const FOLLOWING = 5;

const NONE = -1;
/** Instead of the previous free run: a run in use, and a node that is no run now. */
const USED = -2;
const SPARE = -3;

const FIRST_NODES = 32;

/** See the file comment. All sizes and offsets are in units. Runs are known by the numbers of their nodes. */
export class Tlsf {
  /** All there are. */
  declare readonly units: number;
  /** How many are free. */
  declare free: number;
  /** How many runs are in use. */
  declare count: number;
  /** By node a number of the caller's, -1 until set. It is another array after the pool of nodes has grown. */
  declare owners: Int32Array;
  #nodes: Int32Array = new Int32Array(0);
  /** A chain of nodes that are no runs now. */
  #spare = NONE;
  #runs = 0;
  /** By bin the free run at its head. */
  readonly #heads: Int32Array;
  /** By row a bit for each bin that is not empty, and a bit for each row that is not empty. */
  readonly #filled: Int32Array;
  #filledRows = 0;

  /** Starts as one free run of this many units, from 1 to 2 ** 30. */
  constructor(units: number) {
    this.units = units;
    this.free = units;
    this.count = 0;
    this.owners = new Int32Array(0);
    // One row more than is ever filled, for searches that start above all there is.
    const rows = (binOf(units) >> BITS) + 2;
    this.#heads = new Int32Array(rows * COLUMNS).fill(NONE);
    this.#filled = new Int32Array(rows);
    this.#grow();
    const nodes = this.#nodes;
    this.#spare = nodes[FOLLOWING]!;
    nodes[SIZE] = units;
    nodes[BEFORE] = NONE;
    nodes[AFTER] = NONE;
    this.#link(0);
  }

  /**
   * Takes a run of one unit or more, at a multiple of a power of two.
   *
   * @returns Its node, or -1 if there is no room.
   */
  alloc(units: number, align: number = 1): number {
    const { free } = this;
    if (units > free) return NONE;
    let node = this.#heads[binOf(units)]!; // perhaps what was given back last is just right
    if (node === NONE || !this.#fits(node, units, align)) {
      const surely = units + align - 1;
      node = surely > free ? NONE : this.#find(surely);
      if (node === NONE) node = this.#try(units, align, surely > free ? free : surely);
      if (node === NONE) return NONE;
    }
    // Each node is a run, and this takes two more at most. Growing first means that a refusal leaves all as it was.
    if (this.count + this.#runs + 2 > this.owners.length) this.#grow();
    this.#unlink(node);
    const nodes = this.#nodes;
    const gap = -nodes[(node << SHIFT) + OFFSET]! & (align - 1);
    if (gap > 0) {
      const front = node;
      node = this.#cut(front, gap);
      this.#link(front);
    }
    if (nodes[(node << SHIFT) + SIZE]! > units) this.#link(this.#cut(node, units));
    this.#use(node);
    this.free -= units;
    return node;
  }

  /** Gives a run back. */
  release(node: number): void {
    const nodes = this.#nodes;
    let at = node << SHIFT;
    if (nodes[at + PREVIOUS] !== USED) throw broken(`release node ${node}`, "it is not in use");
    this.count--;
    this.free += nodes[at + SIZE]!;
    // The lower of two nodes is the one that stays, so that node 0 is always the first run.
    const after = nodes[at + AFTER]!;
    if (after !== NONE && nodes[(after << SHIFT) + PREVIOUS] !== USED) {
      this.#unlink(after);
      this.#join(at, after);
    }
    const before = nodes[at + BEFORE]!;
    if (before !== NONE && nodes[(before << SHIFT) + PREVIOUS] !== USED) {
      this.#unlink(before);
      at = before << SHIFT;
      this.#join(at, node);
      node = before;
    }
    this.#link(node);
  }

  /** Where a run starts. */
  offsetOf(node: number): number {
    return this.#nodes[(node << SHIFT) + OFFSET]!;
  }

  /** The units of a run. */
  sizeOf(node: number): number {
    return this.#nodes[(node << SHIFT) + SIZE]!;
  }

  /** Makes two runs in use of one: it keeps its first units. Returns the node of the rest. */
  split(node: number, units: number): number {
    if (!this.isUsed(node)) throw broken(`split node ${node}`, "it is not in use");
    if (!(units > 0 && units < this.sizeOf(node))) {
      throw broken(`split node ${node} after ${units} units`, `it has ${this.sizeOf(node)}`);
    }
    if (this.count + this.#runs === this.owners.length) this.#grow();
    const rest = this.#cut(node, units);
    this.#use(rest);
    return rest;
  }

  /** The units of the largest free run. Takes as long as there are runs in the last bin. */
  get largestFree(): number {
    if (this.#filledRows === 0) return 0;
    const row = highest(this.#filledRows);
    let node = this.#heads[(row << BITS) + highest(this.#filled[row]!)]!;
    let largest = this.sizeOf(node);
    if (row < 2) return largest; // all sizes of such a bin are the same
    while ((node = this.#nodes[(node << SHIFT) + FOLLOWING]!) !== NONE) largest = Math.max(largest, this.sizeOf(node));
    return largest;
  }

  /** The run at offset 0, used or free. */
  get first(): number {
    return 0;
  }

  /** The run after another one, used or free; -1 at the end. */
  next(node: number): number {
    return this.#nodes[(node << SHIFT) + AFTER]!;
  }

  /** Whether a node is a run in use. */
  isUsed(node: number): boolean {
    return this.#nodes[(node << SHIFT) + PREVIOUS] === USED;
  }

  /** How many free runs there are. */
  get runs(): number {
    return this.#runs;
  }

  /** A free run of at least so many units, from the first bin in which all have them. */
  #find(units: number): number {
    const bin = binAbove(units);
    let row = bin >> BITS;
    let columns = this.#filled[row]! & (-1 << (bin & LAST_COLUMN));
    if (columns === 0) {
      const rows = this.#filledRows & (-2 << row);
      if (rows === 0) return NONE;
      row = lowest(rows);
      columns = this.#filled[row]!;
    }
    return this.#heads[(row << BITS) + lowest(columns)]!;
  }

  /** A free run with room for an aligned one, among the first of those that have at most about so many units. */
  #try(units: number, align: number, most: number): number {
    const last = binOf(units);
    let tries = TRIES;
    for (let bin = this.#filledFrom(binOf(most)); bin >= last; bin = this.#filledFrom(bin - 1)) {
      for (let node = this.#heads[bin]!; node !== NONE; node = this.#nodes[(node << SHIFT) + FOLLOWING]!) {
        if (this.#fits(node, units, align)) return node;
        if (--tries === 0) return NONE;
      }
    }
    return NONE;
  }

  #fits(node: number, units: number, align: number): boolean {
    const at = node << SHIFT;
    return this.#nodes[at + SIZE]! >= units + (-this.#nodes[at + OFFSET]! & (align - 1));
  }

  /** The last bin up to this one that is not empty, or less than 0. */
  #filledFrom(bin: number): number {
    if (bin < 0) return NONE;
    const row = bin >> BITS;
    const columns = this.#filled[row]! & ~(-2 << (bin & LAST_COLUMN));
    if (columns !== 0) return (row << BITS) + highest(columns);
    const rows = this.#filledRows & ~(-1 << row);
    if (rows === 0) return NONE;
    const below = highest(rows);
    return (below << BITS) + highest(this.#filled[below]!);
  }

  /** Puts a run at the head of its bin. */
  #link(node: number): void {
    const nodes = this.#nodes;
    const at = node << SHIFT;
    const bin = binOf(nodes[at + SIZE]!);
    const following = this.#heads[bin]!;
    nodes[at + PREVIOUS] = NONE;
    nodes[at + FOLLOWING] = following;
    this.#heads[bin] = node;
    this.#runs++;
    if (following !== NONE) nodes[(following << SHIFT) + PREVIOUS] = node;
    else {
      const row = bin >> BITS;
      this.#filled[row]! |= 1 << (bin & LAST_COLUMN);
      this.#filledRows |= 1 << row;
    }
  }

  /** Takes a run out of its bin. */
  #unlink(node: number): void {
    const nodes = this.#nodes;
    const at = node << SHIFT;
    const previous = nodes[at + PREVIOUS]!;
    const following = nodes[at + FOLLOWING]!;
    this.#runs--;
    if (following !== NONE) nodes[(following << SHIFT) + PREVIOUS] = previous;
    if (previous !== NONE) {
      nodes[(previous << SHIFT) + FOLLOWING] = following;
      return;
    }
    const bin = binOf(nodes[at + SIZE]!);
    this.#heads[bin] = following;
    if (following !== NONE) return;
    const row = bin >> BITS;
    const columns = this.#filled[row]! & ~(1 << (bin & LAST_COLUMN));
    this.#filled[row] = columns;
    if (columns === 0) this.#filledRows &= ~(1 << row);
  }

  /** Cuts a run in two. Returns the node of the second, which is neither used nor in a bin yet. */
  #cut(node: number, units: number): number {
    const nodes = this.#nodes;
    const rest = this.#spare;
    const at = node << SHIFT;
    const to = rest << SHIFT;
    this.#spare = nodes[to + FOLLOWING]!;
    const after = nodes[at + AFTER]!;
    nodes[to + OFFSET] = nodes[at + OFFSET]! + units;
    nodes[to + SIZE] = nodes[at + SIZE]! - units;
    nodes[to + BEFORE] = node;
    nodes[to + AFTER] = after;
    nodes[at + SIZE] = units;
    nodes[at + AFTER] = rest;
    if (after !== NONE) nodes[(after << SHIFT) + BEFORE] = rest;
    return rest;
  }

  /** Lets the run at a place take in the one after it, which is in no bin. */
  #join(at: number, gone: number): void {
    const nodes = this.#nodes;
    const from = gone << SHIFT;
    const after = nodes[from + AFTER]!;
    nodes[at + SIZE]! += nodes[from + SIZE]!;
    nodes[at + AFTER] = after;
    if (after !== NONE) nodes[(after << SHIFT) + BEFORE] = at >> SHIFT;
    nodes[from + PREVIOUS] = SPARE;
    nodes[from + FOLLOWING] = this.#spare;
    this.#spare = gone;
  }

  #use(node: number): void {
    this.#nodes[(node << SHIFT) + PREVIOUS] = USED;
    this.owners[node] = NONE;
    this.count++;
  }

  /** Doubles the pool of nodes. */
  #grow(): void {
    const length = this.owners.length;
    const larger = Math.max(FIRST_NODES, 2 * length);
    const nodes = new Int32Array(larger << SHIFT);
    const owners = new Int32Array(larger);
    nodes.set(this.#nodes);
    owners.set(this.owners);
    for (let node = larger - 1; node >= length; node--) {
      nodes[(node << SHIFT) + PREVIOUS] = SPARE;
      nodes[(node << SHIFT) + FOLLOWING] = this.#spare;
      this.#spare = node;
    }
    this.#nodes = nodes;
    this.owners = owners;
  }
}

/** The bin that a run of this size is in. */
function binOf(units: number): number {
  if (units < COLUMNS) return units;
  const exponent = 31 - BITS - Math.clz32(units);
  return (exponent << BITS) + (units >>> exponent);
}

/** The first bin in which every run has this size. */
function binAbove(units: number): number {
  if (units < COLUMNS) return units;
  const exponent = 31 - BITS - Math.clz32(units);
  return (exponent << BITS) + ((units - 1) >>> exponent) + 1;
}

/** The number of the lowest bit that is set. */
function lowest(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/** The number of the highest bit that is set. */
function highest(bits: number): number {
  return 31 - Math.clz32(bits);
}

function broken(what: string, state: string): FrameAllocError {
  return new FrameAllocError("FA999", `Cannot ${what} as ${state}: this is a bug in the library`);
}
