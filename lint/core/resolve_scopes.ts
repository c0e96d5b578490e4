/**
 * Resolves the names of a file. Linters offer this in different ways, or not at all, so the analysis has its own.
 */

import {
  DEEPEST,
  eachChild,
  flag,
  identifierName,
  isClass,
  isFunction,
  isTypeOnly,
  keyName,
  makesScope,
  many,
  type Node,
  one,
  raw,
  text,
} from "./ast.ts";
import { expect, expectOfCall } from "./contexts.ts";
import { eachName } from "./names.ts";
import {
  type Binding,
  type BindingKind,
  type Context,
  lookup,
  type Reference,
  type Scope,
  type Scopes,
} from "./scope.ts";

/** Resolves all names of a program. */
export function resolveScopes(program: Node): Scopes {
  const builder = new Builder(program);
  builder.run();
  return builder;
}

type Pending = Omit<Reference, "fn"> & { readonly scope: Scope };

class Builder implements Scopes {
  readonly root: Scope;
  readonly of = new Map<Node, Binding>();
  readonly at = new Map<Node, Scope>();
  readonly captures = new Map<Node, Set<Binding>>();
  readonly functions: Node[] = [];
  readonly classes: Node[] = [];
  readonly classOf = new Map<Node, Node>();
  readonly outer = new Map<Node, Node>();
  readonly contextOf = new Map<Node, Context>();
  readonly nameOf = new Map<Node, string>();
  readonly uses: { readonly node: Node; readonly fn: Node }[] = [];
  size = 0;
  readonly #calls: Node[] = [];
  readonly #pending: Pending[] = [];
  #ids = 0;
  #depth = 0;

  constructor(program: Node) {
    this.root = { node: program, parent: undefined, fn: program, bindings: new Map(), types: new Map() };
    this.at.set(program, this.root);
  }

  run(): void {
    for (const node of many(this.root.node, "body")) this.#visit(node, this.root.node, this.root);
    for (const { node, parent, scope, isWrite } of this.#pending) {
      const binding = lookup(scope, text(node, "name"));
      if (binding === undefined) continue;
      this.of.set(node, binding);
      binding.references.push({ node, parent, fn: scope.fn, isWrite });
      if (isWrite) binding.writes++;
      if (parent.type === "ExportSpecifier" || parent.type === "ExportDefaultDeclaration") binding.isExported = true;
      const home = binding.scope.fn;
      for (let fn: Node | undefined = scope.fn; fn !== undefined && fn !== home; fn = this.outer.get(fn)) {
        const known = this.captures.get(fn);
        if (known === undefined) this.captures.set(fn, new Set([binding]));
        else known.add(binding);
      }
    }
    for (const call of this.#calls) expectOfCall(this.contextOf, this.of, call);
  }

  #open(node: Node, parent: Scope, fn: Node = parent.fn): Scope {
    const scope: Scope = { node, parent, fn, bindings: new Map(), types: new Map() };
    this.at.set(node, scope);
    return scope;
  }

