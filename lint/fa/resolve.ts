/**
 * Finds the file that an import means. Relative specifiers, import maps and workspaces of Deno and `paths` of
 * TypeScript are known; whatever else there is stays unresolved, which costs a finding and invents none.
 */

import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** An import map: specifiers, or prefixes that end in a slash, and where they lead. */
type ImportMap = ReadonlyMap<string, string>;

const ENDINGS = [
  "",
  ".ts",
  ".tsx",
  ".mts",
  ".js",
  ".mjs",
  ".jsx",
  "/mod.ts",
  "/index.ts",
  "/index.tsx",
  "/mod.js",
  "/index.js",
];

/** Finds files for specifiers. */
export class Resolver {
  readonly #has: (path: string) => boolean;
  readonly #maps: Map<string, ImportMap> = new Map();

  /**
   * Starts.
   *
   * @param has Whether there is a file of a path.
   */
  constructor(has: (path: string) => boolean) {
    this.#has = has;
  }

  /** Returns the file that a specifier means in another file. */
  resolve(specifier: string, from: string): string | undefined {
    if (/^\.{0,2}\//.test(specifier)) return this.#fileAt(resolve(dirname(from), specifier));
    if (specifier.startsWith("file:")) return this.#fileAt(fileURLToPath(specifier));
    const map = this.mapFor(dirname(from));
    const exact = map.get(specifier);
    if (exact !== undefined) return this.#fileAt(exact);
    let best: string | undefined;
    for (const prefix of map.keys()) {
      if (prefix.endsWith("/") && specifier.startsWith(prefix) && prefix.length > (best?.length ?? 0)) best = prefix;
    }
    return best === undefined ? undefined : this.#fileAt(join(map.get(best) ?? "", specifier.slice(best.length)));
  }

  /** Returns what holds in a folder: the entries of configuration files at and above it, the nearest first. */
  mapFor(folder: string): ImportMap {
    const known = this.#maps.get(folder);
    if (known !== undefined) return known;
    const above = dirname(folder) === folder ? new Map<string, string>() : this.mapFor(dirname(folder));
    const own = readMaps(folder);
    const map = own.size === 0 ? above : new Map([...above, ...own]);
    this.#maps.set(folder, map);
    return map;
  }

  /** Returns the names, other than paths, under which a file can be imported. */
  namesFor(path: string): string[] {
    return [...this.mapFor(dirname(path))].flatMap(([name, target]) => target === path ? name : []);
  }

  #fileAt(path: string): string | undefined {
    for (const ending of ENDINGS) if (this.#has(path + ending)) return path + ending;
    // TypeScript for Node names the file that will be there after the build.
    const source = path.replace(/\.([mc]?)js(x?)$/, ".$1ts$2");
    return source !== path && this.#has(source) ? source : undefined;
  }
}

/** Reads the configuration files of one folder. */
function readMaps(folder: string): Map<string, string> {
  const map = new Map<string, string>();
  const tsconfig = readJson(join(folder, "tsconfig.json"));
  const options = objectOf(tsconfig["compilerOptions"]);
  const base = resolve(folder, typeof options["baseUrl"] === "string" ? options["baseUrl"] : ".");
  for (const [key, targets] of Object.entries(objectOf(options["paths"]))) {
    const target = Array.isArray(targets) ? targets[0] : undefined;
    if (typeof target === "string") map.set(key.replace(/\*$/, ""), join(base, target.replace(/\*$/, "")));
  }
  const deno = readDeno(folder);
  const mapFile = typeof deno["importMap"] === "string" ? readJson(join(folder, deno["importMap"])) : deno;
  for (const [key, target] of Object.entries(objectOf(mapFile["imports"]))) {
    if (typeof target === "string" && /^\.{0,2}\//.test(target)) map.set(key, join(folder, target));
  }
  const workspace = Array.isArray(deno["workspace"]) ? deno["workspace"] : objectOf(deno["workspace"])["members"];
  const members = Array.isArray(workspace) ? workspace.filter((member) => typeof member === "string") : [];
  for (const member of [".", ...members]) addMember(map, join(folder, member));
  return map;
}

/** A package can be imported by its name, and by its name and what it exports. */
function addMember(map: Map<string, string>, folder: string): void {
  const { name, exports } = readDeno(folder);
  if (typeof name !== "string") return;
  const entries = typeof exports === "string" ? { ".": exports } : objectOf(exports);
  for (const [key, target] of Object.entries(entries)) {
    if (typeof target === "string") {
      map.set(key === "." ? name : `${name}/${key.replace(/^\.\//, "")}`, join(folder, target));
    }
  }
}

function readDeno(folder: string): Record<string, unknown> {
  const json = readJson(join(folder, "deno.json"));
  return Object.keys(json).length > 0 ? json : readJson(join(folder, "deno.jsonc"));
}

/** Reads JSON that may have comments and commas at ends; what cannot be read has nothing in it. */
function readJson(path: string): Record<string, unknown> {
  try {
    const text = readFileSync(path, "utf8").replace(/("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[^]*?\*\//g, "$1");
    return objectOf(JSON.parse(text.replace(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, "$1")));
  } catch {
    return {};
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : {};
}
