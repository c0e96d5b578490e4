/**
 * Comparisons to a mask, and what masks come to together.
 */

import * as op from "../ops.ts";
import {
  elementOf,
  get,
  type Kernel,
  kernel,
  type Kind,
  KINDS,
  maskLoop,
  narrow64,
  unsigned,
  vectorAt,
} from "./wat.ts";

/** All of them. */
export function comparisons(): Kernel[] {
  const made: Kernel[] = [];
  const names = ["lt", "le", "gt", "ge", "eq", "ne"];
  for (const kind of KINDS) {
    for (const [i, name] of names.entries()) {
      const sign = i < 4 ? kind.sign : "";
      const compare = (a: string, b: string): string => `(${kind.lanes}.${name}${sign} ${a} ${b})`;
      // Greater than a column is less the other way round.
      if (i > 3 && kind.id === op.U32) continue;
      if (i < 2 || i > 3) made.push(comparison(`${name}_column`, op.LESS + i, kind, true, compare));
      made.push(comparison(`${name}_number`, op.LESS + op.COMPARED_WITH_NUMBER + i, kind, false, compare));
    }
  }
  const same = [op.EQUAL, op.NOT_EQUAL];
  return [...made, ...unsigned(made, [...same, ...same.map((number) => number + op.COMPARED_WITH_NUMBER)])];
}

function comparison(
  name: string,
  number: number,
  kind: Kind,
  isColumn: boolean,
  compare: (a: string, b: string) => string,
): Kernel {
  const pointers = isColumn ? ["a", "b"] : ["a"];
  const perVector = 16 / kind.size;
  const at = (i: number): string => {
    const { load } = vectorAt(16 * i);
    return compare(load("a"), isColumn ? load("b") : "(local.get $S)");
  };
  const group = (i: number): string => perVector === 4 ? at(i) : narrow64(at(2 * i), at(2 * i + 1));
  const bytes = `(i8x16.narrow_i16x8_s (i16x8.narrow_i32x4_s ${group(0)} ${group(1)})
    (i16x8.narrow_i32x4_s ${group(2)} ${group(3)}))`;
  const { load } = elementOf(kind.size);
  const last = compare(load("a"), isColumn ? load("b") : "(local.get $S)");
  const body = `${isColumn ? "" : `(local.set $S ${kind.splat(get("s"))})`}
    ${maskLoop("m", 16, pointers, 16 * kind.size, `(v128.store ${get("o")} (i8x16.neg ${bytes}))`)}
    ${maskLoop("t", 1, pointers, kind.size, `(v128.store8_lane 0 ${get("o")} (i8x16.neg ${last}))`)}`;
  return kernel(name, number, kind, "run", isColumn ? "" : "(local $S v128)", body);
}

/** All of them. */
export function masks(): Kernel[] {
  const [byte] = KINDS as [Kind];
  const isSet = (pointer: string, load: string): string =>
    `(i8x16.ne (${load} ${get(pointer)}) (v128.const i32x4 0 0 0 0))`;
  const join = (name: string, number: number, value: (load: string) => string, pointers: string[]): Kernel =>
    kernel(
      name,
      number,
      byte,
      "run",
      "",
      `${maskLoop("m", 16, pointers, 16, `(v128.store ${get("o")} (i8x16.neg ${value("v128.load")}))`)}
      ${maskLoop("t", 1, pointers, 1, `(v128.store8_lane 0 ${get("o")} (i8x16.neg ${value("v128.load8_splat")}))`)}`,
    );
  const count = kernel(
    "count",
    op.COUNT,
    byte,
    "pick",
    "",
    `${
      maskLoop(
        "m",
        16,
        [],
        0,
        `(local.set $e (i32.add (local.get $e) (i32.popcnt (i8x16.bitmask ${isSet("o", "v128.load")}))))`,
      )
    }
    ${
      maskLoop(
        "t",
        1,
        [],
        0,
        `(local.set $e (i32.add (local.get $e) (i32.ne (i32.load8_u ${get("o")}) (i32.const 0))))`,
      )
    }
    (local.get $e)`,
  );
  return [
    count,
    join("and", op.AND, (load) => `(v128.and ${isSet("a", load)} ${isSet("b", load)})`, ["a", "b"]),
    join("or", op.OR, (load) => `(v128.or ${isSet("a", load)} ${isSet("b", load)})`, ["a", "b"]),
    join("not", op.NOT, (load) => `(v128.not ${isSet("a", load)})`, ["a"]),
  ];
}
