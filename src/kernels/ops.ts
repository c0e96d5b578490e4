/**
 * The numbers of the kernels, the same in the wasm code, in its fallback and in whoever calls them: a kernel for one kind of column is
 * number `op * 4 + kind` in the table of the module.
 */

/** The kinds of columns. */
export const F32 = 0;
export const F64 = 1;
export const I32 = 2;
export const U32 = 3;
/** Masks: one byte for each element, set where it is not zero. */
export const U8 = 4;

/** Those up to `CLAMP` take numbers. */
export const FILL = 0;
export const IOTA = 1;
export const ADD_SCALAR = 2;
export const SCALE = 3;
export const AXPY = 4;
export const LERP = 5;
export const CLAMP = 6;

export const COPY = 7;
export const ADD = 8;
export const SUB = 9;
export const MUL = 10;
export const DIV = 11;
export const MIN = 12;
export const MAX = 13;
export const ABS = 14;
export const SQRT = 15;

/** Comparisons with a column; the same with a number are `COMPARED_WITH_NUMBER` further on. */
export const LESS = 16;
export const LESS_EQUAL = 17;
export const GREATER = 18;
export const GREATER_EQUAL = 19;
export const EQUAL = 20;
export const NOT_EQUAL = 21;
export const COMPARED_WITH_NUMBER = 6;

export const SELECT = 28;
export const GATHER = 29;
export const SCATTER = 30;
export const COMPACT = 31;

/** For masks alone. */
export const COUNT = 32;
export const AND = 33;
export const OR = 34;
export const NOT = 35;

export const SUM = 36;
export const DOT = 37;
export const MIN_OF = 38;
export const MAX_OF = 39;

/** Of vectors of two components; those of three and four follow. */
export const LENGTH = 40;
export const NORMALIZE = 43;
export const TRANSFORM = 46;
export const CULL = 47;

/** How many numbers there are. */
export const OPS = 48;

/** How many `f32` are added as `f32` before their sum is added as an `f64`. */
export const BLOCK = 1024;

/** The most planes that spheres are compared with at once. */
export const MAX_PLANES = 6;
