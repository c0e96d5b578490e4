/**
 * Arithmetic, element by element.
 */

import * as op from "../ops.ts";
import { FLOATS, get, INTS, type Kernel, kernel, type Kind, KINDS, loops, unsigned } from "./wat.ts";

/** All of them. */
export function elementwise(): Kernel[] {
  const S = "(local.get $S)";
  const T = "(local.get $T)";
  const made: Kernel[] = [];
  const add = (
    kinds: readonly Kind[],
    name: string,
    number: number,
    pointers: string,
    value: (kind: Kind, a: string, b: string) => string,
    scalars = 0,
    unroll = 1,
  ): void => {
    for (const kind of kinds) {
      const setUp = ["s", "t"].slice(0, scalars).map((number) =>
        `(local.set $${number.toUpperCase()} ${kind.splat(get(number))})`
      );
      const locals = ["(local $S v128)", "(local $T v128)"].slice(0, scalars).join(" ");
      const body = loops(
        kind,
        pointers,
        ({ load, store }) => store("o", value(kind, load("a"), load("b"))),
        unroll,
      );
      made.push(kernel(name, number, kind, "run", locals, `${setUp.join(" ")}\n${body}`));
    }
  };
  const two = (name: string) => (kind: Kind, a: string, b: string): string => `(${kind.lanes}.${name} ${a} ${b})`;
  const signed = (name: string) => (kind: Kind, a: string, b: string): string =>
    `(${kind.lanes}.${name}${kind.sign} ${a} ${b})`;

  // Bits do not care what they mean.
  const [f32, f64, i32] = KINDS as [Kind, Kind, Kind];
  add([f32, f64, i32], "fill", op.FILL, "o", () => S, 1, 4);
  add([f32, f64, i32], "add", op.ADD, "o a b", two("add"), 0, 2);
  add([f32, f64, i32], "sub", op.SUB, "o a b", two("sub"), 0, 2);
  add([f32, f64, i32], "mul", op.MUL, "o a b", two("mul"), 0, 2);
  add(FLOATS, "div", op.DIV, "o a b", two("div"));
  add(KINDS, "min", op.MIN, "o a b", signed("min"));
  add(KINDS, "max", op.MAX, "o a b", signed("max"));
  add([f32, f64, i32], "add_scalar", op.ADD_SCALAR, "o a", (kind, a) => two("add")(kind, a, S), 1, 2);
  add([f32, f64, i32], "scale", op.SCALE, "o a", (kind, a) => two("mul")(kind, a, S), 1, 2);
  add([f32, f64, i32], "axpy", op.AXPY, "o a b", (kind, a, b) => two("add")(kind, b, two("mul")(kind, a, S)), 1, 2);
  add(
    FLOATS,
    "lerp",
    op.LERP,
    "o a b",
    (kind, a, b) =>
      `(${kind.lanes}.add (local.tee $T ${a}) (${kind.lanes}.mul (${kind.lanes}.sub ${b} (local.get $T)) ${S}))`,
    2,
  );
  // x < low ? low : x, and then high < x ? high : x.
  add(FLOATS, "clamp", op.CLAMP, "o a", (kind, a) => two("pmin")(kind, two("pmax")(kind, a, S), T), 2);
  add(INTS, "clamp", op.CLAMP, "o a", (kind, a) => signed("min")(kind, signed("max")(kind, a, S), T), 2);
  add([f32, f64, i32], "abs", op.ABS, "o a", (kind, a) => `(${kind.lanes}.abs ${a})`);
  add(FLOATS, "sqrt", op.SQRT, "o a", (kind, a) => `(${kind.lanes}.sqrt ${a})`);
  for (const kind of [f32, f64, i32]) made.push(iota(kind));
  return [
    ...made,
    ...unsigned(made, [op.FILL, op.IOTA, op.ADD, op.SUB, op.MUL, op.ADD_SCALAR, op.SCALE, op.AXPY]),
  ];
}

function iota(kind: Kind): Kernel {
  const { lanes } = kind;
  const index = kind.name === "f32"
    ? "(f32x4.convert_i32x4_s (local.get $i))"
    : kind.name === "f64"
    ? "(f64x2.convert_low_i32x4_s (local.get $i))"
    : "(local.get $i)";
  const step = (by: number): string => `(local.set $i (i32x4.add (local.get $i) (i32x4.splat (i32.const ${by}))))`;
  const body = loops(
    kind,
    "o",
    ({ store }) => store("o", `(${lanes}.add (local.get $S) (${lanes}.mul ${index} (local.get $T)))`),
    1,
    [step(16 / kind.size), step(1)],
  );
  return kernel(
    "iota",
    op.IOTA,
    kind,
    "run",
    "(local $S v128) (local $T v128) (local $i v128)",
    `(local.set $S ${kind.splat(get("s"))}) (local.set $T ${kind.splat(get("t"))})
    (local.set $i (v128.const i32x4 0 1 2 3))
    ${body}`,
  );
}
