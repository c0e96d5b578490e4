/**
 * What the tasks of one allocator share: the chunks that pass from one to the next, and the list of those that are there.
 */

import type { ChunkCapabilities } from "../../src/memory/chunk_source.ts";
import { ChunkPool } from "../../src/memory/chunk_pool.ts";
import { arrayBufferSource } from "../../src/memory/buffer_source.ts";
import type { Leak } from "../../src/observe/leak.ts";
import type { Ledger } from "../../src/observe/ledger.ts";
import type { Context } from "../../src/pool/context.ts";
import type { ChunkLender } from "./task_chunks.ts";
import { TaskRoom, type TaskRoomOptions } from "./task_room.ts";
import { TaskSites } from "./task_sites.ts";

/** How many tasks are made for one whose stack is looked at; in debug mode it is that of each. */
const LOOKS_EVERY = 1024;

/** What one task has in use. All sizes are bytes. */
export interface TaskUse {
  /** Its name. */
  readonly name: string;
  /** The path of the tag under which it was made; `""` if there was none. */
  readonly tag: string;
  /** What it has handed out, with padding. */
  readonly used: number;
  /** The chunks that it holds. */
  readonly reserved: number;
  /** Its allocations. */
  readonly allocations: number;
}

/** What tasks have in use. All sizes are bytes. */
export interface TaskStats {
  /** Tasks that have not ended. */
  readonly live: number;
  /** All that were ever made. */
  readonly made: number;
  /** Those that were left to the garbage collector. */
  readonly leaked: number;
  /** The chunks that tasks hold. */
  readonly reserved: number;
  /** Chunks that are kept for the next tasks. */
  readonly idle: number;
  /** How often a chunk was used again. */
  readonly reuses: number;
  /** Each task that has not ended. */
  readonly tasks: readonly TaskUse[];
}

/** A task that nobody has released. */
export interface LostTask extends Leak {
  readonly site: string | undefined;
}

/** See the file comment. */
export class TaskMemory implements ChunkLender {
  readonly ledger: Ledger;
  readonly pool: ChunkPool;
  readonly capabilities: ChunkCapabilities;
  reserved = 0;
  readonly sites: TaskSites;
  readonly #context: Context;
  readonly #rooms: TaskRoom[] = [];
  /** How many were ever made. */
  made = 0;
  #leaked = 0;
  readonly #lost: FinalizationRegistry<TaskRoom>;

  constructor(context: Context, onLost: (task: LostTask) => void) {
    const { ledger, config } = context;
    this.#context = context;
    this.ledger = ledger;
    const source = config.source.capabilities.transferable && config.source.capabilities.revocable
      ? config.source
      : arrayBufferSource;
    this.capabilities = { ...source.capabilities, zeroed: true, lazy: false };
    this.pool = new ChunkPool({
      source,
      idleBytes: config.taskIdleBytes,
      onDiscard: (bytes) => ledger.drop(bytes),
    });
    this.sites = new TaskSites(config.debug ? 1 : LOOKS_EVERY);
    this.#lost = new FinalizationRegistry((room) => {
      if (!room.isThere) return;
      const leak = { ...this.#leak(room), site: this.sites.where(room.name, room.site) };
      this.#leaked++;
      room.abandon();
      onLost(leak);
    });
  }

  /** Makes the memory of a task. */
  add(options: TaskRoomOptions): TaskRoom {
    const room = new TaskRoom(this.#context, this, options);
    room.index = this.#rooms.length;
    this.#rooms.push(room);
    this.made++;
    return room;
  }

  /** Notices when nobody holds a task any more. */
  watch(task: object, room: TaskRoom): void {
    this.#lost.register(task, room, room);
  }

  /** Takes one off the list that is over. */
  remove(room: TaskRoom): void {
    this.#lost.unregister(room);
    const last = this.#rooms.pop()!;
    if (last !== room) {
      this.#rooms[room.index] = last;
      last.index = room.index;
    }
    room.index = -1;
  }

  get isDisposed(): boolean {
    return this.#context.isDisposed;
  }

  get stats(): TaskStats {
    return {
      live: this.#rooms.length,
      made: this.made,
      leaked: this.#leaked,
      reserved: this.reserved,
      idle: this.pool.idle,
      reuses: this.pool.reuses,
      tasks: this.#rooms.map(({ name, tag, region, held }) => ({
        name,
        tag: tag.path,
        used: region.used,
        reserved: held,
        allocations: region.count,
      })),
    };
  }

  leaks(): Leak[] {
    return this.#rooms.map((room) => this.#leak(room));
  }

  /** Ends all of them. A task is older than those inside it, which it ends in their turn. */
  dispose(): void {
    const rooms = [...this.#rooms].sort((a, b) => a.number - b.number);
    for (const room of rooms) room.endTask(undefined, "was freed with its allocator");
    this.pool.trim();
  }

  #leak({ name, tag, region, frame }: TaskRoom): Leak {
    return { kind: "task", name, tag: tag.path, bytes: region.used, age: this.ledger.frame - frame };
  }
}
