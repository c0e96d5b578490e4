/**
 * Workload 5a: ten thousand particles, set up and stepped. In frame `k`, particle `i` of 7 `f32` (28 bytes) starts as
 *
 *     x = i / 4, y = k & 255, z = (i & 63) / 2, vx = (i & 7) / 4, vy = -1/2, vz = (k & 3) / 4, life = 4 + (i & 15)
 *
 * in one loop, and is stepped by 1/64 in a second one: x += vx / 64, y += vy / 64, z += vz / 64, life -= 1/64. All of these numbers
 * are exact in an `f32`, so that objects of doubles come to the same sum.
 */

import { AllocConfig, type Batch, type ColumnsOf, SmartAlloc } from "../mod.ts";
import { Particle, useSixLayouts } from "./layouts.ts";
import { register, type Workload } from "./workload.ts";

const N = 10_000;
const FIELDS = 7;
const DT = 1 / 64;
const checkedAlloc = new SmartAlloc(AllocConfig.default());
const releaseAlloc = new SmartAlloc(AllocConfig.release());

interface Point {
  x: number;
  y: number;
  z: number;
  vx: number;
  vy: number;
  vz: number;
  life: number;
}

interface Arrays {
  x: Float32Array;
  y: Float32Array;
  z: Float32Array;
  vx: Float32Array;
  vy: Float32Array;
  vz: Float32Array;
  life: Float32Array;
}

const table: Point[] = [];
const reusedColumns: Arrays = {
  x: new Float32Array(N),
  y: new Float32Array(N),
  z: new Float32Array(N),
  vx: new Float32Array(N),
  vy: new Float32Array(N),
  vz: new Float32Array(N),
  life: new Float32Array(N),
};
const reusedRows = new Float32Array(FIELDS * N);

function keptObjects(k: number, read: boolean): number {
  for (let i = 0; i < N; i++) {
    table[i] = {
      x: i / 4,
      y: k & 255,
      z: (i & 63) / 2,
      vx: (i & 7) / 4,
      vy: -0.5,
      vz: (k & 3) / 4,
      life: 4 + (i & 15),
    };
  }
  for (let i = 0; i < N; i++) {
    const particle = table[i]!;
    particle.x += particle.vx * DT;
    particle.y += particle.vy * DT;
    particle.z += particle.vz * DT;
    particle.life -= DT;
  }
  return read ? sumOfObjects(table) : 0;
}

function freshObjects(k: number, read: boolean): number {
  const particles: Point[] = [];
  for (let i = 0; i < N; i++) {
    particles.push({
      x: i / 4,
      y: k & 255,
      z: (i & 63) / 2,
      vx: (i & 7) / 4,
      vy: -0.5,
      vz: (k & 3) / 4,
      life: 4 + (i & 15),
    });
  }
  for (const particle of particles) {
    particle.x += particle.vx * DT;
    particle.y += particle.vy * DT;
    particle.z += particle.vz * DT;
    particle.life -= DT;
  }
  return read ? sumOfObjects(particles) : 0;
}

function freshArrays(k: number, read: boolean): number {
  const made = {
    x: new Float32Array(N),
    y: new Float32Array(N),
    z: new Float32Array(N),
    vx: new Float32Array(N),
    vy: new Float32Array(N),
    vz: new Float32Array(N),
    life: new Float32Array(N),
  };
  const { x, y, z, vx, vy, vz, life } = made;
  for (let i = 0; i < N; i++) {
    x[i] = i / 4;
    y[i] = k & 255;
    z[i] = (i & 63) / 2;
    vx[i] = (i & 7) / 4;
    vy[i] = -0.5;
    vz[i] = (k & 3) / 4;
    life[i] = 4 + (i & 15);
  }
  for (let i = 0; i < N; i++) {
    x[i]! += vx[i]! * DT;
    y[i]! += vy[i]! * DT;
    z[i]! += vz[i]! * DT;
    life[i]! -= DT;
  }
  return read ? sumOfColumns(made) : 0;
}

