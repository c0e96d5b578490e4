/**
 * Sizes in words.
 */

import { formatBytes, gigabytes, kilobytes, megabytes } from "@framealloc/core";
import { assertEquals } from "@std/assert";

Deno.test("units are powers of 1,024", () => {
  assertEquals([kilobytes(1), megabytes(1), gigabytes(1)], [2 ** 10, 2 ** 20, 2 ** 30]);
  assertEquals([kilobytes(0), megabytes(0.5), gigabytes(2)], [0, 524_288, 2 ** 31]);
});

Deno.test("formatBytes() uses the largest unit of which there is at least one", () => {
  const texts: [number, string][] = [
    [0, "0 B"],
    [1, "1 B"],
    [1023, "1023 B"],
    [1024, "1.00 KB"],
    [1536, "1.50 KB"],
    [2 ** 20 - 1, "1024.00 KB"],
    [2 ** 20, "1.00 MB"],
    [1.25 * 2 ** 30, "1.25 GB"],
    [2 ** 40, "1024.00 GB"],
    [-2048, "-2.00 KB"],
  ];
  for (const [bytes, text] of texts) assertEquals(formatBytes(bytes), text);
});
