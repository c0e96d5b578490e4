/**
 * Plain JavaScript values that end with their task: what has no layout can have a lifetime too.
 */

import type { TaskRoom } from "./task_room.ts";

/**
 * Holds a value until its task ends.
 *
 * @typeParam T What it holds.
 *
 * @example
 * ```ts
 * import { SmartAlloc, TaskAlloc, TaskError } from "@framealloc/core";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const task = new TaskAlloc(new SmartAlloc(), { name: "parse" });
 * const words = task.allocBox(["a", "b"]);
 * words.value.push("c");
 * assertEquals(words.value.length, 3);
 * task.release();
 * assertThrows(() => words.value, TaskError, "FA711");
 * ```
 */
export class TaskBox<T> {
  readonly #room: TaskRoom;
  readonly #values: unknown[];
  readonly #place: number;

  /** Made by {@linkcode TaskAlloc.allocBox}. */
  constructor(room: unknown, values: unknown[], value: T) {
    this.#room = room as TaskRoom;
    this.#values = values;
    this.#place = values.push(value) - 1;
  }

  /**
   * The value.
   *
   * @throws {TaskError} `FA711` after the end of the task.
   */
  get value(): T {
    this.#check();
    return this.#values[this.#place] as T;
  }

  set value(value: T) {
    this.#check();
    this.#values[this.#place] = value;
  }

  #check(): void {
    if (!this.#room.isThere) throw this.#room.ended("use a box of");
  }
}
