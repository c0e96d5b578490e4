/**
 * The analysis of one file: a pure function from its syntax tree to what is wrong in it.
 */

import type { Node, Program } from "./ast.ts";
import type { Finding, RuleConfig, RuleContext, Source } from "./context.ts";
import { runFields } from "./declarations.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { reachable } from "./escapes.ts";
import { hotFunctions } from "./hot_functions.ts";
import { runAlone } from "./invoke.ts";
import { Machine } from "./machine.ts";
import { Parents } from "./parents.ts";
import type { ProjectIndex } from "./project.ts";
import { resolveScopes } from "./resolve_scopes.ts";
import type { Scopes } from "./scope.ts";
import { State } from "./state.ts";
import { Types } from "./types.ts";
import { NOTHING, type Value } from "./values.ts";
import { RULES } from "../registry.ts";
import { OTHER_WORDS } from "../rules/other_rules.ts";
import type { Rule } from "../rules/rule.ts";

export type { Comment, Node, Program } from "./ast.ts";
export type { RuleConfig, Source } from "./context.ts";
export type { ExportFact, ProjectIndex } from "./project.ts";
export type { Diagnostic } from "./diagnostic.ts";

/** How to analyse. */
export interface AnalyzeOptions {
  /** The codes to look for; without it those that run by default. */
  readonly rules?: ReadonlySet<string>;
  readonly config?: RuleConfig;
  /** What other files export. */
  readonly index?: ProjectIndex;
  /** Whether something is an allocator also by its name alone. */
  readonly strict?: boolean;
  /** The class of the library that an expression has by its type, if somebody knows. */
  readonly kindOf?: (start: number, end: number) => string | undefined;
}

/** The specifiers of the library. */
export const MODULES: readonly string[] = ["@framealloc/core", "framealloc"];

/** Finds the mistakes in a file. */
export function analyze(program: Program, source: Source, options: AnalyzeOptions = {}): Diagnostic[] {
  const modules = [...MODULES, ...options.config?.modules ?? []];
  if (!isWorthALook(source.text, modules, options)) return [];
  const rules = RULES.filter(({ code, isDefault }) =>
    options.rules === undefined ? isDefault : options.rules.has(code)
  );
  if (rules.length === 0) return [];
  const scopes = resolveScopes(program);
  const types = new Types(program, scopes, { filename: source.filename, modules, index: options.index });
  const found: Diagnostic[] = [];
  const parents = new Parents(program);
  const around: Around = { program, source, scopes, types, parents, options, machine: undefined };
  const contexts = rules.map((rule) => contextFor(rule, found, around));
  const hooks = rules.map((rule, i) => rule.create(contexts[i] as RuleContext));
  const m = around.machine = new Machine(program, source, scopes, types, hooks, {
    isStrict: options.strict === true,
    kindOf: options.kindOf,
  });
  m.hot = hotFunctions(scopes);
  m.mostSteps += 10 * scopes.size;
  run(m, isQuiet(source.text, options));
  m.emit("done", undefined as never);
  return found.sort((a, b) => a.start - b.start || (a.code < b.code ? -1 : 1));
}

/** Whether a text mentions anything that can be followed. */
function isWorthALook(text: string, modules: readonly string[], options: AnalyzeOptions): boolean {
  if (modules.some((module) => text.includes(module)) || OTHER_WORDS.test(text)) return true;
  if (options.strict === true || options.kindOf !== undefined) return /frame|alloc/i.test(text);
  if (/\b(?:SmartAlloc|FrameAlloc|TaskAlloc|AsyncPoolGuard|GpuAllocator|UnifiedAllocator)\b/.test(text)) return true;
  for (const name of options.index?.names ?? []) if (text.includes(name)) return true;
  return false;
}

/** What may be a mistake in a function that does nothing else with memory: posts, and the work of a GPU or of a physics engine. */
const OTHER_WORK = /\b(?:postMessage|Worker|workerData|FrameBarrier|TransferHandle|GPU\w*|\w*[rR]apier\w*)\b/;

/** Whether nothing happens in functions that are not hot: all is in this file, and it is about nothing else. */
function isQuiet(text: string, { index, kindOf }: AnalyzeOptions): boolean {
  if (kindOf !== undefined || OTHER_WORK.test(text) || OTHER_WORDS.test(text)) return false;
  for (const name of index?.names ?? []) if (text.includes(name)) return false;
  return true;
}

/**
 * Follows the file, and then each function that was not followed where it stands.
 *
 * @param onlyHot Whether to leave out those in which there is nothing to follow.
 */
function run(m: Machine, onlyHot: boolean): void {
  const { scopes, program } = m;
  runAlone(m, program, NOTHING);
  const selves = new Map<Node, Value>();
  const selfOf = (cls: Node): Value => {
    const known = selves.get(cls);
    if (known !== undefined) return known;
    const self = m.statics.self(cls);
    selves.set(cls, self);
    return self;
  };
  for (const cls of scopes.classes) runFields(m, cls, selfOf(cls));
  const selfIn = new Map<Node, Value>();
  for (const fn of scopes.functions) {
    const cls = scopes.classOf.get(fn);
    const outer = scopes.outer.get(fn);
    const self = cls !== undefined
      ? selfOf(cls)
      : fn.type === "ArrowFunctionExpression"
      ? selfIn.get(outer ?? program) ?? around(scopes, fn, selfOf)
      : NOTHING;
    selfIn.set(fn, self);
    if (!m.followed.has(fn) && (!onlyHot || m.hot.has(fn))) runAlone(m, fn, self);
  }
  m.state = new State();
}

/** The `this` of an arrow function in the initialiser of a field. */
function around(scopes: Scopes, fn: Node, selfOf: (cls: Node) => Value): Value {
  const outer = scopes.outer.get(fn);
  const cls = scopes.classes.findLast((cls) => cls.range[0] <= fn.range[0] && fn.range[1] <= cls.range[1]);
  if (cls === undefined) return NOTHING;
  const isNearer = outer === undefined || outer.range[0] <= cls.range[0];
  return isNearer ? selfOf(cls) : NOTHING;
}

interface Around {
  readonly program: Program;
  readonly source: Source;
  readonly scopes: Scopes;
  readonly types: Types;
  readonly parents: Parents;
  readonly options: AnalyzeOptions;
  machine: Machine | undefined;
}

function contextFor(rule: Rule, found: Diagnostic[], around: Around): RuleContext {
  const { program, source, scopes, types, parents, options } = around;
  const places = new Set<number>();
  return {
    program,
    source,
    scopes,
    types,
    config: options.config ?? {},
    parents,
    report(finding: Finding): void {
      const [start, end] = finding.node.range;
      if (places.has(start)) return;
      places.add(start);
      found.push({
        code: rule.code,
        severity: rule.severity,
        confidence: finding.confidence ?? "certain",
        message: finding.message,
        help: finding.help ?? rule.help,
        notes: finding.notes ?? [],
        related: finding.related ?? [],
        suggestions: finding.suggestions ?? [],
        start,
        end,
      });
    },
    textOf: (node) => source.text.slice(...node.range),
    memoryIn(value) {
      const m = around.machine;
      return m === undefined ? [] : reachable(m, value);
    },
    frameOf(alloc) {
      const m = around.machine;
      return m === undefined ? { isUnknown: true, open: [], closed: [], resumed: [], scopes: [] } : m.frameOf(alloc);
    },
  };
}
