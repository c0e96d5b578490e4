/**
 * Sizes in words. One kilobyte is 1,024 bytes here, as memory is counted.
 */

/**
 * Kilobytes (1,024 bytes) as bytes.
 *
 * @param n How many.
 * @returns The bytes.
 *
 * @example
 * ```ts
 * import { kilobytes } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(kilobytes(64), 65_536);
 * ```
 */
export function kilobytes(n: number): number {
  return n * 1024;
}

/**
 * Megabytes (1,048,576 bytes) as bytes.
 *
 * @param n How many.
 * @returns The bytes.
 *
 * @example
 * ```ts
 * import { megabytes } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(megabytes(16), 16_777_216);
 * ```
 */
export function megabytes(n: number): number {
  return n * 1024 * 1024;
}

/**
 * Gigabytes (1,073,741,824 bytes) as bytes.
 *
 * @param n How many.
 * @returns The bytes.
 *
 * @example
 * ```ts
 * import { gigabytes } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(gigabytes(1), 1_073_741_824);
 * ```
 */
export function gigabytes(n: number): number {
  return n * 1024 * 1024 * 1024;
}

/**
 * Bytes as a person reads them.
 *
 * @param bytes A number of bytes.
 * @returns A text such as `"1.50 MB"`.
 *
 * @example
 * ```ts
 * import { formatBytes } from "@framealloc/core";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatBytes(512), "512 B");
 * assertEquals(formatBytes(1_572_864), "1.50 MB");
 * ```
 */
export function formatBytes(bytes: number): string {
  const names = ["B", "KB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < names.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(2)} ${names[unit]}`;
}
