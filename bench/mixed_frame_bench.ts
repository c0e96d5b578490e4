/**
 * Workload 5b: the frame of a small game. Ten thousand particles as in `particles_bench.ts`; 500 contacts of 36 bytes, contact `i` of
 * frame `k` holding `a = i, b = k & 255, point = (i, k & 255, i / 2), normal = (0, 1, 0), depth = (i & 15) / 16`, whose depths are then
 * summed into the first particle's life; and 64 growing lists of `u32`, list `j` getting `8 + (5 * j) % 57` times the value `j + e`.
 * Everything is allocated in the frame and given up at its end.
 */

import { AllocConfig, type Batch, type Infer, type NumberVec, SmartAlloc } from "../mod.ts";
import { Contact, Particle, useSixLayouts } from "./layouts.ts";
import { register, type Workload } from "./workload.ts";

const PARTICLES = 10_000;
const CONTACTS = 500;
const LISTS = 64;
const DT = 1 / 64;
const PARTICLE_WORDS = 7;
const CONTACT_WORDS = 9;
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

interface Vector {
  x: number;
  y: number;
  z: number;
}

interface Touch {
  a: number;
  b: number;
  point: Vector;
  normal: Vector;
  depth: number;
}

type Lists = { readonly length: number; at(index: number): { at(index: number): number | undefined } | undefined };

const frameLists: NumberVec<Uint32ArrayConstructor>[] = [];
const reusedRows = new Float32Array(PARTICLE_WORDS * PARTICLES);
const reusedTouches = new Float32Array(CONTACT_WORDS * CONTACTS);
const reusedWords = new Uint32Array(reusedTouches.buffer);
const reusedLists = Array.from({ length: LISTS }, () => new Uint32Array(64));

function lengthOf(j: number): number {
  return 8 + (5 * j) % 57;
}

function objects(k: number, read: boolean): number {
  const particles: Point[] = [];
  for (let i = 0; i < PARTICLES; i++) {
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
  const contacts: Touch[] = [];
  for (let i = 0; i < CONTACTS; i++) {
    contacts.push({
      a: i,
      b: k & 255,
      point: { x: i, y: k & 255, z: i / 2 },
      normal: { x: 0, y: 1, z: 0 },
      depth: (i & 15) / 16,
    });
  }
  const lists: number[][] = [];
  for (let j = 0; j < LISTS; j++) {
    const list: number[] = [];
    const length = lengthOf(j);
    for (let e = 0; e < length; e++) list.push(j + e);
    lists.push(list);
  }
  for (const particle of particles) {
    particle.x += particle.vx * DT;
    particle.y += particle.vy * DT;
    particle.z += particle.vz * DT;
    particle.life -= DT;
  }
  let depth = 0;
  for (const contact of contacts) depth += contact.depth;
  particles[0]!.life += depth;
  if (!read) return 0;
  let sum = sumOfLists(lists);
  for (const { x, y, z, life } of particles) sum += x + 3 * y + 5 * z + 7 * life;
  for (const { a, b, point, normal } of contacts) sum += a + 3 * b + 5 * (point.x + point.y + point.z) + normal.y;
  return sum;
}

function columns(k: number, read: boolean): number {
  checkedAlloc.beginFrame();
  const { x, y, z, vx, vy, vz, life } = checkedAlloc.frameColumns(Particle, PARTICLES);
  for (let i = 0; i < PARTICLES; i++) {
    x[i] = i / 4;
    y[i] = k & 255;
    z[i] = (i & 63) / 2;
    vx[i] = (i & 7) / 4;
    vy[i] = -0.5;
    vz[i] = (k & 3) / 4;
    life[i] = 4 + (i & 15);
  }
  const { a, b, point, normal, depth: depths } = checkedAlloc.frameColumns(Contact, CONTACTS);
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
  for (let j = 0; j < LISTS; j++) {
    const list = checkedAlloc.frameVec(Uint32Array);
    const length = lengthOf(j);
    for (let e = 0; e < length; e++) list.push(j + e);
    frameLists[j] = list;
  }
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
    sum = sumOfLists(frameLists);
    for (let i = 0; i < PARTICLES; i++) sum += x[i]! + 3 * y[i]! + 5 * z[i]! + 7 * life[i]!;
    for (let i = 0; i < CONTACTS; i++) sum += a[i]! + 3 * b[i]! + 5 * (px[i]! + py[i]! + pz[i]!) + ny[i]!;
  }
  checkedAlloc.endFrame();
  return sum;
}

