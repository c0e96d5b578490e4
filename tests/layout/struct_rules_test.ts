/**
 * Where the bytes are: sizes, alignments and offsets of random nested structs against an independent reading of the C rules and of
 * the WGSL specification, and what records read and write there.
 */

import { SmartAlloc } from "@framealloc/core";
import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import {
  basic,
  type Definition,
  get,
  layoutOf,
  leavesOf,
  offsetsOf,
  RULES_AND_STRUCT,
  SCALARS,
  set,
  shapeOf,
  type StructDefinition,
  structOf,
  valueFor,
} from "./_definitions.ts";

const MARK = 0xab;

Deno.test("struct() places random nested fields as the rules say", () => {
  fc.assert(
    fc.property(RULES_AND_STRUCT, ([rules, definition]) => {
      const layout = structOf(definition, rules);
      const { size, align } = shapeOf(definition, rules);
      assertEquals([layout.size, layout.align, layout.stride], [size, align, size]);
      const names = definition.fields.map(([name]) => name);
      const offsets = offsetsOf(definition, rules);
      assertEquals({ ...layout.offsets }, Object.fromEntries(names.map((name, i) => [name, offsets[i]])));
      assertEquals([layout.rules, Object.keys(layout.fields)], [rules, names]);
    }),
    { seed: 1, numRuns: 1000 },
  );
});

Deno.test("struct() keeps every field inside it, aligned, and apart from the others", () => {
  fc.assert(
    fc.property(RULES_AND_STRUCT, ([rules, definition]) => {
      const layout = structOf(definition, rules);
      assertEquals(layout.size % layout.align, 0);
      let end = 0;
      for (const [name, field] of definition.fields) {
        const offset = layout.offsets[name] ?? NaN;
        const { size, align } = shapeOf(field, rules);
        assert(offset >= end && offset % align === 0 && layout.align >= align);
        end = offset + size;
      }
      assert(end <= layout.size);
    }),
    { seed: 2, numRuns: 500 },
  );
});

Deno.test("records write each scalar where the rules put it, and nothing else", () => {
  const alloc = new SmartAlloc({ safety: "release" });
  const filled = RULES_AND_STRUCT.chain(([rules, definition]) => {
    const leaves = leavesOf(definition, rules);
    return fc.tuple(...leaves.map((leaf) => valueFor(leaf.scalar))).map((values) => ({
      rules,
      definition,
      leaves,
      values,
    }));
  });
  fc.assert(
    fc.property(filled, ({ rules, definition, leaves, values }) => {
      using _frame = alloc.frame();
      const layout = structOf(definition, rules);
      const batch = alloc.frameAllocBatch(layout, 3);
      const bytes = batch.view(Uint8Array).fill(MARK);
      const view = new DataView(bytes.buffer, bytes.byteOffset + layout.stride, layout.size);
      const record = batch.at(1);
      leaves.forEach((leaf, i) => set(record, leaf.path, values[i] ?? 0));

      const isPadding = new Array(layout.stride * 3).fill(true);
      leaves.forEach(({ path, scalar, offset }, i) => {
        const { get: read, stored, bytes } = SCALARS[scalar];
        const expected = stored(values[i] ?? 0);
        assertEquals(read(view, offset), expected, `the bytes of ${path.join(".")}`);
        assertEquals(get(record, path), expected, path.join("."));
        isPadding.fill(false, layout.stride + offset, layout.stride + offset + bytes);
      });
      for (let i = 0; i < bytes.length; i++) if (isPadding[i]) assertEquals(bytes[i], MARK, `byte ${i}`);
    }),
    { seed: 3, numRuns: 500 },
  );
});

Deno.test("records read whatever bytes are there", () => {
  const alloc = new SmartAlloc();
  fc.assert(
    fc.property(RULES_AND_STRUCT, fc.infiniteStream(fc.nat(255)), ([rules, definition], random) => {
      using _frame = alloc.frame();
      const layout = structOf(definition, rules);
      const batch = alloc.frameAllocBatch(layout, 2);
      const bytes = batch.view(Uint8Array);
      for (let i = 0; i < bytes.length; i++) bytes[i] = random.next().value ?? 0;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let i = 0; i < 2; i++) {
        for (const { path, scalar, offset } of leavesOf(definition, rules)) {
          assertEquals(get(batch.at(i), path), SCALARS[scalar].get(view, i * layout.stride + offset), path.join("."));
        }
      }
    }),
    { seed: 4, numRuns: 300 },
  );
});

Deno.test("layouts outside structs are packed as in C", () => {
  const definitions: Definition[] = [
    basic("vec3f"),
    basic("mat3x3f"),
    { kind: "array", element: basic("vec3f"), count: 3 },
    { kind: "array", element: { kind: "array", element: basic("u8"), count: 3 }, count: 5 },
  ];
  for (const definition of definitions) {
    const layout = layoutOf(definition, "c");
    const { size, align } = shapeOf(definition, "c");
    assertEquals([layout.size, layout.align, layout.stride], [size, align, size], layout.name);
  }
});

Deno.test("struct() under the rules wgsl places the example of the specification", () => {
  // The structs A and B of "Structure Layout Rules" with the offsets that the specification states.
  const a: StructDefinition = {
    kind: "struct",
    fields: [["u", basic("f32")], ["v", basic("f32")], ["w", basic("vec2f")], ["x", basic("f32")]],
  };
  const b: StructDefinition = {
    kind: "struct",
    fields: [
      ["a", basic("vec2f")],
      ["b", basic("vec3f")],
      ["c", basic("f32")],
      ["d", basic("f32")],
      ["e", a],
      ["f", basic("vec3f")],
      ["g", { kind: "array", element: a, count: 3 }],
      ["h", basic("i32")],
    ],
  };
  const A = structOf(a, "wgsl");
  assertEquals([A.size, A.align, { ...A.offsets }], [24, 8, { u: 0, v: 4, w: 8, x: 16 }]);
  const B = structOf(b, "wgsl");
  assertEquals([B.size, B.align], [160, 16]);
  assertEquals({ ...B.offsets }, { a: 0, b: 16, c: 28, d: 32, e: 40, f: 64, g: 80, h: 152 });
});
