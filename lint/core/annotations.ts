/**
 * Reads type annotations.
 */

import { identifierName, literalText, many, type Node, one, text } from "./ast.ts";
import { lookup, lookupType, type Scope } from "./scope.ts";
import { instance, type Type } from "./type.ts";
import type { Types } from "./types.ts";

const TRANSPARENT = new Set(["Readonly", "NonNullable", "Required", "Partial", "Awaited", "WeakRef", "NoInfer"]);
/** Types of lists by name. */
export const LISTS = new Set([
  "Array",
  "ReadonlyArray",
  "Set",
  "ReadonlySet",
  "Iterable",
  "Iterator",
  "Generator",
  "AsyncIterable",
]);
/** Types of maps by name. */
export const MAPS = new Set(["Map", "ReadonlyMap", "WeakMap", "Record"]);

/** What an annotation means. */
export function annotated(types: Types, annotation: Node, scope: Scope, depth: number): Type | undefined {
  const inner = (node: Node | undefined) => node === undefined ? undefined : types.ofAnnotation(node, scope, depth + 1);
  switch (annotation.type) {
    case "TSTypeAnnotation":
    case "TSTypeOperator":
    case "TSOptionalType":
    case "TSParenthesizedType":
      return inner(one(annotation, "typeAnnotation"));
    case "TSArrayType":
      return { t: "list", of: inner(one(annotation, "elementType")) };
    case "TSTupleType":
      return { t: "list", of: many(annotation, "elementTypes").map(inner).find((type) => type !== undefined) };
    case "TSUnionType":
    case "TSIntersectionType":
      return many(annotation, "types").map(inner).find((type) => type !== undefined);
    case "TSTypeLiteral":
    case "TSFunctionType":
      return annotation.type === "TSTypeLiteral"
        ? { t: "object", node: annotation }
        : { t: "function", node: annotation };
    case "TSTypeQuery": {
      const name = one(annotation, "exprName");
      const binding = name?.type === "Identifier" ? lookup(scope, text(name, "name")) : undefined;
      return binding === undefined ? undefined : types.ofBinding(binding);
    }
    case "TSImportType": {
      const source = literalText(one(annotation, "source") ?? one(annotation, "argument") ?? annotation) ??
        literalText(one(one(annotation, "argument") ?? annotation, "literal") ?? annotation);
      const name = identifierName(one(annotation, "qualifier"));
      if (source === undefined || name === undefined) return undefined;
      return instance(types.exported(source, types.isLibrary(source), name));
    }
    case "TSTypeReference":
    case "TSInterfaceHeritage":
    case "TSClassImplements":
      return ofReference(types, annotation, scope, depth);
    default:
      return undefined;
  }
}

function ofReference(types: Types, reference: Node, scope: Scope, depth: number): Type | undefined {
  const name = one(reference, "typeName") ?? one(reference, "expression");
  const list = one(reference, "typeArguments") ?? one(reference, "typeParameters");
  const argument = (i: number) => {
    const node = list === undefined ? undefined : many(list, "params")[i];
    return node === undefined ? undefined : types.ofAnnotation(node, scope, depth + 1);
  };
  if (name?.type === "TSQualifiedName" || name?.type === "MemberExpression") {
    const left = one(name, "left") ?? one(name, "object");
    const right = identifierName(one(name, "right") ?? one(name, "property"));
    const space = left?.type === "Identifier" ? lookup(scope, text(left, "name")) : undefined;
    const module = space === undefined ? undefined : types.ofBinding(space);
    if (module?.t !== "module" || right === undefined) return undefined;
    return instance(types.exported(module.specifier, module.isLibrary, right));
  }
  const id = identifierName(name);
  if (id === undefined) return undefined;
  const binding = lookup(scope, id);
  if (binding !== undefined && (binding.kind === "class" || binding.kind === "import")) {
    return instance(types.ofBinding(binding), types);
  }
  const found = lookupType(scope, id);
  if (found !== undefined) {
    const { node } = found;
    if (node.type === "TSInterfaceDeclaration") return { t: "object", node };
    const target = one(node, node.type === "TSTypeParameter" ? "constraint" : "typeAnnotation");
    return target === undefined ? undefined : types.ofAnnotation(target, found.scope, depth + 1);
  }
  if (id === "Promise" || id === "PromiseLike") return { t: "promise", of: argument(0) };
  if (TRANSPARENT.has(id)) return argument(0);
  if (id === "Pick" || id === "Omit") return argument(0);
  if (LISTS.has(id)) return { t: "list", of: argument(0) };
  if (MAPS.has(id)) return { t: "list", of: argument(1) };
  if (id === "ReturnType") return types.returned(argument(0));
  if (id === "InstanceType") return instance(argument(0), types);
  return /^(?:Big)?(?:Int|Uint|Float)\d+(?:Clamped)?Array$/.test(id) ? { t: "library", name: "TypedArray" } : undefined;
}