function checkedCursor(k: number, read: boolean): number {
  checkedAlloc.beginFrame();
  const particles = checkedAlloc.frameAllocBatch(Particle, PARTICLES);
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
  const contacts = checkedAlloc.frameAllocBatch(Contact, CONTACTS);
  for (const cursor = contacts.cursor(); cursor.next();) {
    const { record, index: i } = cursor;
    record.a = i;
    record.b = k & 255;
    record.point.set(i, k & 255, i / 2);
    record.normal.set(0, 1, 0);
    record.depth = (i & 15) / 16;
  }
  for (let j = 0; j < LISTS; j++) {
    const list = checkedAlloc.frameVec(Uint32Array);
    const length = lengthOf(j);
    for (let e = 0; e < length; e++) list.push(j + e);
    frameLists[j] = list;
  }
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
  const sum = read ? sumOfLists(frameLists) + sumOfBatches(particles, contacts) : 0;
  checkedAlloc.endFrame();
  return sum;
}

function releaseCursor(k: number, read: boolean): number {
  releaseAlloc.beginFrame();
  const particles = releaseAlloc.frameAllocBatch(Particle, PARTICLES);
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
  const contacts = releaseAlloc.frameAllocBatch(Contact, CONTACTS);
  for (const cursor = contacts.cursor(); cursor.next();) {
    const { record, index: i } = cursor;
    record.a = i;
    record.b = k & 255;
    record.point.set(i, k & 255, i / 2);
    record.normal.set(0, 1, 0);
    record.depth = (i & 15) / 16;
  }
  for (let j = 0; j < LISTS; j++) {
    const list = releaseAlloc.frameVec(Uint32Array);
    const length = lengthOf(j);
    for (let e = 0; e < length; e++) list.push(j + e);
    frameLists[j] = list;
  }
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
  const sum = read ? sumOfLists(frameLists) + sumOfBatches(particles, contacts) : 0;
  releaseAlloc.endFrame();
  return sum;
}

function rawViews(k: number, read: boolean): number {
  checkedAlloc.beginFrame();
  const rows = checkedAlloc.frameAllocBatch(Particle, PARTICLES).view(Float32Array);
  for (let i = 0, at = 0; i < PARTICLES; i++, at += PARTICLE_WORDS) {
    rows[at] = i / 4;
    rows[at + 1] = k & 255;
    rows[at + 2] = (i & 63) / 2;
    rows[at + 3] = (i & 7) / 4;
    rows[at + 4] = -0.5;
    rows[at + 5] = (k & 3) / 4;
    rows[at + 6] = 4 + (i & 15);
  }
  const contacts = checkedAlloc.frameAllocBatch(Contact, CONTACTS);
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
  for (let j = 0; j < LISTS; j++) {
    const list = checkedAlloc.frameVec(Uint32Array);
    const length = lengthOf(j);
    for (let e = 0; e < length; e++) list.push(j + e);
    frameLists[j] = list;
  }
  for (let i = 0, at = 0; i < PARTICLES; i++, at += PARTICLE_WORDS) {
    rows[at]! += rows[at + 3]! * DT;
    rows[at + 1]! += rows[at + 4]! * DT;
    rows[at + 2]! += rows[at + 5]! * DT;
    rows[at + 6]! -= DT;
  }
  let depth = 0;
  for (let at = 8; at < CONTACT_WORDS * CONTACTS; at += CONTACT_WORDS) depth += touches[at]!;
  rows[6]! += depth;
  const sum = read ? sumOfLists(frameLists) + sumOfRows(rows, touches, words) : 0;
  checkedAlloc.endFrame();
  return sum;
}

