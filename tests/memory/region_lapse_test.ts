/**
 * How the lives of a region lapse while its memory stays in use, and who may take that back: by hand, and in random programs against a
 * model.
 */

import { kilobytes } from "@framealloc/core";
import {
  arrayBufferSource,
  type ChunkSource,
  Life,
  type LifeOwner,
  Position,
  Region,
  viewOf,
  wasmSource,
} from "@framealloc/core/memory";
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";

/** An owner that is known by its name. */
function named(name: string): LifeOwner {
  return { expired: () => new Error(name) };
}

/** Who refuses a position; `""` if nobody does. */
function refusedBy(position: Position): string {
  try {
    viewOf(position);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

/** A small region that grows by further chunks. */
function small(owner: LifeOwner = named("region"), source = arrayBufferSource): Region {
  const region = new Region({ source, size: kilobytes(1), owner });
  region.open();
  return region;
}

// Lives

Deno.test("Life.ended() asks for a pardon first, and then for the error", () => {
  const view = new DataView(new ArrayBuffer(8));
  const asked: Position[] = [];
  let pardons = true;
  const life = new Life(view, {
    expired: () => new Error("over"),
    pardon(position) {
      asked.push(position);
      return pardons ? view : undefined;
    },
  });
  const position = new Position(life, 4);
  life.view = null;
  assertStrictEquals(viewOf(position), view);
  assertStrictEquals(life.ended(position), view);
  pardons = false;
  assertThrows(() => viewOf(position), Error, "over");
  assertEquals(asked, [position, position, position]);
  const strict = new Life(view, named("strict"));
  assertThrows(() => strict.ended(new Position(strict, 0)), Error, "strict");
});

// Lapse and revival

Deno.test("Region.lapse() ends the lives so far and keeps their memory", () => {
  const region = small();
  const old = region.at(region.alloc(16));
  viewOf(old).setInt32(old.offset, 7);
  const { used, count } = region;
  region.lapse(named("lapsed"));
  assertEquals([region.isOpen, region.used, region.count, refusedBy(old)], [false, used, count, "lapsed"]);
  assertEquals([region.alloc(16), region.refusedBy], [-1, "closed"]);
  region.open();
  const next = region.at(region.alloc(16));
  assert(next.life !== old.life);
  assertEquals([next.offset, refusedBy(next), region.used, region.count], [16, "", used + 16, count + 1]);
  const view = region.revive(old.life)!;
  assertEquals([view.getInt32(old.offset), refusedBy(old)], [7, ""]);
  assertStrictEquals(viewOf(old), view);
});

Deno.test("Region.revive() lasts until the next lapse, and is for lives that have lapsed alone", () => {
  const region = small();
  const old = region.at(region.alloc(16));
  assertEquals([region.revive(old.life), region.hasLapsed(old.life)], [undefined, false]);
  region.lapse(named("first"));
  assertEquals([region.hasLapsed(old.life), refusedBy(old)], [true, "first"]);
  region.revive(old.life);
  assertEquals([region.hasLapsed(old.life), refusedBy(old)], [false, ""]);
  assertEquals(region.revive(old.life) === old.life.view, true); // once more
  region.open();
  const next = region.at(region.alloc(16));
  region.lapse(named("second"));
  assertEquals([old, next].map(refusedBy), ["second", "second"]);
  region.revive(next.life);
  assertEquals([old, next].map(refusedBy), ["second", ""]);
  const foreign = new Life(new DataView(new ArrayBuffer(8)), named("foreign"));
  foreign.view = null;
  assertEquals([region.revive(foreign), region.hasLapsed(foreign)], [undefined, false]);
});

Deno.test("what ends is refused by whoever it had lapsed to, and is not revived", () => {
  for (const end of ["rewind", "reset", "dispose"] as const) {
    const region = small();
    region.alloc(16);
    const mark = region.mark();
    const [lapsed, revived] = [region.at(region.alloc(16)), region.at(region.alloc(16))];
    revived.life = lapsed.life;
    region.lapse(named("lapsed"));
    if (end === "rewind") region.rewind(mark);
    else region[end]();
    assertEquals([refusedBy(lapsed), region.revive(lapsed.life), region.hasLapsed(lapsed.life)], [
      "lapsed",
      undefined,
      false,
    ]);
    assertEquals(region.lapsedPlace(lapsed), -1);
    region.open();
    const next = region.at(region.alloc(16));
    assertEquals([refusedBy(next), refusedBy(lapsed)], ["", "lapsed"]);
  }
});

Deno.test("a revived life ends with its memory", () => {
  for (const end of ["rewind", "reset", "dispose"] as const) {
    const region = small();
    const mark = region.mark();
    const position = region.at(region.alloc(16));
    region.lapse(named("lapsed"));
    region.revive(position.life);
    if (end === "rewind") region.rewind(mark);
    else region[end]();
    assertEquals(refusedBy(position), "region");
  }
});

Deno.test("marks that are older than a lapse free what came before and after it", () => {
  const region = small();
  const older = region.at(region.alloc(16));
  const mark = region.mark();
  const before = region.at(region.alloc(16));
  region.lapse(named("lapsed"));
  const inner = region.mark(); // also while it is closed
  region.open();
  const after = region.at(region.alloc(16));
  region.rewind(inner);
  assertEquals([refusedBy(after), region.used], ["region", 32]);
  const again = region.at(region.alloc(16));
  region.rewind(mark);
  assertEquals([older, before, again].map(refusedBy), ["lapsed", "lapsed", "region"]);
  assertEquals([region.used, region.hasLapsed(older.life), region.hasLapsed(before.life)], [16, true, false]);
  const next = region.at(region.alloc(16));
  assertEquals([next.offset, refusedBy(next)], [16, ""]);
});

Deno.test("Region.lapsedPlace() counts as used does, over all chunks", () => {
  const region = small();
  const places: number[] = [];
  const positions: Position[] = [];
  for (let i = 0; i < 30; i++) {
    const offset = region.alloc(100 + i);
    positions.push(region.at(offset));
    places.push(region.used - Math.ceil((100 + i) / 16) * 16);
  }
  assert(region.extraChunks > 1);
  assertEquals(positions.map((position) => region.lapsedPlace(position)), positions.map(() => -1));
  region.lapse(named("lapsed"));
  assertEquals(positions.map((position) => region.lapsedPlace(position)), places);
  region.revive(positions[0]!.life);
  assertEquals(region.lapsedPlace(positions[0]!), 0);
});

Deno.test("a region that has lapsed asks its owner to open it, and one that was closed does not", () => {
  let asked = 0;
  let opens = false;
  const region: Region = small({
    ...named("region"),
    reopen() {
      asked++;
      if (opens) region.open();
      return opens;
    },
    closed: (action) => new Error(`no: ${action}`),
  });
  const list = region.alloc(16);
  region.lapse(named("lapsed"));
  assertEquals([region.alloc(16), region.alloc(16, 64), asked], [-1, -1, 2]);
  assertEquals([region.refusedBy, region.refusal("grow").message], ["closed", "no: grow"]);
  assertEquals(region.extend(region.life, list + 16, 16), false);
  opens = true;
  assertEquals([region.alloc(16), region.isOpen, asked], [16, true, 3]);
  region.close();
  assertEquals([region.alloc(16), asked], [-1, 3]);
  region.open();
  region.lapse(named("lapsed"));
  region.close();
  assertEquals([region.alloc(16), asked], [-1, 3]);
  const lying: Region = small({ ...named("region"), reopen: () => true });
  lying.lapse(named("lapsed"));
  assertEquals(lying.alloc(16), -1);
});

Deno.test("memory that has lapsed neither moves nor is handed out again", () => {
  const region = small();
  const old = region.at(region.alloc(100));
  new Uint8Array(viewOf(old).buffer, old.offset, 100).fill(1);
  for (let i = 0; i < 20; i++) {
    region.lapse(named(`${i}`));
    region.open();
    const offset = region.alloc(100);
    new Uint8Array(region.life.view!.buffer, offset, 100).fill(2);
  }
  region.revive(old.life);
  assert(new Uint8Array(viewOf(old).buffer, old.offset, 100).every((byte) => byte === 1));
});

Deno.test("Region.extend() grows what was allocated since the lapse, and nothing older", () => {
  const region = small();
  const old = region.at(region.alloc(16));
  region.lapse(named("lapsed"));
  region.revive(old.life);
  region.open();
  assertEquals(region.extend(old.life, old.offset + 16, 16), false);
  const next = region.at(region.alloc(16));
  assertEquals([region.extend(next.life, next.offset + 16, 16), region.used], [true, 48]);
});

Deno.test("a region that lapses before it has memory, or after it has none, is opened as any other", () => {
  const region = new Region({ source: wasmSource, size: kilobytes(64), owner: named("region") });
  region.lapse(named("lapsed"));
  region.open();
  const position = region.at(region.alloc(16));
  assertEquals(refusedBy(position), "");
  region.dispose();
  region.lapse(named("again"));
  assertEquals(refusedBy(position), "region");
  region.open();
  assertEquals(refusedBy(region.at(region.alloc(16))), "");
});

Deno.test("trim() of a region that was closed since it was opened leaves no life in the old chunk", () => {
  for (const lapses of [false, true]) {
    const region = small();
    region.alloc(kilobytes(100));
    region.reset();
    assert(region.reserved > kilobytes(100));
    if (lapses) region.lapse(named("lapsed"));
    else region.close();
    assert(region.trim() > 0);
    region.open();
    const position = region.at(region.alloc(16));
    assertStrictEquals(viewOf(position).buffer, region.view(Uint8Array, 0, 1).buffer);
    assertEquals([region.viewAt(position, Uint8Array, 4).length, region.reserved], [4, kilobytes(1)]);
  }
});

Deno.test("going back to a mark from before a region was opened leaves it usable", () => {
  const region = new Region({ source: arrayBufferSource, size: kilobytes(1), owner: named("region") });
  for (let i = 0; i < 2; i++) {
    const mark = region.mark();
    region.open();
    const old = region.at(region.alloc(16));
    region.rewind(mark);
    const next = region.at(region.alloc(16));
    assertEquals([refusedBy(old), refusedBy(next), next.offset], ["region", "", 0]);
    region.close();
    region.reset();
  }
});

Deno.test("a region that is opened again under a life keeps its chunk, however empty it is", () => {
  for (const lapses of [false, true]) {
    const region = new Region({ source: wasmSource, size: kilobytes(64), owner: named("region"), revoke: true });
    region.open();
    const mark = region.mark();
    region.alloc(kilobytes(100)); // more than it starts with, which the next cycle need not have
    if (lapses) region.lapse(named("lapsed"));
    else region.close();
    region.rewind(mark);
    region.open();
    const position = region.at(region.alloc(16));
    assertEquals([viewOf(position).byteLength > 0, region.viewAt(position, Uint8Array, 4).length], [true, 4]);
    assertStrictEquals(viewOf(position).buffer, region.view(Uint8Array, 0, 1).buffer);
  }
});

Deno.test("lives that are opened by a lapse carry the number of those before them", () => {
  const region = small();
  region.serial = 7;
  region.reset();
  region.alloc(16);
  region.serial = 8;
  region.lapse(named("lapsed"));
  assertEquals([region.life.serial, region.life.owner.expired(region.at(0)).message], [7, "region"]);
});

Deno.test("a region that does not track its lives can lapse as well, and ends what has lapsed", () => {
  const region = new Region({ source: arrayBufferSource, size: 1024, owner: named("region"), tracked: false });
  region.open();
  const old = region.at(region.alloc(16));
  region.lapse(named("lapsed"));
  region.open();
  const next = region.at(region.alloc(16));
  assertEquals([refusedBy(old), refusedBy(next), region.lapsedPlace(old)], ["lapsed", "", 0]);
  region.reset();
  const again = region.at(region.alloc(16));
  assertEquals([region.revive(old.life), refusedBy(again), again.offset], [undefined, "", 0]);
  region.dispose();
  assertEquals([old, next, again].map(refusedBy), ["lapsed", "region", "region"]);
});

// Views

Deno.test("viewsOut counts what was handed out and not freed, without views of lists alone", () => {
  const region = small();
  assertEquals(region.viewsOut, 0);
  const at = (bytes: number): Position => region.at(region.alloc(bytes));
  region.view(Uint8Array, region.alloc(8), 8);
  region.viewAt(at(8), Uint8Array, 8, true);
  assertEquals(region.viewsOut, 1);
  const mark = region.mark();
  region.viewAt(at(8), Uint8Array, 8);
  region.viewAt(at(8), Uint8Array, 8, true);
  region.viewAt(at(kilobytes(2)), Uint8Array, 8);
  region.viewAt(at(16), Uint8Array, 8, true);
  assertEquals([region.viewsOut, region.extraChunks], [3, 2]);
  region.lapse(named("lapsed"));
  assertEquals(region.viewsOut, 3);
  region.rewind(mark);
  assertEquals(region.viewsOut, 1);
  region.open();
  region.viewAt(at(kilobytes(2)), Uint8Array, 8, true); // in the further chunk, which was kept
  assertEquals(region.viewsOut, 1);
  region.reset();
  assertEquals(region.viewsOut, 0);
});

Deno.test("viewsOut of a region whose views are not used again is 0", () => {
  const region = new Region({ source: arrayBufferSource, size: 1024, owner: named("region"), recycleViews: false });
  region.open();
  const position = region.at(region.alloc(16));
  region.viewAt(position, Uint8Array, 8);
  region.viewAt(position, Uint8Array, 8, true);
  region.viewAt(position, Uint8Array, 8, true);
  assertEquals(region.viewsOut, 0);
});

// Random programs

type Op =
  | { readonly op: "alloc"; readonly bytes: number; readonly align: number }
  | { readonly op: "rewind" | "keep" | "revive" | "extend"; readonly which: number }
  | { readonly op: "mark" | "lapse" | "open" | "close" | "reset" | "trim" };

const PROGRAMS: fc.Arbitrary<Op[]> = fc.array(
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        op: fc.constant("alloc" as const),
        bytes: fc.oneof({ weight: 8, arbitrary: fc.nat(120) }, { weight: 1, arbitrary: fc.nat(4000) }),
        align: fc.constantFrom(4, 16, 64, 256),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({ op: fc.constantFrom("rewind", "keep", "revive", "revive", "extend"), which: fc.nat() }),
    },
    { weight: 10, arbitrary: fc.record({ op: fc.constantFrom("mark", "lapse", "lapse", "open", "open") }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constantFrom("close", "reset", "trim") }) },
  ),
  { maxLength: 80, size: "max" },
) as fc.Arbitrary<Op[]>;

