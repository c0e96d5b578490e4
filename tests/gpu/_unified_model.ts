/**
 * A model of buffers that are wanted on both sides: what must be on which of them after any program, and which errors are due.
 */

import { FrameAllocError, SmartAlloc } from "@framealloc/core";
import { type BufferLocation, GpuAllocator, NullBackend, UnifiedAllocator, type UnifiedBuffer } from "../../gpu/mod.ts";
import { assert, assertEquals } from "@std/assert";
import { counting } from "./_bytes.ts";

/** One step of a program; numbers choose among what there is. */
export type UnifiedOp =
  | { readonly do: "cpu" | "gpu" | "staging"; readonly size: number; readonly isShadowed: boolean }
  | { readonly do: "write" | "device writes"; readonly which: number; readonly seed: number }
  | { readonly do: "to gpu" | "to cpu" | "free" | "limit" | "turns"; readonly which: number }
  | { readonly do: "begin" | "end" | "lose" | "recover" | "trim" | "verify" };

/** A buffer, and how it must be. */
interface Known {
  readonly buffer: UnifiedBuffer;
  readonly isStaging: boolean;
  readonly isShadowed: boolean;
  location: BufferLocation;
  isWritten: boolean;
  /** The code of the errors of a buffer that is of no use any more. */
  over: "FA002" | "FA401" | undefined;
  cpu: Uint8Array | undefined;
  gpu: Uint8Array | undefined;
}

/** A transfer to the CPU that is on its way. */
interface Transfer {
  readonly known: Known;
  /** What the device had when the request was sent. */
  bytes: Uint8Array | undefined;
  /** The codes of errors that are due by now; it has to fail if one of them is `due`. */
  readonly codes: Set<string>;
  isDoomed: boolean;
}

/** What budgets say. */
const REFUSED = ["FA351", "FA352"];