  #declare(name: Node, kind: BindingKind, declaration: Node, scope: Scope, isExported = false): void {
    let home = scope;
    if (kind === "var") { while (home.node !== home.fn && home.parent !== undefined) home = home.parent; }
    const id = text(name, "name");
    const before = home.bindings.get(id);
    if (before !== undefined) { // an overload, a merged declaration, or a second `var`
      this.of.set(name, before);
      if (kind === "var") before.writes++;
      if (isExported) before.isExported = true;
      return;
    }
    const binding: Binding = {
      id: this.#ids++,
      name: id,
      kind,
      node: name,
      declaration,
      scope: home,
      references: [],
      writes: 0,
      isExported,
    };
    home.bindings.set(id, binding);
    this.of.set(name, binding);
  }

  /** Declares all names of a pattern, and visits what is computed in it. */
  #pattern(node: Node, kind: BindingKind, declaration: Node, scope: Scope, isExported = false): void {
    this.#each(node, declaration, scope, (name) => {
      for (const decorator of many(name, "decorators")) this.#visit(decorator, name, scope);
      this.#declare(name, kind, declaration, scope, isExported);
    });
  }

  /** Visits the target of an assignment: names in it are written to. */
  #target(node: Node, parent: Node, scope: Scope): void {
    this.#each(node, parent, scope, (name, parent) => this.#pending.push({ node: name, parent, scope, isWrite: true }));
  }

  #each(node: Node, parent: Node, scope: Scope, put: (name: Node, parent: Node) => void): void {
    eachName(node, parent, put, (inner, around) => this.#visit(inner, around, scope));
  }

  #children(node: Node, scope: Scope): void {
    eachChild(node, (child) => this.#visit(child, node, scope));
  }

  #visit(node: Node, parent: Node, scope: Scope): void {
    if (this.#depth > DEEPEST) return;
    this.#depth++;
    this.size++;
    this.#look(node, parent, scope);
    this.#depth--;
  }

  #look(node: Node, parent: Node, scope: Scope): void {
    const { type } = node;
    if (type === "Identifier") {
      this.#pending.push({ node, parent, scope, isWrite: false });
      return;
    }
    if (isFunction(node)) return this.#function(node, scope);
    if (isClass(node)) return this.#class(node, scope, parent);
    if (isTypeOnly(type)) return;
    if (makesScope(type)) {
      const inner = this.#open(node, scope);
      if (type === "CatchClause") {
        const param = one(node, "param");
        if (param !== undefined) this.#pattern(param, "catch", node, inner);
        const body = one(node, "body");
        if (body !== undefined) this.#visit(body, node, inner);
        return;
      }
      const left = type === "ForInStatement" || type === "ForOfStatement" ? one(node, "left") : undefined;
      if (left !== undefined && left.type !== "VariableDeclaration") {
        this.#target(left, node, inner);
        eachChild(node, (child, key) => key === "left" ? undefined : this.#visit(child, node, inner));
        return;
      }
      return this.#children(node, inner);
    }
    switch (type) {
      case "VariableDeclaration": {
        const kind = text(node, "kind");
        const of: BindingKind = kind === "var" || kind === "let" || kind === "const" ? kind : "using";
        const isExported = parent.type === "ExportNamedDeclaration";
        for (const declarator of many(node, "declarations")) {
          const id = one(declarator, "id");
          const init = one(declarator, "init");
          if (id !== undefined) this.#pattern(id, of, declarator, scope, isExported);
          if (id !== undefined && init !== undefined) expect(this.contextOf, init, one(id, "typeAnnotation"));
          if (init !== undefined) this.#name(init, identifierName(id));
          if (init !== undefined) this.#visit(init, declarator, scope);
        }
        return;
      }
      case "AssignmentExpression": {
        const left = one(node, "left");
        const right = one(node, "right");
        if (left !== undefined) {
          this.#target(left, node, scope);
          if (left.type === "Identifier" && text(node, "operator") !== "=") this.#visit(left, node, scope);
        }
        if (right !== undefined) this.#visit(right, node, scope);
        return;
      }
      case "NewExpression":
        this.#use(node, scope);
        return this.#children(node, scope);
      case "CallExpression":
        this.#use(node, scope);
        if (many(node, "arguments").some(isFunction)) this.#calls.push(node);
        return this.#children(node, scope);
      case "UpdateExpression": {
        const argument = one(node, "argument");
        if (argument !== undefined) this.#target(argument, node, scope);
        return;
      }
      case "MemberExpression": {
        const object = one(node, "object");
        const property = one(node, "property");
        this.#use(node, scope);
        if (object !== undefined) this.#visit(object, node, scope);
        if (flag(node, "computed") && property !== undefined) this.#visit(property, node, scope);
        return;
      }
      case "Property": {
        const key = one(node, "key");
        const value = one(node, "value");
        if (flag(node, "computed") && key !== undefined) this.#visit(key, node, scope);
        if (value !== undefined) this.#name(value, keyName(node, "key"));
        if (value !== undefined) this.#visit(value, node, scope);
        return;
      }
      case "ImportDeclaration":
      case "TSImportEqualsDeclaration":
        for (const specifier of type === "ImportDeclaration" ? many(node, "specifiers") : [node]) {
          const local = one(specifier, "local") ?? one(specifier, "id");
          if (local !== undefined) this.#declare(local, "import", specifier, scope);
        }
        return;
      case "ExportNamedDeclaration": {
        const declaration = one(node, "declaration");
        if (declaration !== undefined) {
          this.#visit(declaration, node, scope);
          const name = one(declaration, "id");
          const binding = name === undefined ? undefined : this.of.get(name);
          if (binding !== undefined) binding.isExported = true;
        } else if (one(node, "source") === undefined) {
          for (const specifier of many(node, "specifiers")) {
            const local = one(specifier, "local");
            if (local?.type === "Identifier") this.#visit(local, specifier, scope);
          }
        }
        return;
      }
      case "ExportAllDeclaration":
      case "BreakStatement":
      case "ContinueStatement":
        return;
      case "TSDeclareFunction":
      case "LabeledStatement": {
        const id = one(node, "id");
        const body = one(node, "body");
        if (id !== undefined) this.#declare(id, "function", node, scope);
        else if (body !== undefined) this.#visit(body, node, scope);
        return;
      }
      case "TSInterfaceDeclaration":
      case "TSTypeAliasDeclaration": {
        const name = identifierName(one(node, "id"));
        if (name !== undefined && !scope.types.has(name)) scope.types.set(name, node);
        return;
      }
      case "TSEnumDeclaration": {
        const id = one(node, "id");
        if (id !== undefined) this.#declare(id, "enum", node, scope);
        for (const member of many(one(node, "body") ?? node, "members")) {
          const init = one(member, "initializer");
          if (init !== undefined) this.#visit(init, member, scope);
        }
        return;
      }
      case "TSModuleDeclaration": {
        const id = one(node, "id");
        if (id?.type === "Identifier") this.#declare(id, "namespace", node, scope);
        const body = one(node, "body");
        if (body !== undefined) this.#visit(body, node, scope);
        return;
      }
      default:
        this.#children(node, scope);
    }
  }

  #use(node: Node, { fn }: Scope): void {
    if (fn !== this.root.node) this.uses.push({ node, fn });
  }

  /** Notes what a function is called, if it is the value of something with a name. */
  #name(value: Node, name: string | undefined): void {
    if (name !== undefined && isFunction(value)) this.nameOf.set(value, name);
  }

  #typeParameters(node: Node, scope: Scope): void {
    const list = one(node, "typeParameters");
    if (list === undefined) return;
    for (const parameter of many(list, "params")) {
      const name = raw(parameter, "name");
      const id = typeof name === "string" ? name : identifierName(one(parameter, "name"));
      if (id !== undefined) scope.types.set(id, parameter);
    }
  }

  #function(node: Node, scope: Scope): void {
    this.functions.push(node);
    this.outer.set(node, scope.fn);
    const inner = this.#open(node, scope, node);
    this.#typeParameters(node, inner);
    const id = one(node, "id");
    if (id !== undefined) this.#declare(id, "function", node, node.type === "FunctionDeclaration" ? scope : inner);
    this.#name(node, identifierName(id));
    for (const param of many(node, "params")) this.#pattern(param, "param", param, inner);
    const body = one(node, "body");
    if (body === undefined) return;
    if (body.type !== "BlockStatement") return this.#visit(body, node, inner);
    this.at.set(body, inner);
    for (const statement of many(body, "body")) this.#visit(statement, body, inner);
  }

  #class(node: Node, scope: Scope, parent: Node): void {
    this.classes.push(node);
    const inner = this.#open(node, scope);
    this.#typeParameters(node, inner);
    const id = one(node, "id");
    if (id !== undefined) {
      this.#declare(
        id,
        "class",
        node,
        node.type === "ClassDeclaration" ? scope : inner,
        parent.type.startsWith("Export"),
      );
    }
    for (const decorator of many(node, "decorators")) this.#visit(decorator, node, scope);
    const superClass = one(node, "superClass");
    if (superClass !== undefined) this.#visit(superClass, node, scope);
    const body = one(node, "body");
    for (const member of body === undefined ? [] : many(body, "body")) {
      this.classOf.set(member, node);
      const value = one(member, "value");
      if (value !== undefined) this.classOf.set(value, node);
      if (value !== undefined) expect(this.contextOf, value, one(member, "typeAnnotation"));
      const key = one(member, "key");
      const name = keyName(member, "key");
      if (value !== undefined) this.#name(value, name === "constructor" ? identifierName(id) : name);
      if (flag(member, "computed") && key !== undefined) this.#visit(key, member, inner);
      for (const decorator of many(member, "decorators")) this.#visit(decorator, member, inner);
      if (member.type === "StaticBlock") this.#visit(member, node, inner);
      else if (value !== undefined) this.#visit(value, member, inner);
    }
  }
}