/** What the model knows of a life. */
interface Lived {
  state: "live" | "lapsed" | "freed";
  /** Whether it has ever lapsed, so that it can be revived. */
  hasLapsed: boolean;
  /** Who says why it has ended. */
  owner: string;
  /** The mark after which it was opened. */
  readonly time: number;
}

/** What the model knows of an allocation. */
interface Held {
  readonly position: Position;
  readonly life: Lived;
  readonly bytes: Uint8Array;
  readonly place: number;
  readonly fill: number;
}

/** What the programs have met, to be sure that they meet it. */
const met = { lapses: 0, revivals: 0, refusals: 0, rewinds: 0, chunks: 0, reopenings: 0, extensions: 0 };

function run(program: readonly Op[], source: ChunkSource, revoke: boolean, reopens: boolean): void {
  let isOpen = true;
  let isAsked = false;
  const region: Region = new Region({
    source,
    size: 512,
    revoke,
    owner: {
      ...named("region"),
      reopen() {
        isAsked = true;
        if (reopens) region.open();
        return reopens;
      },
    },
  });
  region.open();
  const lives = new Map<Life, Lived>();
  const held: Held[] = [];
  let marks: { readonly mark: number; readonly time: number; readonly used: number }[] = [];
  let time = 0;
  let lapses = 0;
  let mayReopen = false;

  const lifeOf = (life: Life): Lived => {
    const known = lives.get(life);
    if (known !== undefined) return known;
    const made: Lived = { state: "live", hasLapsed: false, owner: "region", time };
    lives.set(life, made);
    return made;
  };
  const free = (from: number): void => {
    for (const lived of lives.values()) if (lived.time >= from) lived.state = "freed";
  };
  const verify = (): void => {
    assertEquals(region.isOpen, isOpen);
    for (const { position, life, bytes, place, fill } of held) {
      assertEquals(refusedBy(position), life.state === "live" ? "" : life.owner);
      assertEquals(region.hasLapsed(position.life), life.state === "lapsed");
      assertEquals(region.lapsedPlace(position), life.hasLapsed && life.state !== "freed" ? place : -1);
      if (life.state === "freed") continue;
      assert(bytes.every((byte) => byte === fill), "bytes have changed");
      if (life.state === "live") assertStrictEquals(viewOf(position).buffer, bytes.buffer);
    }
  };

  for (const step of program) {
    switch (step.op) {
      case "alloc": {
        isAsked = false;
        const offset = region.alloc(step.bytes, step.align);
        if (!isOpen) {
          assertEquals(isAsked, mayReopen);
          isOpen = reopens && mayReopen;
          assertEquals(offset >= 0, isOpen);
          if (isOpen) met.reopenings++;
          else met.refusals++;
        }
        if (offset < 0) break;
        const position = region.at(offset);
        const { buffer } = viewOf(position);
        const fill = held.length % 251 + 1;
        held.push({
          position,
          life: lifeOf(position.life),
          bytes: new Uint8Array(buffer, offset, step.bytes).fill(fill),
          place: region.used - Math.ceil((offset % 16 + step.bytes) / 16) * 16,
          fill,
        });
        break;
      }
      case "extend": {
        const last = held.at(-1);
        if (last === undefined || last.life.state !== "live" || last.position.life !== region.life) break;
        const { position, bytes } = last;
        const end = position.offset + bytes.length;
        if (region.used !== last.place + Math.ceil(bytes.length / 16) * 16) break;
        const { used } = region;
        const isGrown = region.extend(position.life, end, 8);
        if (isGrown) met.extensions++;
        assert(!isGrown || isOpen);
        assertEquals(region.used, isGrown ? last.place + Math.ceil((bytes.length + 8) / 16) * 16 : used);
        if (isGrown) {
          const more = new Uint8Array(bytes.buffer, position.offset, bytes.length + 8).fill(last.fill);
          held[held.length - 1] = { ...last, bytes: more };
        }
        break;
      }
      case "mark":
        marks.push({ mark: region.mark(), time: ++time, used: region.used });
        break;
      case "rewind": {
        const to = marks[step.which % marks.length];
        if (to === undefined) break;
        met.rewinds++;
        region.rewind(to.mark);
        assertEquals(region.used, to.used);
        free(to.time);
        marks = marks.filter((mark) => mark.time < to.time);
        break;
      }
      case "keep": {
        const to = marks[step.which % marks.length];
        if (to === undefined) break;
        region.keep(to.mark);
        marks = marks.filter((mark) => mark.time < to.time);
        break;
      }
      case "lapse": {
        const owner = `lapse ${++lapses}`;
        const { used } = region;
        region.lapse(named(owner));
        assertEquals(region.used, used);
        for (const lived of lives.values()) {
          if (lived.state === "freed") continue;
          lived.state = "lapsed";
          lived.hasLapsed = true;
          lived.owner = owner;
        }
        met.lapses++;
        if (isOpen) mayReopen = true;
        isOpen = false;
        break;
      }
      case "revive": {
        const one = held[step.which % held.length];
        if (one === undefined) break;
        const { life, position } = one;
        const view = region.revive(position.life);
        const isThere = life.hasLapsed && life.state !== "freed";
        assertEquals(view !== undefined, isThere);
        if (!isThere) break;
        life.state = "live";
        life.owner = "region";
        met.revivals++;
        break;
      }
      case "open":
        region.open();
        isOpen = true;
        break;
      case "close":
        region.close();
        isOpen = false;
        mayReopen = false;
        break;
      case "reset":
        region.reset();
        free(0);
        marks = [];
        break;
      case "trim":
        region.trim();
        break;
    }
    verify();
  }
  met.chunks += region.overflows;
  region.dispose();
  free(0);
  isOpen = false;
  verify();
}

Deno.test("Region obeys the model in 1000 random programs in which its lives lapse", () => {
  fc.assert(fc.property(PROGRAMS, fc.constantFrom(arrayBufferSource, wasmSource), fc.boolean(), fc.boolean(), run), {
    numRuns: 1000,
  });
  for (const [what, count] of Object.entries(met)) assert(count > 100, `only ${count} ${what}`);
  console.log(JSON.stringify(met));
});
