/**
 * Bytes for tests, and what they must look like.
 */

/** Bytes that tell their places. */
export function counting(bytes: number, start = 0): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => start + i);
}

/** A short text of many bytes that changes with each of them. */
export function digest(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${bytes.length}:${(hash >>> 0).toString(16)}`;
}

/** Random numbers that are the same every time. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return (state ^ state >>> 13) >>> 0;
  };
}

/** Records for a scatter, and what must come of an array of zeros. */
export function packedRecords(records: number, count: number, stride: number, seed: number): [Uint8Array, Uint8Array] {
  const next = random(seed);
  const places = Uint32Array.from({ length: records }, (_, i) => i);
  for (let i = records - 1; i > 0; i--) {
    const other = next() % (i + 1);
    [places[i], places[other]] = [places[other]!, places[i]!];
  }
  const packed = new Uint8Array(count * (4 + stride));
  new Uint32Array(packed.buffer, 0, count).set(places.subarray(0, count));
  for (let i = count * 4; i < packed.length; i++) packed[i] = next();
  const array = new Uint8Array(records * stride);
  for (let i = 0; i < count; i++) {
    const from = count * 4 + i * stride;
    array.set(packed.subarray(from, from + stride), places[i]! * stride);
  }
  return [packed, array];
}
