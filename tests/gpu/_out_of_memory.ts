/**
 * Runs a software device out of memory, by a limit of this process, and goes on with it.
 */

import { FrameAllocError } from "@framealloc/core";
import { USAGE } from "../../gpu/backend/backend.ts";
import { requireWebGpu } from "./_backends.ts";

const backend = await requireWebGpu();
const data = USAGE.COPY_SRC | USAGE.COPY_DST;
const from = backend.create(64, data, "from");
const to = backend.create(64, data, "to");
const read = backend.create(64, USAGE.MAP_READ | USAGE.COPY_DST, "read");

if (!backend.isFallback || !await limit(512 * 1024 ** 2)) {
  console.log("Skipped: out of memory on a real device: its memory cannot be limited here");
  Deno.exit();
}
let large = -1;
for (let i = 0; i < 8; i++) {
  large = backend.create(128 * 1024 ** 2, USAGE.MAP_READ | USAGE.COPY_DST, "large");
  const verdict = await backend.verify(large);
  if (verdict === "ok") continue;
  console.log(verdict);
  break;
}
await backend.map(large, 0, 8).catch((error) => console.log(error instanceof FrameAllocError ? error.code : error));
backend.write(from, 0, new Uint8Array(64).fill(3), 0, 64);
backend.copy(from, 0, to, 0, 64);
backend.copy(from, 0, large, 0, 64);
backend.copy(to, 0, read, 0, 64);
backend.submit();
await backend.map(read, 0, 8);
const bytes = new Uint8Array(4);
backend.readMapped(read, 0, bytes);
console.log(bytes.join(" "));
console.log(backend.loss?.message ?? "ok");
backend.dispose();

/** Lets this process have so many bytes more, and no others. */
async function limit(bytes: number): Promise<boolean> {
  const kilobytes = /VmSize:\s+(\d+)/.exec(await Deno.readTextFile("/proc/self/status"))?.[1];
  const most = Number(kilobytes) * 1024 + bytes;
  try {
    const { success } = await new Deno.Command("prlimit", { args: ["--pid", `${Deno.pid}`, `--as=${most}`] }).output();
    return success;
  } catch {
    return false;
  }
}
