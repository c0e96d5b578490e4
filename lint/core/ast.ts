/**
 * The few things that the analysis has to know of a syntax tree. Three parsers make TS-ESTree trees, one of them as a facade without
 * properties of its own; so nodes are only read through the functions here, which never throw, whatever a file holds.
 */

/** A node of a TS-ESTree tree. */
export interface Node {
  readonly type: string;
  readonly range: readonly [number, number];
}

/** The root of a tree. */
export type Program = Node;

/** A comment. */
export interface Comment {
  readonly type: string;
  readonly value: string;
  readonly range: readonly [number, number];
}

const CLASS = ["decorators", "id", "typeParameters", "superClass", "superTypeArguments", "implements", "body"];
const FUNCTION = ["id", "typeParameters", "params", "returnType", "body"];
const MEMBER = ["decorators", "key", "typeAnnotation", "value"];
const SIGNATURE = ["typeParameters", "params", "returnType"];
const LOOP_OVER = ["left", "right", "body"];

/** Where the children of a node are: the facade of one parser cannot be asked. */
export const KEYS: Readonly<Record<string, readonly string[]>> = {
  AccessorProperty: MEMBER,
  ArrayExpression: ["elements"],
  ArrayPattern: ["decorators", "elements", "typeAnnotation"],
  ArrowFunctionExpression: FUNCTION,
  AssignmentExpression: ["left", "right"],
  AssignmentPattern: ["decorators", "left", "right", "typeAnnotation"],
  AwaitExpression: ["argument"],
  BinaryExpression: ["left", "right"],
  BlockStatement: ["body"],
  BreakStatement: ["label"],
  CallExpression: ["callee", "typeArguments", "arguments"],
  CatchClause: ["param", "body"],
  ChainExpression: ["expression"],
  ClassBody: ["body"],
  ClassDeclaration: CLASS,
  ClassExpression: CLASS,
  ConditionalExpression: ["test", "consequent", "alternate"],
  ContinueStatement: ["label"],
  Decorator: ["expression"],
  DoWhileStatement: ["body", "test"],
  ExportAllDeclaration: ["exported", "source"],
  ExportDefaultDeclaration: ["declaration"],
  ExportNamedDeclaration: ["declaration", "specifiers", "source"],
  ExportSpecifier: ["local", "exported"],
  ExpressionStatement: ["expression"],
  ForInStatement: LOOP_OVER,
  ForOfStatement: LOOP_OVER,
  ForStatement: ["init", "test", "update", "body"],
  FunctionDeclaration: FUNCTION,
  FunctionExpression: FUNCTION,
  Identifier: ["decorators", "typeAnnotation"],
  IfStatement: ["test", "consequent", "alternate"],
  ImportDeclaration: ["specifiers", "source"],
  ImportDefaultSpecifier: ["local"],
  ImportExpression: ["source", "options"],
  ImportNamespaceSpecifier: ["local"],
  ImportSpecifier: ["imported", "local"],
  JSXAttribute: ["name", "value"],
  JSXClosingElement: ["name"],
  JSXElement: ["openingElement", "children", "closingElement"],
  JSXExpressionContainer: ["expression"],
  JSXFragment: ["openingFragment", "children", "closingFragment"],
  JSXMemberExpression: ["object", "property"],
  JSXNamespacedName: ["namespace", "name"],
  JSXOpeningElement: ["name", "typeArguments", "attributes"],
  JSXSpreadAttribute: ["argument"],
  JSXSpreadChild: ["expression"],
  LabeledStatement: ["label", "body"],
  LogicalExpression: ["left", "right"],
  MemberExpression: ["object", "property"],
  MetaProperty: [],
  MethodDefinition: MEMBER,
  NewExpression: ["callee", "typeArguments", "arguments"],
  ObjectExpression: ["properties"],
  ObjectPattern: ["decorators", "properties", "typeAnnotation"],
  ParenthesizedExpression: ["expression"],
  Program: ["body"],
  Property: ["key", "value"],
  PropertyDefinition: MEMBER,
  RestElement: ["decorators", "argument", "typeAnnotation"],
  ReturnStatement: ["argument"],
  SequenceExpression: ["expressions"],
  SpreadElement: ["argument"],
  StaticBlock: ["body"],
  SwitchCase: ["test", "consequent"],
  SwitchStatement: ["discriminant", "cases"],
  TaggedTemplateExpression: ["tag", "typeArguments", "quasi"],
  TemplateLiteral: ["quasis", "expressions"],
  ThrowStatement: ["argument"],
  TryStatement: ["block", "handler", "finalizer"],
  TSAbstractAccessorProperty: MEMBER,
  TSAbstractMethodDefinition: MEMBER,
  TSAbstractPropertyDefinition: MEMBER,
  TSArrayType: ["elementType"],
  TSAsExpression: ["expression", "typeAnnotation"],
  TSConditionalType: ["checkType", "extendsType", "trueType", "falseType"],
  TSDeclareFunction: FUNCTION,
  TSEmptyBodyFunctionExpression: FUNCTION,
  TSEnumBody: ["members"],
  TSEnumDeclaration: ["id", "body"],
  TSEnumMember: ["id", "initializer"],
  TSExportAssignment: ["expression"],
  TSFunctionType: SIGNATURE,
  TSImportEqualsDeclaration: ["id", "moduleReference"],
  TSInstantiationExpression: ["expression", "typeArguments"],
  TSInterfaceBody: ["body"],
  TSInterfaceDeclaration: ["id", "typeParameters", "extends", "body"],
  TSIntersectionType: ["types"],
  TSMethodSignature: ["key", "typeParameters", "params", "returnType"],
  TSModuleBlock: ["body"],
  TSModuleDeclaration: ["id", "body"],
  TSNamedTupleMember: ["label", "elementType"],
  TSNonNullExpression: ["expression"],
  TSOptionalType: ["typeAnnotation"],
  TSParameterProperty: ["decorators", "parameter"],
  TSPropertySignature: ["key", "typeAnnotation"],
  TSQualifiedName: ["left", "right"],
  TSRestType: ["typeAnnotation"],
  TSSatisfiesExpression: ["expression", "typeAnnotation"],
  TSTupleType: ["elementTypes"],
  TSTypeAliasDeclaration: ["id", "typeParameters", "typeAnnotation"],
  TSTypeAnnotation: ["typeAnnotation"],
  TSTypeAssertion: ["typeAnnotation", "expression"],
  TSTypeLiteral: ["members"],
  TSTypeOperator: ["typeAnnotation"],
  TSTypeParameter: ["name", "constraint", "default"],
  TSTypeParameterDeclaration: ["params"],
  TSTypeParameterInstantiation: ["params"],
  TSTypeReference: ["typeName", "typeArguments"],
  TSUnionType: ["types"],
  UnaryExpression: ["argument"],
  UpdateExpression: ["argument"],
  VariableDeclaration: ["declarations"],
  VariableDeclarator: ["id", "init"],
  WhileStatement: ["test", "body"],
  WithStatement: ["object", "body"],
  YieldExpression: ["argument"],
};

