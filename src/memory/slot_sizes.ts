/**
 * What sizes of slots have to be, apart from the slab so that a configuration can be checked without it.
 */

import { ConfigError, show } from "../errors.ts";
import { MAX_CHUNK } from "./segment.ts";

/**
 * Checks sizes of slots.
 *
 * @param option The name to call them by.
 * @param sizes The sizes.
 * @throws {ConfigError} `FA010` if they are not ascending whole numbers above zero.
 */
export function checkSizes(option: string, sizes: unknown): asserts sizes is readonly number[] {
  const isList = Array.isArray(sizes) && sizes.length > 0;
  const isFine = isList &&
    sizes.every((size: unknown, i) => Number.isInteger(size) && (size as number) > (i === 0 ? 0 : sizes[i - 1]));
  if (isFine && sizes.at(-1) <= MAX_CHUNK) return;
  throw new ConfigError(
    "FA010",
    `Cannot use ${
      isList ? `[${sizes.join(", ")}]` : show(sizes)
    } for the option "${option}": give whole numbers of bytes above zero, ascending`,
  );
}