function neverFreed(k: number, read: boolean): number {
  const rows = reusedRows;
  for (let i = 0, at = 0; i < PARTICLES; i++, at += PARTICLE_WORDS) {
    rows[at] = i / 4;
    rows[at + 1] = k & 255;
    rows[at + 2] = (i & 63) / 2;
    rows[at + 3] = (i & 7) / 4;
    rows[at + 4] = -0.5;
    rows[at + 5] = (k & 3) / 4;
    rows[at + 6] = 4 + (i & 15);
  }
  const touches = reusedTouches;
  const words = reusedWords;
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
  for (let j = 0; j < LISTS; j++) {
    const list = reusedLists[j]!;
    const length = lengthOf(j);
    for (let e = 0; e < length; e++) list[e] = j + e;
  }
  for (let i = 0, at = 0; i < PARTICLES; i++, at += PARTICLE_WORDS) {
    rows[at]! += rows[at + 3]! * DT;
    rows[at + 1]! += rows[at + 4]! * DT;
    rows[at + 2]! += rows[at + 5]! * DT;
    rows[at + 6]! -= DT;
  }
  let depth = 0;
  for (let at = 8; at < CONTACT_WORDS * CONTACTS; at += CONTACT_WORDS) depth += touches[at]!;
  rows[6]! += depth;
  return read ? sumOfLists(reusedLists) + sumOfRows(rows, touches, words) : 0;
}

function sumOfLists(lists: Lists): number {
  let sum = 0;
  for (let j = 0; j < LISTS; j++) {
    for (let e = 0; e < lengthOf(j); e++) sum += (e & 3) * lists.at(j)!.at(e)!;
  }
  return sum;
}

function sumOfBatches(particles: Batch<typeof Particle>, contacts: Batch<typeof Contact>): number {
  let sum = 0;
  for (const { x, y, z, life } of particles) sum += x + 3 * y + 5 * z + 7 * life;
  for (const contact of contacts) sum += sumOfContact(contact);
  return sum;
}

function sumOfContact({ a, b, point, normal }: Infer<typeof Contact>): number {
  return a + 3 * b + 5 * (point.x + point.y + point.z) + normal.y;
}

function sumOfRows(rows: Float32Array, touches: Float32Array, words: Uint32Array): number {
  let sum = 0;
  for (let i = 0, at = 0; i < PARTICLES; i++, at += PARTICLE_WORDS) {
    sum += rows[at]! + 3 * rows[at + 1]! + 5 * rows[at + 2]! + 7 * rows[at + 6]!;
  }
  for (let i = 0, at = 0; i < CONTACTS; i++, at += CONTACT_WORDS) {
    sum += words[at]! + 3 * words[at + 1]! + 5 * (touches[at + 2]! + touches[at + 3]! + touches[at + 4]!) +
      touches[at + 6]!;
  }
  return sum;
}

function expected(k: number): number {
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

export const workloads: readonly Workload[] = [{
  name: "mixed frame",
  summary: `${PARTICLES} particles, ${CONTACTS} contacts and ${LISTS} growing lists`,
  unit: "frame",
  units: 1,
  candidates: [
    { name: "objects and arrays", frame: objects },
    { name: "typed arrays, never freed", frame: neverFreed },
    { name: "columns and lists, checked", frame: columns },
    { name: "cursors and lists, checked", frame: checkedCursor },
    { name: "cursors and lists, release", frame: releaseCursor },
    { name: "raw views and lists, checked", frame: rawViews },
  ],
  expected,
  keepWarm: () => {
    useSixLayouts(checkedAlloc);
    useSixLayouts(releaseAlloc);
  },
}];

register(workloads);
