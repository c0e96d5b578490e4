/**
 * Nothing is found in other people's code, whatever is in it: all TypeScript of the npm packages that Deno has cached for this project, with
 * every rule on. `deno task lint:foreign FOLDER` does the same for a folder of packages.
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { censusOf, typescriptIn } from "./_foreign.ts";

const LEAST_FILES = 1000;

const paths = typescriptIn(npmCache());
const isEnough = paths.length >= LEAST_FILES;
if (!isEnough) {
  console.log(
    `skipped: only ${paths.length} TypeScript files are in the npm cache, not ${LEAST_FILES}; "deno install" fills it`,
  );
}

Deno.test({
  name: "nothing is reported, and nothing breaks, in TypeScript that has nothing to do with frames",
  ignore: !isEnough,
  fn() {
    const { files, lines, unparsed, reports, crashes } = censusOf(paths);
    console.log(`${files} files, ${lines} lines; ${unparsed} that do not parse`);
    assertEquals({ reports, crashes }, { reports: [], crashes: [] });
    assert(files >= LEAST_FILES, `only ${files} files could be parsed`);
  },
});

function npmCache(): string {
  const { stdout } = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync();
  return join((JSON.parse(new TextDecoder().decode(stdout)) as { npmCache: string }).npmCache);
}
