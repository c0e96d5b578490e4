/**
 * Work on vectors, whose components are columns.
 */

import * as op from "../ops.ts";
import {
  type Access,
  elementOf,
  FLOATS,
  get,
  type Kernel,
  kernel,
  type Kind,
  letters,
  loops,
  maskLoop,
  narrow64,
  vectorAt,
} from "./wat.ts";

/** All of them. */
export function vectors(): Kernel[] {
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
