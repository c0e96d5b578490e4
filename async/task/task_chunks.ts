/**
 * The chunks of one task, and who pays for them. A task holds whole chunks that it shares with nobody: they count for the tag under
 * which it was made, for its budget, and for all memory; what it lets go of and is kept for the next task counts for all memory only.
 */

import { type Account, AGAIN, GRANTED, REFUSED, type Verdict } from "../../src/memory/account.ts";
import type { Chunk, ChunkCapabilities, ChunkSource } from "../../src/memory/chunk_source.ts";
import type { ChunkHolder, ChunkPool, PooledChunk } from "../../src/memory/chunk_pool.ts";
import type { Budget } from "../../src/observe/budget.ts";
import type { ChildBudget } from "../../src/observe/budgets.ts";
import type { Ledger } from "../../src/observe/ledger.ts";
import { type Tag, TASKS } from "../../src/observe/tag.ts";

/** What the tasks of an allocator share. */
export interface ChunkLender {
  readonly ledger: Ledger;
  readonly pool: ChunkPool;
  readonly capabilities: ChunkCapabilities;
  /** What all tasks hold, in bytes. */
  reserved: number;
}

/** Why nothing can be had any more. */
interface Refuser {
  refused(action: string): Error;
}

/** See the file comment. */
export class TaskChunks implements ChunkSource, Account, ChunkHolder {
  readonly name = "tasks";
  readonly capabilities: ChunkCapabilities;
  readonly #lender: ChunkLender;
  readonly #tag: Tag;
  readonly #child: ChildBudget | undefined;
  readonly #budget: Budget | null;
  readonly #zero: boolean;
  /** Says why nothing can be had any more, once the task is over. */
  over: Refuser | undefined;
  #held = 0;

  constructor(lender: ChunkLender, tag: Tag, budget: ChildBudget | undefined, zero: boolean) {
    this.#lender = lender;
    this.capabilities = lender.capabilities;
    this.#tag = tag;
    this.#child = budget;
    this.#budget = budget === undefined ? null : budget.$budget as Budget;
    this.#zero = zero;
  }

  /** What it holds, in bytes. */
  get held(): number {
    return this.#held;
  }

  sizeFor(bytes: number): number {
    return this.#lender.pool.sizeFor(bytes);
  }

  /** Asks everybody whose limit the chunk falls under. A region asks for the very size that it then obtains. */
  hold(bytes: number): Verdict {
    const { ledger, pool } = this.#lender;
    const { budget } = this.#tag;
    if (this.over !== undefined || ledger.isClosed || this.#child?.$isOpen === false) return REFUSED;
    if (budget !== null) {
      ledger.turn();
      const verdict = ledger.ask(budget, bytes);
      if (verdict !== GRANTED) return verdict;
    }
    // A chunk that is kept for later is paid for already.
    const verdict = pool.has(bytes) ? this.#hand(bytes) : this.#fetch(bytes);
    if (verdict !== GRANTED) return verdict;
    this.#count(bytes);
    return GRANTED;
  }

  obtain(bytes: number): Chunk {
    try {
      const chunk = this.#lender.pool.take(bytes, this.#zero);
      chunk.holder = this;
      return chunk;
    } catch (error) {
      this.#count(-bytes);
      this.#leave(bytes, false);
      throw error;
    }
  }

  released(chunk: PooledChunk): void {
    this.#count(-chunk.capacity);
    this.#leave(chunk.capacity, this.#lender.pool.give(chunk));
  }

  /** Nothing is left to do: it was counted when the chunk was released, or could not be had. */
  drop(): void {}

  admit(): Verdict {
    return GRANTED;
  }

  refusal(action: string): Error {
    if (this.over !== undefined) return this.over.refused(action);
    if (this.#child?.$isOpen === false) return this.#child.$released(action);
    return this.#lender.ledger.refusal(action);
  }

  /** Takes all off the books, and leaves the memory to whoever may still see it. */
  forget(): void {
    this.#leave(this.#held, false);
    this.#count(-this.#held);
  }

  #hand(bytes: number): Verdict {
    if (this.#budget === null) return GRANTED;
    const { ledger } = this.#lender;
    const verdict = ledger.ask(this.#budget, bytes, ledger.global);
    if (verdict === GRANTED) this.#charge(bytes, ledger.global);
    return verdict;
  }

  #fetch(bytes: number): Verdict {
    const { ledger } = this.#lender;
    if (this.#budget === null) return ledger.hold(bytes);
    if (ledger.relieved(bytes)) return AGAIN;
    const verdict = ledger.ask(this.#budget, bytes);
    if (verdict === GRANTED) this.#charge(bytes, null);
    return verdict;
  }

  /** Takes bytes off the budgets; those of a chunk that is kept stay on that of all memory. */
  #leave(bytes: number, isKept: boolean): void {
    const { ledger } = this.#lender;
    if (this.#budget !== null) this.#charge(-bytes, isKept ? ledger.global : null);
    else if (!isKept) ledger.drop(bytes);
  }

  /** It is lent by the budgets around as well, which may be released before this one. */
  #charge(bytes: number, within: Budget | null): void {
    this.#budget!.charge(bytes, within);
    for (let budget = this.#budget; budget?.kind === "a child"; budget = budget.parent) budget.lent += bytes;
  }

  #count(bytes: number): void {
    this.#held += bytes;
    this.#lender.reserved += bytes;
    this.#tag.hold(TASKS, bytes);
  }
}