/** How deep trees are walked. Only machines write deeper ones, and the stack of JavaScript ends somewhere. */
export const DEEPEST = 600;

const NONE: readonly Node[] = [];
const keysOfUnknown = new Map<string, readonly string[]>();

/** Anything a node holds under a name. */
export function raw(node: Node, key: string): unknown {
  return (node as unknown as Readonly<Record<string, unknown>>)[key];
}

/** Whether something is a node. */
export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}

/** The child of that name, if there is one. */
export function one(node: Node, key: string): Node | undefined {
  const value = raw(node, key);
  return isNode(value) ? value : undefined;
}

/** The children of that name; holes of arrays are left out. */
export function many(node: Node, key: string): readonly Node[] {
  const value = raw(node, key);
  if (!Array.isArray(value)) return NONE;
  return value.every(isNode) ? value : value.filter(isNode);
}

/** The children of that name, with `null` for each hole. */
export function holey(node: Node, key: string): readonly (Node | null)[] {
  const value = raw(node, key);
  return Array.isArray(value) ? value.map((item) => isNode(item) ? item : null) : NONE;
}

/** A text under that name. */
export function text(node: Node, key: string): string {
  const value = raw(node, key);
  return typeof value === "string" ? value : "";
}

/** Whether a flag of that name is set. */
export function flag(node: Node, key: string): boolean {
  return raw(node, key) === true;
}

/** Calls a function for each child of a node, in the order of the source as a rule. */
export function eachChild(node: Node, visit: (child: Node, key: string) => void): void {
  for (const key of KEYS[node.type] ?? unknownKeys(node)) {
    const value = raw(node, key);
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) visit(item, key);
    } else if (isNode(value)) visit(value, key);
  }
}

