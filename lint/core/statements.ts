/**
 * Follows statements: where paths part, where they meet, and what happens on every way out of a block.
 */

import type { Completion } from "./activation.ts";
import { eachChild, many, type Node, one, text, unwrap } from "./ast.ts";
import { declareClass } from "./declarations.ts";
import { keep } from "./escapes.ts";
import { declareValue, evaluate } from "./expressions.ts";
import { branch, refine, stop } from "./flow.ts";
import { endGuard } from "./guards.ts";
import { runLoop } from "./loops.ts";
import type { Machine } from "./machine.ts";
import { bind } from "./patterns.ts";
import { State } from "./state.ts";
import { NOTHING, type Value } from "./values.ts";

/** Follows a statement. */
export function execute(m: Machine, node: Node): void {
  if (m.state.isDead || m.depth > m.deepest) return;
  m.steps++;
  m.depth++;
  follow(m, node);
  m.depth--;
}

function follow(m: Machine, node: Node): void {
  const { labels } = m.active;
  m.active.labels = [];
  switch (node.type) {
    case "ExpressionStatement": {
      const expression = one(node, "expression");
      if (expression === undefined) return;
      m.dropped = unwrap(expression);
      return drop(m, evaluate(m, expression), expression);
    }
    case "VariableDeclaration":
      return declare(m, node);
    case "BlockStatement":
    case "StaticBlock":
    case "TSModuleBlock":
      return block(m, many(node, "body"), node);
    case "IfStatement":
      return choose(m, node);
    case "ReturnStatement":
    case "ThrowStatement": {
      const argument = one(node, "argument");
      const value = argument === undefined ? NOTHING : evaluate(m, argument);
      if (node.type === "ThrowStatement") {
        m.state.version++;
        m.mayThrow();
        return jump(m, "throw", node, NOTHING);
      }
      return jump(m, "return", node, value);
    }
    case "BreakStatement":
    case "ContinueStatement": {
      const label = one(node, "label");
      return jump(
        m,
        node.type === "BreakStatement" ? "break" : "continue",
        node,
        NOTHING,
        label && text(label, "name"),
      );
    }
    case "LabeledStatement": {
      const label = text(one(node, "label") ?? node, "name");
      const inner = one(node, "body");
      if (inner === undefined) return;
      m.active.labels = [...labels, label];
      const from = m.active.completions.length;
      execute(m, inner);
      return land(m, from, (completion) => completion.how === "break" && completion.label === label);
    }
    case "ForStatement":
    case "ForInStatement":
    case "ForOfStatement":
    case "WhileStatement":
    case "DoWhileStatement":
      return runLoop(m, node, labels);
    case "SwitchStatement":
      return select(m, node);
    case "TryStatement":
      return attempt(m, node);
    case "ClassDeclaration": {
      const value = declareClass(m, node);
      const id = one(node, "id");
      if (id !== undefined) bind(m, id, value);
      return;
    }
    case "ExportNamedDeclaration": {
      const declaration = one(node, "declaration");
      if (declaration !== undefined) execute(m, declaration);
      return;
    }
    case "ExportDefaultDeclaration": {
      const declaration = one(node, "declaration");
      if (declaration === undefined) return;
      if (declaration.type === "ClassDeclaration" || declaration.type === "FunctionDeclaration") {
        return execute(m, declaration);
      }
      return keep(m, evaluate(m, declaration), declaration, "default", "export");
    }
    case "TSModuleDeclaration": {
      const inner = one(node, "body");
      if (inner !== undefined) execute(m, inner);
      return;
    }
    case "TSExportAssignment": {
      const expression = one(node, "expression");
      if (expression !== undefined) keep(m, evaluate(m, expression), node, "the exports", "export");
      return;
    }
    case "FunctionDeclaration":
    case "ImportDeclaration":
    case "ExportAllDeclaration":
    case "EmptyStatement":
    case "DebuggerStatement":
      return;
    default:
      if (node.type.startsWith("TS")) return;
      if (node.type.endsWith("Statement")) {
        eachChild(node, (child) => void (child.type.endsWith("Statement") ? execute(m, child) : evaluate(m, child)));
      } else evaluate(m, node);
  }
}

