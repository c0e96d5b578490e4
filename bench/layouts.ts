/**
 * Six layouts that are alive and used beside whatever is measured. With a single one the optimiser can do better than it ever will
 * in a program that has many.
 */

import {
  array,
  type ArrayLayout,
  type Bool,
  bool,
  type Cell,
  type F32,
  f32,
  type F64,
  f64,
  type Infer,
  type SmartAlloc,
  struct,
  type StructLayout,
  type U16,
  u16,
  type U32,
  u32,
  type Vec3f,
  vec3f,
} from "../mod.ts";

/** The record of the small workloads: 32 bytes. */
export const Item: StructLayout<{ a: F64; b: F64; c: F64; d: F64 }> = struct("Item", {
  a: f64,
  b: f64,
  c: f64,
  d: f64,
});

/** The particle of the larger ones: 28 bytes. */
export const Particle: StructLayout<{ x: F32; y: F32; z: F32; vx: F32; vy: F32; vz: F32; life: F32 }> = struct(
  "Particle",
  { x: f32, y: f32, z: f32, vx: f32, vy: f32, vz: f32, life: f32 },
);

/** A contact of a physics engine: 36 bytes, with parts. */
export const Contact: StructLayout<{ a: U32; b: U32; point: Vec3f; normal: Vec3f; depth: F32 }> = struct("Contact", {
  a: u32,
  b: u32,
  point: vec3f,
  normal: vec3f,
  depth: f32,
});

/** Fields of several sizes. */
export const Sprite: StructLayout<{ x: F32; y: F32; color: U32; layer: U16; visible: Bool }> = struct("Sprite", {
  x: f32,
  y: f32,
  color: u32,
  layer: u16,
  visible: bool,
});

/** Parts and a double. */
export const Ray: StructLayout<{ origin: Vec3f; direction: Vec3f; length: F64 }> = struct("Ray", {
  origin: vec3f,
  direction: vec3f,
  length: f64,
});

/** An array inside. */
export const Body: StructLayout<{ mass: F32; velocity: Vec3f; impulses: ArrayLayout<F32> }> = struct("Body", {
  mass: f32,
  velocity: vec3f,
  impulses: array(f32, 4),
});

const EACH = 16;
const cells: Cell<number>[] = [];
const items: Infer<typeof Item>[] = [];
const particles: Infer<typeof Particle>[] = [];
const contacts: Infer<typeof Contact>[] = [];
const sprites: Infer<typeof Sprite>[] = [];
const rays: Infer<typeof Ray>[] = [];
const bodies: Infer<typeof Body>[] = [];

/** One frame in which all six layouts are allocated and written in every way: singly, in a batch, by index and in a list. */
export function useSixLayouts(alloc: SmartAlloc): void {
  alloc.beginFrame();
  useItems(alloc);
  useParticles(alloc);
  useContacts(alloc);
  useSprites(alloc);
  useRays(alloc);
  useBodies(alloc);
  for (let i = 0; i < EACH; i++) {
    const cell = alloc.frameAlloc(u32);
    cell.value = i;
    cells[i] = cell;
  }
  alloc.endFrame();
}

function useItems(alloc: SmartAlloc): void {
  for (let i = 0; i < EACH; i++) {
    const item = alloc.frameAlloc(Item);
    item.a = i;
    item.d = item.a + 1;
    items[i] = item;
  }
  const batch = alloc.frameAllocBatch(Item, EACH);
  for (const k = batch.cursor(); k.next();) k.record.b = k.index;
  for (let i = 0; i < EACH; i++) batch.at(i).c = i;
  const list = alloc.frameVec(Item);
  for (let i = 0; i < EACH; i++) list.push().a = i;
}

function useParticles(alloc: SmartAlloc): void {
  for (let i = 0; i < EACH; i++) {
    const particle = alloc.frameAlloc(Particle);
    particle.x = i;
    particle.life = particle.x + 1;
    particles[i] = particle;
  }
  const batch = alloc.frameAllocBatch(Particle, EACH);
  for (const k = batch.cursor(); k.next();) k.record.vx = k.index;
  for (let i = 0; i < EACH; i++) batch.at(i).vy = i;
  const list = alloc.frameVec(Particle);
  for (let i = 0; i < EACH; i++) list.push().z = i;
  alloc.frameColumns(Particle, EACH).x.fill(1);
}

function useContacts(alloc: SmartAlloc): void {
  for (let i = 0; i < EACH; i++) {
    const contact = alloc.frameAlloc(Contact);
    contact.a = i;
    contact.point.set(i, i, i);
    contacts[i] = contact;
  }
  const batch = alloc.frameAllocBatch(Contact, EACH);
  for (const k = batch.cursor(); k.next();) k.record.normal.y = k.index;
  for (let i = 0; i < EACH; i++) batch.at(i).depth = i;
  const list = alloc.frameVec(Contact);
  for (let i = 0; i < EACH; i++) list.push().b = i;
}

function useSprites(alloc: SmartAlloc): void {
  for (let i = 0; i < EACH; i++) {
    const sprite = alloc.frameAlloc(Sprite);
    sprite.color = i;
    sprite.visible = sprite.color > 1;
    sprites[i] = sprite;
  }
  const batch = alloc.frameAllocBatch(Sprite, EACH);
  for (const k = batch.cursor(); k.next();) k.record.layer = k.index;
  for (let i = 0; i < EACH; i++) batch.at(i).x = i;
  const list = alloc.frameVec(Sprite);
  for (let i = 0; i < EACH; i++) list.push().y = i;
  alloc.frameColumns(Sprite, EACH).x.fill(1);
}

function useRays(alloc: SmartAlloc): void {
  for (let i = 0; i < EACH; i++) {
    const ray = alloc.frameAlloc(Ray);
    ray.length = i;
    ray.origin.set(i, i, i);
    rays[i] = ray;
  }
  const batch = alloc.frameAllocBatch(Ray, EACH);
  for (const k = batch.cursor(); k.next();) k.record.direction.y = k.index;
  for (let i = 0; i < EACH; i++) batch.at(i).length = i;
  const list = alloc.frameVec(Ray);
  for (let i = 0; i < EACH; i++) list.push().length = i;
}

function useBodies(alloc: SmartAlloc): void {
  for (let i = 0; i < EACH; i++) {
    const body = alloc.frameAlloc(Body);
    body.mass = i;
    body.velocity.z = body.mass;
    bodies[i] = body;
  }
  const batch = alloc.frameAllocBatch(Body, EACH);
  for (const k = batch.cursor(); k.next();) k.record.mass = k.index;
  for (let i = 0; i < EACH; i++) batch.at(i).velocity.x = i;
  const list = alloc.frameVec(Body);
  for (let i = 0; i < EACH; i++) list.push().mass = i;
}

/** The same six layouts in the pool, each allocated, written and freed, so that freeing meets all of them. */
export function poolSixLayouts(alloc: SmartAlloc): void {
  for (let i = 0; i < EACH; i++) {
    const item = alloc.poolAlloc(Item);
    const particle = alloc.poolAlloc(Particle);
    const contact = alloc.poolAlloc(Contact);
    const sprite = alloc.poolAlloc(Sprite);
    const ray = alloc.poolAlloc(Ray);
    const body = alloc.poolAlloc(Body);
    item.a = i;
    particle.x = i;
    contact.depth = i;
    sprite.x = i;
    ray.length = i;
    body.mass = i;
    alloc.poolFree(item);
    alloc.poolFree(particle);
    alloc.poolFree(contact);
    alloc.poolFree(sprite);
    alloc.poolFree(ray);
    alloc.poolFree(body);
  }
}
