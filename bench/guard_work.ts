/**
 * The frames of `guard_bench.ts`, in the configuration that the query of the import names. Modules that are imported with different
 * queries are different modules, each with functions of its own: the optimiser learns for each configuration by itself, as it would in
 * a program that has only one.
 */

import {
  AllocConfig,
  type AsyncSafety,
  type Batch,
  f64,
  type Infer,
  type NumberVec,
  SmartAlloc,
  struct,
} from "../mod.ts";
import { Contact, Item, Particle, useSixLayouts } from "./layouts.ts";

const N = 1000;
const PARTICLES = 10_000;
const CONTACTS = 500;
const LISTS = 64;
const DT = 1 / 64;
const PARTICLE_WORDS = 7;
const CONTACT_WORDS = 9;

const alloc = new SmartAlloc(configOf(new URL(import.meta.url).searchParams.get("guard")));

/** The release preset; handles that are not checked, with all else as it is by default; or what `asyncSafety` is to be. */
function configOf(guard: string | null): AllocConfig {
  if (guard === "preset") return AllocConfig.release();
  if (guard === "release") return { ...AllocConfig.default(), safety: "release", asyncSafety: "off" };
  return { ...AllocConfig.default(), asyncSafety: guard as AsyncSafety };
}

const Local = struct("Local", { a: f64, b: f64, c: f64, d: f64 });
const localTable: Infer<typeof Local>[] = [];
const table: Infer<typeof Item>[] = [];
const lists: NumberVec<Uint32ArrayConstructor>[] = [];
const intoItems: { into?: Batch<typeof Item> } = {};
const intoParticles: { into?: Batch<typeof Particle> } = {};
const intoContacts: { into?: Batch<typeof Contact> } = {};

/** Uses six layouts, as programs do. */
export function keepWarm(): void {
  useSixLayouts(alloc);
}

/** Records one by one, each written and kept, of a layout of this module, which the optimiser knows. */
export function localRecords(k: number, read: boolean): number {
  alloc.beginFrame();
  for (let i = 0; i < N; i++) {
    const item = alloc.frameAlloc(Local);
    item.a = k + i;
    item.b = k;
    item.c = i;
    item.d = 1;
    localTable[i] = item;
  }
  let sum = 0;
  if (read) { for (const { a, b, c, d } of localTable) sum += a + 3 * b + 5 * c + 7 * d; }
  alloc.endFrame();
  return sum;
}

/** The same of a layout that is imported. */
export function records(k: number, read: boolean): number {
  alloc.beginFrame();
  for (let i = 0; i < N; i++) {
    const item = alloc.frameAlloc(Item);
    item.a = k + i;
    item.b = k;
    item.c = i;
    item.d = 1;
    table[i] = item;
  }
  let sum = 0;
  if (read) { for (const { a, b, c, d } of table) sum += a + 3 * b + 5 * c + 7 * d; }
  alloc.endFrame();
  return sum;
}

/** A batch, through a cursor. */
export function cursor(k: number, read: boolean): number {
  alloc.beginFrame();
  const batch = alloc.frameAllocBatch(Item, N);
  for (const cursor = batch.cursor(); cursor.next();) {
    const { record, index } = cursor;
    record.a = k + index;
    record.b = k;
    record.c = index;
    record.d = 1;
  }
  const sum = read ? sumOfItems(batch) : 0;
  alloc.endFrame();
  return sum;
}

/** A batch, through its raw view. */
export function view(k: number, read: boolean): number {
  alloc.beginFrame();
  const batch = intoItems.into = alloc.frameAllocBatch(Item, N, intoItems);
  const view = batch.view(Float64Array);
  for (let i = 0, at = 0; i < N; i++, at += 4) {
    view[at] = k + i;
    view[at + 1] = k;
    view[at + 2] = i;
    view[at + 3] = 1;
  }
  const sum = read ? sumOfItems(batch) : 0;
  alloc.endFrame();
  return sum;
}

