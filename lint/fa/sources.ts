/**
 * Reads and parses the files of a run, and gathers the index on the way. Most files of a project have nothing to do with the library, which
 * a look at their text shows; of these only the syntax is checked, without a tree. A tree is kept for files that name the
 * library, and for those that import from a file which turned out to hand out allocators. No file is parsed twice.
 */

import { readFileSync, statSync } from "node:fs";
import type { Found } from "./discover.ts";
import { shownPath } from "./discover.ts";
import type { Problem } from "./finding.ts";
import { Lines } from "./lines.ts";
import type { Parsed, ParseError, Parser } from "./parse.ts";
import { IndexBuilder, stemsOf } from "./project_index.ts";
import { Resolver } from "./resolve.ts";

/** A file of a run. */
export interface SourceFile extends Found {
  readonly text: string;
  /** The tree, when there can be findings. */
  readonly parsed: Parsed | undefined;
}

/** The files of a run. */
export interface Sources {
  readonly files: readonly SourceFile[];
  readonly problems: readonly Problem[];
  readonly builder: IndexBuilder;
  readonly resolver: Resolver;
}

/** What decides how files are read. */
export interface ReadOptions {
  readonly cwd: string;
  readonly parser: Parser;
  /** Whether a text may have something to report, by the words in it. */
  readonly concerns: (text: string) => boolean;
  readonly isLibrary: (specifier: string) => boolean;
  /** Files for which nothing is to be reported. */
  readonly isAside?: (path: string) => boolean;
  readonly onFile?: (count: number) => void;
}

/** So many files beyond those that were asked for are read for the index. */
const MOST_EXTRAS = 1000;

/** Reads files. */
export function readSources(found: readonly Found[], options: ReadOptions): Sources {
  return new Reader(found, options).read();
}

/** A text that may have been meant as a file of another kind: TypeScript shares its ending with a film format. */
function isBinary(text: string): boolean {
  return text.slice(0, 1024).includes("\0");
}

class Reader {
  readonly #found: readonly Found[];
  readonly #options: ReadOptions;
  readonly #texts: Map<string, string> = new Map();
  readonly #parsed: Map<string, Parsed> = new Map();
  readonly #names: Map<string, string> = new Map();
  readonly #problems: Problem[] = [];
  readonly #resolver: Resolver;
  readonly #builder: IndexBuilder;
  /** The words by which files import those that are worth knowing. */
  readonly #stems: Set<string> = new Set();
  #done = 0;

  constructor(found: readonly Found[], options: ReadOptions) {
    this.#found = found;
    this.#options = options;
    const known = new Set(found.map(({ path }) => path));
    const onDisk = new Map<string, boolean>();
    this.#resolver = new Resolver((path) => {
      if (known.has(path)) return true;
      let exists = onDisk.get(path);
      if (exists === undefined) onDisk.set(path, exists = statSync(path, { throwIfNoEntry: false })?.isFile() === true);
      return exists;
    });
    this.#builder = new IndexBuilder(this.#resolver, options.isLibrary);
  }

  read(): Sources {
    let rest: string[] = [];
    for (const { path, file } of this.#found) {
      this.#names.set(path, file);
      if (!this.#load(path)) continue;
      if (this.#options.concerns(this.#texts.get(path) ?? "")) this.#take(path);
      else rest.push(path);
    }
    this.#followImports();
    // Files that hand on what others have come to light one after the other.
    for (let pattern = this.#newStems(); pattern !== undefined; pattern = this.#newStems()) {
      const words = pattern;
      const isMeant = (path: string) => words.test(this.#texts.get(path) ?? "");
      for (const path of rest.filter(isMeant)) this.#take(path);
      rest = rest.filter((path) => !this.#parsed.has(path));
    }
    for (const path of rest) {
      if (this.#options.isAside?.(path) !== true) {
        this.#try(path, this.#options.parser.errorsIn, (errors) => errors);
      }
    }
    return {
      files: this.#found.flatMap(({ path, file }) => {
        const text = this.#texts.get(path);
        if (text === undefined) return [];
        const parsed = this.#options.isAside?.(path) === true ? undefined : this.#parsed.get(path);
        return { path, file, text, parsed };
      }),
      problems: this.#problems,
      builder: this.#builder,
      resolver: this.#resolver,
    };
  }

  /** Reads a text; whether there is one. */
  #load(path: string): boolean {
    try {
      const text = readFileSync(path, "utf8");
      if (isBinary(text)) return false;
      this.#texts.set(path, text);
      return true;
    } catch (error) {
      if (this.#names.has(path)) {
        this.#fail(path, {
          kind: "read",
          message: `Cannot read the file: ${(error as Error).message}`,
          location: undefined,
        });
      }
      return false;
    }
  }

  /** Parses a file that is to be analysed, and looks at its exports. */
  #take(path: string): void {
    const parsed = this.#try(path, this.#options.parser.parse, ({ errors }) => errors);
    if (parsed === undefined) return;
    this.#parsed.set(path, parsed);
    this.#builder.add(path, parsed.program);
  }

  /** Parses in some way; nothing comes of a file with errors but a problem. */
  #try<T>(
    path: string,
    parse: (filename: string, text: string) => T,
    errorsOf: (result: T) => readonly ParseError[],
  ): T | undefined {
    const text = this.#texts.get(path) ?? "";
    try {
      const result = parse(path, text);
      const [error] = errorsOf(result);
      this.#options.onFile?.(++this.#done);
      if (error === undefined) return result;
      const location = new Lines(text).locate(error.start, error.end);
      this.#fail(path, { kind: "parse", message: `Cannot parse the file: ${error.message}`, location });
    } catch (error) {
      this.#fail(path, {
        kind: "parse",
        message: `Cannot parse the file: ${(error as Error).message}`,
        location: undefined,
      });
    }
    return undefined;
  }

  #fail(path: string, problem: Omit<Problem, "file" | "path">): void {
    if (this.#names.has(path)) {
      this.#problems.push({ ...problem, path, file: this.#names.get(path) ?? shownPath(path, this.#options.cwd) });
    }
  }

  /** Reads what taken files import although nobody asked for it: a single file is analysed with the knowledge of its project. */
  #followImports(): void {
    const queue = [...this.#parsed.keys()];
    let extras = 0;
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      for (const specifier of this.#builder.specifiersOf(path)) {
        const target = this.#resolver.resolve(specifier, path);
        if (target === undefined || this.#texts.has(target) || extras >= MOST_EXTRAS) continue;
        extras++;
        if (!this.#load(target)) continue;
        this.#take(target);
        queue.push(target);
      }
    }
  }

  /** Returns a pattern for imports of files that are newly known to be worth knowing, or nothing when there are none. */
  #newStems(): RegExp | undefined {
    const fresh: string[] = [];
    for (const path of this.#parsed.keys()) {
      if (!this.#builder.isWorthKnowing(path)) continue;
      for (const name of [...stemsOf(path), ...this.#resolver.namesFor(path)]) {
        if (this.#stems.has(name)) continue;
        this.#stems.add(name);
        fresh.push(name.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
      }
    }
    return fresh.length === 0 ? undefined : new RegExp(`["'/](?:${fresh.join("|")})(?:\\.[mc]?[jt]sx?)?["']`);
  }
}
