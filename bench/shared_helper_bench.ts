/**
 * The hard case: one helper function of the program is given records of six layouts, so that every property access in it sees six
 * shapes. Objects of six shapes suffer in the same way, and so does any library. Frame `k` has 1002 records, 167 of each layout, made
 * one by one; the helper writes `{ k + i, k, i, 1 }` into the four fields that all of them have.
 */

import { AllocConfig, f32, f64, SmartAlloc, struct, u16, u32, vec3f } from "../mod.ts";
import { useSixLayouts } from "./layouts.ts";
import { register, type Workload } from "./workload.ts";

const EACH = 167;
const N = 6 * EACH;
const checkedAlloc = new SmartAlloc(AllocConfig.default());
const releaseAlloc = new SmartAlloc(AllocConfig.release());

const One = struct("One", { a: f64, b: f64, c: f64, d: f64 });
const Two = struct("Two", { kind: u32, a: f64, b: f64, c: f64, d: f64 });
const Three = struct("Three", { a: f64, b: f32, c: u32, d: f32 });
const Four = struct("Four", { place: vec3f, a: f64, b: f64, c: f64, d: f64 });
const Five = struct("Five", { d: u16, c: u16, b: f32, a: f64 });
const Six = struct("Six", { a: f32, b: f32, c: f32, d: f32, place: vec3f });

interface Fields {
  a: number;
  b: number;
  c: number;
  d: number;
}

const table: Fields[] = [];

function writeRecord(fields: Fields, k: number, i: number): Fields {
  fields.a = k + i;
  fields.b = k;
  fields.c = i;
  fields.d = 1;
  return fields;
}

function writeObject(fields: Fields, k: number, i: number): Fields {
  fields.a = k + i;
  fields.b = k;
  fields.c = i;
  fields.d = 1;
  return fields;
}

function writeLikeObject(fields: Fields, k: number, i: number): Fields {
  fields.a = k + i;
  fields.b = k;
  fields.c = i;
  fields.d = 1;
  return fields;
}

function checked(k: number, read: boolean): number {
  checkedAlloc.beginFrame();
  for (let i = 0; i < N; i += 6) {
    table[i] = writeRecord(checkedAlloc.frameAlloc(One), k, i);
    table[i + 1] = writeRecord(checkedAlloc.frameAlloc(Two), k, i + 1);
    table[i + 2] = writeRecord(checkedAlloc.frameAlloc(Three), k, i + 2);
    table[i + 3] = writeRecord(checkedAlloc.frameAlloc(Four), k, i + 3);
    table[i + 4] = writeRecord(checkedAlloc.frameAlloc(Five), k, i + 4);
    table[i + 5] = writeRecord(checkedAlloc.frameAlloc(Six), k, i + 5);
  }
  const sum = read ? sumOf(table) : 0;
  checkedAlloc.endFrame();
  return sum;
}

function release(k: number, read: boolean): number {
  releaseAlloc.beginFrame();
  for (let i = 0; i < N; i += 6) {
    table[i] = writeRecord(releaseAlloc.frameAlloc(One), k, i);
    table[i + 1] = writeRecord(releaseAlloc.frameAlloc(Two), k, i + 1);
    table[i + 2] = writeRecord(releaseAlloc.frameAlloc(Three), k, i + 2);
    table[i + 3] = writeRecord(releaseAlloc.frameAlloc(Four), k, i + 3);
    table[i + 4] = writeRecord(releaseAlloc.frameAlloc(Five), k, i + 4);
    table[i + 5] = writeRecord(releaseAlloc.frameAlloc(Six), k, i + 5);
  }
  const sum = read ? sumOf(table) : 0;
  releaseAlloc.endFrame();
  return sum;
}

function sixShapes(k: number, read: boolean): number {
  for (let i = 0; i < N; i += 6) {
    table[i] = writeObject({ a: 0, b: 0, c: 0, d: 0 }, k, i);
    table[i + 1] = writeObject(two(), k, i + 1);
    table[i + 2] = writeObject(three(), k, i + 2);
    table[i + 3] = writeObject(four(), k, i + 3);
    table[i + 4] = writeObject({ d: 0, c: 0, b: 0, a: 0 }, k, i + 4);
    table[i + 5] = writeObject(six(), k, i + 5);
  }
  return read ? sumOf(table) : 0;
}

function two(): Fields & { kind: number } {
  return { kind: 0, a: 0, b: 0, c: 0, d: 0 };
}

function three(): Fields {
  return { a: 0, c: 0, b: 0, d: 0 };
}

function four(): Fields & { place: number[] | undefined } {
  return { place: undefined, a: 0, b: 0, c: 0, d: 0 };
}

function six(): Fields & { place: number[] | undefined } {
  return { a: 0, b: 0, c: 0, d: 0, place: undefined };
}

function oneShape(k: number, read: boolean): number {
  for (let i = 0; i < N; i++) table[i] = writeLikeObject({ a: 0, b: 0, c: 0, d: 0 }, k, i);
  return read ? sumOf(table) : 0;
}

function sumOf(all: readonly Fields[]): number {
  let sum = 0;
  for (const { a, b, c, d } of all) sum += a + 3 * b + 5 * c + 7 * d;
  return sum;
}

export const workloads: readonly Workload[] = [{
  name: "shared helper",
  summary: `${N} records of six layouts, written by one function`,
  unit: "record",
  units: N,
  candidates: [
    { name: "objects of six shapes", frame: sixShapes },
    { name: "objects of one shape", frame: oneShape },
    { name: "frameAlloc of six layouts, checked", frame: checked },
    { name: "frameAlloc of six layouts, release", frame: release },
  ],
  expected: (k) => N * (4 * k + 7) + 6 * (N * (N - 1) / 2),
  keepWarm: () => {
    useSixLayouts(checkedAlloc);
    useSixLayouts(releaseAlloc);
  },
}];

register(workloads);
