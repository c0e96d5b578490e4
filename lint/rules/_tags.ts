/**
 * The tags that a file uses, and which of them are its own.
 */

import { keyName, type Node, one, unwrap } from "../core/ast.ts";
import type { CallEvent } from "../core/events.ts";
import type { RuleContext } from "../core/context.ts";
import { allocOf } from "../core/values.ts";
import { constantText, isAllocator } from "./_declared.ts";

/** A use of a tag that is certainly known. */
export interface TagUse {
  readonly node: Node;
  readonly tag: string;
}

/** Reads a call that names a tag: `withTag`, `tag`, and `setTag` of the budgets. */
export function tagUse(
  context: RuleContext,
  { name, callee, receiver, argNodes, isNew }: CallEvent,
): TagUse | undefined {
  if (isNew || !/^(?:withTag|tag|setTag)$/.test(name) || callee.type !== "MemberExpression") return undefined;
  const object = one(callee, "object");
  const [node] = argNodes;
  if (object === undefined || node === undefined) return undefined;
  if (name === "setTag") {
    const budgets = unwrap(object);
    const alloc = budgets.type === "MemberExpression" && keyName(budgets, "property") === "budgets"
      ? one(budgets, "object")
      : undefined;
    if (alloc === undefined || !isAllocator(context, alloc)) return undefined;
  } else if (allocOf(receiver) === undefined && !isAllocator(context, object)) return undefined;
  const tag = constantText(context, node);
  return tag === undefined ? undefined : { node, tag };
}

/** All tags that the configuration names, if it wants others to be reported. */
export function knownTags(context: RuleContext): ReadonlySet<string> | undefined {
  const { warnUnknownTags, knownTags, moduleTags } = context.config;
  const known = new Set([...knownTags ?? [], ...[...moduleTags?.values() ?? []].flat()]);
  return warnUnknownTags === true && known.size > 0 ? known : undefined;
}

/** The patterns that a path matches, with their tags. */
export function modulesOf(
  context: RuleContext,
  path: string,
): readonly { readonly pattern: string; readonly tags: readonly string[] }[] {
  const found: { pattern: string; tags: readonly string[] }[] = [];
  for (const [pattern, tags] of context.config.moduleTags ?? []) {
    if (matches(pattern, path)) found.push({ pattern, tags });
  }
  return found;
}

/** Whether a tag, or the path of nested tags `a::b`, is among others. */
export function isAmong(tag: string, tags: Iterable<string>): boolean {
  const known = new Set(tags);
  return known.has("*") || known.has(tag) || (tag.includes("::") && tag.split("::").every((part) => known.has(part)));
}

/** The tag that is meant, if one is nearly the same. */
export function nearest(tag: string, tags: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(tag.length / 3)) + 1;
  for (const other of tags) {
    const changes = distance(tag.toLowerCase(), other.toLowerCase());
    if (changes < least) [best, least] = [other, changes];
  }
  return best;
}

/** Whether a pattern matches a path: at its end or on a folder in it; `*` and `?` stay within a name, `**` does not. */
function matches(pattern: string, path: string): boolean {
  const glob = pattern.replace(/^\.?\//, "").replace(/\/$/, "");
  let source = "";
  for (let i = 0; i < glob.length; i++) {
    const char = glob[i] as string;
    if (glob.startsWith("**/", i)) {
      source += "(?:[^/]+/)*";
      i += 2;
    } else if (glob.startsWith("**", i)) {
      source += ".*";
      i++;
    } else if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else source += char.replace(/[\\^$.+()[\]|]/, "\\$&").replace("{", "(?:").replace("}", ")").replace(",", "|");
  }
  // A module without a pattern is a folder, or a file without its ending.
  return new RegExp(`(?:^|/)${source}(?:/.*)?(?:\\.[cm]?[jt]sx?)?$`).test(path.replaceAll("\\", "/"));
}

/** How many letters have to change; two that are swapped are one change. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((row[j - 1] ?? 0) + 1, (last[j] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      }
      row.push(least);
    }
    [before, last] = [last, row];
  }
  return last[b.length] ?? a.length;
}
