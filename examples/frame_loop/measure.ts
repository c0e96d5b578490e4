/**
 * Plays one variant and measures it. Runs in a process of its own, so that no variant works on a heap or on compiled code that
 * another one has left behind.
 *
 * Results go to standard error, line by line as JSON: standard output is where V8 traces its collector.
 */

import { AllocConfig, megabytes, type Stats } from "../../mod.ts";
import { EngineOnly } from "./engine_only.ts";
import { FramedGame } from "./framed.ts";
import { Checksum, type Game } from "./game.ts";
import { PlainGame } from "./plain.ts";
import { loadEngine, Scene } from "./scene.ts";

/** The variants by name. */
export const VARIANTS = {
  engine: () => new EngineOnly(),
  plain: () => new PlainGame(),
  checked: () => new FramedGame({ ...AllocConfig.default(), frameArenaSize: megabytes(2) }),
  release: () => new FramedGame({ ...AllocConfig.release(), frameArenaSize: megabytes(2) }),
} satisfies Record<string, () => Game>;

/** The name of a variant. */
export type Variant = keyof typeof VARIANTS;

/** Milliseconds: the middle, what one frame in a hundred exceeds, and the most. */
export interface Times {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What a variant came to. */
export interface Measurement {
  /** Whole frames. */
  readonly whole: Times;
  /** The engine's steps. */
  readonly step: Times;
  /** Frames without the engine's step: reading from the engine, and the game. */
  readonly rest: Times;
  /** The checksum of everything that was computed. */
  readonly checksum: string;
  /** The average number of contacts. */
  readonly contacts: number;
  /** What the allocator has counted. */
  readonly stats?: Stats;
}

/** What a measuring process writes, a line each. */
export type Message = { readonly frame: number } | { readonly result: Measurement };

/** Frames that are played before, in a scene of their own, for V8 to compile the loop. */
const WARM_UP = 120;

/** Whether a text is the name of a variant. */
export function isVariant(name: string): name is Variant {
  return Object.hasOwn(VARIANTS, name);
}

/** Plays a variant, and writes its measurement to standard error. */
export async function measure(variant: Variant, steps: number): Promise<void> {
  await loadEngine();
  const game = VARIANTS[variant]();
  play(game, WARM_UP);
  // A forced collection before and after marks the frames that count in the collector's trace. Young ones: a collection of the
  // whole heap would throw away compiled code, and the frames after it would make garbage that is not theirs.
  collect();
  const result = play(game, steps, (frame) => write({ frame }));
  collect();
  write({ result });
}

function play(game: Game, steps: number, onProgress?: (frame: number) => void): Measurement {
  const scene = new Scene();
  const sum = new Checksum();
  const step = new Float64Array(steps);
  const rest = new Float64Array(steps);
  let contacts = 0;
  for (let frame = 0; frame < steps; frame++) {
    const start = performance.now();
    scene.step();
    const stepped = performance.now();
    game.frame(scene, frame);
    rest[frame] = performance.now() - stepped;
    step[frame] = stepped - start;
    game.digest(sum);
    contacts += scene.pairs;
    if (frame % 20 === 19 || frame === steps - 1) onProgress?.(frame + 1);
  }
  scene.free();
  return {
    whole: times(step.map((ms, frame) => ms + rest[frame]!)),
    step: times(step),
    rest: times(rest),
    checksum: sum.toString(),
    contacts: Math.round(contacts / steps),
    ...(game instanceof FramedGame ? { stats: game.stats() } : {}),
  };
}

function times(ms: Float64Array): Times {
  const sorted = ms.toSorted();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function collect(): void {
  const { gc } = globalThis as { gc?: (options: { type: "minor" }) => void };
  if (gc === undefined) throw new Error("Cannot mark the frames in the trace: run with --v8-flags=--expose-gc");
  gc({ type: "minor" });
}

function write(message: Message): void {
  console.error(JSON.stringify(message));
}