/** Runs a program, and checks after each step. */
export class UnifiedModel {
  readonly #alloc = new SmartAlloc({ frameArenaSize: 4096 });
  readonly #backend = new NullBackend();
  readonly #gpu = new GpuAllocator<unknown>(this.#alloc, this.#backend, {
    ringSize: 1024,
    blockSize: 65_536,
    readbackBuffers: 64,
  });
  readonly #unified = new UnifiedAllocator(this.#alloc, this.#gpu);
  #all: Known[] = [];
  readonly #transfers: Set<Transfer> = new Set();
  #isLost = false;
  #isLimited = false;
  #inFrame = false;
  /** How many steps came to an error, and how many transfers arrived. */
  refusals = 0;
  arrivals = 0;

  async run(ops: readonly UnifiedOp[]): Promise<void> {
    for (const op of ops) {
      await this.#do(op);
      await this.#catchUp();
      this.#check();
    }
    await this.#verify();
    for (const known of this.#all) known.buffer.free();
    assertEquals(this.#gpu.stats().allocations, 0);
    this.#gpu.dispose();
    assertEquals([this.#backend.liveBytes, this.#unified.getUsage().gpu], [0, 0]);
    this.#alloc.dispose();
  }

  /** A transfer that has arrived tells the model some turns later. */
  async #catchUp(): Promise<void> {
    for (let turn = 0; turn < 6; turn++) await undefined;
    const isBehind = ({ known }: Transfer) => known.over === undefined && known.buffer.location !== known.location;
    for (let turn = 0; [...this.#transfers].some(isBehind); turn++) {
      assert(turn < 20, "a location has changed, and no transfer has arrived");
      await undefined;
    }
  }

  #check(): void {
    for (const { buffer, over, location, isWritten, cpu } of this.#all) {
      assertEquals([buffer.isFreed, buffer.isWritten], [over !== undefined, isWritten]);
      if (over !== undefined) continue;
      assertEquals(buffer.location, location);
      if (location !== "GpuOnly") assertEquals(buffer.cpuSlice(), cpu);
    }
    const { gpu, combined } = this.#unified.getUsage();
    const { budgets } = this.#alloc.stats();
    if (!this.#isLost) assertEquals(gpu, this.#backend.liveBytes);
    assertEquals([gpu, combined], ["gpu", "global"].map((name) => budgets.find((one) => one.name === name)!.used));
    assertEquals([this.#alloc.inFrame, this.#gpu.inFrame], [this.#inFrame, this.#inFrame]);
  }

  /** Does something that may fail with some errors only, and has to if one of them is due. */
  #try<T>(due: string | undefined, possible: readonly string[], fn: () => T): T | undefined {
    try {
      const result = fn();
      assertEquals(due, undefined, "an error was due");
      return result;
    } catch (error) {
      if (!(error instanceof FrameAllocError)) throw error;
      assert(due === error.code || possible.includes(error.code), `${due}: ${error.message}`);
      this.refusals++;
      return undefined;
    }
  }

  /** What budgets may say, once there is a limit. */
  get #refused(): readonly string[] {
    return this.#isLimited ? REFUSED : [];
  }

  #pick(which: number): Known | undefined {
    return this.#all[which % this.#all.length];
  }

  async #do(op: UnifiedOp): Promise<void> {
    switch (op.do) {
      case "cpu":
      case "gpu":
      case "staging":
        return this.#make(op.do, op.size, op.isShadowed);
      case "begin":
        return this.#begin();
      case "end":
        return this.#end();
      case "lose":
        return this.#lose();
      case "recover":
        return await this.#recover();
      case "trim":
        this.#gpu.trim();
        this.#alloc.trim();
        return;
      case "verify":
        return await this.#verify();
      case "limit":
        this.#isLimited = true;
        for (const { codes } of this.#transfers) for (const code of REFUSED) codes.add(code);
        return this.#alloc.budgets.setGlobal({ hard: 100_000 * (1 + op.which % 20) });
      case "turns":
        for (let turn = 0; turn < op.which % 20; turn++) await undefined;
        return;
    }
    const known = this.#pick(op.which);
    if (known === undefined) return;
    if (op.do === "write") this.#write(known, op.seed);
    else if (op.do === "device writes") this.#deviceWrites(known, op.seed);
    else if (op.do === "to gpu") this.#toGpu(known);
    else if (op.do === "to cpu") this.#toCpu(known);
    else this.#free(known);
  }

  #make(kind: "cpu" | "gpu" | "staging", size: number, isShadowed: boolean): void {
    const options = { zero: true, isolate: size > 60_000, ...(isShadowed ? { onLoss: "shadow" as const } : {}) };
    const unified = this.#unified;
    const due = kind === "staging" && !this.#inFrame ? "FA001" : kind !== "cpu" && this.#isLost ? "FA857" : undefined;
    const buffer = this.#try(due, this.#refused, () => {
      if (kind === "cpu") return unified.createCpuBuffer(size, options);
      if (kind === "gpu") return unified.createGpuBuffer(size, "DeviceOnly", "Persistent", options);
      return unified.createStagingBuffer(size, options);
    });
    if (buffer === undefined) return;
    this.#all.push({
      buffer,
      isStaging: kind === "staging",
      isShadowed,
      location: kind === "gpu" ? "GpuOnly" : "CpuOnly",
      isWritten: false,
      over: undefined,
      cpu: kind === "gpu" ? undefined : buffer.cpuSlice().slice(),
      gpu: kind === "cpu" ? undefined : new Uint8Array(size),
    });
  }

  #write(known: Known, seed: number): void {
    const due = known.over ?? (known.location === "GpuOnly" ? "FA853" : undefined);
    const bytes = counting(known.buffer.size, seed);
    if (this.#try(due, [], () => known.buffer.cpuSliceMut().set(bytes) ?? true) === undefined) return;
    known.cpu = bytes;
    known.location = "CpuOnly";
    known.isWritten = true;
    for (const transfer of this.#transfers) if (transfer.known === known) this.#doom(transfer, "FA858");
  }

  #deviceWrites(known: Known, seed: number): void {
    if (known.over !== undefined || known.gpu === undefined || this.#isLost) return;
    known.gpu = counting(known.buffer.size, seed);
    this.#gpu.write(known.buffer.handle, known.gpu);
  }

  #toGpu(known: Known): void {
    const due = known.over ?? (known.location === "GpuOnly" ? "FA858" : this.#isLost ? "FA857" : undefined);
    const refused = known.gpu === undefined ? this.#refused : [];
    if (this.#try(due, refused, () => this.#unified.transferToGpu(known.buffer) ?? true) === undefined) return;
    known.gpu = known.cpu!.slice();
    known.location = "Synchronized";
    known.isWritten = false;
  }

  #toCpu(known: Known): void {
    const transfer: Transfer = { known, bytes: undefined, codes: new Set(this.#refused), isDoomed: false };
    const due = known.over ??
      (known.isStaging || known.location === "CpuOnly" ? "FA858" : this.#isLost ? "FA857" : undefined);
    if (due !== undefined) this.#doom(transfer, due);
    // Outside of frames it is sent at the end of this turn.
    if (!this.#inFrame) transfer.bytes = known.gpu?.slice();
    this.#transfers.add(transfer);
    this.#unified.transferToCpu(known.buffer).then(() => this.#arrived(transfer), (error) => {
      this.#transfers.delete(transfer);
      assert(error instanceof FrameAllocError && transfer.codes.has(error.code), `${[...transfer.codes]}: ${error}`);
      this.refusals++;
    }).catch((error) => this.#failure ??= error);
  }

  #failure: unknown;

  #arrived(transfer: Transfer): void {
    const { known, bytes, isDoomed } = transfer;
    this.#transfers.delete(transfer);
    assert(!isDoomed && bytes !== undefined, `arrived in spite of ${[...transfer.codes]}`);
    known.cpu = bytes;
    known.location = "Synchronized";
    this.arrivals++;
  }

  #doom(transfer: Transfer, ...codes: string[]): void {
    transfer.isDoomed = true;
    for (const code of codes) transfer.codes.add(code);
  }

  #free(known: Known): void {
    known.buffer.free();
    known.over = "FA401";
    known.isWritten = false;
    for (const transfer of this.#transfers) if (transfer.known === known) this.#doom(transfer, "FA858", "FA401");
  }

  #begin(): void {
    const due = this.#inFrame ? "FA004" : this.#isLost ? "FA857" : undefined;
    const refused = this.#refused;
    if (this.#try(due, refused, () => this.#unified.beginFrame() ?? true) === true) this.#inFrame = true;
  }

  #end(): void {
    const staged = this.#all.filter(({ isStaging, over }) => isStaging && over === undefined);
    const isForgotten = staged.some(({ isWritten }) => isWritten);
    const due = !this.#inFrame ? "FA005" : this.#isLost ? "FA857" : isForgotten ? "FA851" : undefined;
    this.#try(due, [], () => this.#unified.endFrame() ?? true);
    this.#inFrame = false;
    for (const known of staged) known.over = "FA002";
    for (const transfer of this.#transfers) transfer.bytes ??= transfer.known.gpu?.slice();
  }

  #lose(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#backend.lose();
    // Some may have arrived already, and not been told yet.
    for (const { codes } of this.#transfers) codes.add("FA857");
  }

  async #recover(): Promise<void> {
    if (!this.#isLost) return;
    await this.#gpu.recover();
    this.#isLost = false;
    for (const known of this.#all) {
      if (known.gpu === undefined || known.isShadowed) continue;
      known.gpu = new Uint8Array(known.buffer.size);
      if (known.location === "Synchronized") known.location = "CpuOnly";
    }
  }

  /** Waits for everything, and looks at the bytes of the device. */
  async #verify(): Promise<void> {
    if (this.#inFrame) this.#end();
    await this.#recover();
    for (let turn = 0; this.#transfers.size > 0; turn++) {
      assert(turn < 200, "a transfer was never answered");
      await undefined;
    }
    if (this.#failure !== undefined) throw this.#failure;
    this.#alloc.budgets.setGlobal({});
    this.#isLimited = false;
    for (const { buffer, over, gpu } of this.#all) {
      if (over === undefined && gpu !== undefined) assertEquals(await this.#gpu.read(buffer.handle), gpu);
    }
    this.#all = this.#all.filter(({ over }) => over === undefined);
  }
}
