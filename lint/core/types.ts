/**
 * What is an allocator: by import, annotation, construction, the index of the project or the type checker, and never by the name of a
 * method.
 */

import { effectOf } from "./api_table.ts";
import { annotated, LISTS, MAPS } from "./annotations.ts";
import { flag, identifierName, isFunction, keyName, literalText, many, type Node, one, unwrap } from "./ast.ts";
import type { ExportFact } from "./project.ts";
import type { Binding, Scope, Scopes } from "./scope.ts";
import { factType, instance, type Type, type TypeOptions } from "./type.ts";
import { memberOf } from "./type_members.ts";

export type { Type } from "./type.ts";

const OWN_FILES =
  /(?:^|\/)(?:mod|smart_alloc|frame_alloc|task_alloc|gpu_allocator|async_pool_guard|framealloc|deps)\.[cm]?[jt]s$/;
const MAX_DEPTH = 12;
/** How far names lead to names. */
const MAX_NESTING = 100;

/** The types of one file. */
export class Types {
  readonly scopes: Scopes;
  readonly #options: TypeOptions;
  readonly #sources = new Map<Node, string>();
  readonly #bindings = new Map<Binding, Type | undefined>();
  readonly #members = new Map<Node, Map<string, Type | undefined>>();
  readonly #returned = new Map<Node, Type | undefined>();
  #nesting = 0;

  constructor(program: Node, scopes: Scopes, options: TypeOptions) {
    this.scopes = scopes;
    this.#options = options;
    for (const node of many(program, "body")) {
      const source = literalText(one(node, "source") ?? node);
      if (source === undefined) continue;
      for (const specifier of many(node, "specifiers")) this.#sources.set(specifier, source);
    }
  }

  /** The module that a name is imported from. */
  sourceOf(binding: Binding): string | undefined {
    return this.#sources.get(binding.declaration);
  }

  /** Whether a module is the library. */
  isLibrary(specifier: string): boolean {
    const bare = specifier.replace(/^(?:jsr|npm):\/?/, "").replace(/(?<=.)@[^/]+/, "");
    if (
      this.#options.modules.some((module) => specifier === module || bare === module || bare.startsWith(`${module}/`))
    ) {
      return true;
    }
    if (/^https?:.*framealloc/.test(specifier)) return true;
    return /^\.{0,2}\//.test(specifier) && OWN_FILES.test(specifier);
  }

  /** What a variable, parameter, import, function or class is. */
  ofBinding(binding: Binding): Type | undefined {
    if (this.#bindings.has(binding)) return this.#bindings.get(binding);
    this.#bindings.set(binding, undefined); // for names that mention themselves
    const type = this.#findBinding(binding);
    this.#bindings.set(binding, type);
    return type;
  }

  #findBinding(binding: Binding): Type | undefined {
    const { declaration, node, scope } = binding;
    switch (binding.kind) {
      case "import":
        return this.#imported(declaration, this.#sources.get(declaration));
      case "function":
        return { t: "function", node: declaration };
      case "class":
        return { t: "constructor", node: declaration };
      case "param":
      case "const":
      case "let":
      case "var":
      case "using": {
        const annotation = one(node, "typeAnnotation");
        if (annotation !== undefined) {
          const type = this.ofAnnotation(annotation, scope);
          if (type !== undefined) return type;
        }
        if (binding.kind === "param") {
          return this.#inPattern(declaration, node, undefined, scope) ?? this.#inContext(scope.fn, declaration, node);
        }
        if (declaration.type !== "VariableDeclarator") return undefined;
        return this.#inPattern(one(declaration, "id"), node, one(declaration, "init"), scope);
      }
      default:
        return undefined;
    }
  }

