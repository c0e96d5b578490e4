/**
 * Makes files for the benchmark of the static analysis: ordinary TypeScript of 200 lines each, of which one in five uses the library. They
 * are the same in every run.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const LINES = 200;
const PER_FOLDER = 50;

/** A piece of a file, given a number that makes its names its own. */
type Piece = (n: number) => string;

const PLAIN: readonly Piece[] = [
  (n) =>
    `/** What a request of kind ${n} asks for. */
export interface Request${n} {
  readonly id: number;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: { readonly kind: "json"; readonly value: unknown } | { readonly kind: "text"; readonly value: string };
}

export function sizeOf${n}(request: Request${n}): number {
  const { path, headers = {}, body } = request;
  let size = path.length;
  for (const [name, value] of Object.entries(headers)) size += name.length + value.length + 4;
  return size + (body.kind === "text" ? body.value.length : JSON.stringify(body.value).length);
}
`,
  (n) =>
    `export class Cache${n}<K, V> {
  readonly #entries = new Map<K, { value: V; used: number }>();
  #clock = 0;

  constructor(readonly limit: number = ${n + 8}) {}

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.used = ++this.#clock;
    return entry.value;
  }

  set(key: K, value: V): void {
    if (this.#entries.size >= this.limit) this.#evict();
    this.#entries.set(key, { value, used: ++this.#clock });
  }

  #evict(): void {
    let oldest: K | undefined;
    let least = Infinity;
    for (const [key, { used }] of this.#entries) {
      if (used < least) [oldest, least] = [key, used];
    }
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
`,
  (n) =>
    `export async function load${n}(urls: readonly string[], retries = 3): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  await Promise.all(urls.map(async (url) => {
    for (let attempt = 0; attempt < retries; attempt++) {
      try {
        const response = await fetch(url, { headers: { accept: "application/json" } });
        if (!response.ok) throw new Error(\`\${url}: \${response.status}\`);
        const items = await response.json() as { readonly size: number }[];
        found.set(url, items.reduce((sum, { size }) => sum + size, ${n}));
        return;
      } catch (error) {
        if (attempt === retries - 1) console.warn(error);
      }
    }
  }));
  return found;
}
`,
  (n) =>
    `type Shape${n} =
  | { kind: "circle"; radius: number }
  | { kind: "square"; side: number }
  | { kind: "path"; points: [number, number][] };

export function area${n}(shape: Shape${n}): number {
  switch (shape.kind) {
    case "circle":
      return Math.PI * shape.radius ** 2;
    case "square":
      return shape.side * shape.side;
    case "path": {
      let sum = 0;
      for (let i = 0; i < shape.points.length; i++) {
        const [x, y] = shape.points[i]!;
        const [nextX, nextY] = shape.points[(i + 1) % shape.points.length]!;
        sum += x * nextY - nextX * y;
      }
      return Math.abs(sum) / 2;
    }
  }
}

export const largest${n} = (shapes: readonly Shape${n}[]) =>
  shapes.map((shape) => ({ shape, size: area${n}(shape) })).sort((a, b) => b.size - a.size).at(0)?.shape;
`,
];

const WITH_LIBRARY: readonly Piece[] = [
  (n) =>
    `const Body${n} = struct("Body${n}", { position: vec3f, mass: f32, life: f32 });

export function step${n}(alloc: SmartAlloc, count: number, dt: number): number {
  alloc.beginFrame();
  const bodies = alloc.frameAllocBatch(Body${n}, count);
  const order = alloc.frameSlice(Uint32Array, count);
  for (let i = 0; i < count; i++) {
    const body = bodies.at(i);
    body.position.set(i, i * dt, 0);
    body.life = ${n} - dt * i;
    order[i] = i;
  }
  order.sort((a, b) => bodies.at(a).life - bodies.at(b).life);
  let alive = 0;
  for (const i of order) if (bodies.at(i).life > 0) alive++;
  alloc.endFrame();
  return alive;
}
`,
  (n) =>
    `export class Particles${n} {
  readonly #alloc: SmartAlloc;
  #longest = 0;

  constructor(alloc: SmartAlloc) {
    this.#alloc = alloc;
  }

  update(seeds: readonly number[]): Float32Array {
    using _frame = this.#alloc.frame();
    const speeds = this.#alloc.frameVec(Float32Array);
    for (const seed of seeds) {
      if (seed % 2 === 0) speeds.push(seed * ${n});
      else this.#mirror(speeds, seed);
    }
    this.#longest = Math.max(this.#longest, speeds.length);
    return this.#alloc.withTag("particles", () => speeds.view.slice());
  }

  #mirror(speeds: { push(value: number): unknown }, seed: number): void {
    speeds.push(seed);
    speeds.push(-seed);
  }
}
`,
  (n) =>
    `export async function decode${n}(alloc: SmartAlloc, url: string): Promise<number> {
  await using task = new TaskAlloc(alloc, { name: "decode${n}" });
  const response = await fetch(url);
  const bytes = task.allocSlice(Uint8Array, Number(response.headers.get("content-length") ?? 0));
  let at = 0;
  for await (const chunk of response.body ?? []) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  using _frame = alloc.frame();
  const sums = alloc.frameSlice(Uint32Array, 256);
  for (const byte of bytes) sums[byte]!++;
  return sums.reduce((most, sum) => Math.max(most, sum), 0);
}
`,
];

/** The text of a file. */
export function textOf(index: number): string {
  const usesLibrary = index % 5 === 0;
  const lines: string[] = [];
  if (usesLibrary) lines.push('import { f32, SmartAlloc, struct, TaskAlloc, vec3f } from "@framealloc/core";');
  if (index % PER_FOLDER > 0) lines.push(`import { start } from "./file${index - 1}.ts";`);
  lines.push("", `export const start = ${index};`, "");
  for (let n = 0;; n++) {
    const pieces = usesLibrary && n % 2 === 0 ? WITH_LIBRARY : PLAIN;
    const piece = pieces[(index + (n >> 1)) % pieces.length] as Piece;
    const more = piece(n).split("\n");
    if (lines.length + more.length > LINES) break;
    lines.push(...more);
  }
  // One in twenty of those that use the library has a mistake in it.
  if (index % 100 === 0) lines.push("export function forget(alloc: SmartAlloc): void { alloc.frame(); }");
  while (lines.length < LINES) lines.push(`export const constant${lines.length} = ${index} + ${lines.length};`);
  return `${lines.join("\n")}\n`;
}

/** Writes files into a folder, and returns their paths. */
export function writeFiles(folder: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const inner = join(folder, `part${Math.floor(index / PER_FOLDER)}`);
    mkdirSync(inner, { recursive: true });
    const path = join(inner, `file${index}.ts`);
    writeFileSync(path, textOf(index));
    return path;
  });
}
