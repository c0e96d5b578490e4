/**
 * The index of a project: which exports of which files are allocators, make them, hold them, or hand out memory of the frame. It tells the
 * analysis of one file what its imports are, and it can be written to `.framealloc/symbols.json`, from which an editor knows the same.
 */

import type { Program } from "../core/ast.ts";
import type { ExportFact, ProjectIndex } from "../core/project.ts";
import { ModuleFacts } from "./module_facts.ts";
import type { Resolver } from "./resolve.ts";

/** The facts of the exports of one file. */
export type FileFacts = Readonly<Record<string, ExportFact>>;

/** Gathers an index. */
export class IndexBuilder {
  readonly #resolver: Resolver;
  readonly #isLibrary: (specifier: string) => boolean;
  readonly #modules: Map<string, ModuleFacts> = new Map();
  /** Questions that are being answered, so that files which export each other come to an end. */
  readonly #asked: Set<string> = new Set();
  readonly #answers: Map<string, ExportFact | undefined> = new Map();

  /**
   * Starts without files.
   *
   * @param resolver Finds the file that a specifier means.
   * @param isLibrary Whether a specifier is the library.
   */
  constructor(resolver: Resolver, isLibrary: (specifier: string) => boolean) {
    this.#resolver = resolver;
    this.#isLibrary = isLibrary;
  }

  /** Adds a file. */
  add(path: string, program: Program): void {
    this.#answers.clear();
    this.#modules.set(
      path,
      new ModuleFacts(program, {
        isLibrary: this.#isLibrary,
        find: (specifier, name) => this.find(path, specifier, name),
      }),
    );
  }

  /** Whether a file has exports that are worth knowing, or may have: what it hands on can be known later. */
  isWorthKnowing(path: string): boolean {
    return Object.keys(this.factsOf(path)).length > 0;
  }

  /** Returns the modules that a file names. */
  specifiersOf(path: string): ReadonlySet<string> {
    return this.#modules.get(path)?.outline.specifiers ?? new Set();
  }

  /** Returns what is known of an export of a module that a file imports. */
  find(importer: string, specifier: string, name: string): ExportFact | undefined {
    const path = this.#resolver.resolve(specifier, importer);
    return path === undefined ? undefined : this.#exported(path, name);
  }

  /** Returns what is known of a file. */
  factsOf(path: string): FileFacts {
    const facts: Record<string, ExportFact> = {};
    for (const name of this.#namesOf(path, new Set())) {
      const fact = this.#exported(path, name);
      if (fact !== undefined) facts[name] = fact;
    }
    return facts;
  }

  /** Returns the facts of all files that have any. */
  all(): Map<string, FileFacts> {
    const files = new Map<string, FileFacts>();
    for (const path of this.#modules.keys()) {
      const facts = this.factsOf(path);
      if (Object.keys(facts).length > 0) files.set(path, facts);
    }
    return files;
  }

  #exported(path: string, name: string): ExportFact | undefined {
    const module = this.#modules.get(path);
    if (module === undefined) return undefined;
    if (name === "*") {
      const members = this.factsOf(path);
      return Object.keys(members).length === 0 ? undefined : { is: "holder", members };
    }
    const question = `${path}\n${name}`;
    if (this.#answers.has(question)) return this.#answers.get(question);
    if (this.#asked.has(question)) return undefined;
    this.#asked.add(question);
    let fact = module.exported(name);
    for (const specifier of name === "default" ? [] : module.outline.stars) {
      fact ??= this.#isLibrary(specifier) ? module.ofLibrary(name) : this.find(path, specifier, name);
    }
    this.#asked.delete(question);
    // Within a circle an answer may be incomplete; only the outermost one is kept.
    if (this.#asked.size === 0) this.#answers.set(question, fact);
    return fact;
  }

  #namesOf(path: string, seen: Set<string>): Set<string> {
    const names = new Set<string>();
    const module = this.#modules.get(path);
    if (module === undefined || seen.has(path)) return names;
    seen.add(path);
    const { exports, passedOn, stars } = module.outline;
    for (const name of [...exports.keys(), ...passedOn.keys()]) names.add(name);
    for (const specifier of stars) {
      if (this.#isLibrary(specifier)) { for (const name of module.namesOfLibrary()) names.add(name); }
      const target = this.#resolver.resolve(specifier, path);
      if (target !== undefined) {
        for (const name of this.#namesOf(target, seen)) if (name !== "default") names.add(name);
      }
    }
    return names;
  }
}

/** An index of facts that are known. */
export function indexOf(files: ReadonlyMap<string, FileFacts>, resolver: Resolver): ProjectIndex {
  const names = new Set<string>();
  for (const [path, facts] of files) {
    for (const name of Object.keys(facts)) {
      for (const word of name === "default" ? stemsOf(path) : [name]) names.add(word);
    }
  }
  return {
    names,
    find: (importer, specifier, name) => {
      const path = resolver.resolve(specifier, importer);
      const facts = path === undefined ? undefined : files.get(path);
      if (facts === undefined) return undefined;
      if (name === "*") return { is: "holder", members: facts };
      return Object.hasOwn(facts, name) ? facts[name] : undefined;
    },
  };
}

/** The words by which others import a file: its name, and that of its folder where the file is the folder's main one. */
export function stemsOf(path: string): string[] {
  const [name = "", folder = ""] = path.split(/[\\/]/).reverse();
  const stem = name.replace(/\.[mc]?[jt]sx?$/, "");
  return stem === "mod" || stem === "index" ? [folder, `${folder}/${stem}`, `./${stem}`, `../${stem}`] : [stem];
}