  /** The type of a name in a pattern, from its annotation or from what it is initialised with. */
  #inPattern(pattern: Node | undefined, name: Node, init: Node | undefined, scope: Scope): Type | undefined {
    let node = pattern;
    if (node?.type === "TSParameterProperty") node = one(node, "parameter");
    if (node?.type === "AssignmentPattern") {
      return this.#inPattern(one(node, "left"), name, init ?? one(node, "right"), scope);
    }
    if (node === undefined) return undefined;
    const annotation = one(node, "typeAnnotation");
    const whole = (annotation === undefined ? undefined : this.ofAnnotation(annotation, scope)) ??
      (init === undefined ? undefined : this.ofExpression(init));
    return this.#part(node, name, whole);
  }

  /** The type of a parameter of a function that is declared to be of a type of functions. */
  #inContext(fn: Node, param: Node, name: Node): Type | undefined {
    const context = this.scopes.contextOf.get(fn);
    if (context === undefined || param !== name) return undefined;
    let type = this.ofAnnotation(context.annotation, this.scopes.root);
    for (const key of context.path) type = type?.t === "list" ? type.of : this.member(type, key);
    if (type?.t !== "function" || isFunction(type.node)) return undefined;
    const other = many(type.node, "params")[many(fn, "params").indexOf(param)];
    const inner = other === undefined ? undefined : one(other, "typeAnnotation");
    return inner === undefined ? undefined : this.ofAnnotation(inner, this.scopes.root);
  }

  #part(pattern: Node, name: Node, whole: Type | undefined): Type | undefined {
    if (pattern === name) return whole;
    if (pattern.type === "AssignmentPattern") {
      const left = one(pattern, "left");
      const right = one(pattern, "right");
      return left === undefined ? undefined : this.#part(left, name, whole ?? (right && this.ofExpression(right)));
    }
    for (const property of pattern.type === "ObjectPattern" ? many(pattern, "properties") : []) {
      const value = one(property, "value");
      if (value === undefined || !holds(value, name)) continue;
      const key = keyName(property, "key");
      return this.#part(value, name, key === undefined ? undefined : this.member(whole, key));
    }
    for (const element of pattern.type === "ArrayPattern" ? many(pattern, "elements") : []) {
      if (holds(element, name)) return this.#part(element, name, whole?.t === "list" ? whole.of : undefined);
    }
    return undefined;
  }

  #imported(specifier: Node, source: string | undefined): Type | undefined {
    if (source === undefined) return undefined;
    const isLibrary = this.isLibrary(source);
    if (specifier.type === "ImportNamespaceSpecifier") return { t: "module", specifier: source, isLibrary };
    const imported = one(specifier, "imported");
    const name = specifier.type === "ImportSpecifier" && imported !== undefined
      ? identifierName(imported) ?? literalText(imported) ?? ""
      : "default";
    return this.exported(source, isLibrary, name);
  }

  /** What a module exports under a name. */
  exported(source: string, isLibrary: boolean, name: string): Type | undefined {
    const fact = this.#options.index?.find(this.#options.filename, source, name);
    if (fact !== undefined) return factType(fact);
    return isLibrary && /^[A-Z]/.test(name) ? { t: "class", name } : undefined;
  }

  /** What an annotation means. */
  ofAnnotation(annotation: Node, scope: Scope, depth = 0): Type | undefined {
    return depth > MAX_DEPTH ? undefined : annotated(this, annotation, scope, depth);
  }

  /** What an expression is, from what it is made of. */
  ofExpression(expression: Node, depth = 0): Type | undefined {
    if (depth > MAX_DEPTH || this.#nesting > MAX_NESTING) return undefined;
    this.#nesting++;
    const type = this.#findExpression(expression, depth);
    this.#nesting--;
    return type;
  }

  #findExpression(expression: Node, depth: number): Type | undefined {
    const inner = (node: Node | undefined) => node === undefined ? undefined : this.ofExpression(node, depth + 1);
    switch (expression.type) {
      case "Identifier": {
        const binding = this.scopes.of.get(expression);
        return binding === undefined ? undefined : this.ofBinding(binding);
      }
      case "NewExpression": {
        const callee = one(expression, "callee");
        const name = identifierName(callee);
        if (name !== undefined && (LISTS.has(name) || MAPS.has(name) || name === "WeakSet")) {
          return { t: "list", of: undefined };
        }
        return instance(inner(callee), this);
      }
      case "MemberExpression": {
        const object = inner(one(expression, "object"));
        const key = keyName(expression, "property");
        if (object?.t === "list") return key === undefined || /^\d+$/.test(key) ? object.of : undefined;
        return key === undefined ? undefined : this.member(object, key);
      }
      case "CallExpression": {
        const callee = unwrap(one(expression, "callee") ?? expression);
        if (callee.type === "MemberExpression" && keyName(callee, "property") === "get") {
          const object = inner(one(callee, "object"));
          if (object?.t === "list") return object.of;
        }
        return this.returned(inner(callee));
      }
      case "AwaitExpression": {
        const type = inner(one(expression, "argument"));
        return type?.t === "promise" ? type.of : type;
      }
      case "TSAsExpression":
      case "TSTypeAssertion":
      case "TSSatisfiesExpression": {
        const annotation = one(expression, "typeAnnotation");
        return (annotation === undefined ? undefined : this.ofAnnotation(annotation, this.scopes.root)) ??
          inner(one(expression, "expression"));
      }
      case "ChainExpression":
      case "ParenthesizedExpression":
      case "TSNonNullExpression":
        return inner(one(expression, "expression"));
      case "LogicalExpression":
        return inner(one(expression, "left")) ?? inner(one(expression, "right"));
      case "ConditionalExpression":
        return inner(one(expression, "consequent")) ?? inner(one(expression, "alternate"));
      case "AssignmentExpression":
        return inner(one(expression, "right"));
      case "ObjectExpression":
        return { t: "object", node: expression };
      case "ArrayExpression":
        return { t: "list", of: many(expression, "elements").map(inner).find((type) => type !== undefined) };
      case "ArrowFunctionExpression":
      case "FunctionExpression":
        return { t: "function", node: expression };
      case "ClassExpression":
        return { t: "constructor", node: expression };
      default:
        return undefined;
    }
  }

  /** What a call of something returns: by the annotation of the function, or by its only `return`. */
  returned(callee: Type | undefined): Type | undefined {
    if (callee?.t === "fact") {
      const { fact } = callee;
      if (fact.is !== "factory") return undefined;
      const made: Type = { t: "library", name: fact.of };
      return fact.isAsync === true ? { t: "promise", of: made } : made;
    }
    if (callee?.t !== "function") return undefined;
    const { node } = callee;
    if (this.#returned.has(node)) return this.#returned.get(node);
    this.#returned.set(node, undefined); // for functions that return what they return themselves
    const type = this.#findReturned(node);
    this.#returned.set(node, type);
    return type;
  }

  #findReturned(node: Node): Type | undefined {
    const annotation = one(node, "returnType");
    const scope = this.scopes.at.get(node) ?? this.scopes.root;
    if (annotation !== undefined) {
      const inner = one(annotation, "typeAnnotation");
      return inner === undefined ? undefined : this.ofAnnotation(inner, scope);
    }
    if (!isFunction(node)) return undefined;
    const body = one(node, "body");
    if (body === undefined) return undefined;
    const last = body.type === "BlockStatement" ? many(body, "body").at(-1) : undefined;
    const value = body.type !== "BlockStatement"
      ? body
      : last?.type === "ReturnStatement"
      ? one(last, "argument")
      : undefined;
    const type = value === undefined ? undefined : this.ofExpression(value, 4);
    return type !== undefined && flag(node, "async") ? { t: "promise", of: type } : type;
  }

  /** The class of the library that a class of the file extends, at whatever distance. */
  libraryBase(cls: Node, depth = 0): string | undefined {
    const superClass = one(cls, "superClass");
    if (superClass === undefined || depth > MAX_DEPTH) return undefined;
    const type = this.ofExpression(superClass);
    return type?.t === "class"
      ? type.name
      : type?.t === "constructor"
      ? this.libraryBase(type.node, depth + 1)
      : undefined;
  }

  /** A member of something. */
  member(type: Type | undefined, name: string): Type | undefined {
    if (type?.t === "module") return this.exported(type.specifier, type.isLibrary, name);
    if (type?.t === "fact") {
      return type.fact.is === "holder" && Object.hasOwn(type.fact.members, name)
        ? factType(type.fact.members[name] as ExportFact)
        : undefined;
    }
    if (type?.t === "library" && type.name === "GpuAllocator" && name === "cpu") {
      return { t: "library", name: "SmartAlloc" };
    }
    if (type?.t === "library" && type.name === "UnifiedAllocator") {
      if (name === "cpuAllocator") return { t: "library", name: "SmartAlloc" };
      if (name === "gpuAllocator") return { t: "library", name: "GpuAllocator" };
    }
    if (type?.t === "library") {
      const effect = effectOf(type.name, name);
      return effect?.does === "part" ? { t: "library", name: effect.of } : undefined;
    }
    if (type?.t !== "object" && type?.t !== "constructor") return undefined;
    const key = type.t === "constructor" ? `static ${name}` : name;
    let known = this.#members.get(type.node);
    if (known === undefined) this.#members.set(type.node, known = new Map());
    if (known.has(key)) return known.get(key);
    known.set(key, undefined);
    const found = memberOf(this, type.node, name, type.t === "constructor");
    known.set(key, found);
    return found;
  }
}

function holds(pattern: Node, name: Node): boolean {
  return pattern.range[0] <= name.range[0] && name.range[1] <= pattern.range[1];
}
