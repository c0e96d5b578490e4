/**
 * Follows one function for things that are not memory of the library: a mapped buffer, a staging buffer, a physics world. What is followed
 * is named by a key and has a few bits, one for each state that it may be in; the states of paths that meet are joined. A rule says what a
 * node does to them.
 */

import { eachChild, flag, isFunction, keyName, many, type Node, one, raw, text, unwrap } from "../core/ast.ts";
import { RUNS_NOW } from "./_callbacks.ts";
import { join, type Masks, type Steps } from "./_masks.ts";

/** Follows a function, or a program, from its start to all its ends. */
export function follow(root: Node, steps: Steps, start: Masks = new Map()): void {
  new Follower(steps, start).root(root);
}

interface Target {
  readonly labels: readonly string[];
  readonly kind: "loop" | "switch" | "label";
  readonly depth: number;
  broken: Masks | undefined;
  continued: Masks | undefined;
}

class Follower {
  readonly #steps: Steps;
  #masks: Masks | undefined;
  /** What may be so when something throws, for each `try` around. */
  readonly #throws: { masks: Masks | undefined }[] = [];
  readonly #targets: Target[] = [];
  /** What `using` has declared, for each block around. */
  #usings: Node[][] = [];
  /** What is so where a callback that is followed where it stands returns. */
  #returned: { masks: Masks | undefined } | undefined;
  #labels: readonly string[] = [];

  constructor(steps: Steps, start: Masks) {
    this.#steps = steps;
    this.#masks = start;
  }

  root(root: Node): void {
    if (root.type === "Program") this.#list(many(root, "body"));
    else {
      const body = one(root, "body");
      if (body === undefined) return;
      if (body.type === "BlockStatement") this.#statement(body);
      else this.#expression(body);
    }
    if (this.#masks !== undefined) this.#steps.exit?.(root, this.#masks);
  }

  #visit(node: Node): void {
    if (this.#masks === undefined) return;
    this.#masks = this.#steps.visit(node, this.#masks);
    const handler = this.#throws.at(-1);
    if (handler !== undefined) handler.masks = join(handler.masks, this.#masks);
  }

  #branch(...ways: readonly (() => void)[]): void {
    const before = this.#masks;
    let after: Masks | undefined;
    for (const way of ways) {
      this.#masks = before;
      way();
      after = join(after, this.#masks);
    }
    this.#masks = after;
  }

  // Statements

  #list(statements: readonly Node[]): void {
    this.#usings.push([]);
    for (const statement of statements) {
      if (this.#masks === undefined) break;
      this.#statement(statement);
    }
    this.#dispose(this.#usings.length - 1);
    this.#usings.pop();
  }

  /** Disposes of what the blocks from a depth on have declared. */
  #dispose(depth: number): void {
    for (const block of this.#usings.slice(depth).reverse()) {
      for (const declarator of [...block].reverse()) {
        if (this.#masks !== undefined) this.#masks = this.#steps.dispose?.(declarator, this.#masks) ?? this.#masks;
      }
    }
  }

  #statement(node: Node): void {
    const labels = this.#labels;
    this.#labels = [];
    switch (node.type) {
      case "BlockStatement":
      case "StaticBlock":
        return this.#list(many(node, "body"));
      case "VariableDeclaration":
        return this.#declare(node);
      case "IfStatement":
        this.#child(node, "test");
        return this.#branch(() => this.#inner(node, "consequent"), () => this.#inner(node, "alternate"));
      case "ForStatement":
      case "ForInStatement":
      case "ForOfStatement":
      case "WhileStatement":
      case "DoWhileStatement":
        return this.#loop(node, labels);
      case "SwitchStatement":
        return this.#switch(node, labels);
      case "TryStatement":
        return this.#try(node);
      case "LabeledStatement": {
        this.#labels = [...labels, text(one(node, "label") ?? node, "name")];
        const target = this.#push(this.#labels, "label");
        this.#inner(node, "body");
        this.#pop(target);
        return;
      }
      case "ReturnStatement":
      case "ThrowStatement":
        return this.#leave(node);
      case "BreakStatement":
      case "ContinueStatement":
        return this.#jump(node);
      case "ExportNamedDeclaration":
      case "ExportDefaultDeclaration":
        return this.#inner(node, "declaration");
      case "FunctionDeclaration":
      case "ClassDeclaration":
      case "ImportDeclaration":
        return;
      case "ExpressionStatement":
        return this.#child(node, "expression");
      default:
        if (!node.type.startsWith("TS")) this.#expression(node);
    }
  }

  #inner(node: Node, key: string): void {
    const child = one(node, key);
    if (child !== undefined && this.#masks !== undefined) this.#statement(child);
  }

  #child(node: Node, key: string): void {
    const child = one(node, key);
    if (child !== undefined) this.#expression(child);
  }

