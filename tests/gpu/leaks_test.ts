/**
 * What is left over: reported with its name, tag and age while it lives, and when the allocator is disposed of.
 */

import type { Leak } from "@framealloc/core";
import { MultiFrame } from "@framealloc/core/gpu";
import { assertEquals } from "@std/assert";
import { conform } from "./_conformance.ts";

conform("GpuAllocator reports what lives until it is freed, with name, tag, bytes and age", ({ alloc, gpu, note }) => {
  const frame = (): void => {
    alloc.beginFrame();
    gpu.beginFrame();
    gpu.alloc(64, { lifetime: "Frame" });
    gpu.alloc(64, { lifetime: MultiFrame(100) });
    gpu.alloc(64, { intent: "HostVisible", lifetime: "Frame" });
    gpu.endFrame();
    alloc.endFrame();
  };
  const kind = "gpu allocation" as const;
  assertEquals(gpu.leaks(), []);
  const mesh = alloc.withTag("level", () => gpu.alloc(100, { name: "mesh", use: "vertex" }));
  frame();
  alloc.withTag("level", () =>
    alloc.withTag("props", () => {
      gpu.alloc(17, { name: "tree", intent: "HostVisible", lifetime: "Streaming" });
    }));
  frame();
  frame();
  gpu.create(30);
  gpu.alloc(64, { name: "bytes", intent: "Staging", lifetime: "Streaming" });
  const expected: Leak[] = [
    { kind, name: "mesh", tag: "level", bytes: 100, age: 3 },
    { kind, name: "tree", tag: "level::props", bytes: 17, age: 2 },
    { kind, name: "", tag: "", bytes: 30, age: 0 },
    { kind, name: "bytes", tag: "", bytes: 64, age: 0 },
  ];
  const byName = (leaks: ReturnType<typeof gpu.leaks>) => leaks.toSorted((a, b) => b.age - a.age || a.bytes - b.bytes);
  note("leaks", gpu.leaks());
  assertEquals(byName(gpu.leaks()), expected);
  assertEquals(gpu.leaks({ olderThanFrames: 3 }), [expected[0]!]);
  assertEquals(gpu.leaks({ olderThanFrames: 2 }).length, 2);
  assertEquals(gpu.leaks({ olderThanFrames: 4 }), []);
  gpu.free(mesh);
  assertEquals(byName(gpu.leaks()), expected.slice(1));
  assertEquals(byName(gpu.dispose()), expected.slice(1));
  assertEquals([gpu.leaks(), gpu.dispose()], [[], []]);
});

Deno.test("GpuAllocator reports objects that were left to the garbage collector first, and each once", async () => {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--v8-flags=--expose-gc", import.meta.dirname + "/_abandoned.ts"],
  }).output();
  assertEquals(success, true);
  const [first, second, ...rest] = new TextDecoder().decode(stdout).trim().split("\n");
  const abandoned = new Set(first!.split(", ").slice(0, 3));
  assertEquals(abandoned, new Set(["abandoned (level)", "freed later", "abandoned too"]));
  assertEquals(first!.split(", ").slice(3).toSorted(), ["kept", "watched by nobody"]);
  assertEquals(second!.split(", ").length, 4);
  assertEquals(second!.includes("freed later"), false);
  assertEquals(rest, ["true", "4"]);
});
