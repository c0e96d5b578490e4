/**
 * Makes mistakes: takes a program without one and puts one in, so that it is known which rule has to report it, and where. A mutator looks
 * at the syntax alone, and only at what it can be sure of; all changes keep every line where it is.
 */

import {
  flag,
  isFunction,
  keyName,
  many,
  type Node,
  one,
  type Program,
  text,
  unwrap,
  walk,
} from "../../lint/core/ast.ts";
import { resolveScopes } from "../../lint/core/resolve_scopes.ts";
import type { Binding, Scopes } from "../../lint/core/scope.ts";

/** A program with a mistake in it. */
export interface Mutant {
  readonly mutator: string;
  /** The program that it was made of. */
  readonly name: string;
  readonly text: string;
  /** The codes of which one has to be reported. */
  readonly codes: ReadonlySet<string>;
  /** The first and the last line on which that may be. */
  readonly lines: readonly [number, number];
}

/** A program to make mutants of. */
export interface Seed {
  readonly name: string;
  readonly text: string;
  readonly program: Program;
}

/** A variable that holds memory of a frame, and that some statement after its own uses. */
interface Held {
  readonly binding: Binding;
  readonly name: string;
  /** What stands before the dot of the allocation. */
  readonly alloc: string;
  readonly declaration: Node;
  /** The statements around it, and those of them that use it. */
  readonly siblings: readonly Node[];
  readonly users: readonly Node[];
  readonly fn: Node;
}

interface Change {
  readonly at: number;
  readonly to?: number;
  readonly text: string;
}

const ALLOCATIONS = /^(?:try)?frame(?:Alloc|Box|Slice|Vec|Map|String|AllocBatch|Columns)$/i;
/** Whoever does this with a handle has thought of its end. */
const ANSWERS = /promote|publish|keep|free|release|rollback|speculative/i;

/** Makes all mutants of a program that there are. */
export function* mutantsOf(seed: Seed): Generator<Mutant> {
  // Where a frame lives on for some frames, its end does not end what was allocated in it.
  if (/framesAlive/.test(seed.text)) return;
  // What the program says it knows about would not be reported.
  const known = new Set(/fa-ignore-file ([^\n]*?)--/.exec(seed.text)?.[1]?.match(/FA\d+/g));
  for (const mutant of allMutantsOf(seed)) if (!known.isSupersetOf(mutant.codes)) yield mutant;
}

function* allMutantsOf(seed: Seed): Generator<Mutant> {
  const file = new File(seed);
  for (const [index, held] of file.held.entries()) {
    yield* file.await(held);
    yield* file.hoist(held);
    yield* file.store(held, index);
    yield* file.post(held, index);
    yield* file.defer(held, index);
  }
  yield* file.dropGuards();
}

class File {
  readonly held: readonly Held[];
  readonly #seed: Seed;
  readonly #scopes: Scopes;
  readonly #parents = new Map<Node, Node>();
  readonly #declarations: Node[] = [];

  constructor(seed: Seed) {
    this.#seed = seed;
    this.#scopes = resolveScopes(seed.program);
    const stack: Node[] = [];
    walk(seed.program, (node) => {
      while (stack.length > 0 && !isWithin(node, stack.at(-1) as Node)) stack.pop();
      const parent = stack.at(-1);
      if (parent !== undefined) this.#parents.set(node, parent);
      stack.push(node);
      if (node.type === "VariableDeclaration") this.#declarations.push(node);
    });
    this.held = this.#declarations.flatMap((declaration) => this.#heldBy(declaration));
  }

  #heldBy(declaration: Node): readonly Held[] {
    const [declarator, second] = many(declaration, "declarations");
    const around = this.#parents.get(declaration);
    const id = declarator && one(declarator, "id");
    const init = declarator && one(declarator, "init");
    if (second !== undefined || around === undefined || id?.type !== "Identifier" || init === undefined) return [];
    const alloc = this.#allocatorOf(init);
    const binding = this.#scopes.of.get(id);
    const siblings = bodyOf(around);
    if (alloc === undefined || binding === undefined || binding.writes > 0 || siblings.length === 0) return [];
    const uses = binding.references.filter((use) => use.fn === binding.scope.fn && this.#isUse(use));
    if (uses.length === 0 || binding.references.some(({ node }) => this.#isAnswer(node))) return [];
    const index = siblings.indexOf(declaration);
    const users = siblings.filter((sibling, i) => i > index && uses.some(({ node }) => isWithin(node, sibling)));
    return users.length === 0
      ? []
      : [{ binding, name: binding.name, alloc, declaration, siblings, users, fn: binding.scope.fn }];
  }

  /** What a call allocates from, if that is what it does. A slice may be filled in the same breath. */
  #allocatorOf(expression: Node): string | undefined {
    const call = unwrap(expression);
    if (call.type !== "CallExpression") return undefined;
    const callee = unwrap(one(call, "callee") ?? call);
    const object = one(callee, "object");
    if (callee.type !== "MemberExpression" || object === undefined) return undefined;
    const name = keyName(callee, "property") ?? "";
    if (name === "fill") return this.#allocatorOf(object);
    return ALLOCATIONS.test(name) ? this.#textOf(object) : undefined;
  }

  /** Whether a mention reads or writes the memory: not a comparison, and not the mention of a variable for its type. */
  #isUse({ node, parent }: { readonly node: Node; readonly parent: Node }): boolean {
    if (parent.type === "MemberExpression") return one(parent, "object") === node;
    if (parent.type === "CallExpression") return one(parent, "callee") !== node;
    return parent.type === "ForOfStatement" && one(parent, "right") === node;
  }