function neverFreedColumns(k: number, read: boolean): number {
  const { x, y, z, vx, vy, vz, life } = reusedColumns;
  for (let i = 0; i < N; i++) {
    x[i] = i / 4;
    y[i] = k & 255;
    z[i] = (i & 63) / 2;
    vx[i] = (i & 7) / 4;
    vy[i] = -0.5;
    vz[i] = (k & 3) / 4;
    life[i] = 4 + (i & 15);
  }
  for (let i = 0; i < N; i++) {
    x[i]! += vx[i]! * DT;
    y[i]! += vy[i]! * DT;
    z[i]! += vz[i]! * DT;
    life[i]! -= DT;
  }
  return read ? sumOfColumns(reusedColumns) : 0;
}

function neverFreedRows(k: number, read: boolean): number {
  const rows = reusedRows;
  for (let i = 0, at = 0; i < N; i++, at += FIELDS) {
    rows[at] = i / 4;
    rows[at + 1] = k & 255;
    rows[at + 2] = (i & 63) / 2;
    rows[at + 3] = (i & 7) / 4;
    rows[at + 4] = -0.5;
    rows[at + 5] = (k & 3) / 4;
    rows[at + 6] = 4 + (i & 15);
  }
  for (let i = 0, at = 0; i < N; i++, at += FIELDS) {
    rows[at]! += rows[at + 3]! * DT;
    rows[at + 1]! += rows[at + 4]! * DT;
    rows[at + 2]! += rows[at + 5]! * DT;
    rows[at + 6]! -= DT;
  }
  return read ? sumOfRows(rows) : 0;
}

function columns(k: number, read: boolean): number {
  checkedAlloc.beginFrame();
  const made = checkedAlloc.frameColumns(Particle, N);
  const { x, y, z, vx, vy, vz, life } = made;
  for (let i = 0; i < N; i++) {
    x[i] = i / 4;
    y[i] = k & 255;
    z[i] = (i & 63) / 2;
    vx[i] = (i & 7) / 4;
    vy[i] = -0.5;
    vz[i] = (k & 3) / 4;
    life[i] = 4 + (i & 15);
  }
  for (let i = 0; i < N; i++) {
    x[i]! += vx[i]! * DT;
    y[i]! += vy[i]! * DT;
    z[i]! += vz[i]! * DT;
    life[i]! -= DT;
  }
  const sum = read ? sumOfColumns(made) : 0;
  checkedAlloc.endFrame();
  return sum;
}

function checkedCursor(k: number, read: boolean): number {
  checkedAlloc.beginFrame();
  const batch = checkedAlloc.frameAllocBatch(Particle, N);
  for (const cursor = batch.cursor(); cursor.next();) {
    const { record, index: i } = cursor;
    record.x = i / 4;
    record.y = k & 255;
    record.z = (i & 63) / 2;
    record.vx = (i & 7) / 4;
    record.vy = -0.5;
    record.vz = (k & 3) / 4;
    record.life = 4 + (i & 15);
  }
  for (const cursor = batch.cursor(); cursor.next();) {
    const { record } = cursor;
    record.x += record.vx * DT;
    record.y += record.vy * DT;
    record.z += record.vz * DT;
    record.life -= DT;
  }
  const sum = read ? sumOfBatch(batch) : 0;
  checkedAlloc.endFrame();
  return sum;
}

function releaseCursor(k: number, read: boolean): number {
  releaseAlloc.beginFrame();
  const batch = releaseAlloc.frameAllocBatch(Particle, N);
  for (const cursor = batch.cursor(); cursor.next();) {
    const { record, index: i } = cursor;
    record.x = i / 4;
    record.y = k & 255;
    record.z = (i & 63) / 2;
    record.vx = (i & 7) / 4;
    record.vy = -0.5;
    record.vz = (k & 3) / 4;
    record.life = 4 + (i & 15);
  }
  for (const cursor = batch.cursor(); cursor.next();) {
    const { record } = cursor;
    record.x += record.vx * DT;
    record.y += record.vy * DT;
    record.z += record.vz * DT;
    record.life -= DT;
  }
  const sum = read ? sumOfBatch(batch) : 0;
  releaseAlloc.endFrame();
  return sum;
}

