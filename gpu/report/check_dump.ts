/**
 * Makes sure that a dump is one before it is drawn: it may come from a file, and a picture of nonsense would take for ever or be nonsense.
 */

import { ArgumentError, show } from "../../src/errors.ts";
import type { GpuBlockDump, GpuDump } from "./gpu_dump.ts";

/** What a part is: a word for a value, one shape for all elements of a list, or one per property. */
type Shape = "whole" | "limit" | "text" | "flag" | readonly [Shape] | { readonly [key: string]: Shape };

const ALLOCATION: Shape = {
  offset: "whole",
  size: "whole",
  name: "text",
  tag: "text",
  intent: "text",
  lifetime: "text",
  policy: "text",
  frame: "whole",
  isPinned: "flag",
};

const BLOCK: Shape = {
  id: "whole",
  label: "text",
  size: "whole",
  used: "whole",
  largestFree: "whole",
  allocations: [ALLOCATION],
  isDedicated: "flag",
  isStreaming: "flag",
  isPinned: "flag",
};

const DUMP: Shape = {
  backend: "text",
  frame: "whole",
  generation: "whole",
  totals: { reserved: "whole", used: "whole", peak: "whole", allocations: "whole", blocks: "whole" },
  budget: { used: "whole", soft: "limit", hard: "limit" },
  heaps: [{ name: "text", reserved: "whole", used: "whole", blocks: [BLOCK] }],
  ring: {
    pages: [{ id: "whole", size: "whole", used: "whole" }],
    peak: "whole",
    overflows: "whole",
    segments: "whole",
  },
  readback: { reserved: "whole", inFlight: "whole" },
};

/** Refuses what is no dump. */
export function checkDump(dump: GpuDump): void {
  const version: unknown = dump?.version;
  if (version !== 1) {
    throw new ArgumentError("FA008", `Cannot draw a dump of version ${show(version)}: give one of version 1`);
  }
  check(dump, DUMP, "dump");
  for (const { blocks } of dump.heaps) for (const block of blocks) checkOrder(block);
}

function check(value: unknown, shape: Shape, path: string): void {
  if (typeof shape === "string") {
    if (!isOf(value, shape)) throw refusal(path, value);
    return;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value) !== Array.isArray(shape)) {
    throw refusal(path, value);
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) check(value[i], (shape as readonly [Shape])[0], `${path}[${i}]`);
    return;
  }
  for (const [key, part] of Object.entries(shape)) {
    check((value as Record<string, unknown>)[key], part as Shape, `${path}.${key}`);
  }
}

function isOf(value: unknown, shape: string): boolean {
  switch (shape) {
    case "whole":
      return Number.isSafeInteger(value) && (value as number) >= 0;
    case "limit":
      return value === null || (Number.isFinite(value) && (value as number) >= 0);
    case "text":
      return typeof value === "string";
    default:
      return typeof value === "boolean";
  }
}

/** Allocations lie side by side, in the order of their places. */
function checkOrder({ id, size, allocations }: GpuBlockDump): void {
  let end = 0;
  for (const { offset, size } of allocations) {
    if (offset < end) throw disorder(id, offset);
    end = offset + size;
  }
  if (end > size) throw disorder(id, end);
}

function disorder(block: number, at: number): ArgumentError {
  return new ArgumentError(
    "FA008",
    `Cannot draw block ${block} of a dump as its allocations overlap or reach past its end at ${at}: give what dump() returned`,
  );
}

function refusal(path: string, value: unknown): ArgumentError {
  return new ArgumentError("FA008", `Cannot draw a dump as ${path} is ${show(value)}: give what dump() returned`);
}