  #isAnswer(node: Node): boolean {
    const parent = this.#parents.get(node);
    if (parent?.type !== "CallExpression") return false;
    const callee = one(parent, "callee");
    return callee !== undefined && ANSWERS.test(this.#textOf(callee));
  }

  /** `await 0` before a use. */
  *await(held: Held): Generator<Mutant> {
    const { fn, users: [user], declaration } = held;
    const isAlreadyThere = /\bawait\b/.test(this.#seed.text.slice(declaration.range[1], user?.range[0]));
    const async = this.#asynchronous(fn);
    if (user === undefined || async === undefined || isAlreadyThere) return;
    // The frame may be known to be open, so that the wait itself is the mistake.
    const codes = ["FA702", "FA704"];
    yield this.#mutant("await between", codes, [user.range[0], fn.range[1]], [
      ...async,
      { at: user.range[0], text: "await 0; " },
    ]);
  }

  /** The end of the frame before the last use. */
  *hoist({ alloc, declaration, siblings, users }: Held): Generator<Mutant> {
    const user = users.at(-1);
    if (user === undefined) return;
    const lines = user.range;
    const at = user.range[0];
    const end = siblings.find((sibling) => this.#isEnd(sibling, alloc) && sibling.range[0] > user.range[0]);
    if (end !== undefined) {
      const away = { at: end.range[0], to: end.range[1], text: ";" };
      yield this.#mutant("end hoisted", ["FA606"], lines, [{ at, text: `${this.#textOf(end)} ` }, away]);
    }
    const guard = siblings.filter(({ type, range }) =>
      type === "VariableDeclaration" && range[0] < declaration.range[0]
    )
      .findLast((sibling) => this.#guardOf(sibling)?.alloc === alloc);
    const name = guard && this.#guardOf(guard)?.name;
    if (name === undefined) return;
    yield this.#mutant("guard ended early", ["FA606"], lines, [{ at, text: `${name}.end(); ` }]);
  }

  #isEnd(statement: Node, alloc: string): boolean {
    return statement.type === "ExpressionStatement" && this.#textOf(statement) === `${alloc}.endFrame();`;
  }

  /** The guard of a frame that a statement declares with `using`. */
  #guardOf(statement: Node): { readonly name: string; readonly alloc: string } | undefined {
    if (text(statement, "kind") !== "using") return undefined;
    const match = /^using (\w+) = ([\w.#]+)\.frame\(\);$/.exec(this.#textOf(statement));
    return match === null ? undefined : { name: match[1] as string, alloc: match[2] as string };
  }

  /** Stored where it stays. */
  *store({ name, declaration, fn }: Held, index: number): Generator<Mutant> {
    const [start, at] = declaration.range;
    if (this.#hasThis(fn)) {
      yield this.#mutant("stored in this", ["FA601"], [start, at], [{ at, text: ` this.mutantKept = ${name};` }]);
    }
    // A frame of the module may be open for as long as the module is there.
    if (fn === this.#seed.program || /^\w+\.beginFrame\(\)/m.test(this.#seed.text)) return;
    const [before, text] = [
      ["let mutantKept: unknown; ", `mutantKept = ${name};`],
      ["const mutantKept: unknown[] = []; ", `mutantKept.push(${name});`],
      ["const mutantKept = new Map<string, unknown>(); ", `mutantKept.set("it", { ${name} });`],
      ["const mutantKept: { it?: unknown } = {}; ", `mutantKept.it = ${name};`],
    ][index % 4] as [string, string];
    yield this.#mutant("stored in module", ["FA601"], [start, at], [{ at: 0, text: before }, { at, text: ` ${text}` }]);
  }

  /** Posted to a worker. */
  *post({ name, declaration }: Held, index: number): Generator<Mutant> {
    const [start, at] = declaration.range;
    const [before, text] = [
      ['const mutantWorker = new Worker("w.js"); ', `mutantWorker.postMessage(${name});`],
      ["", `self.postMessage({ it: ${name} });`],
      ["const mutantPort = new MessageChannel().port1; ", `mutantPort.postMessage([${name}]);`],
    ][index % 3] as [string, string];
    yield this.#mutant("posted", ["FA201"], [start, at], [{ at: 0, text: before }, { at, text: ` ${text}` }]);
  }

  /** Used in a function that runs later. */
  *defer({ name, declaration }: Held, index: number): Generator<Mutant> {
    const [start, at] = declaration.range;
    const text = [
      `setTimeout(() => console.log(${name}), 10);`,
      `queueMicrotask(() => void ${name}.toString());`,
      `requestAnimationFrame(() => console.log(${name}));`,
      `Promise.resolve().then(() => console.log(${name}));`,
    ][index % 4] as string;
    yield this.#mutant("used later", ["FA703"], [start, at], [{ at, text: ` ${text}` }]);
  }

  /** `const` for `using`. */
  *dropGuards(): Generator<Mutant> {
    for (const declaration of this.#declarations) {
      if (text(declaration, "kind") !== "using") continue;
      const [start] = declaration.range;
      const what = this.#textOf(declaration);
      const code = /^using \w+ = [\w.#]+\.frame\(\);$/.test(what)
        ? "FA609"
        : /^using \w+ = new TaskAlloc\(/.test(what)
        ? "FA707"
        : undefined;
      const [id] = many(declaration, "declarations").map((declarator) => one(declarator, "id"));
      const binding = id === undefined ? undefined : this.#scopes.of.get(id);
      if (code === undefined || binding === undefined) continue;
      // Whoever gets hold of it may end it.
      const isAlone = binding.references.every(({ node, parent }) =>
        parent.type === "MemberExpression" && one(parent, "object") === node &&
        !/end|dispose|release|adopt|cancel/i.test(keyName(parent, "property") ?? "")
      );
      const change = { at: start, to: start + "using".length, text: "const" };
      if (isAlone) yield this.#mutant("const for using", [code], declaration.range, [change]);
    }
  }

  #textOf(node: Node): string {
    return this.#seed.text.slice(...node.range);
  }

  /** Whether `this` is an object of a class of the file there. */
  #hasThis(fn: Node): boolean {
    let at: Node | undefined = fn;
    while (at?.type === "ArrowFunctionExpression") at = this.#scopes.outer.get(at);
    const method = at && this.#parents.get(at);
    return method?.type === "MethodDefinition" && !flag(method, "static") && text(method, "kind") === "method";
  }

  /** The changes that let a function wait; nothing if it cannot. */
  #asynchronous(fn: Node): readonly Change[] | undefined {
    if (fn === this.#seed.program || (isFunction(fn) && flag(fn, "async"))) return [];
    if (!isFunction(fn) || flag(fn, "generator")) return undefined;
    const parent = this.#parents.get(fn);
    const kind = parent === undefined ? "" : text(parent, "kind");
    const isMethod = parent?.type === "MethodDefinition" || (parent?.type === "Property" && flag(parent, "method"));
    if (isMethod || kind === "get" || kind === "set") {
      const key = one(parent as Node, "key");
      if ((kind !== "method" && kind !== "init") || key === undefined || flag(parent as Node, "computed")) {
        return undefined;
      }
      return [{ at: key.range[0], text: "async " }];
    }
    return [{ at: fn.range[0], text: "async " }];
  }

  #mutant(
    mutator: string,
    codes: readonly string[],
    range: readonly [number, number],
    changes: readonly Change[],
  ): Mutant {
    const { name, text } = this.#seed;
    let mutated = text;
    for (const { at, to = at, text: by } of [...changes].sort((a, b) => b.at - a.at)) {
      mutated = mutated.slice(0, at) + by + mutated.slice(to);
    }
    const lineOf = (offset: number): number => text.slice(0, offset).split("\n").length;
    return { mutator, name, text: mutated, codes: new Set(codes), lines: [lineOf(range[0]), lineOf(range[1])] };
  }
}

function isWithin(inner: Node, outer: Node): boolean {
  return outer.range[0] <= inner.range[0] && inner.range[1] <= outer.range[1];
}

/** The statements of a block. */
function bodyOf(node: Node): readonly Node[] {
  return node.type === "BlockStatement" || node.type === "Program" ? many(node, "body") : [];
}
