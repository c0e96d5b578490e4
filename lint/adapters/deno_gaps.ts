/**
 * Reads from the text what the tree that `deno lint` shows does not hold at all: the type parameters of classes, the types of accessors,
 * and what comes after a hole in a pattern. Only plain names are read, which is what the analysis can use; the rest stays unknown, which
 * costs a finding and invents none.
 */

import { isNode, many, type Node, one, text } from "../core/ast.ts";

/** A part of a text and where it is. */
interface Piece {
  readonly text: string;
  readonly at: number;
}

/** Returns the type parameters of a class, with bounds that are names. */
export function typeParametersOf(cls: Node, source: string): Node | undefined {
  const id = one(cls, "id");
  const from = id?.range[1] ??
    cls.range[0] + (/^(?:abstract\s+)?class/.exec(source.slice(...cls.range))?.[0].length ?? 0);
  const open = from + (/^\s*/.exec(source.slice(from))?.[0].length ?? 0);
  if (source[open] !== "<") return undefined;
  const { pieces, end } = piecesOf(source, open);
  const params = pieces.flatMap((piece) => {
    const match = /^\s*(?:(?:const|in|out)\s+)*([\w$]+)(?:\s+extends\s+([\w$.]+))?/.exec(piece.text);
    if (match === null) return [];
    const [all, name = "", bound] = match;
    const at = piece.at + all.indexOf(name);
    const constraint = bound === undefined ? null : reference(bound, piece.at + all.length - bound.length);
    const range = [at, piece.at + piece.text.length];
    return { type: "TSTypeParameter", range, name: identifier(name, at), constraint, default: null };
  });
  return node({ type: "TSTypeParameterDeclaration", range: [open, end], params });
}

/** Returns the type of an accessor, if it is a name. */
export function accessorType(accessor: Node, source: string): Node | undefined {
  const key = one(accessor, "key");
  if (key === undefined) return undefined;
  const match = /^\s*[?!]?\s*:\s*([\w$.]+)/.exec(source.slice(key.range[1], accessor.range[1]));
  const name = match?.[1];
  if (match === null || name === undefined) return undefined;
  const at = key.range[1] + match[0].length - name.length;
  return node({ type: "TSTypeAnnotation", range: [at, at + name.length], typeAnnotation: reference(name, at) });
}

/** Returns what comes in a pattern after the elements that are known: holes, names, and holes for what is more than a name. */
export function restOfPattern(pattern: Node, source: string): (Node | null)[] {
  const known = many(pattern, "elements");
  const { pieces } = piecesOf(source, pattern.range[0]);
  return pieces.slice(known.length).map((piece) => {
    const match = /^\s*(\.\.\.)?\s*([\w$]+)\s*(?:=|$)/.exec(piece.text);
    const name = match?.[2];
    if (match === null || name === undefined) return null;
    const at = piece.at + match[0].indexOf(name);
    const named = identifier(name, at);
    return match[1] === undefined
      ? named
      : node({ type: "RestElement", range: [at - 3, named.range[1]], argument: named });
  });
}

const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}", "<": ">" };

/** What stands between commas in brackets, of which the first opens at an offset; and where those end. */
function piecesOf(source: string, open: number): { readonly pieces: readonly Piece[]; readonly end: number } {
  const isType = source[open] === "<";
  const pieces: Piece[] = [];
  const closing: string[] = [CLOSING[source[open] ?? ""] ?? ""];
  let from = open + 1;
  let at = from;
  for (; at < source.length; at++) {
    const char = source[at] ?? "";
    const skipped = skippedAt(source, at);
    if (skipped > at) {
      at = skipped - 1;
    } else if (char === closing.at(-1)) {
      closing.pop();
      if (closing.length === 0) break;
    } else if (char === "=" && source[at + 1] === ">") at++;
    else if (char in CLOSING && (char !== "<" || isType)) closing.push(CLOSING[char] ?? "");
    else if (char === "," && closing.length === 1) {
      pieces.push({ text: source.slice(from, at), at: from });
      from = at + 1;
    }
  }
  // A comma at the end begins nothing.
  if (source.slice(from, at).trim() !== "") pieces.push({ text: source.slice(from, at), at: from });
  return { pieces, end: at + 1 };
}

/** Where a comment or a text that begins at an offset ends; the offset itself when there is none. */
function skippedAt(source: string, at: number): number {
  const char = source[at];
  if (char === "/" && (source[at + 1] === "*" || source[at + 1] === "/")) {
    const isBlock = source[at + 1] === "*";
    const end = source.indexOf(isBlock ? "*/" : "\n", at + 2);
    return end < 0 ? source.length : end + (isBlock ? 2 : 1);
  }
  if (char !== '"' && char !== "'" && char !== "`") return at;
  for (let end = at + 1; end < source.length; end++) {
    if (source[end] === "\\") end++;
    else if (source[end] === char) return end + 1;
  }
  return source.length;
}

/** A type that is a name, perhaps in a namespace. */
function reference(name: string, at: number): Node {
  const [first = "", ...rest] = name.split(".");
  let typeName = identifier(first, at);
  for (const part of rest) {
    const start = typeName.range[1] + 1;
    const right = identifier(part, start);
    typeName = node({ type: "TSQualifiedName", range: [at, right.range[1]], left: typeName, right });
  }
  return node({ type: "TSTypeReference", range: [at, typeName.range[1]], typeName, typeArguments: null });
}

function identifier(name: string, at: number): Node {
  return node({ type: "Identifier", range: [at, at + name.length], name });
}

function node(value: Readonly<Record<string, unknown>>): Node {
  if (isNode(value)) return value;
  throw new Error(`Cannot make a node of ${text(value as unknown as Node, "type")} as it has no type`);
}
