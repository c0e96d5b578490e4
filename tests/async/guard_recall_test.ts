/**
 * What the guard notices of programs that cross an `await`, and that it is silent about those that do not. The last test prints the
 * table; those that are not noticed stay in the count.
 */

import type { AsyncGuardMode, Safety } from "@framealloc/core";
import { assert, assertEquals } from "@std/assert";
import { type Crossing, HANDLES } from "./_crossing_programs.ts";
import { SLICES } from "./_crossing_slices.ts";
import { INNOCENT } from "./_innocent_programs.ts";
import { type Outcome, outcomeOf, type Program } from "./_programs.ts";

const CROSSING: readonly Crossing[] = [...HANDLES, ...SLICES];

const WAYS: readonly { readonly safety: Safety; readonly mode: AsyncGuardMode }[] = [
  { safety: "checked", mode: "throw" },
  { safety: "checked", mode: "collect" },
  { safety: "revoke", mode: "throw" },
  { safety: "revoke", mode: "collect" },
];

/** Runs programs one after the other. */
async function outcomesOf(
  programs: readonly Program[],
  safety: Safety,
  mode: AsyncGuardMode,
): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  for (const program of programs) {
    outcomes.set(program.name, await outcomeOf(program, { safety, asyncSafety: "turns" }, mode));
  }
  return outcomes;
}

function share(seen: number, all: number): string {
  return `${seen} of ${all} (${(100 * seen / all).toFixed(1)} %)`;
}

/** What was seen, by the way of looking. */
const seenIn = new Map<string, Map<string, Outcome>>();

Deno.test("asyncGuard is tried on enough programs, each with a name of its own", () => {
  const names = [...CROSSING, ...INNOCENT].map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
  assert(CROSSING.length >= 60 && SLICES.length >= 20 && INNOCENT.length >= 60);
  for (const { name, by, missed } of CROSSING) assert((by === undefined) !== (missed === undefined), name);
});

for (const { safety, mode } of WAYS) {
  Deno.test(`asyncGuard notices 90 % of what crosses an await, or more, in ${safety} and ${mode}`, async () => {
    const outcomes = await outcomesOf(CROSSING, safety, mode);
    seenIn.set(`${safety}, ${mode}`, outcomes);
    // Each is noticed by the code that it should be, or is one of those that cannot be.
    const wrong = CROSSING.filter(({ name, by }) => {
      const { codes } = outcomes.get(name)!;
      return by === undefined ? codes.length > 0 : !codes.includes(by);
    });
    assertEquals(wrong.map(({ name }) => `${name}: ${outcomes.get(name)!.codes}`), []);
    for (const programs of [CROSSING, SLICES]) {
      const seen = programs.filter(({ name }) => outcomes.get(name)!.codes.length > 0);
      assert(seen.length >= 0.9 * programs.length, share(seen.length, programs.length));
    }
    // An array that was detached is no report, and nothing else may go wrong.
    for (const [name, { others, foreign }] of outcomes) {
      assertEquals(others, [], name);
      for (const error of foreign) assert(safety === "revoke" && error.includes("detached"), `${name}: ${error}`);
    }
  });

  Deno.test(`asyncGuard reports nothing that does not cross an await in ${safety} and ${mode}`, async () => {
    const outcomes = await outcomesOf(INNOCENT, safety, mode);
    const silent = { codes: [], others: [], foreign: [] };
    assertEquals(Object.fromEntries(outcomes), Object.fromEntries(INNOCENT.map(({ name }) => [name, silent])));
  });
}

Deno.test("asyncGuard notices what is used after its frame where only frames are guarded", async () => {
  let seen = 0;
  for (const program of CROSSING) {
    const { codes } = await outcomeOf(program, { asyncSafety: "frames" }, "collect");
    assert(
      codes.every((code) => code === "FA002" || code === "FA702" || code === "FA704"),
      `${program.name}: ${codes}`,
    );
    if (codes.length > 0) seen++;
    if (program.by === "FA002") assertEquals(codes, ["FA002"], program.name);
  }
  console.log(`asyncSafety "frames" notices ${share(seen, CROSSING.length)}`);
});

Deno.test("what asyncGuard notices, by code", () => {
  console.log(
    `${CROSSING.length} programs cross an await, ${SLICES.length} of them with raw memory; ${INNOCENT.length} do not`,
  );
  for (const [way, outcomes] of seenIn) {
    const counts = new Map<string, number>();
    for (const { codes: [code = "missed"] } of outcomes.values()) counts.set(code, (counts.get(code) ?? 0) + 1);
    const seen = CROSSING.length - (counts.get("missed") ?? 0);
    const raw = SLICES.filter(({ name }) => outcomes.get(name)!.codes.length > 0).length;
    const byCode = [...counts].sort().map(([code, count]) => `${code} ${count}`).join(", ");
    console.log(
      `${way.padEnd(16)} noticed ${share(seen, CROSSING.length)}, raw ${share(raw, SLICES.length)}: ${byCode}`,
    );
  }
  for (const { name, missed } of CROSSING) if (missed !== undefined) console.log(`missed: ${name}, as ${missed}`);
});
