/**
 * The fuzzing of a real device, in a process of its own: Deno ends the process at some arguments. Prints what it came to as the last line.
 *
 * Arguments: a seed for the programs, and `trace` to have every call printed before it is made.
 */

import { WebGpuBackend } from "@framealloc/core/gpu";
import * as fc from "fast-check";
import { requestDevice } from "../../gpu/backend/webgpu_request.ts";
import { anyProgram, run } from "./_fuzz_programs.ts";
import { fault, newTally, sweep, watchRejections } from "./_fuzz_run.ts";
import { calls } from "./_fuzz_table.ts";
import { type State, STATES } from "./_fuzz_world.ts";

/** One of so many wrong arguments is tried in each state, each time others. */
const STEP = 31;
const PROGRAMS = 100;

const [seed, trace] = Deno.args;
const tally = newTally(trace === "trace" ? (label) => console.error(label) : undefined);
watchRejections(tally);

/** The device of all worlds, until one loses it. */
let device: GPUDevice | undefined;

async function request(): Promise<GPUDevice> {
  const made = device = await requestDevice();
  made.lost.then(() => {
    if (device === made) device = undefined;
  });
  return made;
}

async function make(): Promise<WebGpuBackend> {
  const onError = (message: string): void => fault(tally, `the device complains: ${message}`);
  return new WebGpuBackend(device ?? await request(), { request, onError, isFallback: true });
}

const all = calls(true).filter(({ name }) => name.includes(".") && !name.startsWith("NullBackend"));
for (const [i, state] of (Object.keys(STATES) as State[]).entries()) {
  await sweep(state, all, make, tally, (_, index) => index % STEP === i);
}
for (const program of fc.sample(anyProgram, { seed: Number(seed), numRuns: PROGRAMS })) {
  await run(program, all, make, tally);
}
await device?.queue.onSubmittedWorkDone();
const { calls: made, refusals, codes, faults } = tally;
console.log(JSON.stringify({ calls: made, refusals, codes: [...codes].sort(), faults }));