function rawView(k: number, read: boolean): number {
  checkedAlloc.beginFrame();
  const rows = checkedAlloc.frameAllocBatch(Particle, N).view(Float32Array);
  for (let i = 0, at = 0; i < N; i++, at += FIELDS) {
    rows[at] = i / 4;
    rows[at + 1] = k & 255;
    rows[at + 2] = (i & 63) / 2;
    rows[at + 3] = (i & 7) / 4;
    rows[at + 4] = -0.5;
    rows[at + 5] = (k & 3) / 4;
    rows[at + 6] = 4 + (i & 15);
  }
  for (let i = 0, at = 0; i < N; i++, at += FIELDS) {
    rows[at]! += rows[at + 3]! * DT;
    rows[at + 1]! += rows[at + 4]! * DT;
    rows[at + 2]! += rows[at + 5]! * DT;
    rows[at + 6]! -= DT;
  }
  const sum = read ? sumOfRows(rows) : 0;
  checkedAlloc.endFrame();
  return sum;
}

function weighted(x: number, y: number, z: number, vx: number, vy: number, vz: number, life: number): number {
  return x + 3 * y + 5 * z + 7 * vx + 9 * vy + 11 * vz + 13 * life;
}

function sumOfObjects(particles: readonly Point[]): number {
  let sum = 0;
  for (const { x, y, z, vx, vy, vz, life } of particles) sum += weighted(x, y, z, vx, vy, vz, life);
  return sum;
}

function sumOfColumns({ x, y, z, vx, vy, vz, life }: Arrays | ColumnsOf<typeof Particle>): number {
  let sum = 0;
  for (let i = 0; i < N; i++) sum += weighted(x[i]!, y[i]!, z[i]!, vx[i]!, vy[i]!, vz[i]!, life[i]!);
  return sum;
}

function sumOfRows(rows: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < FIELDS * N; at += FIELDS) {
    sum += weighted(
      rows[at]!,
      rows[at + 1]!,
      rows[at + 2]!,
      rows[at + 3]!,
      rows[at + 4]!,
      rows[at + 5]!,
      rows[at + 6]!,
    );
  }
  return sum;
}

function sumOfBatch(batch: Batch<typeof Particle>): number {
  let sum = 0;
  for (let i = 0; i < N; i++) {
    const { x, y, z, vx, vy, vz, life } = batch.at(i);
    sum += weighted(x, y, z, vx, vy, vz, life);
  }
  return sum;
}

function expected(k: number): number {
  let sum = 0;
  for (let i = 0; i < N; i++) {
    const vx = (i & 7) / 4;
    const vz = (k & 3) / 4;
    const x = i / 4 + vx / 64;
    const y = (k & 255) - 0.5 / 64;
    const z = (i & 63) / 2 + vz / 64;
    sum += weighted(x, y, z, vx, -0.5, vz, 4 + (i & 15) - 1 / 64);
  }
  return sum;
}

const OBJECTS = "objects, kept in one array";

export const workloads: readonly Workload[] = [{
  name: "particles",
  summary: `${N} particles of 28 B, set up and stepped`,
  unit: "particle",
  units: N,
  candidates: [
    { name: OBJECTS, frame: keptObjects },
    { name: "objects pushed to a new array", frame: freshObjects },
    { name: `7 × new Float32Array(${N})`, frame: freshArrays },
    { name: "7 arrays, never freed", frame: neverFreedColumns },
    { name: "one array of rows, never freed", frame: neverFreedRows },
    { name: "frameColumns, checked", frame: columns, floors: [{ over: OBJECTS, atLeast: 4 }] },
    { name: "cursor, checked", frame: checkedCursor, floors: [{ over: OBJECTS, atLeast: 2.5 }] },
    { name: "cursor, release", frame: releaseCursor },
    { name: "view(Float32Array), checked", frame: rawView },
  ],
  expected,
  keepWarm: () => {
    useSixLayouts(checkedAlloc);
    useSixLayouts(releaseAlloc);
  },
}];

register(workloads);
