/**
 * The programs of this project have no mistake that is not on purpose, and nothing else is reported in them; and a mistake that is put
 * into one is reported at its place. `deno task lint:mutants` shows the table.
 */

import { assert, assertEquals } from "@std/assert";
import { OXC_BY_JSON } from "../../lint/fa/parse.ts";
import { type Mutant, mutantsOf } from "./_mutate.ts";
import { Checker, type Own, readOwnSources } from "./_own_sources.ts";

const LEAST_MUTANTS = 200;
const LEAST_CAUGHT = 0.9;

/**
 * What is done on purpose: programs that show a mistake, benchmarks that keep the records of a frame in a table which each frame fills
 * anew, and tests of what happens after a mistake. None of them is made mutants of.
 */
const ON_PURPOSE: Readonly<Record<string, string>> = {
  "async/async_guard.ts": "FA702 FA704",
  "async/guard/async_report.ts": "FA704",
  "docs/async.md": "FA606 FA702 FA704",
  "examples/01_hello.ts": "FA606",
  "examples/06_custom_allocator.ts": "FA606",
  "bench/budgets_bench.ts": "FA601",
  "bench/garbage.ts": "FA601",
  "bench/guard_work.ts": "FA601",
  "bench/layouts.ts": "FA601",
  "bench/mixed_frame_bench.ts": "FA601",
  "bench/pool_bench.ts": "FA602",
  "bench/shared_helper_bench.ts": "FA601",
  "bench/single_records_bench.ts": "FA601",
  "bench/slices_bench.ts": "FA601",
  "bench/stats_levels_bench.ts": "FA601",
  "tests/async/_innocent_programs.ts": "FA701 FA702 FA704",
  "tests/async/async_guard_test.ts": "FA606 FA610 FA701 FA702 FA703 FA704",
  "tests/async/crossed_frame_test.ts": "FA606 FA610 FA701 FA702 FA704",
  "tests/async/guard_programs_test.ts": "FA701 FA703 FA704",
  "tests/async/task_alloc_test.ts": "FA707",
  "tests/async/task_endings_test.ts": "FA707",
  "tests/async/task_leaks_test.ts": "FA707",
  "tests/config_test.ts": "FA606 FA610",
  "tests/consumer/main.ts": "FA606",
  "tests/frame/staleness_test.ts": "FA606",
  "tests/gpu/_abandoned.ts": "FA704",
  "tests/gpu/_allocator_model.ts": "FA701",
  "tests/gpu/_allocator_scenarios.ts": "FA704",
  "tests/gpu/_fuzz_world.ts": "FA601 FA705 FA706 FA855",
  "tests/gpu/_gpu_steps_frame.ts": "FA703",
  "tests/gpu/regressions_test.ts": "FA704",
  "tests/gpu/review_test.ts": "FA704",
  "tests/gpu/typegpu_test.ts": "FA704",
  "tests/gpu/unified_programs_test.ts": "FA704",
  "tests/gpu/wgsl_declaration_test.ts": "FA704 FA706",
  "tests/kernels/stale_test.ts": "FA606",
  "tests/kernels/workers_test.ts": "FA702 FA704",
  "tests/layout/columns_test.ts": "FA606",
  "tests/layout/show_test.ts": "FA606",
  "tests/layout/wgsl_test.ts": "FA702 FA704 FA706",
  "tests/leaks_test.ts": "FA606 FA610",
  "tests/memory/region_test.ts": "FA606",
  "tests/observe/budgets_test.ts": "FA606 FA703",
  "tests/pool/pool_test.ts": "FA602",
  "tests/pool/streaming_test.ts": "FA601 FA608 FA701 FA704",
  "tests/promotion_test.ts": "FA606",
  "tests/types/task_types_test.ts": "FA707",
};

const checker = new Checker();
const found = new Map(readOwnSources().map((own) => [own, checker.findings(own.name, own.text)]));

Deno.test("nothing is reported in the programs of this project but what is there on purpose", () => {
  const surprises = [...found].flatMap(([{ name, file }, findings]) =>
    findings.filter(({ code }) => !(ON_PURPOSE[file] ?? "").includes(code))
      .map(({ code, location, message }) => `${name}:${location.line} ${code} ${message}`)
  );
  assertEquals(surprises, []);
});

Deno.test("what is there on purpose is reported", () => {
  for (const [file, codes] of Object.entries(ON_PURPOSE)) {
    const findings = [...found].flatMap(([own, findings]) => own.file === file ? findings : []);
    assertEquals([...new Set(findings.map(({ code }) => code))].sort().join(" "), codes, file);
  }
});

Deno.test("mistakes that are put into programs without one are reported, each at its place", () => {
  const results = [...found].filter(([, findings]) => findings.length === 0).flatMap(([own]) => mutate(own));
  const missed = results.filter(({ isCaught }) => !isCaught);
  const caught = results.length - missed.length;
  console.log(table(results));
  for (const { mutant: { mutator, name, lines, text } } of missed) {
    const [first] = lines;
    console.log(`missed: ${mutator} in ${name}:${first} ${text.split("\n")[first - 1]?.trim()}`);
  }
  assert(results.length >= LEAST_MUTANTS, `only ${results.length} mutants`);
  assert(caught >= LEAST_CAUGHT * results.length, `only ${caught} of ${results.length} are reported`);
});

interface Result {
  readonly mutant: Mutant;
  readonly isCaught: boolean;
}

function mutate({ name, text, part }: Own): readonly Result[] {
  if (part === "library") return [];
  const { program } = OXC_BY_JSON.parse(name, text);
  return [...mutantsOf({ name, text, program })].map((mutant) => {
    const [first, last] = mutant.lines;
    const isCaught = checker.findings(name, mutant.text).some(({ code, location: { line } }) =>
      mutant.codes.has(code) && first <= line && line <= last
    );
    return { mutant, isCaught };
  });
}

function table(results: readonly Result[]): string {
  const row = (name: string, of: readonly Result[]): string => {
    const caught = of.filter(({ isCaught }) => isCaught).length;
    const share = `${(100 * caught / of.length).toFixed(1)} %`;
    return name.padEnd(20) + [of.length, caught, share].map((cell) => String(cell).padStart(9)).join("");
  };
  const mutators = [...new Set(results.map(({ mutant }) => mutant.mutator))].sort();
  return [
    `${"mutator".padEnd(20)}  mutants   caught    share`,
    ...mutators.map((mutator) => row(mutator, results.filter(({ mutant }) => mutant.mutator === mutator))),
    row("all", results),
  ].join("\n");
}
