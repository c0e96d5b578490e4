/**
 * Other people's TypeScript: what is in the npm packages that Deno has cached, or in a folder into which packages were unpacked. None of
 * it has to do with frames, so whatever is reported in it is a mistake of the linter.
 */

import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { analyze } from "../../lint/core/analyze.ts";
import { OXC_BY_JSON } from "../../lint/fa/parse.ts";
import { RULES } from "../../lint/registry.ts";

/** What came of looking at many files. */
export interface Census {
  readonly files: number;
  readonly lines: number;
  /** Files that are no TypeScript: templates, and the like. */
  readonly unparsed: number;
  readonly reports: readonly string[];
  readonly crashes: readonly string[];
}

const TYPESCRIPT = new Set([".ts", ".mts", ".cts", ".tsx"]);

/** All codes, also those that are off by default. */
const CODES: ReadonlySet<string> = new Set(RULES.map(({ code }) => code));

/**
 * With an import of the library each file is followed from its first line to its last, and not left out at a glance; it stands at the end,
 * so that lines stay what they are.
 */
const IMPORT = '\nimport { SmartAlloc as ForeignAlloc } from "@framealloc/core";\n';

/** The TypeScript files below a folder, in a stable order. */
export function typescriptIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && TYPESCRIPT.has(extname(entry.name)))
    .map((entry) => join(entry.parentPath, entry.name)).sort();
}

/** Looks at files with all rules: as they are, by names alone, and as if they used the library. */
export function censusOf(paths: readonly string[]): Census {
  const reports: string[] = [];
  const crashes: string[] = [];
  let [files, lines, unparsed] = [0, 0, 0];
  for (const path of paths) {
    const text = readFileSync(path, "utf8");
    const ways = [[text, false], [text, true], [text + IMPORT, false], [text + IMPORT, true]] as const;
    const found = new Set<string>();
    let isParsed = true;
    for (const [text, strict] of ways) {
      const { program, comments, errors } = OXC_BY_JSON.parse(path, text);
      isParsed = errors.length === 0;
      if (!isParsed) break;
      try {
        for (
          const { code, start, message } of analyze(program, { filename: path, text, comments }, {
            rules: CODES,
            strict,
          })
        ) {
          found.add(`${path}:${text.slice(0, start).split("\n").length} ${code} ${message}`);
        }
      } catch (error) {
        crashes.push(`${path}: ${error instanceof Error ? error.stack : error}`);
        break;
      }
    }
    reports.push(...found);
    if (!isParsed) unparsed++;
    else [files, lines] = [files + 1, lines + text.split("\n").length];
  }
  return { files, lines, unparsed, reports, crashes };
}

if (import.meta.main) {
  const started = performance.now();
  const { files, lines, unparsed, reports, crashes } = censusOf(Deno.args.flatMap(typescriptIn));
  for (const line of [...reports, ...crashes]) console.log(line);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${files} files, ${lines} lines, ${unparsed} that do not parse, in ${seconds} s, each in four ways`);
  console.log(`${reports.length} reports, ${crashes.length} crashes`);
  if (files === 0 || reports.length + crashes.length > 0) Deno.exit(1);
}