/** The value of an expression is not used: a promise that nobody awaits goes on with what it was given. */
function drop(m: Machine, value: Value, node: Node): void {
  for (const atom of value) {
    if (atom.k !== "pending" || !atom.isSure) continue;
    for (const view of atom.views) {
      const mark = m.mark(node);
      if (m.isForeign(view.site.owner) || !m.isFirst(view.site, mark)) continue;
      m.emit("stale", { node: m.place(node), view, is: "suspended", mark, isCertain: true });
    }
  }
}

function declare(m: Machine, node: Node): void {
  const kind = text(node, "kind");
  for (const declarator of many(node, "declarations")) {
    const id = one(declarator, "id");
    const init = one(declarator, "init");
    if (id === undefined) continue;
    if (init === undefined) {
      if (kind !== "var") bind(m, id, NOTHING);
      continue;
    }
    const value = evaluate(m, init);
    declareValue(m, id, value, declarator);
    if (kind === "using" || kind === "await using") {
      m.usings.at(-1)?.push({ value, node: declarator, isAsync: kind === "await using" });
    }
  }
}

/** Follows statements that may have something to end on every way out. */
export function block(m: Machine, statements: readonly Node[], node: Node): void {
  m.usings.push([]);
  const from = m.active.completions.length;
  const run = () => {
    for (const statement of statements) execute(m, statement);
  };
  const isGuarded = m.handlers.length > 0 && statements.some(isUsing);
  const thrown = isGuarded ? watch(m, run) : run();
  const usings = m.usings.pop() ?? [];
  if (thrown !== undefined) {
    // What is thrown goes on after the guards have ended.
    const after = m.state;
    m.state = thrown.fork();
    endGuards(m, node, usings);
    pass(m, m.state);
    m.state = after;
  }
  if (usings.length > 0) endAll(m, node, from, usings);
  forget(m, node, from);
}

/** The variables of a block are gone, on every way out of it. */
export function forget(m: Machine, block: Node, from: number): void {
  const scope = m.scopes.at.get(block);
  if (scope === undefined || scope.node === scope.fn || scope.bindings.size === 0) return;
  const gone = [...scope.bindings.values()].filter(({ references }) => references.every(({ fn }) => fn === scope.fn));
  if (gone.length === 0) return;
  m.state.forget(gone);
  for (const { state } of m.active.completions.slice(from)) state.forget(gone);
}

function isUsing(statement: Node): boolean {
  return statement.type === "VariableDeclaration" && text(statement, "kind").endsWith("using");
}

function endAll(m: Machine, node: Node, from: number, usings: Machine["usings"][number]): void {
  finallyDo(m, from, () => endGuards(m, node, usings));
}

function endGuards(m: Machine, node: Node, usings: Machine["usings"][number]): void {
  for (const { value, isAsync, node: declarator } of usings.toReversed()) {
    for (const atom of value) if (atom.k === "guard") endGuard(m, atom, declarator);
    if (isAsync && !value.some((atom) => atom.k === "guard" && atom.of !== "task")) m.suspendQuietly(node);
  }
}

/** Runs something, and returns what may be so when it throws. */
export function watch(m: Machine, what: () => void): State | undefined {
  const watcher = { state: undefined as State | undefined, version: -1 };
  m.handlers.push(watcher);
  what();
  m.handlers.pop();
  return watcher.state;
}

/** Does something on every way out of what was followed since a place in the list of jumps. */
function finallyDo(m: Machine, from: number, ending: () => void): void {
  const jumps = m.active.completions.splice(from);
  const normal = m.state;
  if (!normal.isDead) ending();
  const after = m.state;
  for (const completion of jumps) {
    m.state = completion.state;
    ending();
    if (m.state.isDead) continue;
    completion.state = m.state;
    m.active.completions.push(completion);
  }
  m.state = after;
}

