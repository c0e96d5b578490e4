/**
 * Numbers that stand for things: a place in a table and a generation. A number is plain and survives every copy; once the thing
 * is gone no other thing of the same table ever has the same number, and the first 8192 tables of a program have no number in common.
 * A place whose generations have run out is retired.
 */

/** A number is 24 bits of place, 16 bits of life, counted from one, and 13 bits of table: a safe integer. */
const PLACES = 2 ** 24;
const LIVES = 2 ** 16;
const TABLES = 2 ** 13;

/** How often a place can be used. */
const MOST_LIVES = LIVES - 1;

let tables = 0;

/**
 * A table of places, each in use or free.
 *
 * @example
 * ```ts
 * import { Slots } from "@framealloc/core/memory";
 * import { assertEquals } from "@std/assert";
 *
 * const slots = new Slots();
 * const first = slots.take();
 * assertEquals(slots.find(first), 0);
 * slots.give(0);
 * const second = slots.take(); // the same place, another number
 * assertEquals([slots.find(first), slots.find(second)], [-1, 0]);
 * ```
 */
export class Slots {
  /** How often each place was taken and given back: odd while it is in use. */
  declare generations: Int32Array;
  /** The places in use. */
  declare live: number;
  /** Places that were used as often as they may be. */
  declare retired: number;
  /** One more than the largest place that was ever in use. */
  declare height: number;
  readonly #most: number;
  readonly #lastGeneration: number;
  /** What all numbers of this table start from. */
  readonly #first: number;
  #free: Int32Array;
  #freeCount = 0;

  /**
   * Starts empty.
   *
   * @param most How many places there may be; at most 2 ** 24.
   * @param mostLives How often a place is used before it is retired.
   */
  constructor(most: number = PLACES, mostLives: number = MOST_LIVES) {
    this.generations = new Int32Array(16);
    this.#free = new Int32Array(16);
    this.live = 0;
    this.retired = 0;
    this.height = 0;
    this.#first = (tables++ % TABLES) * LIVES * PLACES + PLACES;
    this.#most = Math.min(most, PLACES);
    this.#lastGeneration = 2 * Math.min(mostLives, MOST_LIVES) - 1;
  }

  /**
   * Takes a place.
   *
   * @returns Its number: never zero. -1 if all places are in use or retired.
   */
  take(): number {
    let place: number;
    if (this.#freeCount > 0) place = this.#free[--this.#freeCount]!;
    else if (this.height < this.#most) {
      place = this.height++;
      if (place === this.generations.length) this.#grow();
    } else return -1;
    this.live++;
    const generation = ++this.generations[place]!;
    return (generation >> 1) * PLACES + this.#first + place;
  }

  /**
   * The place of a number in use.
   *
   * @param number What {@linkcode Slots.take} has just returned.
   * @returns The place.
   */
  placeOf(number: number): number {
    return number & (PLACES - 1);
  }

  /**
   * Finds the place of a number.
   *
   * @param number Any number.
   * @returns The place, or -1 if the number is none of this table now.
   */
  find(number: number): number {
    if (typeof number !== "number") return -1;
    const place = number & (PLACES - 1);
    const generation = this.generations[place];
    if (generation === undefined || (generation & 1) === 0) return -1;
    return (generation >> 1) * PLACES + this.#first + place === number ? place : -1;
  }

  /**
   * Whether a number stood for a thing once.
   *
   * @param number Any number.
   * @returns Whether it is one that this table has given out and taken back.
   */
  isPast(number: number): boolean {
    if (!Number.isSafeInteger(number) || number < this.#first) return false;
    const place = number & (PLACES - 1);
    const life = Math.floor((number - this.#first) / PLACES);
    return place < this.height && life < (this.generations[place]! + 1) >> 1 && this.find(number) < 0;
  }

  /**
   * Gives a place back.
   *
   * @param place A place in use.
   */
  give(place: number): void {
    const generation = this.generations[place]!;
    this.generations[place] = generation + 1;
    this.live--;
    if (generation === this.#lastGeneration) this.retired++;
    else this.#free[this.#freeCount++] = place;
  }

  /**
   * The number of a place in use.
   *
   * @param place A place in use.
   * @returns Its number.
   */
  numberOf(place: number): number {
    return (this.generations[place]! >> 1) * PLACES + this.#first + place;
  }

  #grow(): void {
    const generations = new Int32Array(2 * this.generations.length);
    generations.set(this.generations);
    this.generations = generations;
    const free = new Int32Array(generations.length);
    free.set(this.#free);
    this.#free = free;
  }
}
