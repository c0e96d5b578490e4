/**
 * What comes to one number.
 */

import * as op from "../ops.ts";
import { FLOATS, get, INTS, type Kernel, kernel, type Kind, KINDS, loops, vectorAt } from "./wat.ts";

/** All of them. */
export function reductions(): Kernel[] {
  return [
    sum("sum", op.SUM, false),
    sum("dot", op.DOT, true),
    sumDoubles("sum", op.SUM, false),
    sumDoubles("dot", op.DOT, true),
    ...INTS.map(sumInts),
    ...FLOATS.flatMap((kind) => [extreme(kind, "min"), extreme(kind, "max")]),
    ...INTS.flatMap((kind) => [extremeInt(kind, "min"), extremeInt(kind, "max")]),
  ];
}

/** Adds `f32` in sixteen lanes, and every `BLOCK` of them to an `f64`. */
function sum(name: string, number: number, isDot: boolean): Kernel {
  const pointers = isDot ? ["a", "b"] : ["a"];
  const value = (i: number): string => {
    const { load } = vectorAt(16 * i);
    return isDot ? `(f32x4.mul ${load("a")} ${load("b")})` : load("a");
  };
  const next = (bytes: number): string =>
    pointers.map((name) => `(local.set $${name} (i32.add ${get(name)} (i32.const ${bytes})))`).join(" ");
  const lanes = [0, 1, 2, 3];
  const last = isDot ? `(f32.mul (f32.load (local.get $a)) (f32.load (local.get $b)))` : "(f32.load (local.get $a))";
  const body = `(local.set $e (i32.add (local.get $a) (i32.shl (i32.and (local.get $n) (i32.const -16)) (i32.const 2))))
    (block $x (loop $block
      (br_if $x (i32.ge_u (local.get $a) (local.get $e)))
      (local.set $s (select (local.get $e) (i32.add (local.get $a) (i32.const ${op.BLOCK * 4}))
        (i32.lt_u (i32.sub (local.get $e) (local.get $a)) (i32.const ${op.BLOCK * 4}))))
      ${lanes.map((i) => `(local.set $v${i} (v128.const i32x4 0 0 0 0))`).join(" ")}
      (loop $l
        ${lanes.map((i) => `(local.set $v${i} (f32x4.add (local.get $v${i}) ${value(i)}))`).join("\n")}
        ${next(64)}
        (br_if $l (i32.lt_u (local.get $a) (local.get $s))))
      (local.set $v0 (f32x4.add (f32x4.add (local.get $v0) (local.get $v1)) (f32x4.add (local.get $v2) (local.get $v3))))
      (local.set $t (f64x2.add (f64x2.add (local.get $t) (f64x2.promote_low_f32x4 (local.get $v0)))
        (f64x2.promote_low_f32x4 (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $v0) (local.get $v0)))))
      (br $block)))
    (local.set $r (f64.add (f64x2.extract_lane 0 (local.get $t)) (f64x2.extract_lane 1 (local.get $t))))
    (local.set $e (i32.add (local.get $e) (i32.shl (i32.and (local.get $n) (i32.const 15)) (i32.const 2))))
    (block $y (loop $m
      (br_if $y (i32.ge_u (local.get $a) (local.get $e)))
      (local.set $r (f64.add (local.get $r) (f64.promote_f32 ${last})))
      ${next(4)}
      (br $m)))
    (local.get $r)`;
  const locals = `(local $s i32) (local $t v128) (local $r f64) ${lanes.map((i) => `(local $v${i} v128)`).join(" ")}`;
  return kernel(name, number, KINDS[0]!, "reduce", locals, body);
}

/** Adds `f64` in eight lanes. */
function sumDoubles(name: string, number: number, isDot: boolean): Kernel {
  const lanes = [0, 1, 2, 3];
  const value = (i: number): string => {
    const { load } = vectorAt(16 * i);
    return isDot ? `(f64x2.mul ${load("a")} ${load("b")})` : load("a");
  };
  const next = (bytes: number): string =>
    (isDot ? ["a", "b"] : ["a"]).map((name) => `(local.set $${name} (i32.add ${get(name)} (i32.const ${bytes})))`).join(
      " ",
    );
  const last = isDot ? "(f64.mul (f64.load (local.get $a)) (f64.load (local.get $b)))" : "(f64.load (local.get $a))";
  const body = `(local.set $e (i32.add (local.get $a) (i32.shl (i32.and (local.get $n) (i32.const -8)) (i32.const 3))))
    (block $x (loop $l
      (br_if $x (i32.ge_u (local.get $a) (local.get $e)))
      ${lanes.map((i) => `(local.set $v${i} (f64x2.add (local.get $v${i}) ${value(i)}))`).join("\n")}
      ${next(64)}
      (br $l)))
    (local.set $v0 (f64x2.add (f64x2.add (local.get $v0) (local.get $v1)) (f64x2.add (local.get $v2) (local.get $v3))))
    (local.set $r (f64.add (f64x2.extract_lane 0 (local.get $v0)) (f64x2.extract_lane 1 (local.get $v0))))
    (local.set $e (i32.add (local.get $e) (i32.shl (i32.and (local.get $n) (i32.const 7)) (i32.const 3))))
    (block $y (loop $m
      (br_if $y (i32.ge_u (local.get $a) (local.get $e)))
      (local.set $r (f64.add (local.get $r) ${last}))
      ${next(8)}
      (br $m)))
    (local.get $r)`;
  return kernel(
    name,
    number,
    KINDS[1]!,
    "reduce",
    `(local $r f64) ${lanes.map((i) => `(local $v${i} v128)`).join(" ")}`,
    body,
  );
}

