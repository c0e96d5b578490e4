/**
 * Everything that can be asked of a device and must be refused, with a few things that look like it and must not be.
 */

import { USAGE } from "../../gpu/backend/backend.ts";
import type { Device } from "./_backends.ts";
import { counting } from "./_bytes.ts";

const DATA = USAGE.COPY_SRC | USAGE.COPY_DST;

/** The mistakes, by name, on a device without buffers. The first one that this makes is of 1024 bytes. */
export function mistakes(backend: Device): Record<string, () => unknown> {
  const a = backend.create(1024, DATA | USAGE.STORAGE, "a");
  const b = backend.create(64, USAGE.COPY_DST, "b");
  const map = backend.create(64, USAGE.MAP_READ | USAGE.COPY_DST, "");
  const none = backend.create(64, USAGE.VERTEX, "none");
  const gone = backend.create(64, DATA, "gone");
  backend.destroy(gone);
  const bytes = counting(64, 1);
  const detached = new Uint8Array(64);
  detached.buffer.transfer();
  const packed = (index: number): Uint8Array => new Uint8Array(new Uint32Array([index, 9]).buffer);
  return {
    "create 0": () => backend.create(0, DATA, ""),
    "create 6": () => backend.create(6, DATA, ""),
    "create -4": () => backend.create(-4, DATA, ""),
    "create NaN": () => backend.create(NaN, DATA, ""),
    "create too much": () => backend.create(backend.limits.maxBufferSize + 4, DATA, ""),
    "create without usage": () => backend.create(4, 0, ""),
    "create with another usage": () => backend.create(4, 0x400, ""),
    "create half a usage": () => backend.create(4, 1.5, ""),
    "create readable storage": () => backend.create(4, USAGE.MAP_READ | USAGE.STORAGE, ""),
    "create writable storage": () => backend.create(4, USAGE.MAP_WRITE | USAGE.COPY_DST, ""),
    "write at 2": () => backend.write(a, 2, bytes, 0, 4),
    "write 3": () => backend.write(a, 0, bytes, 0, 3),
    "write at NaN": () => backend.write(a, NaN, bytes, 0, 4),
    "write at -4": () => backend.write(a, -4, bytes, 0, 4),
    "write -4": () => backend.write(a, 0, bytes, 0, -4),
    "write past the end": () => backend.write(a, 1020, bytes, 0, 8),
    "write from past the end": () => backend.write(a, 0, bytes, 60, 8),
    "write from -1": () => backend.write(a, 0, bytes, -1, 8),
    "write from 0.5": () => backend.write(a, 0, bytes, 0.5, 8),
    "write from nothing": () => backend.write(a, 0, new Uint8Array(0), 0, 4),
    "write detached": () => backend.write(a, 0, detached, 0, 4),
    "write floats": () => backend.write(a, 0, new Float32Array(4) as unknown as Uint8Array, 0, 4),
    "write no bytes at 2": () => backend.write(a, 2, bytes, 0, 0),
    "write no bytes past the end": () => backend.write(a, 1028, bytes, 0, 0),
    "write no bytes": () => backend.write(a, 1024, new Uint8Array(0), 0, 0),
    "write to vertices": () => backend.write(none, 0, bytes, 0, 4),
    "write to destroyed": () => backend.write(gone, 0, bytes, 0, 4),
    "write to nobody": () => backend.write(999, 0, bytes, 0, 4),
    "write to half": () => backend.write(0.5, 0, bytes, 0, 4),
    "copy to itself": () => backend.copy(a, 0, a, 64, 4),
    "copy from b": () => backend.copy(b, 0, a, 0, 4),
    "copy to vertices": () => backend.copy(a, 0, none, 0, 4),
    "copy past the end": () => backend.copy(a, 0, b, 64, 4),
    "copy from past the end": () => backend.copy(a, 1024, b, 0, 4),
    "copy from destroyed": () => backend.copy(gone, 0, b, 0, 4),
    "copy to destroyed": () => backend.copy(a, 0, gone, 0, 4),
    "copy no bytes": () => backend.copy(a, 0, b, 0, 0),
    "clear past the end": () => backend.clear(a, 1000, 28),
    "clear vertices": () => backend.clear(none, 0, 4),
    "clear destroyed": () => backend.clear(gone, 0, 4),
    "clear no bytes": () => backend.clear(a, 0, 0),
    "scatter to b": () => backend.scatter(b, 0, 4, packed(0), 1, 4),
    "scatter at 4": () => backend.scatter(a, 4, 4, packed(0), 1, 4),
    "scatter outside": () => backend.scatter(a, 256, 8, packed(2), 1, 4),
    "scatter far outside": () => backend.scatter(a, 256, 8, packed(2 ** 32 - 1), 1, 4),
    "scatter too few": () => backend.scatter(a, 0, 1024, packed(0), 2, 4),
    "scatter 2 bytes": () => backend.scatter(a, 0, 1024, packed(0), 1, 2),
    "scatter half": () => backend.scatter(a, 0, 1024, packed(0), 0.5, 4),
    "scatter past the end": () => backend.scatter(a, 256, 1024, packed(0), 1, 4),
    "scatter shifted": () => backend.scatter(a, 0, 1024, new Uint8Array(16).subarray(1, 9), 1, 4),
    "scatter detached": () => backend.scatter(a, 0, 1024, detached, 1, 4),
    "scatter nothing": () => backend.scatter(a, 0, 1024, new Uint8Array(0), 0, 4),
    "map a": () => backend.map(a, 0, 4),
    "map at 4": () => backend.map(map, 4, 4),
    "map nothing": () => backend.map(map, 0, 0),
    "map past the end": () => backend.map(map, 0, 68),
    "map destroyed": () => backend.map(gone, 0, 8),
    "raw of destroyed": () => backend.raw(gone),
    "raw of nobody": () => backend.raw(-1),
    "destroy nobody": () => backend.destroy(77),
    "unmap nobody": () => backend.unmap(77),
    "verify nobody": () => backend.verify(77),
    "make again": () => backend.recreate(a),
    "make destroyed again": () => backend.recreate(gone),
    "make nobody again": () => backend.recreate(77),
  };
}
