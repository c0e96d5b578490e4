/**
 * What is around a node. Few nodes are ever asked about, so only the ways to them are looked at.
 */

import { eachChild, type Node } from "./ast.ts";

/** The parents of the nodes of a tree. */
export class Parents implements Iterable<readonly [Node, Node]> {
  readonly #root: Node;
  readonly #known = new Map<Node, Node>();
  readonly #children = new Map<Node, readonly Node[]>();

  constructor(root: Node) {
    this.#root = root;
  }

  /** The node around a node; nothing for the root. */
  get(node: Node): Node | undefined {
    if (node === this.#root) return undefined;
    if (!this.#known.has(node) && !this.#find(node, this.#root)) this.#openAll();
    return this.#known.get(node);
  }

  /** All nodes with what is around them. */
  [Symbol.iterator](): IterableIterator<[Node, Node]> {
    this.#openAll();
    return this.#known.entries();
  }

  #open(parent: Node): readonly Node[] {
    const before = this.#children.get(parent);
    if (before !== undefined) return before;
    const children: Node[] = [];
    eachChild(parent, (child) => {
      children.push(child);
      this.#known.set(child, parent);
    });
    this.#children.set(parent, children);
    return children;
  }

  /** Looks for a node by its place. */
  #find(node: Node, from: Node): boolean {
    let ways = [from];
    while (ways.length > 0) {
      const around = ways.flatMap((way) => this.#open(way));
      if (this.#known.has(node)) return true;
      ways = around.filter(({ range }) => range[0] <= node.range[0] && node.range[1] <= range[1]);
    }
    return false;
  }

  #openAll(): void {
    const todo = [this.#root];
    for (let at = todo.pop(); at !== undefined; at = todo.pop()) todo.push(...this.#open(at));
  }
}
