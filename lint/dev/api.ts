/**
 * The public members of the library, as `deno doc --json` gives them: what the table of the analysis is held against.
 */

import { deno } from "./generated.ts";

/** A class of the library, or an interface with methods. */
export interface ApiClass {
  readonly isClass: boolean;
  readonly extends: readonly string[];
  /** The types in what each member gives that are exported or typed arrays, by its name; `Symbol.dispose` is one. */
  readonly members: ReadonlyMap<string, ReadonlySet<string>>;
  /** What the parameters of each method are called, by its name. */
  readonly parameters: ReadonlyMap<string, readonly string[]>;
}

/** The library. */
export type Api = ReadonlyMap<string, ApiClass>;

/** The modules whose exports are looked at. */
const MODULES = ["mod.ts", "gpu/mod.ts"];

interface Type {
  readonly kind?: string;
}

interface Parameter {
  readonly name?: string;
  /** Of one with a default. */
  readonly left?: { readonly name?: string };
}

interface Signature {
  readonly returnType?: Type;
  readonly params?: readonly Parameter[];
}

interface Member {
  readonly name: string;
  readonly isStatic?: boolean;
  readonly accessibility?: string;
  readonly functionDef?: Signature;
  readonly returnType?: Type;
  readonly params?: readonly Parameter[];
  readonly tsType?: Type;
}

interface Definition {
  readonly extends?: string | readonly Type[];
  readonly methods?: readonly Member[];
  readonly properties?: readonly Member[];
}

interface Documentation {
  readonly nodes: Readonly<
    Record<
      string,
      {
        readonly symbols: readonly {
          readonly name: string;
          readonly declarations: readonly { readonly kind: string; readonly def: Definition }[];
        }[];
      }
    >
  >;
}

/** Asks for the members, in a process of its own. */
export async function readApi(): Promise<Api> {
  const { nodes } = JSON.parse(await deno(["doc", "--json", ...MODULES])) as Documentation;
  const symbols = Object.values(nodes).flatMap(({ symbols }) => symbols);
  if (symbols.length === 0) throw new Error("Cannot read the library as `deno doc` gives no symbols");
  const exported = new Set(symbols.map(({ name }) => name));
  const api = new Map<string, ApiClass>();
  for (const { name, declarations } of symbols) {
    for (const { kind, def } of declarations) {
      if (kind !== "class" && kind !== "interface") continue;
      const found = classOf(kind, def, exported);
      if (found !== undefined) api.set(name, found);
    }
  }
  return new Map([...api].sort(([a], [b]) => a < b ? -1 : 1));
}

/** An interface without methods is plain data, and an error is nobody's memory. */
function classOf(kind: string, def: Definition, exported: ReadonlySet<string>): ApiClass | undefined {
  const bases = typeof def.extends === "string" ? [def.extends] : (def.extends ?? []).flatMap((type) => namesIn(type));
  if (bases.some((base) => base.endsWith("Error"))) return undefined;
  const methods = def.methods ?? [];
  if (methods.length === 0) return undefined;
  const members = new Map<string, Set<string>>();
  const parameters = new Map<string, readonly string[]>();
  for (const member of [...methods, ...def.properties ?? []]) {
    const name = /^\[(.+)\]$/.exec(member.name)?.[1] ?? member.name;
    const isOwn = name.startsWith("$") || member.isStatic === true;
    if (isOwn || (member.accessibility !== undefined && member.accessibility !== "public")) continue;
    const types = members.get(name) ?? new Set();
    const given = member.functionDef?.returnType ?? member.returnType ?? member.tsType;
    for (const type of namesIn(given)) if (exported.has(type) || /Array$/.test(type)) types.add(type);
    members.set(name, types);
    const params = member.functionDef?.params ?? member.params ?? [];
    // The first of several signatures is the usual one.
    if (!parameters.has(name)) parameters.set(name, params.map(({ name, left }) => name ?? left?.name ?? ""));
  }
  return { isClass: kind === "class", extends: bases, members, parameters };
}

/** The names of all types in a type: in unions, tuples, promises, arguments of others. */
function namesIn(type: unknown): string[] {
  if (Array.isArray(type)) return type.flatMap(namesIn);
  if (typeof type !== "object" || type === null) return [];
  const { kind, typeName } = type as Type & { readonly typeName?: unknown };
  // A function that is given is no memory, and what an index gives is a number.
  if (kind === "fnOrConstructor" || kind === "indexedAccess" || kind === "typeQuery") return [];
  return [...typeof typeName === "string" ? [typeName] : [], ...Object.values(type).flatMap(namesIn)];
}
