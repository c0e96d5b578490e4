/**
 * What names and members stand for where nothing was assigned to them on the way: allocators have an identity, by the variable, the field
 * or the place where they are made, so that the end of one frame is not taken for the end of another.
 */

import { isAllocatorClass } from "./api_table.ts";
import { isFunction, keyName, literalText, many, type Node, one, text, unwrap } from "./ast.ts";
import type { Binding, Scopes } from "./scope.ts";
import { getterOf } from "./type_members.ts";
import type { Type, Types } from "./types.ts";
import { type Alloc, type Home, NOTHING, type Obj, type Value } from "./values.ts";

/** What is known before the program runs. */
export class Statics {
  readonly #scopes: Scopes;
  readonly #types: Types;
  readonly #allocs = new Map<string, Alloc>();
  readonly #objects = new Map<string, Obj>();
  readonly #mayKeepFrames: boolean;

  /** `mayKeepFrames`: the file has the option for it somewhere, so that it may hold for each allocator whose making is not seen. */
  constructor(scopes: Scopes, types: Types, mayKeepFrames: boolean) {
    this.#scopes = scopes;
    this.#types = types;
    this.#mayKeepFrames = mayKeepFrames;
  }

  /** The allocator of that key. */
  alloc(key: string, cls: string, name: string, made?: Node, parts?: readonly Alloc[], owner?: Alloc): Alloc {
    let alloc = this.#allocs.get(key);
    if (alloc === undefined) {
      const keepsFrames = made === undefined ? this.#mayKeepFrames : asksToKeepFrames(made);
      const both = parts ??
        (cls === "UnifiedAllocator"
          ? [
            this.alloc(`${key}.cpuAllocator`, "SmartAlloc", name),
            this.alloc(`${key}.gpuAllocator`, "GpuAllocator", name),
          ]
          : []);
      this.#allocs.set(key, alloc = { k: "alloc", key, cls, name, parts: both, owner, keepsFrames });
    }
    return alloc;
  }

  /** The object of that key. */
  object(key: string, home: Home, name: string, type?: Type, parent?: Obj, node?: Node): Obj {
    let obj = this.#objects.get(key);
    if (obj === undefined) {
      const cls = type?.t === "object" && type.node.type.startsWith("Class") ? type.node : undefined;
      this.#objects.set(key, obj = { k: "obj", key, home, name, type, parent, node, cls });
    }
    return obj;
  }

  /** The `this` of a class. */
  self(cls: Node): Value {
    const base = this.#types.libraryBase(cls);
    const key = `c${cls.range[0]}`;
    const self = this.object(key, "this", "this", { t: "object", node: cls }, undefined, cls);
    return base !== undefined && isAllocatorClass(base) ? [this.alloc(`${key}.`, base, "this"), self] : [self];
  }