  #declare(node: Node): void {
    const isUsing = text(node, "kind").includes("using");
    for (const declarator of many(node, "declarations")) {
      this.#child(declarator, "init");
      this.#visit(declarator);
      if (isUsing) this.#usings.at(-1)?.push(declarator);
    }
  }

  #push(labels: readonly string[], kind: Target["kind"]): Target {
    const target: Target = { labels, kind, depth: this.#usings.length, broken: undefined, continued: undefined };
    this.#targets.push(target);
    return target;
  }

  #pop(target: Target): void {
    this.#targets.pop();
    this.#masks = join(this.#masks, target.broken);
  }

  #loop(node: Node, labels: readonly string[]): void {
    const isDo = node.type === "DoWhileStatement";
    const isOver = node.type === "ForOfStatement" || node.type === "ForInStatement";
    const test = one(node, "test");
    const isEndless = !isOver && (test === undefined || raw(unwrap(test), "value") === true);
    const init = one(node, "init");
    if (init !== undefined) this.#statement(init);
    if (isOver) this.#child(node, "right");
    const target = this.#push(labels, "loop");
    let head = this.#masks;
    let after: Masks | undefined;
    for (let pass = 0; pass < 2; pass++) {
      this.#masks = head;
      if (isOver) this.#visit(node);
      if (!isDo && test !== undefined) this.#expression(test);
      if (!isDo && !isEndless) after = join(after, this.#masks);
      const left = isOver ? one(node, "left") : undefined;
      if (left?.type === "VariableDeclaration") this.#declare(left);
      this.#inner(node, "body");
      this.#masks = join(this.#masks, target.continued);
      this.#child(node, "update");
      if (isDo && test !== undefined) this.#expression(test);
      if (isDo && !isEndless) after = join(after, this.#masks);
      if (this.#masks === undefined) break;
      head = join(head, this.#masks);
    }
    this.#masks = after;
    this.#pop(target);
  }

  #switch(node: Node, labels: readonly string[]): void {
    this.#child(node, "discriminant");
    const before = this.#masks;
    const target = this.#push(labels, "switch");
    let hasDefault = false;
    this.#masks = undefined;
    for (const branch of many(node, "cases")) {
      if (one(branch, "test") === undefined) hasDefault = true;
      this.#masks = join(this.#masks, before);
      this.#child(branch, "test");
      this.#list(many(branch, "consequent"));
    }
    if (!hasDefault) this.#masks = join(this.#masks, before);
    this.#pop(target);
  }

  #try(node: Node): void {
    const handler = one(node, "handler");
    const finalizer = one(node, "finalizer");
    const thrown: { masks: Masks | undefined } = { masks: this.#masks };
    this.#throws.push(thrown);
    this.#inner(node, "block");
    this.#throws.pop();
    const after = this.#masks;
    this.#masks = thrown.masks;
    if (handler !== undefined) {
      this.#inner(handler, "body");
      this.#masks = join(after, this.#masks);
    } else {
      // Nobody catches it: what comes after is only reached without an error.
      if (finalizer !== undefined) this.#statement(finalizer);
      this.#masks = after;
    }
    if (finalizer !== undefined && this.#masks !== undefined) this.#statement(finalizer);
  }

  #leave(node: Node): void {
    this.#child(node, "argument");
    this.#visit(node);
    this.#dispose(0);
    if (this.#masks === undefined) return;
    if (node.type === "ReturnStatement") {
      if (this.#returned !== undefined) this.#returned.masks = join(this.#returned.masks, this.#masks);
      else this.#steps.exit?.(node, this.#masks);
    }
    this.#masks = undefined;
  }

  #jump(node: Node): void {
    const label = one(node, "label");
    const name = label === undefined ? undefined : text(label, "name");
    const isBreak = node.type === "BreakStatement";
    const target = this.#targets.findLast((each) =>
      name === undefined
        ? each.kind === "loop" || (isBreak && each.kind === "switch")
        : each.labels.includes(name) && (isBreak || each.kind === "loop")
    );
    if (target !== undefined) {
      this.#dispose(target.depth);
      if (isBreak) target.broken = join(target.broken, this.#masks);
      else target.continued = join(target.continued, this.#masks);
    }
    this.#masks = undefined;
  }

  // Expressions

  #expression(node: Node): void {
    if (this.#masks === undefined) return;
    switch (node.type) {
      case "Literal":
      case "TemplateElement":
      case "ClassExpression":
      case "ThisExpression":
        return;
      case "LogicalExpression":
        this.#child(node, "left");
        this.#branch(() => this.#child(node, "right"), () => {});
        return;
      case "ConditionalExpression":
        this.#child(node, "test");
        return this.#branch(() => this.#child(node, "consequent"), () => this.#child(node, "alternate"));
      case "AssignmentExpression":
        return this.#assign(node);
      case "MemberExpression":
        this.#child(node, "object");
        if (flag(node, "computed")) this.#child(node, "property");
        return this.#visit(node);
      case "Property":
        if (flag(node, "computed")) this.#child(node, "key");
        return this.#child(node, "value");
      case "CallExpression":
      case "NewExpression":
        return this.#call(node);
      default:
        if (isFunction(node)) return this.#visit(node);
        if (node.type.startsWith("TS") && one(node, "expression") === undefined) return;
        eachChild(node, (child, key) => key === "typeAnnotation" ? undefined : this.#expression(child));
        this.#visit(node);
    }
  }

  #assign(node: Node): void {
    const left = one(node, "left");
    const target = left === undefined ? undefined : unwrap(left);
    if (target?.type === "MemberExpression") {
      this.#child(target, "object");
      if (flag(target, "computed")) this.#child(target, "property");
    }
    const store = () => {
      this.#child(node, "right");
      this.#visit(node);
    };
    const operator = text(node, "operator");
    if (operator === "??=" || operator === "||=" || operator === "&&=") this.#branch(store, () => {});
    else store();
  }

  #call(node: Node): void {
    const callee = one(node, "callee");
    const inner = callee === undefined ? undefined : unwrap(callee);
    const isOnTheSpot = inner !== undefined && isFunction(inner);
    if (callee !== undefined && !isOnTheSpot) this.#expression(callee);
    const method = inner?.type === "MemberExpression" ? keyName(inner, "property") : undefined;
    const callbacks: Node[] = isOnTheSpot ? [inner] : [];
    for (const argument of many(node, "arguments")) {
      if (isFunction(argument) && method !== undefined && RUNS_NOW.has(method)) callbacks.push(argument);
      else this.#expression(argument);
    }
    for (const callback of callbacks) {
      if (isOnTheSpot) this.#inline(callback);
      else this.#branch(() => this.#inline(callback), () => {});
    }
    this.#visit(node);
  }

  /** Follows a function where it stands. */
  #inline(fn: Node): void {
    const body = one(fn, "body");
    if (body === undefined) return;
    const [returned, usings] = [this.#returned, this.#usings];
    const mine: { masks: Masks | undefined } = { masks: undefined };
    this.#returned = mine;
    this.#usings = [];
    if (body.type === "BlockStatement") this.#statement(body);
    else this.#expression(body);
    this.#masks = join(this.#masks, mine.masks);
    this.#returned = returned;
    this.#usings = usings;
  }
}
