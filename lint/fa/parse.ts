/**
 * The parser behind a port: text in, a TS-ESTree program out. What the analysis needs is the tree, so another parser with the same tree can
 * take this one's place where its native part does not exist.
 */

import { type ParseResult, type ParserOptions, parseSync } from "oxc-parser";
import type { Comment, Program } from "../core/ast.ts";

/** Why a file could not be parsed. */
export interface ParseError {
  readonly message: string;
  readonly start: number;
  readonly end: number;
}

/** What became of a text. */
export interface Parsed {
  readonly program: Program;
  readonly comments: readonly Comment[];
  /** When there is one, the program is not to be trusted. */
  readonly errors: readonly ParseError[];
}

/** Something that parses. */
export interface Parser {
  parse(filename: string, text: string): Parsed;
  /** Only looks for errors, which is much less work than a tree. */
  errorsIn(filename: string, text: string): readonly ParseError[];
}

/** Parses with oxc. */
export const OXC: Parser = {
  parse: (filename, text) => viaMemory(filename, text, { experimentalRawTransfer: true }, parsedFrom),
  errorsIn: (filename, text) =>
    viaMemory(filename, text, { experimentalLazy: true }, (result) => {
      const errors = errorsFrom(result);
      (result as { dispose?: () => void }).dispose?.();
      return errors;
    }),
};

/** The same without shared memory. */
export const OXC_BY_JSON: Parser = {
  parse: (filename, text) => parsedFrom(parseSync(filename, withoutMark(text), optionsFor(filename))),
  errorsIn: (filename, text) => errorsFrom(parseSync(filename, withoutMark(text), optionsFor(filename))),
};

/**
 * Whether results come through shared memory, not through JSON: four times as fast. It needs address space that some machines do not give;
 * the first refusal turns it off.
 */
let hasMemory = true;

function viaMemory<T>(filename: string, text: string, how: Record<string, true>, read: (result: ParseResult) => T): T {
  const source = withoutMark(text);
  if (hasMemory) {
    try {
      return read(parseSync(filename, source, { ...optionsFor(filename), ...how } as ParserOptions));
    } catch {
      hasMemory = false;
    }
  }
  return read(parseSync(filename, source, optionsFor(filename)));
}

function parsedFrom(result: ParseResult): Parsed {
  return {
    program: result.program as unknown as Program,
    comments: result.comments.map(({ type, value, start, end }) => ({ type, value, range: [start, end] })),
    errors: errorsFrom(result),
  };
}

function errorsFrom(result: ParseResult): ParseError[] {
  const errors: ParseError[] = [];
  for (const { severity, message, labels, helpMessage } of result.errors) {
    if (severity !== "Error") continue;
    const { start, end } = labels[0] ?? { start: 0, end: 0 };
    errors.push({ message: helpMessage === null ? message : `${message} (${helpMessage})`, start, end });
  }
  return errors;
}

/** The parser does not count a byte order mark, but all offsets are to be those of the text: a space is as good as the mark. */
function withoutMark(text: string): string {
  if (text.charCodeAt(0) !== 0xfeff) return text;
  return text.replace(/^\ufeff(?:#!)?/, (mark) => mark.length === 1 ? " " : " //");
}

function optionsFor(filename: string): ParserOptions {
  return { astType: "ts", range: true, lang: languageOf(filename), preserveParens: false };
}

/** JavaScript may have JSX in it whatever its name; TypeScript may not, as `<T>x` is a cast there. */
function languageOf(filename: string): "ts" | "dts" | "tsx" | "jsx" {
  if (/\.d\.(?:[^.]+\.)?[mc]?ts$/.test(filename)) return "dts";
  if (/\.[mc]?ts$/.test(filename)) return "ts";
  return filename.endsWith(".tsx") ? "tsx" : "jsx";
}
