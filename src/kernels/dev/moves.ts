/**
 * What moves elements as they are: by their width alone.
 */

import * as op from "../ops.ts";
import { elementOf, get, type Kernel, kernel, type Kind, KINDS, vectorAt } from "./wat.ts";

/** All of them. */
export function moves(): Kernel[] {
  const made = [KINDS[0]!, KINDS[1]!].flatMap((kind) => [select(kind), ...copies(kind), compact(kind)]);
  const again = made.filter(({ slot }) => slot % 4 === op.F32);
  return [
    ...made,
    ...[op.I32, op.U32].flatMap((id) => again.map(({ name, slot }) => ({ name, slot: slot + id, text: "" }))),
  ];
}

/** `$c` is the mask. */
function select(kind: Kind): Kernel {
  const { size } = kind;
  const pick = (offset: number, mask: string): string => {
    const { load, store } = vectorAt(offset);
    return store("o", `(v128.bitselect ${load("a")} ${load("b")} ${mask})`);
  };
  const wide =
    `(i32x4.extend_low_i16x8_s (i16x8.extend_low_i8x16_s (i8x16.ne (v128.load32_zero (local.get $c)) (v128.const i32x4 0 0 0 0))))`;
  const four = size === 4
    ? pick(0, wide)
    : `${pick(0, `(i64x2.extend_low_i32x4_s (local.tee $m ${wide}))`)} ${
      pick(16, "(i64x2.extend_high_i32x4_s (local.get $m))")
    }`;
  const { load, store } = elementOf(size);
  const last = store(
    "o",
    `(v128.bitselect ${load("a")} ${
      load("b")
    } (i8x16.ne (v128.load8_splat (local.get $c)) (v128.const i32x4 0 0 0 0)))`,
  );
  const loop = (label: string, elements: number, work: string): string =>
    `(block $${label}x (loop $${label}
      (br_if $${label}x (i32.lt_u (local.get $n) (i32.const ${elements})))
      ${work}
      ${
      ["o", "a", "b"].map((name) => `(local.set $${name} (i32.add ${get(name)} (i32.const ${elements * size})))`).join(
        " ",
      )
    }
      (local.set $c (i32.add (local.get $c) (i32.const ${elements})))
      (local.set $n (i32.sub (local.get $n) (i32.const ${elements})))
      (br $${label})))`;
  return kernel("select", op.SELECT, kind, "run", "(local $m v128)", `${loop("v", 4, four)} ${loop("t", 1, last)}`);
}

function copies(kind: Kind): Kernel[] {
  const { size } = kind;
  const type = size === 4 ? "i32" : "i64";
  const shift = Math.log2(size);
  const place = (base: string): string =>
    `(i32.add (local.get $${base}) (i32.shl (i32.load (local.get $b)) (i32.const ${shift})))`;
  const loop = (work: string, moved: string): string =>
    `(local.set $e (i32.add (local.get $b) (i32.shl (local.get $n) (i32.const 2))))
    (block $x (br_if $x (i32.eqz (local.get $n))) (loop $l
      ${work}
      (local.set $${moved} (i32.add (local.get $${moved}) (i32.const ${size})))
      (br_if $l (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 4))) (local.get $e)))))`;
  return [
    kernel(
      "copy",
      op.COPY,
      kind,
      "run",
      "",
      `(memory.copy (local.get $o) (local.get $a) (i32.shl (local.get $n) (i32.const ${shift})))`,
    ),
    kernel(
      "gather",
      op.GATHER,
      kind,
      "run",
      "",
      loop(`(${type}.store (local.get $o) (${type}.load ${place("a")}))`, "o"),
    ),
    kernel(
      "scatter",
      op.SCATTER,
      kind,
      "run",
      "",
      loop(`(${type}.store ${place("o")} (${type}.load (local.get $a)))`, "a"),
    ),
  ];
}

/** Sixteen elements at a time: none, all, or those whose bits are set. It never writes more than it keeps. `$b` is the mask. */
function compact(kind: Kind): Kernel {
  const { size } = kind;
  const type = size === 4 ? "i32" : "i64";
  const shift = Math.log2(size);
  const all = Array.from({ length: size }, (_, i) => `(local.set $v${i} ${vectorAt(16 * i).load("a")})`).join(" ") +
    Array.from({ length: size }, (_, i) => vectorAt(16 * i).store("o", `(local.get $v${i})`)).join(" ");
  const one =
    `(${type}.store (local.get $o) (${type}.load (i32.add (local.get $a) (i32.shl (i32.ctz (local.get $m)) (i32.const ${shift})))))
    (local.set $o (i32.add (local.get $o) (i32.const ${size})))`;
  const loop = (label: string, elements: number, mask: string, work: string): string =>
    `(block $${label}x (loop $${label}
      (br_if $${label}x (i32.lt_u (local.get $n) (i32.const ${elements})))
      (local.set $m ${mask})
      ${work}
      (local.set $a (i32.add (local.get $a) (i32.const ${elements * size})))
      (local.set $b (i32.add (local.get $b) (i32.const ${elements})))
      (local.set $n (i32.sub (local.get $n) (i32.const ${elements})))
      (br $${label})))`;
  const some = `(if (i32.eq (local.get $m) (i32.const 65535))
    (then ${all} (local.set $o (i32.add (local.get $o) (i32.const ${16 * size}))))
    (else (block $sx (loop $s
      (br_if $sx (i32.eqz (local.get $m)))
      ${one}
      (local.set $m (i32.and (local.get $m) (i32.sub (local.get $m) (i32.const 1))))
      (br $s)))))`;
  const body = `(local.set $e (local.get $o))
    ${loop("v", 16, `(i8x16.bitmask (i8x16.ne (v128.load (local.get $b)) (v128.const i32x4 0 0 0 0)))`, some)}
    ${loop("t", 1, `(i32.ne (i32.load8_u (local.get $b)) (i32.const 0))`, `(if (local.get $m) (then ${one}))`)}
    (i32.shr_u (i32.sub (local.get $o) (local.get $e)) (i32.const ${shift}))`;
  const locals = Array.from({ length: size }, (_, i) => `(local $v${i} v128)`).join(" ");
  return kernel("compact", op.COMPACT, kind, "pick", `(local $m i32) ${locals}`, body);
}