function choose(m: Machine, node: Node): void {
  const test = one(node, "test");
  const consequent = one(node, "consequent");
  const alternate = one(node, "alternate");
  if (test !== undefined) evaluate(m, test);
  branch(m, () => {
    if (test !== undefined) refine(m, test, true);
    if (consequent !== undefined) execute(m, consequent);
  }, () => {
    if (test !== undefined) refine(m, test, false);
    if (alternate !== undefined) execute(m, alternate);
  });
}

/** Jumps: what comes after is reached on other ways only. */
function jump(m: Machine, how: Completion["how"], node: Node, value: Value, label?: string): void {
  if (m.state.isDead) return;
  m.active.completions.push({ how, label, node, value, state: m.state.fork() });
  stop(m);
}

/** Jumps that go here meet what comes here otherwise. */
export function land(m: Machine, from: number, isHere: (completion: Completion) => boolean): void {
  const { completions } = m.active;
  for (let i = completions.length - 1; i >= from; i--) {
    const completion = completions[i] as Completion;
    if (!isHere(completion)) continue;
    completions.splice(i, 1);
    m.state = State.join(m.state, completion.state);
  }
}

function select(m: Machine, node: Node): void {
  const discriminant = one(node, "discriminant");
  if (discriminant !== undefined) evaluate(m, discriminant);
  const from = m.active.completions.length;
  let open: State | undefined = m.state; // no case has matched yet
  m.state = State.join(undefined, undefined);
  let hasDefault = false;
  for (const each of many(node, "cases")) {
    const test = one(each, "test");
    if (test === undefined) hasDefault = true;
    else {
      const through = m.state;
      m.state = open.fork();
      evaluate(m, test);
      open = m.state;
      m.state = through;
    }
    m.state = State.join(m.state, open);
    for (const statement of many(each, "consequent")) execute(m, statement);
  }
  if (!hasDefault) m.state = State.join(m.state, open);
  land(m, from, ({ how, label }) => how === "break" && label === undefined);
}

function attempt(m: Machine, node: Node): void {
  const guarded = one(node, "block");
  const handler = one(node, "handler");
  const finalizer = one(node, "finalizer");
  const start = m.active.completions.length;
  let escaped: State | undefined;
  const from = m.active.completions.length;
  const before = m.state;
  const thrown = watch(m, () => {
    m.mayThrow();
    if (guarded !== undefined) execute(m, guarded);
  });
  if (handler !== undefined) {
    const { completions } = m.active;
    for (let i = completions.length - 1; i >= from; i--) if (completions[i]?.how === "throw") completions.splice(i, 1);
    const after = m.state;
    m.state = (thrown ?? before).fork();
    escaped = watch(m, () => {
      const param = one(handler, "param");
      if (param !== undefined) bind(m, param, NOTHING);
      const inner = one(handler, "body");
      if (inner !== undefined) execute(m, inner);
    });
    const facts = before.facts;
    m.state = State.join(after, m.state);
    if (!m.state.isDead && !after.isDead) m.state.facts = facts;
  } else escaped = thrown;
  if (finalizer === undefined) {
    if (escaped !== undefined) pass(m, escaped);
    return;
  }
  finallyDo(m, start, () => execute(m, finalizer));
  if (escaped === undefined) return;
  // Something else has thrown: the last block runs, and the error goes on.
  const normal = m.state;
  m.state = escaped.fork();
  execute(m, finalizer);
  if (!m.state.isDead) pass(m, m.state);
  m.state = normal;
}

/** An error goes on to the next `catch`, with what is so then. */
export function pass(m: Machine, state: State): void {
  const before = m.state;
  m.state = state;
  m.state.version++;
  m.mayThrow();
  m.state = before;
}
