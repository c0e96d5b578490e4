/**
 * T9: bringing 128 MB to the device at once. Each upload has a process of its own, as a runtime does not give memory back soon.
 */

import { median } from "simple-statistics";
import { mustEqual, openBench, readBack } from "./device.ts";
import type { Row } from "./row.ts";

const MEGABYTE = 1024 * 1024;
const BYTES = 128 * MEGABYTE;
const PROCESSES = 3;

/** What an upload took, and how many bytes more the process had in memory meanwhile. */
interface Upload {
  readonly ms: number;
  readonly extra: number;
}

if (import.meta.main) console.log(JSON.stringify(await upload(Deno.args[0] === "whole")));

/** Uploads, in a process that was started for it. */
async function upload(isWhole: boolean): Promise<Upload> {
  const { gpu, device, queue } = await openBench();
  const handle = gpu.alloc(BYTES, { name: "128 MB" });
  const data = new Uint32Array(BYTES / 4);
  const buffer = gpu.buffer(handle);
  const none: GPUCommandBuffer[] = [];
  // Neither side's first use of its memory is counted.
  data.fill(1);
  gpu.write(handle, data);
  gpu.flush();
  await queue.onSubmittedWorkDone();
  for (let i = 0; i < data.length; i++) data[i] = i ^ 0x5555;
  const before = resetPeak();
  const start = performance.now();
  if (isWhole) {
    queue.writeBuffer(buffer, 0, data);
    queue.submit(none);
  } else {
    gpu.write(handle, data);
    gpu.flush();
  }
  const idle = queue.onSubmittedWorkDone();
  const ms = performance.now() - start;
  const extra = peak() - before;
  await idle;
  const step = 16 * MEGABYTE;
  for (let at = 0; at < BYTES; at += step) {
    const left = new Uint32Array(await readBack(device, buffer, at, step));
    mustEqual(left, data.subarray(at / 4, (at + step) / 4), "an upload of 128 MB");
  }
  gpu.dispose();
  return { ms, extra };
}

/** Has the peak of memory start again from what is there now, and says what that is. Where that cannot be had, both are 0. */
function resetPeak(): number {
  try {
    Deno.writeTextFileSync("/proc/self/clear_refs", "5");
  } catch {
    return 0;
  }
  return peak();
}

function peak(): number {
  try {
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"))![1]) * 1024;
  } catch {
    return 0;
  }
}

async function spawn(how: "whole" | "pieces"): Promise<Upload> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.filename!, how],
  }).output();
  if (!success) throw new Error(`Cannot upload 128 MB: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout)) as Upload;
}

/** Measures. */
export async function measure(): Promise<Row[]> {
  const whole: Upload[] = [];
  const pieces: Upload[] = [];
  for (let i = 0; i < PROCESSES; i++) {
    whole.push(await spawn("whole"));
    pieces.push(await spawn("pieces"));
  }
  const extra = (uploads: readonly Upload[]): number => median(uploads.map(({ extra }) => extra)) / MEGABYTE;
  return [
    {
      gate: "T9",
      what: "128 MB by gpu.write, over one writeBuffer (done)",
      value: median(whole.map(({ ms }, i) => ms / pieces[i]!.ms)),
      unit: "×",
      atLeast: 3,
      note: `${median(pieces.map(({ ms }) => ms)).toFixed(0)} and ${median(whole.map(({ ms }) => ms)).toFixed(0)} ms`,
    },
    {
      gate: "T9",
      what: "… memory of the process beside that of the array and the buffer",
      value: extra(pieces),
      unit: "MB",
      atMost: 32,
      note: `one writeBuffer ${extra(whole).toFixed(0)} MB`,
    },
  ];
}