/** Calls a function for a node and all that is in it, unless it returns `false` for the node around that. */
export function walk(node: Node, visit: (node: Node) => boolean | void, depth = 0): void {
  if (visit(node) === false || depth > DEEPEST) return;
  eachChild(node, (child) => walk(child, visit, depth + 1));
}

/** Kinds of nodes that nobody knows are walked by what they hold, and so are kinds that a later TypeScript brings. */
function unknownKeys(node: Node): readonly string[] {
  let keys = keysOfUnknown.get(node.type);
  if (keys === undefined) {
    keys = Object.keys(node).filter((key) => {
      if (key === "parent" || key === "loc" || key === "range") return false;
      const value = raw(node, key);
      return isNode(value) || (Array.isArray(value) && value.some(isNode));
    });
    if (keys.length > 0) keysOfUnknown.set(node.type, keys);
  }
  return keys;
}

/** Whether a node is a function with a body. */
export function isFunction(node: Node): boolean {
  return node.type === "ArrowFunctionExpression" || node.type === "FunctionExpression" ||
    node.type === "FunctionDeclaration";
}

/** Whether a node is a class. */
export function isClass(node: Node): boolean {
  return node.type === "ClassDeclaration" || node.type === "ClassExpression";
}

const WRAPPERS = new Set([
  "ChainExpression",
  "ParenthesizedExpression",
  "TSAsExpression",
  "TSInstantiationExpression",
  "TSNonNullExpression",
  "TSSatisfiesExpression",
  "TSTypeAssertion",
]);

/** Whether a node only wraps the value of its `expression`. */
export function isWrapper(node: Node): boolean {
  return WRAPPERS.has(node.type);
}

/** The expression without parentheses, casts and the like. */
export function unwrap(node: Node): Node {
  let inner = node;
  while (WRAPPERS.has(inner.type)) {
    const next = one(inner, "expression");
    if (next === undefined) break;
    inner = next;
  }
  return inner;
}

/** The name of a property, of a member or of an access, if it is known: `x`, `#x` and `["x"]` have one. */
export function keyName(node: Node, key: "key" | "property"): string | undefined {
  const name = one(node, key);
  if (name === undefined) return undefined;
  if (name.type === "PrivateIdentifier") return `#${text(name, "name")}`;
  if (!flag(node, "computed")) return name.type === "Identifier" ? text(name, "name") : literalText(name);
  const inner = unwrap(name);
  if (inner.type === "MemberExpression" && identifierName(one(inner, "object")) === "Symbol") {
    return `Symbol.${keyName(inner, "property") ?? ""}`;
  }
  return literalText(inner);
}

/** The value of a literal as a text, if it is one. */
export function literalText(node: Node): string | undefined {
  if (node.type === "Literal") {
    const value = raw(node, "value");
    return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
  }
  if (node.type === "TemplateLiteral" && many(node, "expressions").length === 0) {
    const quasi = many(node, "quasis")[0];
    const value = quasi === undefined ? undefined : raw(quasi, "value") as { readonly cooked?: unknown } | undefined;
    return typeof value?.cooked === "string" ? value.cooked : undefined;
  }
  return undefined;
}

/** The name of an identifier, if the node is one. */
export function identifierName(node: Node | undefined): string | undefined {
  return node?.type === "Identifier" ? text(node, "name") : undefined;
}

/** Whether an expression is `undefined`, `null` or `void 0`. */
export function isNullish(node: Node): boolean {
  const inner = unwrap(node);
  if (inner.type === "Literal") return raw(inner, "value") === null && raw(inner, "regex") === undefined;
  return identifierName(inner) === "undefined" ||
    (inner.type === "UnaryExpression" && text(inner, "operator") === "void");
}

const BLOCKS = new Set([
  "BlockStatement",
  "ForStatement",
  "ForInStatement",
  "ForOfStatement",
  "SwitchStatement",
  "CatchClause",
  "TSModuleBlock",
  "StaticBlock",
]);

/** Type syntax that holds no values. What is not listed here is looked into. */
const TYPES_ONLY =
  /^TS(?!AsExpression|NonNull|Satisfies|TypeAssertion|Instantiation|Enum|Module|Export|ParameterProperty|Import|Abstract|EmptyBody|Declare|Interface|TypeAlias|TypeParameterDeclaration)/;

/** Whether a kind of node has names of its own, apart from functions, classes and programs. */
export function makesScope(type: string): boolean {
  return BLOCKS.has(type);
}

/** Whether a kind of node is of types alone. */
export function isTypeOnly(type: string): boolean {
  return type.startsWith("TS") && TYPES_ONLY.test(type);
}
