/**
 * The table of what the library's members do to memory follows the library: nothing is in it that the library does not have, and nothing
 * that hands out memory is missing, or said to give something else than its type says.
 */

import { assertEquals } from "@std/assert";
import { type Effect, effectOf, EFFECTS } from "../../lint/core/api_table.ts";
import { type ApiClass, readApi } from "../../lint/dev/api.ts";
import { differences } from "../../lint/dev/generated.ts";
import { makeApiTable } from "../../lint/dev/make_api_table.ts";

/** The library says what is so. */
const LIBRARY = await readApi();

/** What is designed and not yet in the library: programs that are written for it are looked at with it in mind. */
const PLANNED: Readonly<Record<string, readonly string[]>> = { SmartAlloc: ["frameBoxForTransfer", "share"] };

/** What is there and not in the types: all records can be printed and turned into JSON. */
const UNTYPED: Readonly<Record<string, readonly string[]>> = { Record: ["toJSON"] };

/** The classes of the table that stand for others of the library, or for several. */
const STANDS_FOR: Readonly<Record<string, readonly string[]>> = {
  Box: ["Box", "OwnedBox", "TaskBox"],
  Record: ["RecordList", "ScalarList", "Mat", "Vec2", "Vec3", "Vec4"],
};

/** What is of the language, by an object that has its members. */
const OF_THE_LANGUAGE: Readonly<Record<string, object>> = { TypedArray: new Float32Array(), Buffer: new ArrayBuffer() };

/** Memory that no frame ends, so that nothing is followed into it. */
const NOT_FOLLOWED = new Set([
  "GpuBackend", //      bytes of a device
  "HeapBlock", //       a buffer of its own
  "LoadedAsset", //     the same
  "NullBackend", //     bytes of a device
  "UnifiedBuffer", //   has rules of its own
  "WebGpuBackend", //   bytes of a device
]);

/** The types of memory, of what ends some, and of what hands some out. */
const MEMORY: Readonly<Record<string, RegExp>> = {
  Batch: /^Batch$/,
  Box: /^(?:BoxOf|Box|OwnedBox|TaskBox)$/,
  Buffer: /^HeapBlock$/,
  Columns: /^ColumnsOf$/,
  Cursor: /^Cursor$/,
  FrameMap: /^FrameMap$/,
  FrameString: /^FrameString$/,
  Record: /^(?:RecordOf|Infer)$/,
  Tuple: /^(?:RecordOf|Tuple[48])$/,
  TypedArray: /^(?:ViewOf|(?:Uint8|Float32)Array)$/,
  Vec: /^(?:NumberVec|RecordVec)$/,
};
/** What begins or ends something by its name. */
const ENDS = /^(?:begin|end|run)Frame|^(?:rollbackTo|release|dispose|close|Symbol\.(?:asyncD|d)ispose)$/;
const GUARD = /^(?:FrameGuard|FrameScope|PhaseGuard|TagGuard|PinGuard|FrameCheckpoint)$/;

Deno.test("the members of the library are as they are written down", async () => {
  assertEquals(await differences(await makeApiTable(LIBRARY)), [], "run `deno task lint:docs`");
});

Deno.test("the table of effects knows no member that the library does not have", () => {
  const unknown = members(EFFECTS).filter(({ name, member }) =>
    !isThere(name, member) && !(PLANNED[name] ?? UNTYPED[name])?.includes(member)
  );
  assertEquals(unknown.map(show), []);
});

Deno.test("what is planned is not yet in the library", () => {
  const there = Object.entries(PLANNED).flatMap(([name, planned]) =>
    planned.filter((member) => isThere(name, member)).map((member) => `${name}.${member}`)
  );
  assertEquals(there, [], "it is there now: take it off the list");
});

Deno.test("the table of effects says of each member that gives memory, ends it or calls back what it does", () => {
  const silent: string[] = [];
  for (const [name, { isClass, members, parameters }] of LIBRARY) {
    const known = tableNameOf(name);
    if (known === undefined && (!isClass || NOT_FOLLOWED.has(name))) continue;
    const isAllocator = known !== undefined && EFFECTS[known]?.isAllocator === true;
    for (const [member, types] of members) {
      const matters = [...types].some(isOfMemory) ||
        (isAllocator && (ENDS.test(member) || parameters.get(member)?.includes("fn") === true));
      if (matters && (known === undefined || said(known, member) === undefined)) silent.push(`${name}.${member}`);
    }
  }
  assertEquals(silent, []);
});

