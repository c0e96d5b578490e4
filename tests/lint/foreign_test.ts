/**
 * Other people's TypeScript has nothing to report, and nothing in it makes the analysis fail. In CI that is what Deno has cached of the
 * npm packages of this project; `deno task lint:foreign FOLDER` looks at any other.
 */

import { assertEquals } from "@std/assert";
import { censusOf, typescriptIn } from "./_foreign.ts";

/** Fewer files than this are no census. */
const LEAST = 1000;

const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
const { npmCache } = JSON.parse(new TextDecoder().decode(stdout)) as { readonly npmCache: string };
const paths = typescriptIn(npmCache);
if (paths.length < LEAST) console.log(`Skipped: there are ${paths.length} TypeScript files of packages in ${npmCache}`);

Deno.test({
  name: "nothing is reported in the TypeScript of other people, and nothing fails on it",
  ignore: paths.length < LEAST,
  fn() {
    const { reports, crashes } = censusOf(paths);
    assertEquals([reports, crashes], [[], []]);
  },
});
