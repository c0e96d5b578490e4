/**
 * The registry of stable error codes. A code means one thing everywhere: in an error thrown at run time and in a report of
 * the linter. Long explanations live with the linter; here is one line each.
 */

/** A stable error code. The hundreds digit names the area: 0 frame, layout and configuration; 3 budgets; 4 pools,
 * heap, handles, groups and streaming; 7 async; 85x GPU; 9 internal. */
export type ErrorCode =
  | "FA001"
  | "FA002"
  | "FA003"
  | "FA004"
  | "FA005"
  | "FA006"
  | "FA007"
  | "FA008"
  | "FA009"
  | "FA010"
  | "FA011"
  | "FA012"
  | "FA013"
  | "FA020"
  | "FA021"
  | "FA022"
  | "FA351"
  | "FA352"
  | "FA401"
  | "FA402"
  | "FA403"
  | "FA404"
  | "FA405"
  | "FA406"
  | "FA407"
  | "FA701"
  | "FA702"
  | "FA704"
  | "FA711"
  | "FA712"
  | "FA713"
  | "FA721"
  | "FA722"
  | "FA851"
  | "FA852"
  | "FA853"
  | "FA855"
  | "FA856"
  | "FA857"
  | "FA858"
  | "FA999";

/**
 * What each {@linkcode ErrorCode} means, in one line.
 *
 * @example Look a code up
 * ```ts
 * import { CODES } from "@framealloc/core";
 * import { assertStringIncludes } from "@std/assert";
 *
 * assertStringIncludes(CODES.FA002, "ended");
 * ```
 */
export const CODES: Readonly<Record<ErrorCode, string>> = {
  FA001: "Frame memory was requested while no frame was open",
  FA002: "A handle was used after the memory behind it ended",
  FA003: "No memory is left within the configured limits, or the chunk source refused",
  FA004: "A frame was begun while another one was open",
  FA005: "A frame was ended while none was open",
  FA006: "A scope or checkpoint was used out of order, after its end, or with a foreign allocator",
  FA007: "A guard of an earlier frame was disposed",
  FA008: "An argument is out of range or of the wrong kind",
  FA009: "An index is outside the elements",
  FA010: "A configuration option is unknown, contradictory or absurd",
  FA011: "The chunk source cannot honour a configured option",
  FA012: "The allocator, or an object pool, was used after its disposal",
  FA013: "A phase or tag was ended that was not the innermost open one",
  FA020: "A layout definition is invalid",
  FA021: "A layout cannot be represented under the chosen rules",
  FA022: "A value does not fit the layout it was assigned to",
  FA351: "An allocation would exceed the limit on all memory",
  FA352: "An allocation would exceed the limit of a tag or of a child budget",
  FA401: "Something that ends before its allocator was used after it was freed, released or evicted",
  FA402: "The streaming budget cannot hold an asset",
  FA403: "Something was freed or released twice",
  FA404: "Something was used or freed that is not known there: foreign, never allocated, or a part of a whole",
  FA405: "A pool or table has reached the most that it may hold",
  FA406: "Something pinned was to be freed, or a pin taken off that is not there",
  FA407: "A streaming asset is in another state than the call needs",
  FA701: "Frame memory was requested after an await, in a frame that was begun in an earlier turn",
  FA702: "A handle was used after an await, in a later turn than that in which it was allocated",
  FA704: "A frame is, or would be, held open across an await",
  FA711: "Memory of a task, or the task itself, was used after the task had ended",
  FA712: "A task was left to the garbage collector without having been released",
  FA713: "Something of a pool guard, or the guard itself, was used after it was freed or closed",
  FA721: "An asset could not be loaded",
  FA722: "A source gave fewer or more bytes of an asset than it had announced",
  FA851: "Bytes that were staged for the GPU were not transferred before their frame ended",
  FA852: "GPU memory was asked for something that its place or usage does not allow",
  FA853: "Bytes of the GPU were read before they had arrived",
  FA855: "Frame memory of the GPU, or a mapped range, was used after its frame",
  FA856: "The device has no memory left",
  FA857: "The device was lost",
  FA858: "A transfer between CPU and GPU failed",
  FA999: "An internal invariant broke: this is a bug in the library",
};
