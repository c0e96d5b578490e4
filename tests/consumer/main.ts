/**
 * A program as a user writes it: it has a manifest of its own, gets the library by its name, and needs no permissions.
 */

import {
  AllocConfig,
  f32,
  FrameAllocError,
  type Infer,
  megabytes,
  SmartAlloc,
  struct,
  u32,
  vec3f,
} from "@framealloc/core";
import { arrayBufferSource, type ChunkSource } from "@framealloc/core/memory";

const Contact = struct("Contact", { a: u32, b: u32, point: vec3f, depth: f32 });
type Contact = Infer<typeof Contact>;

function deepest(contacts: Iterable<Contact>): number {
  let most = -Infinity;
  for (const contact of contacts) most = Math.max(most, contact.depth);
  return most;
}

const alloc = new SmartAlloc({ ...AllocConfig.default(), frameArenaSize: megabytes(1) });
let kept: Contact | undefined;
for (let i = 1; i <= 3; i++) {
  using _frame = alloc.frame();
  const scratch = alloc.withTag("scratch", (alloc) => alloc.frameSlice(Float32Array, 256, { zero: true }));
  const contacts = alloc.frameVec(Contact);
  for (let j = 0; j < i * 10; j++) contacts.push({ a: j, b: j + 1, point: [j, 0, 0], depth: j / 4 });
  kept = contacts.at(0);
  console.log(
    `frame ${alloc.frameNumber}: ${contacts.length} contacts, deepest ${deepest(contacts)}, scratch ${scratch.length}`,
  );
}

try {
  console.log(kept?.depth);
} catch (error) {
  console.log(error instanceof FrameAllocError ? error.code : error);
}

const source: ChunkSource = { ...arrayBufferSource, name: "own" };
const own = new SmartAlloc({ source, safety: "revoke" });
own.beginFrame();
const slice = own.frameSlice(Uint8Array, 8).fill(1);
own.endFrame();
console.log(`revoked to ${slice.length}`);
console.log(alloc.stats().totals.frames, alloc.stats().tags.map((tag) => tag.path).sort());
