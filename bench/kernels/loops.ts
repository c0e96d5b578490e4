/**
 * The rivals in JavaScript, each a function of a source of its own, so that none runs on what the engine learnt from another. Where a
 * loop can be written in several ways, all are made, and the fastest one counts.
 */

import { columns } from "./data.ts";

type Named = Readonly<Record<string, unknown>>;

/** Makes a function of a source of its own; `n` is the length of the columns, and its parameters are those that the source names. */
export function compiled(source: string, named: Named, n: number): () => number {
  const names = Object.keys(named).filter((name) => new RegExp(`\\b${name}\\b`).test(source));
  const made = new Function(
    "n",
    ...names,
    `"use strict"; function run(n, ${names}) { ${source} } return () => run(n, ${names});`,
  );
  return made(n, ...names.map((name) => named[name]));
}

/** The loops of a body that works on element `i`: one element at a time, and four at a time. */
export function loops(body: string, named: Named = columns, n: number = columns.a.length): (() => number)[] {
  const four = [0, 1, 2, 3].map((k) => `{ ${k === 0 ? body : body.replace(/\bi\b/g, `(i + ${k})`)} }`).join(" ");
  return [
    compiled(`for (let i = 0; i < n; i++) { ${body} } return 0;`, named, n),
    compiled(`let i = 0; for (; i + 3 < n; i += 4) { ${four} } for (; i < n; i++) { ${body} } return 0;`, named, n),
  ];
}

/** The loops of a reduction: with one accumulator and with four. */
export function reductions(
  first: string,
  step: (s: string, i: string) => string,
  join: (s: string, t: string) => string,
  named: Named = columns,
  n: number = columns.a.length,
): (() => number)[] {
  const all = join(join("s0", "s1"), join("s2", "s3"));
  return [
    compiled(`let s = ${first}; for (let i = 0; i < n; i++) ${step("s", "i")}; return s;`, named, n),
    compiled(
      `let s0 = ${first}, s1 = ${first}, s2 = ${first}, s3 = ${first}, i = 0;
       for (; i + 3 < n; i += 4) { ${[0, 1, 2, 3].map((k) => step(`s${k}`, `i + ${k}`)).join("; ")}; }
       let s = ${all}; for (; i < n; i++) ${step("s", "i")}; return s;`,
      named,
      n,
    ),
  ];
}
