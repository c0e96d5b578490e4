/**
 * The analysis of a project, from the arguments to a report: find, read, analyse, fix, and take away what comments, levels, the baseline and
 * unchanged lines take away, in the order that `levels.ts` states.
 */

import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { FileAnalyzer, type Subject } from "./analyze_file.ts";
import type { Args } from "./args.ts";
import { readBaseline } from "./baseline.ts";
import { type Config, loadConfig } from "./config.ts";
import { discover, type Found } from "./discover.ts";
import { type Engine, UNUSED_IGNORE } from "./engine.ts";
import { Filters } from "./filters.ts";
import { type Finding, isNew, type Problem } from "./finding.ts";
import { Fixer } from "./fixer.ts";
import type { Report } from "./formats/report.ts";
import type { Host } from "./host.ts";
import { decideLevels, type Levels } from "./levels.ts";
import { Lines } from "./lines.ts";
import type { Parser } from "./parse.ts";
import { repositoryRoot } from "./paths.ts";
import { Progress } from "./progress.ts";
import { openOracle } from "./oracle.ts";
import { indexOf } from "./project_index.ts";
import { type Changes, changesSince } from "./since.ts";
import { readSources, type Sources } from "./sources.ts";
import { UsageError } from "./usage_error.ts";
import { VERSION } from "./version.ts";

/** What a run needs beside its arguments. */
export interface Tools {
  readonly engine: Engine;
  readonly parser: Parser;
  readonly host: Host;
}

/** What came of a run. */
export interface CheckResult {
  readonly report: Report;
  /** What fixes would change. */
  readonly diff: string;
  readonly exitCode: number;
}

/** Analyses what the arguments name. */
export async function check(args: Args, tools: Tools): Promise<CheckResult> {
  const started = performance.now();
  const { host, engine } = tools;
  const setup = setUp(args, tools);
  for (const remark of setup.config.remarks) host.err(`note: ${remark}\n`);
  const changes = args.since === undefined ? undefined : changesSince(args.since, setup.root);
  const baseline = args.baseline === undefined ? undefined : readBaseline(args.baseline, host.cwd, args.updateBaseline);
  const progress = new Progress(host, setup.found.length);
  const sources = readProject(setup, args, tools, { changes, progress });
  if (args.verbose && args.types === "auto") {
    host.err("types: the index of the project answers; --types ts6 asks the compiler\n");
  }
  const analyzer = analyzerFor(sources, setup, args, engine);
  const oracle = await openOracle(
    args.types,
    sources.files.filter(({ parsed }) => parsed !== undefined),
    (specifier) => engine.isLibrary(specifier, setup.config.modules),
  );
  const filters = new Filters(setup.levels, baseline, changes);
  const fixer = args.fix || args.dryRun
    ? new Fixer(filters, analyzer, tools, args.dryRun, repositoryRoot(host.cwd))
    : undefined;
  const problems: Problem[] = [...sources.problems];
  const found: Finding[] = [];
  const looked = new Set<string>();
  const texts = new Map<string, Lines>();
  for (const { path, file, text, parsed } of sources.files) {
    if (changes !== undefined && !changes.has(path)) continue;
    looked.add(path);
    if (parsed === undefined) continue;
    if (args.verbose) host.err(`checking ${file}\n`);
    let subject: Subject = { path, file, lines: new Lines(text), parsed };
    if (fixer !== undefined) subject = fixer.fix(subject);
    texts.set(path, subject.lines);
    const { findings, problem } = analyzer.analyze(subject, oracle?.kindsOf(subject));
    found.push(...findings);
    if (problem !== undefined) problems.push(problem);
    if (
      args.failFast &&
      filters.apply(findings).findings.some((finding) => isNew(finding) && finding.severity === "error")
    ) break;
  }
  progress.end();
  problems.push(...fixer?.problems ?? []);
  for (const { path } of problems) looked.delete(path);
  const { findings, stale } = filters.finish(
    found,
    { paths: looked, codes: setup.levels.codes },
    args.updateBaseline,
    host,
  );
  const report: Report = {
    findings,
    problems,
    stale,
    hasBaseline: baseline !== undefined,
    filesAnalyzed: looked.size,
    durationMs: Math.round(performance.now() - started),
    rules: [...engine.rules, UNUSED_IGNORE],
    root: repositoryRoot(host.cwd),
    linesOf: (path) => texts.get(path) ?? linesIn(sources, path),
    version: VERSION,
  };
  const fails = findings.some((finding) => isNew(finding) && setup.levels.fails(finding.severity));
  return { report, diff: fixer?.diff ?? "", exitCode: problems.length > 0 ? 3 : fails ? 1 : 0 };
}

/** The lines of a file that was not analysed, such as one that does not parse. */
function linesIn(sources: Sources, path: string): Lines | undefined {
  const text = sources.files.find((source) => source.path === path)?.text;
  return text === undefined ? undefined : new Lines(text);
}

/** What is to be looked at, and how. */
export interface Setup {
  readonly root: string;
  readonly config: Config;
  readonly levels: Levels;
  readonly found: readonly Found[];
}

/** Reads the configuration and finds the files. */
export function setUp(args: Args, { host, engine }: Tools): Setup {
  const first = resolve(host.cwd, args.paths[0] ?? ".");
  const stat = statSync(first, { throwIfNoEntry: false });
  const root = stat?.isFile() === true ? dirname(first) : first;
  const rules = [...engine.rules, UNUSED_IGNORE];
  const config = loadConfig(args.config, root, host.cwd, new Set(rules.map(({ code }) => code)));
  const levels = decideLevels(args, config, rules);
  const found = discover(args.paths, host.cwd, [
    { folder: config.folder, globs: config.exclude },
    { folder: root, globs: args.exclude },
    { folder: host.cwd, globs: args.exclude },
  ]);
  if (found.length === 0) {
    throw new UsageError(
      `Cannot check anything as no TypeScript or JavaScript file is left in "${args.paths.join('", "')}"`,
    );
  }
  return { root, config, levels, found };
}

/** Reads and parses. */
export function readProject(
  { config, found }: Setup,
  args: Args,
  { engine, parser, host }: Tools,
  extra: { readonly changes?: Changes | undefined; readonly progress?: Progress },
): Sources {
  const { changes, progress } = extra;
  return readSources(found, {
    cwd: host.cwd,
    parser,
    concerns: (text) => {
      // By names or types alone, anything may be an allocator that is called so.
      if ((args.strict || args.types === "ts6") && /frame|alloc/i.test(text)) return true;
      return text.includes("fa-ignore") || engine.concerns(text, config.modules);
    },
    isLibrary: (specifier) => engine.isLibrary(specifier, config.modules),
    ...(changes === undefined ? {} : { isAside: (path: string) => !changes.has(path) }),
    onFile: (count) => progress?.done(count),
  });
}

/** Makes what analyses single files. */
export function analyzerFor(sources: Sources, { config, levels }: Setup, args: Args, engine: Engine): FileAnalyzer {
  const index = indexOf(sources.builder.all(), sources.resolver);
  return new FileAnalyzer(engine, { rules: levels.codes, config, index, strict: args.strict }, levels);
}
