/**
 * Layouts, as far as the text of a file shows them: whether a field of a record is a number, which is copied when it is read, or a part of
 * the record, which is not.
 */

import { keyName, many, type Node, one, text, unwrap } from "./ast.ts";
import type { Scopes } from "./scope.ts";

/** What is known of a layout. */
export interface Layout {
  readonly kind: "scalar" | "vector" | "struct" | "array" | "unknown";
  readonly fields?: ReadonlyMap<string, Layout>;
  readonly element?: Layout;
}

const SCALAR: Layout = { kind: "scalar" };
const VECTOR: Layout = { kind: "vector" };
const UNKNOWN: Layout = { kind: "unknown" };

const SCALARS = /^(?:[iuf](?:8|16|32|64)|bool|(?:Big)?(?:Int|Uint|Float)\d+(?:Clamped)?Array)$/;
const VECTORS = /^(?:vec[234][fiu]|mat\dx\d[fiu]|mat\d[fiu]?)$/;

/** Finds layouts in a file. */
export class Layouts {
  readonly #scopes: Scopes;
  readonly #known = new Map<Node, Layout>();

  constructor(scopes: Scopes) {
    this.#scopes = scopes;
  }

  /** The layout that an expression stands for. */
  of(expression: Node | undefined, depth = 0): Layout {
    if (expression === undefined || depth > 8) return UNKNOWN;
    const node = unwrap(expression);
    const known = this.#known.get(node);
    if (known !== undefined) return known;
    this.#known.set(node, UNKNOWN); // for layouts that mention themselves
    const layout = this.#find(node, depth + 1);
    this.#known.set(node, layout);
    return layout;
  }

  #find(node: Node, depth: number): Layout {
    if (node.type === "Identifier") {
      const binding = this.#scopes.of.get(node);
      if (binding?.kind === "const" && binding.declaration.type === "VariableDeclarator") {
        return this.of(one(binding.declaration, "init"), depth);
      }
      return named(text(binding?.kind === "import" ? one(binding.declaration, "imported") ?? node : node, "name"));
    }
    if (node.type === "MemberExpression") return named(keyName(node, "property") ?? "");
    if (node.type !== "CallExpression") return UNKNOWN;
    const callee = unwrap(one(node, "callee") ?? node);
    const name = callee.type === "MemberExpression" ? keyName(callee, "property") : text(callee, "name");
    const args = many(node, "arguments");
    if (name === "array") return { kind: "array", element: this.of(args[0], depth) };
    const fields = name === "struct" ? args.find((arg) => unwrap(arg).type === "ObjectExpression") : undefined;
    if (fields === undefined) return UNKNOWN;
    const result = new Map<string, Layout>();
    for (const property of many(unwrap(fields), "properties")) {
      const key = property.type === "Property" ? keyName(property, "key") : undefined;
      if (key !== undefined) result.set(key, this.of(one(property, "value"), depth));
    }
    return { kind: "struct", fields: result };
  }
}

function named(name: string): Layout {
  return SCALARS.test(name) ? SCALAR : VECTORS.test(name) ? VECTOR : UNKNOWN;
}

/** What a field of a record is: a number, a part with a layout of its own, or nobody knows. */
export function fieldOf(layout: Layout | undefined, name: string): "number" | "maybe" | Layout {
  switch (layout?.kind) {
    case "scalar":
    case "vector":
      return "number";
    case "array":
      return layout.element?.kind === "scalar" ? "number" : layout.element ?? "maybe";
    case "struct": {
      const field = layout.fields?.get(name);
      return field === undefined || field.kind === "unknown" ? "maybe" : field.kind === "scalar" ? "number" : field;
    }
    default:
      return "maybe";
  }
}
