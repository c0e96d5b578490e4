/**
 * The smallest useful program: frames, a slice, a record, and what happens to a handle that is kept too long.
 *
 * Run it with `deno run examples/01_hello.ts`. It needs no permissions.
 */

import { f32, type Infer, SmartAlloc, StaleHandleError, struct, vec3f } from "../mod.ts";

// A layout says what the bytes of a record mean. Its type comes along.
const Ball = struct("Ball", { position: vec3f, speed: f32 });
type Ball = Infer<typeof Ball>;

const alloc = new SmartAlloc();
let kept: Ball | undefined;

for (let frame = 1; frame <= 3; frame++) {
  // Everything that is allocated from here on is free again when this block is left, also by an error.
  using _frame = alloc.frame();

  // A typed array. The same request gets the same object in every frame, so this makes no garbage; what it holds at first is
  // whatever was there before, unless you ask for zeros.
  const samples = alloc.frameSlice(Float32Array, 256, { zero: true });
  samples[0] = frame;

  // A record. Its properties are the memory itself.
  const ball = alloc.frameAlloc(Ball);
  ball.position.set(0, 10 - frame, 0);
  ball.speed = 9.81 * frame;
  kept ??= ball;

  const { used, allocations } = alloc.stats().frame;
  console.log(`frame ${frame}: ball at ${ball.position.y} m, ${used} bytes in ${allocations} allocations`);
}

// The frame is over, and its memory belongs to others now. The handle knows.
try {
  console.log(kept?.speed);
} catch (error) {
  if (!(error instanceof StaleHandleError)) throw error;
  console.log(error.message);
}

const { frames, bytes } = alloc.stats().totals;
console.log(`${frames} frames, ${bytes} bytes in all, nothing left in use: ${alloc.stats().frame.alive === 0}`);