Deno.test("the table of effects gives what the types of the library say", () => {
  const wrong: string[] = [];
  for (const { name, member, effect } of members(EFFECTS)) {
    const types = typesOf(name, member);
    if (types === undefined || types.size === 0) continue;
    const wanted = wantedBy(effect);
    if (wanted !== undefined && ![...types].some((type) => wanted.test(type))) {
      wrong.push(`${name}.${member} gives ${[...types].join("|")}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("the table of effects counts the parameters as the library does", () => {
  const wrong: string[] = [];
  for (const { name, member, effect } of members(EFFECTS)) {
    const given = ownersOf(name).flatMap((owner) => owner.parameters.get(member) ?? []);
    if (effect.does === "run" && given[effect.callback] !== "fn") wrong.push(`${name}.${member}`);
    if (effect.does !== "alloc" || effect.layout === undefined || given.length === 0) continue;
    if (!/^(?:layout|of|value)$/.test(given[effect.layout] ?? "")) wrong.push(`${name}.${member}`);
  }
  assertEquals(wrong, []);
});

Deno.test("the table of effects knows what extends what", () => {
  for (const [name, { extends: base }] of Object.entries(EFFECTS)) {
    const library = LIBRARY.get(name);
    if (library?.isClass === true) assertEquals([name, base], [name, library.extends[0]]);
  }
});

Deno.test("what is neither said to do something nor in the library has no effect", () => {
  assertEquals(effectOf("SmartAlloc", "stats"), { does: "copy" });
  assertEquals(effectOf("SmartAlloc", "dispose"), { does: "release" }); // as its base says, though it has its own
  assertEquals(effectOf("SmartAlloc", "nothing"), undefined);
  assertEquals(effectOf("constructor", "name"), undefined);
  assertEquals(effectOf("Record", ""), undefined);
});

interface Entry {
  readonly name: string;
  readonly member: string;
  readonly effect: Effect;
}

function members(api: typeof EFFECTS): Entry[] {
  return Object.entries(api).flatMap(([name, { members }]) =>
    Object.entries(members).map(([member, effect]) => ({ name, member, effect }))
  );
}

function show({ name, member }: Entry): string {
  return `${name}.${member}`;
}

/** The classes of the library that a class of the table is, with what they extend. */
function ownersOf(name: string): ApiClass[] {
  return (STANDS_FOR[name] ?? [name]).flatMap((each) => {
    const owner = LIBRARY.get(each);
    return owner === undefined ? [] : [owner, ...owner.extends.flatMap((base) => LIBRARY.get(base) ?? [])];
  });
}

function isThere(name: string, member: string): boolean {
  const example = OF_THE_LANGUAGE[name];
  const symbol = /^Symbol\.(.+)$/.exec(member)?.[1];
  const key = symbol === undefined ? member : Symbol[symbol as keyof typeof Symbol] as unknown as symbol;
  if (example !== undefined) return key in example || member === "BYTES_PER_ELEMENT";
  return key in {} || ownersOf(name).some(({ members }) => members.has(member));
}

/** The class of the table for one of the library. */
function tableNameOf(name: string): string | undefined {
  if (Object.hasOwn(EFFECTS, name)) return name;
  return Object.entries(STANDS_FOR).find(([, names]) => names.includes(name))?.[0];
}

/** What is said by hand of a member. */
function said(name: string, member: string): Effect | undefined {
  const effects = EFFECTS[name];
  if (effects === undefined) return undefined;
  if (Object.hasOwn(effects.members, member)) return effects.members[member];
  return effects.extends === undefined ? undefined : said(effects.extends, member);
}

function isOfMemory(type: string): boolean {
  return GUARD.test(type) || Object.values(MEMORY).some((types) => types.test(type)) ||
    (Object.hasOwn(EFFECTS, type) && LIBRARY.get(type)?.isClass === true);
}

function typesOf(name: string, member: string): ReadonlySet<string> | undefined {
  const types = ownersOf(name).flatMap(({ members }) => [...members.get(member) ?? []]);
  return types.length === 0 ? undefined : new Set(types);
}

/** What the type of a member must be for its effect. */
function wantedBy(effect: Effect): RegExp | undefined {
  switch (effect.does) {
    case "alloc":
      // A handle is a number.
      return effect.memory === "handle" || effect.memory === "gpu" ? /^(?:Handle|Gpu\w+)$/ : MEMORY[effect.gives ?? ""];
    case "guard":
      return GUARD;
    case "mark":
      return /^FrameCheckpoint$/;
    case "part":
      return new RegExp(`^${effect.of}$`);
    case "view":
      return effect.gives === "element" ? /^(?:RecordOf|Infer)$/ : MEMORY[effect.gives];
    default:
      return undefined;
  }
}
