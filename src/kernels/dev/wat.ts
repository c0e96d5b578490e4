/**
 * What the kernels are written in: WebAssembly text, put together. Every kernel is a loop over vectors of 16 bytes and a loop over the
 * elements that are left, which uses the same instructions on the first lane of a vector: so an element comes to the same value wherever
 * it lies.
 */

import * as op from "../ops.ts";

/** One kind of column. */
export interface Kind {
  readonly name: string;
  readonly id: number;
  /** The prefix of its vector instructions. */
  readonly lanes: string;
  /** Bytes of an element. */
  readonly size: number;
  /** A number as a vector of that number. */
  readonly splat: (number: string) => string;
  /** What is put after the name of instructions that depend on the sign. */
  readonly sign: string;
}

export const KINDS: readonly Kind[] = [
  { name: "f32", id: op.F32, lanes: "f32x4", size: 4, splat: splatF32, sign: "" },
  {
    name: "f64",
    id: op.F64,
    lanes: "f64x2",
    size: 8,
    splat: (number) => `(f64x2.splat ${number})`,
    sign: "",
  },
  { name: "i32", id: op.I32, lanes: "i32x4", size: 4, splat: splatInt("s"), sign: "_s" },
  { name: "u32", id: op.U32, lanes: "i32x4", size: 4, splat: splatInt("u"), sign: "_u" },
];

export const FLOATS = KINDS.slice(0, 2);
export const INTS = KINDS.slice(2);

/** The parameters of each shape of kernel, and what it gives. */
export const SHAPES: Readonly<
  Record<string, { readonly pointers: string; readonly numbers: string; readonly result: string }>
> = {
  run: { pointers: "o a b c n", numbers: "s t", result: "" },
  reduce: { pointers: "a b n", numbers: "", result: "(result f64)" },
  pick: { pointers: "o a b n", numbers: "", result: "(result i32)" },
  vectors: { pointers: "o p q x y z w n", numbers: "", result: "" },
  transform: { pointers: "o p q x y z n", numbers: letters(12), result: "" },
  cull: { pointers: "o x y z r n", numbers: letters(4 * op.MAX_PLANES), result: "" },
};

type Shape = "run" | "reduce" | "pick" | "vectors" | "transform" | "cull";

/** How a loop reads from and writes to its pointers: a vector at a time, or an element. */
export interface Access {
  /** Which of the vectors of a turn it is. */
  readonly index: number;
  load(pointer: string): string;
  store(pointer: string, value: string): string;
}

export interface Kernel {
  readonly name: string;
  readonly slot: number;
  readonly text: string;
}

export function kernel(name: string, number: number, kind: Kind, shape: Shape, locals: string, body: string): Kernel {
  const { pointers, numbers, result } = SHAPES[shape]!;
  const full = `${name}_${kind.name}`;
  const text = `(func $${full} (type $${shape}) ${params(pointers, "i32")} ${params(numbers, "f64")} ${result}
    (local $e i32) ${locals}
    ${body})`;
  return { name: full, slot: number * 4 + kind.id, text };
}

/** The two loops over all elements; `pointers` are moved on, and the first one says where the end is. */
export function loops(
  kind: Kind,
  pointers: string,
  body: (access: Access) => string,
  unroll = 1,
  each = ["", ""],
): string {
  const names = pointers.split(" ");
  const first = names[0]!;
  const perTurn = unroll * 16 / kind.size;
  const shift = Math.log2(kind.size);
  const turn = (label: string, bytes: number, work: string): string =>
    `(block $${label}x (br_if $${label}x (i32.ge_u ${get(first)} (local.get $e))) (loop $${label}
      ${work}
      ${names.slice(1).map((name) => `(local.set $${name} (i32.add ${get(name)} (i32.const ${bytes})))`).join(" ")}
      (br_if $${label} (i32.lt_u (local.tee $${first} (i32.add ${get(first)} (i32.const ${bytes}))) (local.get $e)))))`;
  const vectors = Array.from({ length: unroll }, (_, i) => body(vectorAt(16 * i)) + each[0]).join("\n");
  return `(local.set $e (i32.add ${
    get(first)
  } (i32.shl (i32.and (local.get $n) (i32.const ${-perTurn})) (i32.const ${shift}))))
    ${turn("v", 16 * unroll, vectors)}
    (local.set $e (i32.add (local.get $e) (i32.shl (i32.and (local.get $n) (i32.const ${
    perTurn - 1
  })) (i32.const ${shift}))))
    ${turn("t", kind.size, body(elementOf(kind.size)) + each[1])}`;
}

export function vectorAt(offset: number): Access {
  const at = offset === 0 ? "" : `offset=${offset} `;
  return {
    index: offset / 16,
    load: (pointer) => `(v128.load ${at}${get(pointer)})`,
    store: (pointer, value) => `(v128.store ${at}${get(pointer)} ${value})`,
  };
}

export function elementOf(size: number): Access {
  return {
    index: 0,
    load: (pointer) => `(v128.load${size * 8}_zero ${get(pointer)})`,
    store: (pointer, value) => `(v128.store${size * 8}_lane 0 ${get(pointer)} ${value})`,
  };
}

/** The same kernels for unsigned integers as for signed ones. */
export function unsigned(made: readonly Kernel[], numbers: readonly number[]): Kernel[] {
  return numbers.map((number) => {
    const { name } = made.find(({ slot }) => slot === number * 4 + op.I32)!;
    return { name, slot: number * 4 + op.U32, text: "" };
  });
}

/** A loop over so many elements of a mask at `$o` at once, and so many bytes of everything else; counts `$n` down. */
export function maskLoop(
  label: string,
  elements: number,
  pointers: readonly string[],
  bytes: number,
  work: string,
): string {
  return `(block $${label}x (loop $${label}
    (br_if $${label}x (i32.lt_u (local.get $n) (i32.const ${elements})))
    ${work}
    (local.set $o (i32.add (local.get $o) (i32.const ${elements})))
    ${pointers.map((name) => `(local.set $${name} (i32.add ${get(name)} (i32.const ${bytes})))`).join(" ")}
    (local.set $n (i32.sub (local.get $n) (i32.const ${elements})))
    (br $${label})))`;
}

/** The masks of two pairs of doubles as one of four lanes. */
export function narrow64(low: string, high: string): string {
  return `(i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 ${low} ${high})`;
}

export function get(name: string): string {
  return `(local.get $${name})`;
}

export function params(names: string, type: string): string {
  return names === "" ? "" : names.split(" ").map((name) => `(param $${name} ${type})`).join(" ");
}

/** Names for numbers: `n0 n1 n2` and so on. */
export function letters(count: number): string {
  return Array.from({ length: count }, (_, i) => `n${i}`).join(" ");
}

function splatF32(number: string): string {
  return `(f32x4.splat (f32.demote_f64 ${number}))`;
}

function splatInt(sign: string): (number: string) => string {
  // Through 64 bits, so that a number is wrapped and not cut off.
  return (number) => `(i32x4.splat (i32.wrap_i64 (i64.trunc_sat_f64_${sign} ${number})))`;
}