/** The same numbers as columns. */
export function columns(k: number, read: boolean): number {
  alloc.beginFrame();
  const { a, b, c, d } = alloc.frameColumns(Item, N);
  for (let i = 0; i < N; i++) {
    a[i] = k + i;
    b[i] = k;
    c[i] = i;
    d[i] = 1;
  }
  let sum = 0;
  if (read) { for (let i = 0; i < N; i++) sum += a[i]! + 3 * b[i]! + 5 * c[i]! + 7 * d[i]!; }
  alloc.endFrame();
  return sum;
}

function sumOfItems(batch: Batch<typeof Item>): number {
  let sum = 0;
  for (const { a, b, c, d } of batch) sum += a + 3 * b + 5 * c + 7 * d;
  return sum;
}

/** The mixed frame, through cursors. */
export function mixedCursor(k: number, read: boolean): number {
  alloc.beginFrame();
  const particles = alloc.frameAllocBatch(Particle, PARTICLES);
  for (const cursor = particles.cursor(); cursor.next();) {
    const { record, index: i } = cursor;
    record.x = i / 4;
    record.y = k & 255;
    record.z = (i & 63) / 2;
    record.vx = (i & 7) / 4;
    record.vy = -0.5;
    record.vz = (k & 3) / 4;
    record.life = 4 + (i & 15);
  }
  const contacts = alloc.frameAllocBatch(Contact, CONTACTS);
  for (const cursor = contacts.cursor(); cursor.next();) {
    const { record, index: i } = cursor;
    record.a = i;
    record.b = k & 255;
    record.point.set(i, k & 255, i / 2);
    record.normal.set(0, 1, 0);
    record.depth = (i & 15) / 16;
  }
  fillLists();
  for (const cursor = particles.cursor(); cursor.next();) {
    const { record } = cursor;
    record.x += record.vx * DT;
    record.y += record.vy * DT;
    record.z += record.vz * DT;
    record.life -= DT;
  }
  let depth = 0;
  for (const cursor = contacts.cursor(); cursor.next();) depth += cursor.record.depth;
  particles.at(0).life += depth;
  let sum = 0;
  if (read) {
    sum = sumOfLists();
    for (const { x, y, z, life } of particles) sum += x + 3 * y + 5 * z + 7 * life;
    for (const { a, b, point, normal } of contacts) sum += a + 3 * b + 5 * (point.x + point.y + point.z) + normal.y;
  }
  alloc.endFrame();
  return sum;
}

/** The mixed frame, through raw views. */
export function mixedView(k: number, read: boolean): number {
  alloc.beginFrame();
  const particles = intoParticles.into = alloc.frameAllocBatch(Particle, PARTICLES, intoParticles);
  const rows = particles.view(Float32Array);
  for (let i = 0, at = 0; i < PARTICLES; i++, at += PARTICLE_WORDS) {
    rows[at] = i / 4;
    rows[at + 1] = k & 255;
    rows[at + 2] = (i & 63) / 2;
    rows[at + 3] = (i & 7) / 4;
    rows[at + 4] = -0.5;
    rows[at + 5] = (k & 3) / 4;
    rows[at + 6] = 4 + (i & 15);
  }
  const contacts = intoContacts.into = alloc.frameAllocBatch(Contact, CONTACTS, intoContacts);
  const touches = contacts.view(Float32Array);
  const words = contacts.view(Uint32Array);
  for (let i = 0, at = 0; i < CONTACTS; i++, at += CONTACT_WORDS) {
    words[at] = i;
    words[at + 1] = k & 255;
    touches[at + 2] = i;
    touches[at + 3] = k & 255;
    touches[at + 4] = i / 2;
    touches[at + 5] = 0;
    touches[at + 6] = 1;
    touches[at + 7] = 0;
    touches[at + 8] = (i & 15) / 16;
  }
  fillLists();
  for (let i = 0, at = 0; i < PARTICLES; i++, at += PARTICLE_WORDS) {
    rows[at]! += rows[at + 3]! * DT;
    rows[at + 1]! += rows[at + 4]! * DT;
    rows[at + 2]! += rows[at + 5]! * DT;
    rows[at + 6]! -= DT;
  }
  let depth = 0;
  for (let at = 8; at < CONTACT_WORDS * CONTACTS; at += CONTACT_WORDS) depth += touches[at]!;
  rows[6]! += depth;
  let sum = 0;
  if (read) {
    sum = sumOfLists();
    for (let at = 0; at < PARTICLE_WORDS * PARTICLES; at += PARTICLE_WORDS) {
      sum += rows[at]! + 3 * rows[at + 1]! + 5 * rows[at + 2]! + 7 * rows[at + 6]!;
    }
    for (let at = 0; at < CONTACT_WORDS * CONTACTS; at += CONTACT_WORDS) {
      sum += words[at]! + 3 * words[at + 1]! + 5 * (touches[at + 2]! + touches[at + 3]! + touches[at + 4]!) +
        touches[at + 6]!;
    }
  }
  alloc.endFrame();
  return sum;
}