/** Adds integers exactly, and rounds once. */
function sumInts(kind: Kind): Kernel {
  const body = `(local.set $e (i32.add (local.get $a) (i32.shl (i32.and (local.get $n) (i32.const -4)) (i32.const 2))))
    (block $x (loop $l
      (br_if $x (i32.ge_u (local.get $a) (local.get $e)))
      (local.set $w (i64x2.add (local.get $w) (i64x2.extend_low_i32x4${kind.sign} (local.tee $v (v128.load (local.get $a))))))
      (local.set $u (i64x2.add (local.get $u) (i64x2.extend_high_i32x4${kind.sign} (local.get $v))))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (br $l)))
    (local.set $u (i64x2.add (local.get $u) (local.get $w)))
    (local.set $r (i64.add (i64x2.extract_lane 0 (local.get $u)) (i64x2.extract_lane 1 (local.get $u))))
    (local.set $e (i32.add (local.get $e) (i32.shl (i32.and (local.get $n) (i32.const 3)) (i32.const 2))))
    (block $y (loop $m
      (br_if $y (i32.ge_u (local.get $a) (local.get $e)))
      (local.set $r (i64.add (local.get $r) (i64.load32${kind.sign} (local.get $a))))
      (local.set $a (i32.add (local.get $a) (i32.const 4)))
      (br $m)))
    (f64.convert_i64_s (local.get $r))`;
  return kernel("sum", op.SUM, kind, "reduce", "(local $r i64) (local $u v128) (local $v v128) (local $w v128)", body);
}

/**
 * The least or greatest as `Math.min` and `Math.max` say: the fast instruction for each vector, and beside it whether all are numbers
 * and which signs there are, from which it follows what a NaN or two kinds of zero come to.
 */
function extreme(kind: Kind, name: "min" | "max"): Kernel {
  const { lanes, size } = kind;
  const perVector = 16 / size;
  const start = name === "min" ? "inf" : "-inf";
  const signs = name === "min" ? "or" : "and";
  // Two at once, as each waits for the last of its own.
  const step = (i: number, load: string): string =>
    `(local.set $v${i} (${lanes}.p${name} (local.get $v${i}) (local.tee $x ${load})))
    (local.set $k${i} (v128.and (local.get $k${i}) (${lanes}.eq (local.get $x) (local.get $x))))
    (local.set $g${i} (v128.${signs} (local.get $g${i}) (local.get $x)))`;
  const ints = size === 4 ? "i32x4" : "i64x2";
  const end = (i: number): string => {
    const lane = `(${lanes}.extract_lane ${i} (local.get $v0))`;
    return kind.name === "f32" ? `(f64.promote_f32 ${lane})` : lane;
  };
  const all = Array.from({ length: perVector }, (_, i) => end(i)).reduce((a, b) => `(f64.${name} ${a} ${b})`);
  const isNegative = name === "min"
    ? `(${ints}.bitmask (local.get $g0))`
    : `(i32.eq (${ints}.bitmask (local.get $g0)) (i32.const ${2 ** perVector - 1}))`;
  const body = `(local.set $v1 (local.tee $v0 (${lanes}.splat (${kind.name}.const ${start}))))
    (local.set $k1 (local.tee $k0 (v128.const i32x4 -1 -1 -1 -1)))
    ${name === "max" ? "(local.set $g1 (local.tee $g0 (local.get $k0)))" : ""}
    ${
    loops(kind, "a", ({ index, load }) => {
      const vector = load("a");
      return step(index, vector.startsWith("(v128.load ") ? vector : vector.replace("_zero", "_splat"));
    }, 2)
  }
    (local.set $v0 (${lanes}.p${name} (local.get $v0) (local.get $v1)))
    (local.set $g0 (v128.${signs} (local.get $g0) (local.get $g1)))
    (if (i32.eqz (${ints}.all_true (v128.and (local.get $k0) (local.get $k1)))) (then (return (f64.const nan))))
    (local.set $r ${all})
    (if (f64.eq (local.get $r) (f64.const 0)) (then (local.set $r (select (f64.const -0) (f64.const 0) ${isNegative}))))
    (local.get $r)`;
  return kernel(
    `${name}_of`,
    name === "min" ? op.MIN_OF : op.MAX_OF,
    kind,
    "reduce",
    `(local $x v128) (local $r f64) ${
      ["v0", "v1", "k0", "k1", "g0", "g1"].map((local) => `(local $${local} v128)`).join(" ")
    }`,
    body,
  );
}

function extremeInt(kind: Kind, name: "min" | "max"): Kernel {
  const both = (a: string, b: string): string => `(i32x4.${name}${kind.sign} ${a} ${b})`;
  const body = `(local.set $v (v128.load32_splat (local.get $a)))
    ${
    loops(kind, "a", ({ load }) => `(local.set $v ${both("(local.get $v)", load("a").replace("_zero", "_splat"))})`, 2)
  }
    (local.set $v ${
    both("(local.get $v)", "(i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $v) (local.get $v))")
  })
    (local.set $v ${
    both("(local.get $v)", "(i8x16.shuffle 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11 (local.get $v) (local.get $v))")
  })
    (f64.convert_i32${kind.sign} (i32x4.extract_lane 0 (local.get $v)))`;
  return kernel(`${name}_of`, name === "min" ? op.MIN_OF : op.MAX_OF, kind, "reduce", "(local $v v128)", body);
}
