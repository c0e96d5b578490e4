/**
 * All kernels as one module: a function for each shape of kernel, which calls one of a table.
 */

import * as op from "../ops.ts";
import { comparisons, masks } from "./comparisons.ts";
import { elementwise } from "./elements.ts";
import { moves } from "./moves.ts";
import { reductions } from "./reductions.ts";
import { vectors } from "./vectors.ts";
import { get, params, SHAPES } from "./wat.ts";

/** The module. `isShared` says which kind of memory it works on. */
export function moduleText(isShared: boolean): string {
  const kernels = [...elementwise(), ...comparisons(), ...masks(), ...moves(), ...reductions(), ...vectors()];
  const types = Object.entries(SHAPES).map(([name, { pointers, numbers, result }]) =>
    `(type $${name} (func ${params(pointers, "i32")} ${params(numbers, "f64")} ${result}))`
  );
  const entries = Object.entries(SHAPES).map(([name, { pointers, numbers, result }]) => {
    const all = `${pointers} ${numbers}`.trim().split(" ");
    return `(func (export "${name}") (param $f i32) ${params(pointers, "i32")} ${params(numbers, "f64")} ${result}
      (call_indirect (type $${name}) ${all.map(get).join(" ")} (local.get $f)))`;
  });
  return `(module
    ${types.join("\n")}
    (import "memory" "memory" (memory 0 ${isShared ? "65536 shared" : ""}))
    (table ${op.OPS * 4} funcref)
    ${kernels.map(({ slot, name }) => `(elem (i32.const ${slot}) $${name})`).join("\n")}
    ${kernels.map(({ text }) => text).join("\n")}
    ${entries.join("\n")})`;
}
