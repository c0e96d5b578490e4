/**
 * Writes `lint/core/api_members.ts`: the public members of the library, of which the analysis has to know what each does. `deno task
 * lint:docs` runs it; a test fails when the file is not what this gives.
 */

import { type Api, readApi } from "./api.ts";
import { formatted, type Generated, write } from "./generated.ts";

const PATH = "lint/core/api_members.ts";
const WIDTH = 116;

const HEAD = `/**
 * The public members of the library, and after a colon the types of it in what they give. Made by \`lint/dev/make_api_table.ts\` from the
 * documentation of the library: do not change it by hand.
 */

/** The members of each class, and of each interface with methods. */
export const API_MEMBERS: Readonly<Record<string, string>> = {
`;

/** Makes the file. */
export async function makeApiTable(api?: Api): Promise<Generated> {
  const entries = [...api ?? await readApi()].map(([name, { members }]) => {
    const words = [...members].sort(([a], [b]) => a < b ? -1 : 1).map(([member, types]) =>
      types.size === 0 ? member : `${member}:${[...types].sort().join("|")}`
    );
    return `  ${name}: \`\n${wrapped(words)}\`,\n`;
  });
  return await formatted(new Map([[PATH, `${HEAD}${entries.join("")}};\n`]]));
}

function wrapped(words: readonly string[]): string {
  const lines: string[] = [];
  for (const word of words) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(`    ${word}`);
  }
  return lines.join("\n");
}

if (import.meta.main) await write(await makeApiTable());
