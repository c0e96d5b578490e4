/**
 * The memory of one task. It is known to its allocator by itself, so that a task which nobody holds any more can be noticed.
 */

import { disposed, TaskError } from "../../src/errors.ts";
import { kilobytes } from "../../src/units.ts";
import type { Position } from "../../src/memory/life.ts";
import type { ChildBudget } from "../../src/observe/budgets.ts";
import { madeAt } from "../../src/observe/sites.ts";
import { type Tag, TASKS } from "../../src/observe/tag.ts";
import type { Context } from "../../src/pool/context.ts";
import { RegionArena } from "../../src/pool/region_alloc.ts";
import { TaskChunks } from "./task_chunks.ts";
import type { TaskMemory } from "./task_memory.ts";

/** How the memory of a task is made. */
export interface TaskRoomOptions {
  readonly name: string;
  readonly size: number;
  readonly zero: boolean;
  readonly budget: ChildBudget | undefined;
  /** Whether the budget was made for this task alone. */
  readonly ownsBudget: boolean;
}

/** What ends with a task beside its memory. */
interface Task {
  $end(reason: unknown, why: string): void;
}

/** The least that a task takes at once. */
export const TASK_SIZE: number = kilobytes(4);

/** See the file comment. */
export class TaskRoom extends RegionArena {
  readonly name: string;
  readonly tag: Tag;
  /** The frame in which it was made. */
  readonly frame: number;
  /** Where it was made, if that was looked at. */
  readonly site: string | undefined;
  /** Where it is among all; -1 once it is over. */
  index = -1;
  /** Where it is among all that were ever made. */
  readonly number: number;
  /** The task, if something is to end with it. Nothing here holds the task or anything of the program that may hold it. */
  task: WeakRef<Task> | undefined;
  /** Why it is over, or about to be, such as `"has ended"`. */
  #over: string | undefined;
  readonly #memory: TaskMemory;
  readonly #chunks: TaskChunks;
  readonly #budget: ChildBudget | undefined;
  /** Is run once when the memory is gone. */
  onEnd: (() => void) | undefined;

  constructor(context: Context, memory: TaskMemory, options: TaskRoomOptions) {
    const { name, size, zero, budget, ownsBudget } = options;
    const tag = context.ledger.current;
    const chunks = new TaskChunks(memory, tag, budget, zero);
    super(context, {
      kind: TASKS,
      what: `task "${name}"`,
      end: "",
      last: "",
      size: chunks.sizeFor(size),
      maxBytes: Infinity,
      chunks,
    });
    this.name = name;
    this.tag = tag;
    this.frame = context.ledger.frame;
    this.site = memory.sites.note(name);
    this.number = memory.made;
    this.#memory = memory;
    this.#chunks = chunks;
    this.#budget = ownsBudget ? budget : undefined;
  }

  /** Whether its memory can be used. */
  get isThere(): boolean {
    return this.index >= 0;
  }

  /** What it holds, in bytes. */
  get held(): number {
    return this.#chunks.held;
  }

  /** Gives out nothing more; what was given out can still be used. */
  close(why: string): void {
    this.#over ??= why;
    this.#chunks.over = this;
    this.region.close();
  }

  /** Detaches all its memory and gives it back. */
  end(why: string): void {
    if (!this.isThere) return;
    this.close(why);
    this.#over = why;
    this.#memory.remove(this);
    this.region.dispose();
    this.#finish();
  }

  /** Ends the task, and its memory with it. */
  endTask(reason: unknown, why: string): void {
    const task = this.task?.deref();
    if (task === undefined) this.end(why);
    else task.$end(reason, why);
  }

  /** Leaves its memory to those who may still see it, as nobody can end the task any more. */
  abandon(): void {
    this.close("was left to the garbage collector");
    this.#memory.remove(this);
    this.#chunks.forget();
    this.#finish();
  }

  /** Memory is asked of the allocator when the first of it is used. */
  reopen(): boolean {
    this.region.open();
    // The source of the program may have ended it meanwhile.
    if (this.#over === undefined) return true;
    this.region.dispose();
    return false;
  }

  override expired(position: Position): Error {
    return this.ended("use memory of", madeAt(this.sites, position));
  }

  override closed(action: string): Error {
    return this.ended(`${action} in`);
  }

  override ended(action: string, site: string = ""): Error {
    return this.refused(`${action} ${this.what}`, site);
  }

  /** The error of an action that says which task it is of. */
  refused(action: string, site: string = ""): Error {
    if (this.#over === undefined) return disposed(action);
    return new TaskError("FA711", `Cannot ${action} as it ${this.#over}: promote what has to outlive it${site}`);
  }

  #finish(): void {
    this.#budget?.release();
    this.onEnd?.();
    this.onEnd = undefined;
  }
}
