/**
 * The kernels as WebAssembly text. Every kernel is a loop over vectors of 16 bytes and a loop over the elements that are left, which
 * uses the same instructions on the first lane of a vector: so an element comes to the same value wherever it lies.
 */

import * as op from "../ops.ts";

/** One kind of column. */
interface Kind {
  readonly name: string;
  readonly id: number;
  /** The prefix of its vector instructions. */
  readonly lanes: string;
  /** Bytes of an element. */
  readonly size: number;
  /** A number as a vector of that number. */
  readonly splat: (number: string) => string;
  readonly isFloat: boolean;
  /** What is put after the name of instructions that depend on the sign. */
  readonly sign: string;
}

const KINDS: readonly Kind[] = [
  { name: "f32", id: op.F32, lanes: "f32x4", size: 4, splat: splatF32, isFloat: true, sign: "" },
  {
    name: "f64",
    id: op.F64,
    lanes: "f64x2",
    size: 8,
    splat: (number) => `(f64x2.splat ${number})`,
    isFloat: true,
    sign: "",
  },
  { name: "i32", id: op.I32, lanes: "i32x4", size: 4, splat: splatInt("s"), isFloat: false, sign: "_s" },
  { name: "u32", id: op.U32, lanes: "i32x4", size: 4, splat: splatInt("u"), isFloat: false, sign: "_u" },
];

const FLOATS = KINDS.slice(0, 2);
const INTS = KINDS.slice(2);

/** The parameters of each shape of kernel, and what it gives. */
const SHAPES: Readonly<
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
interface Access {
  /** Which of the vectors of a turn it is. */
  readonly index: number;
  load(pointer: string): string;
  store(pointer: string, value: string): string;
}

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

interface Kernel {
  readonly name: string;
  readonly slot: number;
  readonly text: string;
}

function kernel(name: string, number: number, kind: Kind, shape: Shape, locals: string, body: string): Kernel {
  const { pointers, numbers, result } = SHAPES[shape]!;
  const full = `${name}_${kind.name}`;
  const text = `(func $${full} (type $${shape}) ${params(pointers, "i32")} ${params(numbers, "f64")} ${result}
    (local $e i32) ${locals}
    ${body})`;
  return { name: full, slot: number * 4 + kind.id, text };
}

