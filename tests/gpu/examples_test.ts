/**
 * The examples on the GPU run as a person runs them, with no more permissions than they say they need, and print what they promise. They
 * check their own numbers, and end with an error when one is wrong.
 */

import { assert, assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { png } from "../../examples/gpu/png.ts";
import { bytes, type Output, run } from "../_example.ts";
import { NO_WEBGPU } from "./_backends.ts";
import { parsed } from "./_pictures.ts";

/** Hides the drivers, so that there is no adapter. */
const WITHOUT_GPU = { DENO_WEBGPU_BACKEND: "vulkan", VK_DRIVER_FILES: "/nonexistent.json" };
const ignore = NO_WEBGPU !== undefined;

/** What a program has said that is not of the driver, which complains of a headless machine. */
function complaints({ stderr }: Output): string {
  return stderr.replace(/^error: XDG_RUNTIME_DIR is invalid or not set in the environment\.\n/gm, "");
}

Deno.test({
  name: "10_gpu_particles.ts computes what the CPU computes, and uploads each frame by one write",
  ignore,
  fn: async () => {
    const output = await run(["examples/10_gpu_particles.ts", "--frames=12"]);
    assertEquals([output.code, complaints(output)], [0, ""]);
    const { stdout } = output;
    assertStringIncludes(stdout, "100000 particles, 12 frames of 8 steps");
    assertMatch(stdout, /^set up, and read back +\d+ ms +3\.05 MB in 1 write$/m);
    const [, sent] = /^12 frames +\d+ ms +([\d.]+ KB) in 12 writes: 8 uniforms of a frame at once$/m.exec(stdout) ?? [];
    // Seven of them take 256 bytes, as bindings are aligned so; the last one only what it needs.
    assertAlmostEquals(bytes(sent) / 12, 7 * 256 + 48, 16, stdout);
    const [, moved, share] = /^particles moved by ([\d.]+) on average[^]*: ([\d.]+) % within 0\.001$/m.exec(stdout) ??
      [];
    assert(Number(moved) > 0.5 && Number(share) >= 99, stdout);
    assertMatch(stdout, /^storage +3\.05 MB +3\.05 MB +1 +1$/m);
  },
});

Deno.test({
  name: "10_gpu_particles.ts draws the particles, and where its memory is",
  ignore,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      const files = [`${folder}/picture.png`, `${folder}/memory.svg`] as const;
      const args = [`--allow-write=${folder}`, "examples/10_gpu_particles.ts", "--frames=1"];
      const output = await run([...args, `--png=${files[0]}`, `--svg=${files[1]}`]);
      assertEquals([output.code, complaints(output)], [0, ""]);
      const { width, height, pixels } = await parsed(await Deno.readFile(files[0]));
      assertEquals([width, height], [1280, 960]);
      const lit = (from: number, to: number): number => {
        let count = 0;
        for (let y = from; y < to; y++) {
          for (let x = 0; x < width; x++) {
            const i = 4 * (x + y * width);
            if (pixels[i]! + pixels[i + 1]! + pixels[i + 2]! > 150) count++;
          }
        }
        return count / (width * (to - from));
      };
      // In the beginning one galaxy is above the other.
      assert(lit(0, 480) > 0.05 && lit(480, 960) > 0.02, `${lit(0, 480)} and ${lit(480, 960)} of the pixels are lit`);
      assert(lit(0, 960) < 0.5, "the sky is not dark");
      const svg = await Deno.readTextFile(files[1]);
      assertStringIncludes(svg, "Memory of 100000 particles");
      assertStringIncludes(svg, "particles");
      // What the largest frame used, although none is open.
      assertStringIncludes(svg, "peak of a frame 1.80 KB");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("10_gpu_particles.ts says why there is nothing to see where there is no adapter", async () => {
  const output = await run(["examples/10_gpu_particles.ts"], WITHOUT_GPU);
  assertEquals([output.code, complaints(output)], [0, ""]);
  assertStringIncludes(output.stdout, "Nothing to show without a GPU.\n  FA857: Cannot get a GPU device");
});

Deno.test("10_gpu_particles.ts refuses a number of frames that it cannot compare", async () => {
  for (const frames of ["0", "101", "1.5", "many"]) {
    const { code, stderr } = await run(["examples/10_gpu_particles.ts", `--frames=${frames}`]);
    assertEquals([code, stderr], [
      2,
      `Cannot play ${frames} frames: give --frames a whole number from 1 to 100\n`,
    ]);
  }
});

/** What has to be so on every device. */
function checkUnified(output: Output): void {
  const { stdout } = output;
  assertEquals([output.code, complaints(output)], [0, ""]);
  const [, ...frames] = stdout.slice(0, stdout.indexOf("\nthe map of frame 12")).split(/^frame \d+$/m);
  assertEquals(frames.length, 12);
  for (const frame of frames) {
    const [, ...sizes] = /^ {2}CPU (.+) \+ GPU (.+) = (.+) of (.+), \d+ sceneries$/m.exec(frame) ?? [];
    const [cpu, gpu, combined, limit] = sizes.map(bytes);
    assertAlmostEquals(cpu! + gpu!, combined!, 20_000, frame);
    assert(combined! <= limit!, frame);
  }
  const framesWith = (text: string): number[] => frames.flatMap((frame, i) => frame.includes(text) ? [i + 1] : []);
  assertEquals(framesWith("the map is here"), [3, 6, 9, 12]);
  assertEquals(framesWith("pressure"), framesWith("relief"));
  assert(framesWith("pressure").length > 0);
  assertEquals(framesWith("the device is lost"), [8]);
  assertMatch(frames[7]!, /FA857[^]+recovered: 9\.00 MB uploaded for 3 allocations, 1 is empty/);
  assertEquals(framesWith("FA351"), [10]);
  assertMatch(stdout, /^ {2}scenery +10\.00 MB on the GPU\n(?:.*\n)*nothing was left in use$/m);
}

Deno.test({
  name: "11_unified.ts keeps CPU and GPU within one budget, through a loss of the device",
  ignore,
  fn: async () => {
    const output = await run(["examples/11_unified.ts"]);
    assertStringIncludes(output.stdout, "On a WebGPU device");
    checkUnified(output);
  },
});

Deno.test("11_unified.ts goes on with a device in JavaScript where there is no other, and draws the map", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const args = [`--allow-write=${folder}`, "examples/11_unified.ts", `--svg=${folder}/memory.svg`];
    const output = await run(args, WITHOUT_GPU);
    assertStringIncludes(output.stdout, "On a device in JavaScript, as there is no other.\n  FA857");
    checkUnified(output);
    const svg = await Deno.readTextFile(`${folder}/memory.svg`);
    assertStringIncludes(svg, "CPU and GPU under one budget");
    assertStringIncludes(svg, "scenery");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("png() makes a file with the pixels that it was given", async () => {
  const pixels = Uint8Array.from({ length: 4 * 7 * 5 }, (_, i) => i * 37);
  assertEquals(await parsed(await png(pixels, 7, 5)), { width: 7, height: 5, pixels });
});

Deno.test("gpu/serve.ts serves the page of the particles, with everything in one script", async () => {
  const end = new AbortController();
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "examples/gpu/serve.ts", "0"],
    signal: end.signal,
    cwd: new URL("../..", import.meta.url),
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const late = setTimeout(() => end.abort(), 30_000);
  const reader = server.stdout.getReader();
  try {
    const { value } = await reader.read();
    const [address] = /http:\S+/.exec(new TextDecoder().decode(value)) ?? [];
    assert(address !== undefined, "it has not said where it is");
    const get = async (path: string): Promise<[number, string | null, string]> => {
      const response = await fetch(new URL(path, address));
      return [response.status, response.headers.get("content-type"), await response.text()];
    };
    const [status, type, page] = await get("/");
    assertEquals([status, type], [200, "text/html"]);
    assertStringIncludes(page, 'import { play } from "/page.js"');
    const [, , script] = await get("/page.js");
    assertMatch(script, /export {\s*play\s*}/);
    assertEquals(/^import /m.test(script), false);
    assertEquals((await get("/other"))[0], 404);
  } finally {
    clearTimeout(late);
    end.abort();
    await reader.cancel();
    await server.status;
  }
});
