/**
 * What one module gives to others: which of its exports are allocators, make them, hold them, or hand out memory of the frame. It looks at
 * declarations, annotations and plain expressions only; what it does not understand is no fact, and nothing is reported for it.
 */

import { API, effectOf, isAllocatorClass } from "../core/api_table.ts";
import { flag, many, type Node, one, type Program, text, walk } from "../core/ast.ts";
import type { ExportFact } from "../core/project.ts";
import { holder, isFreeze, isFunction, made, promiseOf, returnsOf } from "./module_shapes.ts";
import { nameOf, type Origin, type Outline, outlineOf } from "./module_outline.ts";

/** What the module has to ask others for. */
export interface Surroundings {
  isLibrary(specifier: string): boolean;
  find(specifier: string, name: string): ExportFact | undefined;
}

/** The facts of a module, found when they are asked for. */
export class ModuleFacts {
  /** Its names, and where they lead. */
  readonly outline: Outline;
  readonly #surroundings: Surroundings;
  /** Facts by name; `undefined` while one is looked for, so that circles end. */
  readonly #known: Map<string, ExportFact | undefined> = new Map();

  /**
   * Reads a module.
   *
   * @param program The module.
   * @param surroundings Where its imports lead.
   */
  constructor(program: Program, surroundings: Surroundings) {
    this.outline = outlineOf(program);
    this.#surroundings = surroundings;
  }

  /** Returns what is known of an export. */
  exported(name: string): ExportFact | undefined {
    const own = this.outline.exports.get(name);
    if (typeof own === "string") return this.#named(own, new Map());
    if (own !== undefined) {
      return own.type.includes("Declaration") ? this.#declaration(own) : this.#value(own, new Map());
    }
    const origin = this.outline.passedOn.get(name);
    return origin === undefined ? undefined : this.#ask(origin);
  }

  /** What a name means: something local, a declaration of the module, or an import. */
  #named(name: string, locals: Locals): ExportFact | undefined {
    if (locals.has(name)) return locals.get(name);
    if (this.#known.has(name)) return this.#known.get(name);
    this.#known.set(name, undefined);
    const declared = this.outline.declared.get(name);
    const origin = this.outline.imports.get(name);
    const fact = declared !== undefined
      ? this.#declaration(declared)
      : origin === undefined
      ? undefined
      : this.#ask(origin);
    this.#known.set(name, fact);
    return fact;
  }

  /** Returns what a name of the library is. */
  ofLibrary(name: string): ExportFact | undefined {
    return isAllocatorClass(name) ? { is: "class", of: name } : undefined;
  }

  /** Returns the names of the library that are worth knowing. */
  namesOfLibrary(): string[] {
    return Object.keys(API).filter(isAllocatorClass);
  }

  #ask({ specifier, name }: Origin): ExportFact | undefined {
    if (!this.#surroundings.isLibrary(specifier)) return this.#surroundings.find(specifier, name);
    return this.ofLibrary(name);
  }

  #declaration(node: Node): ExportFact | undefined {
    switch (node.type) {
      case "VariableDeclarator": {
        const annotated = this.#annotated(one(node, "id"));
        const init = one(node, "init");
        return annotated ?? (init === undefined ? undefined : this.#value(init, new Map()));
      }
      case "FunctionDeclaration":
      case "TSDeclareFunction":
        return this.#function(node, new Map());
      case "ClassDeclaration":
      case "ClassExpression":
        return this.#class(node);
      case "TSInterfaceDeclaration":
        return this.#members(many(one(node, "body") ?? node, "body"));
      case "TSTypeAliasDeclaration": {
        const fact = this.#type(one(node, "typeAnnotation"));
        return fact?.is === "instance" ? { is: "class", of: fact.of } : fact;
      }
    }
    return undefined;
  }