/** The mixed frame, in columns. */
export function mixedColumns(k: number, read: boolean): number {
  alloc.beginFrame();
  const { x, y, z, vx, vy, vz, life } = alloc.frameColumns(Particle, PARTICLES);
  for (let i = 0; i < PARTICLES; i++) {
    x[i] = i / 4;
    y[i] = k & 255;
    z[i] = (i & 63) / 2;
    vx[i] = (i & 7) / 4;
    vy[i] = -0.5;
    vz[i] = (k & 3) / 4;
    life[i] = 4 + (i & 15);
  }
  const { a, b, point, normal, depth: depths } = alloc.frameColumns(Contact, CONTACTS);
  const { x: px, y: py, z: pz } = point;
  const { x: nx, y: ny, z: nz } = normal;
  for (let i = 0; i < CONTACTS; i++) {
    a[i] = i;
    b[i] = k & 255;
    px[i] = i;
    py[i] = k & 255;
    pz[i] = i / 2;
    nx[i] = 0;
    ny[i] = 1;
    nz[i] = 0;
    depths[i] = (i & 15) / 16;
  }
  fillLists();
  for (let i = 0; i < PARTICLES; i++) {
    x[i]! += vx[i]! * DT;
    y[i]! += vy[i]! * DT;
    z[i]! += vz[i]! * DT;
    life[i]! -= DT;
  }
  let depth = 0;
  for (let i = 0; i < CONTACTS; i++) depth += depths[i]!;
  life[0]! += depth;
  let sum = 0;
  if (read) {
    sum = sumOfLists();
    for (let i = 0; i < PARTICLES; i++) sum += x[i]! + 3 * y[i]! + 5 * z[i]! + 7 * life[i]!;
    for (let i = 0; i < CONTACTS; i++) sum += a[i]! + 3 * b[i]! + 5 * (px[i]! + py[i]! + pz[i]!) + ny[i]!;
  }
  alloc.endFrame();
  return sum;
}

function lengthOf(j: number): number {
  return 8 + (5 * j) % 57;
}

function fillLists(): void {
  for (let j = 0; j < LISTS; j++) {
    const list = alloc.frameVec(Uint32Array);
    const length = lengthOf(j);
    for (let e = 0; e < length; e++) list.push(j + e);
    lists[j] = list;
  }
}

function sumOfLists(): number {
  let sum = 0;
  for (let j = 0; j < LISTS; j++) {
    for (let e = 0; e < lengthOf(j); e++) sum += (e & 3) * lists[j]!.at(e);
  }
  return sum;
}

/** What each of the functions for items comes to. */
export function expectedOfItems(k: number): number {
  return N * (4 * k + 7) + 6 * (N * (N - 1) / 2);
}

/** What each of the functions for the mixed frame comes to. */
export function expectedOfMixed(k: number): number {
  let sum = 0;
  for (let i = 0; i < PARTICLES; i++) {
    sum += i / 4 + (i & 7) / 256 + 3 * ((k & 255) - 1 / 128) + 5 * ((i & 63) / 2 + (k & 3) / 256) +
      7 * (4 + (i & 15) - 1 / 64);
  }
  for (let i = 0; i < CONTACTS; i++) {
    sum += i + 3 * (k & 255) + 5 * (i + (k & 255) + i / 2) + 1 + 7 * (i & 15) / 16;
  }
  for (let j = 0; j < LISTS; j++) {
    for (let e = 0; e < lengthOf(j); e++) sum += (e & 3) * (j + e);
  }
  return sum;
}
