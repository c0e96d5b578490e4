/**
 * The type oracle with TypeScript 6, the last that can be called from a program. The library itself is replaced by a stub with nothing but
 * its classes: what matters is which of them an expression is, and the stub is there whether the library can be resolved or not.
 */

import { statSync } from "node:fs";
import { API, isAllocatorClass } from "../core/api_table.ts";
import type { Subject } from "./analyze_file.ts";
import type { KindOf } from "./engine.ts";
import type { Oracle } from "./oracle.ts";
import { Resolver } from "./resolve.ts";
import { UsageError } from "./usage_error.ts";

/** What is used of the compiler. */
export interface TypeScript {
  readonly version: string;
  createProgram(files: readonly string[], options: unknown, host: CompilerHost): TsProgram;
  createCompilerHost(options: unknown): CompilerHost;
  createSourceFile(name: string, text: string, target: number, setParents: boolean): TsNode;
  forEachChild(node: TsNode, visit: (child: TsNode) => TsNode | undefined): TsNode | undefined;
}

interface CompilerHost {
  getSourceFile(name: string, target: number, ...rest: unknown[]): TsNode | undefined;
  fileExists(name: string): boolean;
  readFile(name: string): string | undefined;
  resolveModuleNameLiterals?(
    literals: readonly { readonly text: string }[],
    from: string,
  ): readonly { resolvedModule: unknown }[];
}

interface TsProgram {
  getSourceFile(name: string): TsNode | undefined;
  getTypeChecker(): { getTypeAtLocation(node: TsNode): TsType };
}

interface TsNode {
  readonly end: number;
  getStart(): number;
}

interface TsType {
  readonly symbol?: {
    readonly name: string;
    readonly declarations?: readonly { getSourceFile(): { readonly fileName: string } }[];
  };
  readonly types?: readonly TsType[];
  getBaseTypes?(): readonly TsType[] | undefined;
  getConstraint?(): TsType | undefined;
}

const STUB = "/framealloc_stub.d.ts";
const STUB_TEXT = Object.keys(API).filter(isAllocatorClass)
  .map((name) =>
    `export declare class ${name} { constructor(...args: any[]); #${name}: true; [member: string]: any }\n`
  ).join("");
const ESNEXT = 99;
const BUNDLER = 100;

/** Starts the compiler on some files. */
export async function openTypeScript(
  files: readonly { readonly path: string; readonly text: string }[],
  isLibrary: (specifier: string) => boolean,
): Promise<Oracle> {
  const ts = await loadTypeScript();
  const texts = new Map([[STUB, STUB_TEXT], ...files.map(({ path, text }) => [path, text] as const)]);
  const options = {
    ...{
      allowImportingTsExtensions: true,
      allowJs: true,
      jsx: 1,
      noEmit: true,
      skipLibCheck: true,
      strict: true,
      types: [],
    },
    ...{ target: ESNEXT, module: ESNEXT, moduleResolution: BUNDLER },
  };
  const host = ts.createCompilerHost(options);
  const onDisk = {
    fileExists: host.fileExists.bind(host),
    readFile: host.readFile.bind(host),
    source: host.getSourceFile.bind(host),
  };
  const resolver = new Resolver((path) =>
    texts.has(path) || statSync(path, { throwIfNoEntry: false })?.isFile() === true
  );
  host.fileExists = (name) => texts.has(name) || onDisk.fileExists(name);
  host.readFile = (name) => texts.get(name) ?? onDisk.readFile(name);
  host.getSourceFile = (name, target, ...rest) => {
    const text = texts.get(name);
    return text === undefined ? onDisk.source(name, target, ...rest) : ts.createSourceFile(name, text, ESNEXT, true);
  };
  host.resolveModuleNameLiterals = (literals, from) =>
    literals.map(({ text }) => {
      const path = isLibrary(text) ? STUB : resolver.resolve(text, from);
      return {
        resolvedModule: path === undefined ? undefined : { resolvedFileName: path, extension: extensionOf(path) },
      };
    });
  const program = ts.createProgram(files.map(({ path }) => path), options, host);
  const checker = program.getTypeChecker();
  return {
    kindsOf: ({ path, lines }: Subject): KindOf | undefined => {
      const root = program.getSourceFile(path);
      // A fix may have changed the text since.
      if (root === undefined || texts.get(path) !== lines.text) return undefined;
      return (start, end) => {
        const node = nodeAt(ts, root, start, end);
        return node === undefined ? undefined : classOf(checker.getTypeAtLocation(node), 0);
      };
    },
  };
}

/** Loads the compiler. It is no dependency but is used where it is, so its names are in a variable. */
export async function loadTypeScript(
  specifiers: readonly string[] = ["typescript", "npm:typescript@6"],
): Promise<TypeScript> {
  for (const specifier of specifiers) {
    try {
      const module = await import(specifier) as { default?: TypeScript } & TypeScript;
      const ts = module.default ?? module;
      if (typeof ts.createProgram === "function") return ts;
    } catch {
      // The next one may be there.
    }
  }
  throw new UsageError(
    'Cannot use "--types ts6" as TypeScript 6 cannot be imported: run "deno add npm:typescript@6", or leave the option out',
  );
}

/** The outermost node of a range. */
function nodeAt(ts: TypeScript, root: TsNode, start: number, end: number): TsNode | undefined {
  for (let node: TsNode | undefined = root; node !== undefined;) {
    if (node !== root && node.getStart() === start && node.end === end) return node;
    node = ts.forEachChild(node, (child) => (child.getStart() <= start && end <= child.end ? child : undefined));
  }
  return undefined;
}

/** The class of the library that a type is, or extends, or is next to nothing but `undefined` and `null`. */
function classOf(type: TsType, depth: number): string | undefined {
  if (depth > 8) return undefined;
  const { symbol } = type;
  if (symbol?.declarations?.some((declaration) => declaration.getSourceFile().fileName === STUB) === true) {
    return symbol.name;
  }
  const more = [...type.types ?? [], ...type.getBaseTypes?.() ?? []];
  const constraint = type.getConstraint?.();
  if (constraint !== undefined && constraint !== type) more.push(constraint);
  for (const one of more) {
    const found = classOf(one, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function extensionOf(path: string): string {
  return /(?:\.d)?\.[mc]?[jt]sx?$/.exec(path)?.[0] ?? ".ts";
}