  #class(node: Node): ExportFact | undefined {
    const parent = one(node, "superClass");
    const base = parent === undefined ? undefined : this.#value(parent, new Map());
    if (base?.is === "class") return base;
    const own = this.#members(many(one(node, "body") ?? node, "body"));
    const inherited = base?.is === "holder" ? base.members : {};
    return holder({ ...inherited, ...(own?.is === "holder" ? own.members : {}) });
  }

  /** The members of a class or an interface. */
  #members(members: readonly Node[]): ExportFact | undefined {
    const facts: Record<string, ExportFact> = {};
    const add = (name: string, fact: ExportFact | undefined) => {
      if (name !== "" && fact !== undefined) facts[name] = fact;
    };
    for (const member of members) {
      if (flag(member, "computed") || flag(member, "static")) continue;
      const name = nameOf(one(member, "key"));
      const value = one(member, "value");
      if (member.type === "MethodDefinition" && text(member, "kind") === "constructor") {
        for (const param of many(value ?? member, "params")) {
          const parameter = param.type === "TSParameterProperty" ? one(param, "parameter") : undefined;
          if (parameter !== undefined) add(text(parameter, "name"), this.#annotated(parameter));
        }
        const locals = value === undefined ? new Map<string, ExportFact | undefined>() : this.#locals(value, new Map());
        if (value !== undefined) this.#assigned(value, locals, add);
      } else if (member.type === "MethodDefinition" || member.type === "TSMethodSignature") {
        const fact = this.#function(value ?? member, new Map());
        const isGetter = text(member, "kind") === "get";
        if (!isGetter) add(name, fact);
        else if (fact?.is === "factory") add(name, { is: "instance", of: fact.of });
      } else add(name, this.#annotated(member) ?? (value === undefined ? undefined : this.#value(value, new Map())));
    }
    return holder(facts);
  }

  /** What a constructor puts into `this`. */
  #assigned(body: Node, locals: Locals, add: (name: string, fact: ExportFact | undefined) => void): void {
    walk(body, (node) => {
      const left = node.type === "AssignmentExpression" ? one(node, "left") : undefined;
      const right = one(node, "right");
      if (left?.type !== "MemberExpression" || one(left, "object")?.type !== "ThisExpression" || right === undefined) {
        return;
      }
      if (!flag(left, "computed")) add(nameOf(one(left, "property")), this.#value(right, locals));
    });
  }

  #function(node: Node, outer: Locals): ExportFact | undefined {
    const annotation = one(one(node, "returnType") ?? node, "typeAnnotation");
    const promised = promiseOf(annotation);
    const declared = this.#type(promised ?? annotation);
    if (declared?.is === "instance") {
      return { is: "factory", of: declared.of, ...(promised === undefined ? {} : { isAsync: true }) };
    }
    const body = one(node, "body");
    // Most functions say that they return a number or nothing, and need no look into their body.
    if (body === undefined || KEYWORDS.test((promised ?? annotation)?.type ?? "")) return undefined;
    const locals = this.#locals(node, outer);
    for (const result of returnsOf(body)) {
      if (this.#isFrame(result, locals)) return { is: "frame factory" };
      const fact = this.#value(result, locals);
      if (fact?.is === "instance") {
        return { is: "factory", of: fact.of, ...(flag(node, "async") ? { isAsync: true } : {}) };
      }
    }
    return undefined;
  }

  /** What the parameters and the variables of a function are; also those that hide a name of the module. */
  #locals(node: Node, outer: Locals): Map<string, ExportFact | undefined> {
    const locals = new Map(outer);
    for (const param of many(node, "params")) {
      const parameter = one(param, "parameter") ?? one(param, "left") ?? param;
      const name = text(parameter, "name");
      if (name !== "") locals.set(name, this.#annotated(parameter));
    }
    const body = one(node, "body");
    if (body === undefined) return locals;
    walk(body, (inner) => {
      if (isFunction(inner)) return false;
      const id = inner.type === "VariableDeclarator" ? one(inner, "id") : undefined;
      if (id === undefined) return;
      const init = one(inner, "init");
      const name = text(id, "name");
      if (name === "") return;
      if (init !== undefined && this.#isFrame(init, locals)) locals.set(name, FRAME_VALUE);
      else locals.set(name, this.#annotated(id) ?? (init === undefined ? undefined : this.#value(init, locals)));
    });
    return locals;
  }

  /** Whether an expression is memory of the frame, or a view of it. */
  #isFrame(node: Node, locals: Locals): boolean {
    switch (node.type) {
      case "Identifier":
        return locals.get(text(node, "name")) === FRAME_VALUE;
      case "CallExpression": {
        const callee = one(node, "callee");
        if (callee === undefined) return false;
        if (this.#value(callee, locals)?.is === "frame factory") return true;
        const object = callee.type === "MemberExpression" ? one(callee, "object") : undefined;
        const owner = object === undefined ? undefined : this.#value(object, locals);
        if (owner?.is !== "instance") return false;
        const effect = effectOf(owner.of, nameOf(one(callee, "property")));
        return effect?.does === "alloc" && effect.memory === "frame";
      }
      case "TSAsExpression":
      case "TSNonNullExpression":
      case "TSSatisfiesExpression":
      case "ChainExpression": {
        const inner = one(node, "expression");
        return inner !== undefined && this.#isFrame(inner, locals);
      }
    }
    return false;
  }

  #value(node: Node, locals: Locals): ExportFact | undefined {
    switch (node.type) {
      case "Identifier": {
        const fact = this.#named(text(node, "name"), locals);
        return fact === FRAME_VALUE ? undefined : fact;
      }
      case "NewExpression": {
        const made = this.#valueOf(node, "callee", locals);
        return made?.is === "class" ? { is: "instance", of: made.of } : made?.is === "holder" ? made : undefined;
      }
      case "CallExpression": {
        const callee = this.#valueOf(node, "callee", locals);
        if (callee?.is === "factory" && callee.isAsync !== true) return { is: "instance", of: callee.of };
        return isFreeze(one(node, "callee")) ? this.#valueOf(many(node, "arguments")[0], undefined, locals) : undefined;
      }
      case "AwaitExpression": {
        const call = one(node, "argument");
        const callee = call?.type === "CallExpression" ? this.#valueOf(call, "callee", locals) : undefined;
        return callee?.is === "factory" ? { is: "instance", of: callee.of } : undefined;
      }
      case "MemberExpression":
        return flag(node, "computed") ? undefined : this.#member(node, nameOf(one(node, "property")), locals);
      case "ObjectExpression":
        return this.#object(node, locals);
      case "ConditionalExpression":
        return this.#valueOf(node, "consequent", locals) ?? this.#valueOf(node, "alternate", locals);
      case "LogicalExpression":
      case "AssignmentExpression":
        return this.#valueOf(node, "right", locals) ??
          (node.type === "LogicalExpression" ? this.#valueOf(node, "left", locals) : undefined);
      case "TSAsExpression":
      case "TSSatisfiesExpression":
      case "TSNonNullExpression":
      case "ChainExpression":
        return this.#type(one(node, "typeAnnotation")) ?? this.#valueOf(node, "expression", locals);
      case "ArrowFunctionExpression":
      case "FunctionExpression":
        return this.#function(node, locals);
      case "ClassExpression":
        return this.#class(node);
    }
    return undefined;
  }

  #valueOf(node: Node | undefined, key: string | undefined, locals: Locals): ExportFact | undefined {
    const child = key === undefined || node === undefined ? node : one(node, key);
    return child === undefined ? undefined : this.#value(child, locals);
  }

  #member(node: Node, name: string, locals: Locals): ExportFact | undefined {
    const object = one(node, "object");
    const origin = object?.type === "Identifier" && !locals.has(text(object, "name"))
      ? this.outline.imports.get(text(object, "name"))
      : undefined;
    if (origin?.name === "*") return this.#ask({ specifier: origin.specifier, name });
    const owner = this.#valueOf(object, undefined, locals);
    if (owner?.is === "holder") return Object.hasOwn(owner.members, name) ? owner.members[name] : undefined;
    if (owner?.is !== "instance") return undefined;
    const effect = effectOf(owner.of, name);
    return effect?.does === "part" ? { is: "instance", of: effect.of } : undefined;
  }

  #object(node: Node, locals: Locals): ExportFact | undefined {
    const facts: Record<string, ExportFact> = {};
    for (const property of many(node, "properties")) {
      const value = property.type === "Property" && !flag(property, "computed")
        ? this.#valueOf(property, "value", locals)
        : undefined;
      if (value !== undefined) facts[nameOf(one(property, "key"))] = value;
    }
    return holder(facts);
  }

  #annotated(node: Node | undefined): ExportFact | undefined {
    const annotation = node === undefined ? undefined : one(node, "typeAnnotation");
    return annotation === undefined ? undefined : this.#type(annotation);
  }

  /** What a value of a type is. */
  #type(node: Node | undefined): ExportFact | undefined {
    if (node === undefined) return undefined;
    switch (node.type) {
      case "TSTypeAnnotation":
        return this.#type(one(node, "typeAnnotation"));
      case "TSUnionType":
      case "TSIntersectionType":
        for (const part of many(node, "types")) {
          const fact = this.#type(part);
          if (fact !== undefined) return fact;
        }
        return undefined;
      case "TSTypeLiteral":
        return this.#members(many(node, "members"));
      case "TSFunctionType":
        return this.#function(node, new Map());
      case "TSTypeReference": {
        const name = one(node, "typeName");
        if (name?.type === "TSQualifiedName") {
          const origin = this.outline.imports.get(text(one(name, "left") ?? name, "name"));
          return made(
            origin === undefined
              ? undefined
              : this.#ask({ specifier: origin.specifier, name: nameOf(one(name, "right")) }),
          );
        }
        if (name === undefined) return undefined;
        if (/^(?:Readonly|NonNullable|Required|Partial)$/.test(text(name, "name"))) {
          return this.#type(many(one(node, "typeArguments") ?? node, "params")[0]);
        }
        return made(this.#named(text(name, "name"), new Map()));
      }
    }
    return undefined;
  }
}

type Locals = ReadonlyMap<string, ExportFact | undefined>;

/** Types that no memory has. */
const KEYWORDS = /^TS(?:Void|Number|String|Boolean|Never|Undefined|Null|BigInt|Symbol)Keyword$/;

/** Stands, within a function, for a variable that holds memory of the frame. */
const FRAME_VALUE: ExportFact = { is: "holder", members: {} };
