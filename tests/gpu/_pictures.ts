/**
 * Reads PNG files back, to see what is in a picture that was written.
 */

import { assertEquals } from "@std/assert";
import { crc32 } from "node:zlib";

/** The pixels of a picture, four bytes each. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** Parses a PNG of eight bits per channel, with alpha, without filters and in one piece: what the examples write. */
export async function parsed(file: Uint8Array): Promise<Pixels> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  assertEquals([...file.subarray(0, 8)], [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
  const chunks = new Map<string, Uint8Array<ArrayBuffer>>();
  for (let at = 8; at < file.length;) {
    const length = view.getUint32(at);
    const type = new TextDecoder().decode(file.subarray(at + 4, at + 8));
    assertEquals(view.getUint32(at + 8 + length), crc32(file.subarray(at + 4, at + 8 + length)), `the sum of ${type}`);
    chunks.set(type, file.slice(at + 8, at + 8 + length));
    at += 12 + length;
  }
  assertEquals([...chunks.keys()], ["IHDR", "IDAT", "IEND"]);
  const header = new DataView(chunks.get("IHDR")!.buffer);
  const [width, height] = [header.getUint32(0), header.getUint32(4)];
  assertEquals([header.byteLength, header.getUint8(8), header.getUint8(9)], [13, 8, 6]);
  const stream = new Blob([chunks.get("IDAT")!]).stream().pipeThrough(new DecompressionStream("deflate"));
  const lines = new Uint8Array(await new Response(stream).arrayBuffer());
  assertEquals(lines.length, height * (1 + 4 * width));
  const pixels = new Uint8Array(4 * width * height);
  for (let y = 0; y < height; y++) {
    const start = y * (1 + 4 * width);
    assertEquals(lines[start], 0);
    pixels.set(lines.subarray(start + 1, start + 1 + 4 * width), 4 * width * y);
  }
  return { width, height, pixels };
}