/** The two loops over all elements; `pointers` are moved on, and the first one says where the end is. */
function loops(kind: Kind, pointers: string, body: (access: Access) => string, unroll = 1, each = ["", ""]): string {
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

function vectorAt(offset: number): Access {
  const at = offset === 0 ? "" : `offset=${offset} `;
  return {
    index: offset / 16,
    load: (pointer) => `(v128.load ${at}${get(pointer)})`,
    store: (pointer, value) => `(v128.store ${at}${get(pointer)} ${value})`,
  };
}

function elementOf(size: number): Access {
  return {
    index: 0,
    load: (pointer) => `(v128.load${size * 8}_zero ${get(pointer)})`,
    store: (pointer, value) => `(v128.store${size * 8}_lane 0 ${get(pointer)} ${value})`,
  };
}

// Element by element

function elementwise(): Kernel[] {
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

/** The same kernels for unsigned integers as for signed ones. */
function unsigned(made: readonly Kernel[], numbers: readonly number[]): Kernel[] {
  return numbers.map((number) => {
    const { name } = made.find(({ slot }) => slot === number * 4 + op.I32)!;
    return { name, slot: number * 4 + op.U32, text: "" };
  });
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

// Comparisons to a mask

function comparisons(): Kernel[] {
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

/** A loop over so many elements of a mask at `$o` at once, and so many bytes of everything else; counts `$n` down. */
function maskLoop(label: string, elements: number, pointers: readonly string[], bytes: number, work: string): string {
  return `(block $${label}x (loop $${label}
    (br_if $${label}x (i32.lt_u (local.get $n) (i32.const ${elements})))
    ${work}
    (local.set $o (i32.add (local.get $o) (i32.const ${elements})))
    ${pointers.map((name) => `(local.set $${name} (i32.add ${get(name)} (i32.const ${bytes})))`).join(" ")}
    (local.set $n (i32.sub (local.get $n) (i32.const ${elements})))
    (br $${label})))`;
}

/** The masks of two pairs of doubles as one of four lanes. */
function narrow64(low: string, high: string): string {
  return `(i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 ${low} ${high})`;
}

// Masks

function masks(): Kernel[] {
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

// What moves elements as they are: by width alone

function moves(): Kernel[] {
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

// Reductions

function reductions(): Kernel[] {
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

// Vectors

function vectors(): Kernel[] {
  return FLOATS.flatMap((kind) => [
    ...[2, 3, 4].flatMap((count) => [length(kind, count), normalize(kind, count)]),
    transform(kind),
    cull(kind),
  ]);
}

const COMPONENTS = ["x", "y", "z", "w"];

/** The length of a vector whose components are loaded into `$vx`, `$vy` and so on. */
function lengthOf({ lanes }: Kind, count: number, load: (pointer: string) => string): string {
  const squares = COMPONENTS.slice(0, count).map((name) =>
    `(${lanes}.mul (local.tee $v${name} ${load(name)}) (local.get $v${name}))`
  );
  return `(${lanes}.sqrt ${squares.reduce((a, b) => `(${lanes}.add ${a} ${b})`)})`;
}

function componentLocals(count: number): string {
  return COMPONENTS.slice(0, count).map((name) => `(local $v${name} v128)`).join(" ");
}

function length(kind: Kind, count: number): Kernel {
  const pointers = ["o", ...COMPONENTS.slice(0, count)].join(" ");
  return kernel(
    `length${count}`,
    op.LENGTH + count - 2,
    kind,
    "vectors",
    componentLocals(count),
    loops(kind, pointers, ({ load, store }) => store("o", lengthOf(kind, count, load))),
  );
}

/** In place: `$x`, `$y` and so on are read and written. A vector of no length stays as it is. */
function normalize(kind: Kind, count: number): Kernel {
  const { lanes } = kind;
  const pointers = COMPONENTS.slice(0, count).join(" ");
  const body = loops(kind, pointers, ({ load, store }) =>
    `(local.set $l ${lengthOf(kind, count, load)})
      (local.set $l (v128.bitselect (local.get $i) (local.get $l) (${lanes}.eq (local.get $l) (v128.const i32x4 0 0 0 0))))
      ${
      COMPONENTS.slice(0, count).map((name) => store(name, `(${lanes}.div (local.get $v${name}) (local.get $l))`)).join(
        "\n",
      )
    }`);
  return kernel(
    `normalize${count}`,
    op.NORMALIZE + count - 2,
    kind,
    "vectors",
    `${componentLocals(count)} (local $l v128) (local $i v128)`,
    `(local.set $i (${lanes}.splat (${kind.name}.const 1))) ${body}`,
  );
}

function transform(kind: Kind): Kernel {
  const { lanes } = kind;
  const names = letters(12).split(" ");
  const row = (i: number): string => {
    const part = (column: number): string =>
      `(${lanes}.mul (local.get $V${names[column * 3 + i]}) (local.get $v${COMPONENTS[column]}))`;
    return `(${lanes}.add (${lanes}.add (${lanes}.add ${part(0)} ${part(1)}) ${part(2)}) (local.get $V${
      names[9 + i]
    }))`;
  };
  const body = loops(
    kind,
    "o p q x y z",
    ({ load, store }) =>
      `${["x", "y", "z"].map((name) => `(local.set $v${name} ${load(name)})`).join(" ")}
    ${["o", "p", "q"].map((name, i) => store(name, row(i))).join("\n")}`,
  );
  return kernel(
    "transform",
    op.TRANSFORM,
    kind,
    "transform",
    `${componentLocals(3)} ${names.map((name) => `(local $V${name} v128)`).join(" ")}`,
    `${names.map((name) => `(local.set $V${name} ${kind.splat(get(name))})`).join("\n")} ${body}`,
  );
}

/** A sphere is kept if it is not wholly behind one of the planes. Two vectors at once share what is read of the planes. */
function cull(kind: Kind): Kernel {
  const { lanes, size } = kind;
  const names = letters(4 * op.MAX_PLANES).split(" ");
  const pointers = ["x", "y", "z", "r"];
  const read = (i: number, { load }: Access): string =>
    `${["x", "y", "z"].map((name) => `(local.set $v${name}${i} ${load(name)})`).join(" ")}
    (local.set $vr${i} (${lanes}.neg ${load("r")}))
    (local.set $m${i} (v128.const i32x4 -1 -1 -1 -1))`;
  const compare = (plane: number, i: number): string => {
    const [x, y, z, d] = names.slice(4 * plane, 4 * plane + 4).map((name) => `(local.get $V${name})`);
    const product = (a: string | undefined, name: string): string => `(${lanes}.mul ${a} (local.get $v${name}${i}))`;
    const distance = `(${lanes}.add (${lanes}.add (${lanes}.add ${product(x, "x")} ${product(y, "y")}) ${
      product(z, "z")
    }) ${d})`;
    return `(local.set $m${i} (v128.and (local.get $m${i}) (${lanes}.ge ${distance} (local.get $vr${i}))))`;
  };
  const all = (vectors: readonly number[]): string =>
    Array.from({ length: op.MAX_PLANES }, (_, plane) => vectors.map((i) => compare(plane, i)).join(" ")).join("\n");
  const masks = "(local.get $m0) (local.get $m1)";
  const words = size === 4
    ? `(i16x8.narrow_i32x4_s ${masks})`
    : `(i16x8.narrow_i32x4_s (local.tee $m0 ${narrow64("(local.get $m0)", "(local.get $m1)")}) (local.get $m0))`;
  const elements = 32 / size;
  const body = `${names.map((name) => `(local.set $V${name} ${kind.splat(get(name))})`).join("\n")}
    ${
    maskLoop(
      "m",
      elements,
      pointers,
      32,
      `${read(0, vectorAt(0))} ${read(1, vectorAt(16))} ${all([0, 1])}
      (v128.store${8 * elements}_lane 0 ${
        get("o")
      } (i8x16.neg (i8x16.narrow_i16x8_s (local.tee $m0 ${words}) (local.get $m0))))`,
    )
  }
    ${
    maskLoop(
      "t",
      1,
      pointers,
      size,
      `${read(0, elementOf(size))} ${all([0])} (v128.store8_lane 0 ${get("o")} (i8x16.neg (local.get $m0)))`,
    )
  }`;
  const locals = ["x", "y", "z", "r"].flatMap((name) => [`v${name}0`, `v${name}1`]).concat("m0", "m1");
  return kernel(
    "cull",
    op.CULL,
    kind,
    "cull",
    [...locals, ...names.map((name) => `V${name}`)].map((name) => `(local $${name} v128)`).join(" "),
    body,
  );
}

// Text

function get(name: string): string {
  return `(local.get $${name})`;
}

function params(names: string, type: string): string {
  return names === "" ? "" : names.split(" ").map((name) => `(param $${name} ${type})`).join(" ");
}

/** Names for numbers: `n0 n1 n2` and so on. */
function letters(count: number): string {
  return Array.from({ length: count }, (_, i) => `n${i}`).join(" ");
}

function splatF32(number: string): string {
  return `(f32x4.splat (f32.demote_f64 ${number}))`;
}

function splatInt(sign: string): (number: string) => string {
  // Through 64 bits, so that a number is wrapped and not cut off.
  return (number) => `(i32x4.splat (i32.wrap_i64 (i64.trunc_sat_f64_${sign} ${number})))`;
}
