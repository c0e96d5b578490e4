/**
 * T17 and T18: what has to be exact. The suites that both devices pass with the same logs, and the random programs against models.
 */

import type { Row } from "./row.ts";

interface Suite {
  readonly gate: string;
  readonly what: string;
  readonly files: readonly string[];
}

const SUITES: readonly Suite[] = [
  { gate: "T17", what: "the same suite on the null device and on this one", files: ["backend_test.ts"] },
  { gate: "T18", what: "random programs of TLSF against a model", files: ["tlsf_test.ts"] },
  { gate: "T18", what: "random programs of the allocator against a model", files: ["gpu_programs_test.ts"] },
];

/** Measures. */
export async function measure(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { gate, what, files } of SUITES) {
    const { failed, passed } = await run(files);
    rows.push({ gate, what: `tests that fail: ${what}`, value: failed, unit: "", atMost: 0, note: `${passed} passed` });
  }
  return rows;
}

/** Runs tests, and counts them. */
async function run(files: readonly string[]): Promise<{ readonly passed: number; readonly failed: number }> {
  const folder = new URL("../../tests/gpu/", import.meta.url).pathname;
  const { stdout, stderr, code } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--quiet", ...files.map((file) => folder + file)],
    env: { NO_COLOR: "1" },
  }).output();
  const said = new TextDecoder().decode(stdout);
  const counts = /(\d+) passed.* \| (\d+) failed/.exec(said);
  if (counts === null) throw new Error(`Cannot run ${files}: ${said}${new TextDecoder().decode(stderr)}`);
  const failed = Number(counts[2]);
  return { passed: Number(counts[1]), failed: code !== 0 ? Math.max(1, failed) : failed };
}