  /** What a name stands for if nothing was assigned to it yet; `isOwn`: it belongs to the function that is followed. */
  ofBinding(binding: Binding, isOwn: boolean): Value {
    const type = this.#types.ofBinding(binding);
    const { kind, name } = binding;
    const isModule = binding.scope.parent === undefined;
    if (type !== undefined) {
      const home = kind === "param" ? "param" : isOwn ? "local" : isModule ? "module" : "outer";
      const made = this.ofType(type, () => this.#keyOf(binding), name, () => home, undefined, madeBy(binding));
      if (made !== undefined) return made;
    }
    if (kind === "param" && isOwn) return [this.object(`b${binding.id}`, "param", name)];
    if (isOwn || kind === "enum" || kind === "catch") return NOTHING;
    return [this.object(`b${binding.id}`, isModule ? "module" : "outer", name)];
  }

  /** A value of a type; nothing if nobody has to follow it. */
  ofType(type: Type, key: () => string, name: string, home: () => Home, parent?: Obj, made?: Node): Value | undefined {
    switch (type.t) {
      case "library":
        return isAllocatorClass(type.name) ? [this.alloc(key(), type.name, name, made)] : NOTHING;
      case "class":
        return [{ k: "class", name: type.name, node: undefined }];
      case "constructor":
        return [{ k: "class", name: text(one(type.node, "id") ?? type.node, "name"), node: type.node }];
      case "module":
        return type.isLibrary
          ? [{ k: "special", name: "library" }]
          : [this.object(`m:${type.specifier}`, "module", name, type)];
      case "function":
        return isFunction(type.node) ? [{ k: "fn", node: type.node, self: NOTHING, bound: NOTHING }] : undefined;
      case "object":
      case "list":
        return [this.object(key(), home(), name, type, parent)];
      case "fact":
        if (type.fact.is === "frame factory") return [{ k: "special", name: "frame factory" }];
        return type.fact.is === "holder" ? [this.object(key(), home(), name, type, parent)] : NOTHING;
      default:
        return undefined;
    }
  }

  /** A member of an object that was there before. */
  member(obj: Obj, key: string): Value {
    const target = obj.type?.t === "object" ? getterOf(obj.type.node, key) : undefined;
    if (target !== undefined && target !== key) return this.member(obj, target);
    const type = this.#types.member(obj.type, key);
    const path = `${obj.key}.${key}`;
    const name = `${obj.name}.${key}`;
    const made = type === undefined ? undefined : this.ofType(type, () => path, name, () => obj.home, obj);
    if (made !== undefined) return made;
    if (obj.home === "local") return NOTHING;
    return [this.object(path, obj.home, name, undefined, obj)];
  }

  /** An element of an object that was there before. */
  element(obj: Obj): Value {
    if (obj.type?.t === "list" && obj.type.of !== undefined) {
      const made = this.ofType(obj.type.of, () => `${obj.key}[]`, `${obj.name}[…]`, () => obj.home, obj);
      if (made !== undefined) return made;
    }
    if (obj.home === "local") return NOTHING;
    return [this.object(`${obj.key}[]`, obj.home, `${obj.name}[…]`, undefined, obj)];
  }

  /** Tells allocators apart: aliases of one have one key. */
  #keyOf(binding: Binding, depth = 0): string {
    const { declaration, kind } = binding;
    const init = kind === "const" && declaration.type === "VariableDeclarator" ? one(declaration, "init") : undefined;
    const pattern = one(declaration, "id");
    if (init === undefined || depth > 6) return `b${binding.id}`;
    if (pattern === binding.node) return this.#keyOfExpression(unwrap(init), depth) ?? `b${binding.id}`;
    if (pattern?.type !== "ObjectPattern") return `b${binding.id}`;
    const whole = this.#keyOfExpression(unwrap(init), depth);
    const property = many(pattern, "properties").find((property) => one(property, "value") === binding.node);
    const key = property === undefined ? undefined : keyName(property, "key");
    return whole === undefined || key === undefined ? `b${binding.id}` : `${whole}.${key}`;
  }

  #keyOfExpression(node: Node, depth: number): string | undefined {
    switch (node.type) {
      case "Identifier": {
        const binding = this.#scopes.of.get(node);
        return binding === undefined ? undefined : this.#keyOf(binding, depth + 1);
      }
      case "NewExpression":
        return `new@${node.range[0]}`;
      case "ThisExpression": {
        for (const cls of this.#scopes.classes) {
          if (cls.range[0] <= node.range[0] && node.range[1] <= cls.range[1]) {
            const inner = this.#scopes.classes.findLast((other) =>
              other.range[0] <= node.range[0] && node.range[1] <= other.range[1]
            );
            return `c${(inner ?? cls).range[0]}`;
          }
        }
        return undefined;
      }
      case "MemberExpression": {
        const object = one(node, "object");
        const key = keyName(node, "property");
        const whole = object === undefined ? undefined : this.#keyOfExpression(unwrap(object), depth + 1);
        return whole === undefined || key === undefined ? undefined : `${whole}.${key}`;
      }
      default:
        return undefined;
    }
  }
}

/** The `new` that a constant is initialised with. */
function madeBy(binding: Binding): Node | undefined {
  const { declaration, kind } = binding;
  const init = kind !== "param" && declaration.type === "VariableDeclarator" ? one(declaration, "init") : undefined;
  const made = init === undefined ? undefined : unwrap(init);
  return made?.type === "NewExpression" ? made : undefined;
}

/** Whether `new` of an allocator asks for frames that outlive their end. */
function asksToKeepFrames(made: Node): boolean {
  const options = many(made, "arguments")[0];
  if (options === undefined) return false;
  const node = unwrap(options);
  if (node.type !== "ObjectExpression") return false;
  return many(node, "properties").some((property) => {
    if (property.type !== "Property" || keyName(property, "key") !== "framesAlive") return false;
    const value = one(property, "value");
    return value === undefined || literalText(value) !== "1";
  });
}
