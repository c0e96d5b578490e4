/**
 * Loading assets, case by case: every kind of source, every way to fail, to wait and to be given up, and what is left after each:
 * nothing.
 */

import {
  ArgumentError,
  type AssetFrom,
  AssetLoader,
  type AssetLoaderOptions,
  type AssetRequest,
  type DecodeContext,
  type Eviction,
  type FetchAsset,
  type LoadProgress,
  PoolError,
  progressBar,
  SmartAlloc,
  type StreamPriority,
  type TaskAlloc,
} from "@framealloc/core";
import { arrayBufferSource, type ChunkSource } from "@framealloc/core/memory";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { delay } from "@std/async";
import { FakeTime } from "@std/testing/time";
import { expectTypeOf } from "expect-type";
import {
  Bench,
  bytesOf,
  collect,
  countingSignal,
  countListeners,
  failure,
  loaded,
  settle,
  streamOf,
  Tap,
} from "./_assets.ts";

/** Bytes under a name. */
function blob(name: string, length: number, more: Omit<AssetRequest, "from"> = {}): AssetRequest {
  return { name, from: new Blob([bytesOf(length)]), ...more };
}

// What makes no sense

Deno.test("new AssetLoader() with options that make no sense is FA008", () => {
  const alloc = new SmartAlloc();
  const wrong: Readonly<Record<string, readonly unknown[]>> = {
    concurrency: [0, -1, 1.5, NaN, Infinity, "2", null],
    budget: [0, -1, 1.5, NaN, Infinity, "2", null],
    retries: [-1, 0.5, NaN, Infinity, "2", null],
    backoff: [{ first: -1 }, { first: "1" }, { factor: 0.5 }, { most: NaN }, { jitter: 2 }, { jitter: -0.1 }],
    fetch: [null, 3, "fetch"],
    open: [null, {}, "open"],
    name: [null, 3, {}],
  };
  for (const [option, values] of Object.entries(wrong)) {
    for (const value of values) {
      const error = assertThrows(() => new AssetLoader(alloc, { [option]: value }), ArgumentError);
      assert(error.code === "FA008" && !error.message.endsWith("."), error.message);
    }
  }
  for (const value of [undefined, null, 3, {}]) {
    assertThrows(() => new AssetLoader(value as never), ArgumentError, "FA008");
  }
});

Deno.test("load() of what makes no sense is FA008, and starts nothing", async () => {
  const bench = new Bench(1000);
  const before = bench.alloc.stats();
  let calls = 0;
  const good = (): Blob => {
    calls++;
    return new Blob(["x"]);
  };
  const twice = streamOf(bytesOf(3));
  const locked = streamOf(bytesOf(3));
  locked.getReader();
  const sent = new Request("https://example.com", { method: "POST", body: "x" });
  await sent.text();
  const wrong: readonly unknown[] = [
    ...[null, undefined, 3, true, {}, [], { from: undefined }, { from: null }, { from: 3 }, { from: {} }],
    ...[new Response("x"), { from: new Uint8Array(3) }],
    ...["no address", "/etc/hosts", "file:///etc/hosts", new URL("file:///etc/hosts"), { from: "C:\\rock.bin" }],
    ...[locked, sent, { from: twice }, { from: locked, size: 3 }],
    ...[-1, 0.5, NaN, Infinity, "3", null].map((size) => ({ from: good, size })),
    ...["urgent", "", 1, null].map((priority) => ({ from: good, priority })),
    ...["", "::", "a::", 3, null].map((tag) => ({ from: good, tag })),
    ...[3, null, "x", {}].map((decode) => ({ from: good, decode })),
    ...[3, null, "x"].map((keepBytes) => ({ from: good, keepBytes })),
    ...[3, null, {}].map((name) => ({ from: good, name })),
    { from: new Blob(["abc"]), size: 4 },
  ];
  for (const asset of wrong) {
    const error = assertThrows(() => bench.loader.load([good, twice, asset as never]), ArgumentError);
    assert(error.code === "FA008" && !error.message.endsWith("."), error.message);
  }
  for (const assets of [undefined, null, 3, "https://example.com", {}, new Blob(["x"])]) {
    assertThrows(() => bench.loader.load(assets as never), ArgumentError, "FA008");
  }
  for (const signal of [null, 3, {}, new AbortController()]) {
    assertThrows(() => bench.loader.load([good], { signal: signal as never }), ArgumentError, "FA008");
  }
  for (const handler of [undefined, null, 3, {}]) {
    await assertRejects(() => bench.loader.each([good], handler as never), ArgumentError, "FA008");
  }
  await settle();
  assertEquals([calls, twice.locked, bench.alloc.stats()], [0, false, before]);
  assertThrows(() => bench.loader.load(["a path"]), ArgumentError, "give the loader the option `open`");
  bench.done();
});

Deno.test("load() takes undefined options as left out", async () => {
  const bench = new Bench(1000, { fetch: undefined, open: undefined, concurrency: undefined } as never);
  const name = undefined;
  const request = { from: new Blob(["x"]), name, size: name, priority: name, tag: name, decode: name, keepBytes: name };
  const [result] = await collect(bench.loader.load([request], { signal: undefined }));
  assertEquals([loaded(result).name, loaded(result).value], ["asset 0", undefined]);
  loaded(result).release();
  bench.done();
});

// Sources

const SITE = "https://example.com/";

/** A site with one page. */
function site(bytes: Uint8Array<ArrayBuffer>, init?: ResponseInit): FetchAsset {
  return async () => await Promise.resolve(new Response(bytes, init));
}

Deno.test("load() takes every kind of source, and each byte comes in as it is", async () => {
  const bytes = bytesOf(3000);
  const address = URL.createObjectURL(new Blob([bytes]));
  const opened: string[] = [];
  const bench = new Bench(1_000_000, {
    fetch: (input, init) =>
      `${input}`.startsWith("blob:") || `${input}`.startsWith("data:") ? fetch(input, init) : site(bytes)(input, init),
    open: (path) => {
      opened.push(`${path instanceof URL ? "url" : "text"} ${path}`);
      return { stream: streamOf(bytes), ...`${path}`.endsWith("sized") ? { size: 3000 } : {} };
    },
  });
  const data = `data:application/octet-stream;base64,${btoa(String.fromCharCode(...bytes))}`;
  const sources: readonly (readonly [from: AssetFrom, name: string])[] = [
    [SITE, SITE],
    [data, `${data.slice(0, 200)}…`],
    [address, address],
    [new URL(SITE), SITE],
    [new Request(SITE), SITE],
    [new Blob([bytes]), "asset 5"],
    [new File([bytes], "rock.bin"), "rock.bin"],
    [streamOf(bytes), "asset 7"],
    [streamOf(bytes, 700, "bytes"), "asset 8"],
    ["a/rock.bin", "a/rock.bin"],
    ["C:\\sized", "C:\\sized"],
    ["file:///a/sized", "file:///a/sized"],
    [new URL("file:///a/rock.bin"), "file:///a/rock.bin"],
    [() => SITE, "asset 13"],
    [() => new URL(SITE), "asset 14"],
    [() => new Request(SITE), "asset 15"],
    [() => new Blob([bytes]), "asset 16"],
    [() => streamOf(bytes), "asset 17"],
    [async () => await fetch(data), "asset 18"],
    [() => Promise.resolve({ stream: streamOf(bytes), size: 3000 }), "asset 19"],
    [() => ({ stream: streamOf(bytes) }), "asset 20"],
    [() => Promise.resolve("made/rock.bin"), "asset 21"],
  ];
  const results = await collect(bench.loader.load(sources.map(([from]) => from)));
  for (const [i, [, name]] of sources.entries()) {
    const asset = loaded(results[i]);
    assertEquals([asset.name, asset.index, asset.size, asset.attempts], [name, i, 3000, 1]);
    assertEquals(asset.bytes, bytes);
    assertStrictEquals(asset.bytes, bench.alloc.streaming.access(asset.id!));
    asset.release();
  }
  assertEquals(opened.sort(), [
    "text C:\\sized",
    "text a/rock.bin",
    "text made/rock.bin",
    "url file:///a/rock.bin",
    "url file:///a/sized",
  ]);
  URL.revokeObjectURL(address);
  bench.done();
});

Deno.test("load() reads real files through a function of the program", async () => {
  const bench = new Bench(1_000_000, {
    open: async (path) => {
      const file = await Deno.open(path);
      return { stream: file.readable, size: (await file.stat()).size };
    },
  });
  const file = new URL(import.meta.url);
  const [one, two, none] = await collect(bench.loader.load([file, file.href, new URL("none", file)]));
  assertEquals([loaded(one).bytes, loaded(two).bytes], [await Deno.readFile(file), await Deno.readFile(file)]);
  const { error, attempts } = failure(none, "FA721", "its path could not be opened");
  assert(error.cause instanceof Deno.errors.NotFound && attempts === 1);
  for (const one of [loaded(two), loaded(await collect(bench.loader.load([file])).then(([again]) => again))]) {
    one.release();
  }
  loaded(one).release();
  bench.done();
});

Deno.test("load() fetches over the network by default", async () => {
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => new Response("rock"));
  const bench = new Bench();
  const [result] = await collect(bench.loader.load([`http://127.0.0.1:${server.addr.port}/`]));
  assertEquals(new TextDecoder().decode(loaded(result).bytes), "rock");
  loaded(result).release();
  bench.done();
});

Deno.test("load() of a request sends its body each time, and listens to its signal", async () => {
  const bodies: string[] = [];
  const bench = new Bench(1000, {
    fetch: async (input, { signal }) => {
      bodies.push(await (input as Request).text());
      signal.throwIfAborted();
      return new Response("x", { status: bodies.length < 3 ? 503 : 200 });
    },
  });
  const from = new Request(SITE, { method: "POST", body: "which rock?" });
  const [result] = await collect(bench.loader.load([from]));
  loaded(result).release();
  assertEquals([loaded(result).attempts, bodies], [3, ["which rock?", "which rock?", "which rock?"]]);

  const controller = new AbortController();
  const slow = new Bench(1000, {
    fetch: (_, { signal }) => new Promise((_, no) => signal.onabort = () => no(signal.reason)),
  });
  const batch = slow.loader.load([new Request(SITE, { signal: controller.signal })]);
  await settle();
  controller.abort(new RangeError("enough"));
  const [ended] = await collect(batch);
  assert(failure(ended, "FA721", "it was cancelled").error.cause instanceof RangeError);
  bench.done();
  slow.done();
});

Deno.test("load() of nothing at all gives an empty asset without memory, from every kind of source", async () => {
  const bench = new Bench(1000, {
    fetch: async (input) =>
      await Promise.resolve(
        new Response(`${input}`.endsWith("null") ? null : "", { headers: { "content-length": "0" } }),
      ),
    open: () => ({ stream: streamOf(bytesOf(0)), size: 0 }),
  });
  const sources: AssetFrom[] = [
    SITE,
    `${SITE}null`,
    "path",
    new Blob([]),
    streamOf(bytesOf(0)),
    streamOf(bytesOf(0), 1, "bytes"),
    () => streamOf(bytesOf(0)),
    () => new Response(null, { status: 204 }),
  ];
  const decode = (bytes: Uint8Array): number => bytes.length;
  for (const result of await collect(bench.loader.load([...sources, { from: new Blob([]), decode }]))) {
    const asset = loaded(result);
    assertEquals([asset.size, asset.id, asset.bytes, asset.keep()], [0, undefined, new Uint8Array(0), undefined]);
  }
  assertEquals(await collect(bench.loader.load([])), []);
  assertEquals(bench.loader.load([]).progress.fraction, 1);
  bench.done();
});

Deno.test("load() takes a length for what it is: not for the size of what was compressed or left out", async () => {
  const bytes = bytesOf(5000);
  const respond: Readonly<Record<string, () => Response>> = {
    packed: () => new Response(streamOf(bytes), { headers: { "content-encoding": "gzip", "content-length": "70" } }),
    plain: () =>
      new Response(streamOf(bytes), { headers: { "content-encoding": "Identity", "content-length": "5000" } }),
    strange: () => new Response(streamOf(bytes), { headers: { "content-length": "5000, 5000" } }),
    head: () => new Response(null, { headers: { "content-length": "5000" } }),
  };
  const bench = new Bench(100_000, {
    fetch: async (input) => await Promise.resolve(respond[`${input}`.split("/").pop()!]!()),
  });
  const batch = bench.loader.load(Object.keys(respond).map((name) => `${SITE}${name}`));
  const sizes = (await collect(batch)).map((result) => {
    loaded(result).release();
    return loaded(result).size;
  });
  assertEquals(sizes, [5000, 5000, 5000, 0]);
  bench.done();
});

Deno.test("load() takes the length of a response of another origin for a guess, as browsers hide how it is packed", async () => {
  const bench = new Bench(20_000);
  const { streaming } = bench.alloc;
  let reserved = 0;
  const reserveAsync = streaming.reserveAsync.bind(streaming);
  streaming.reserveAsync = (...args) => {
    reserved++;
    return reserveAsync(...args);
  };
  const make = (announced: number, length: number) => (): Response => {
    const response = new Response(streamOf(bytesOf(length)), { headers: { "content-length": `${announced}` } });
    return Object.defineProperty(response, "type", { value: "cors" });
  };
  for (
    const [announced, length, count] of [[5000, 5000, 1], [700, 5000, 1], [5000, 90, 1], [15_000, 15_000, 2]] as const
  ) {
    reserved = 0;
    const [result] = await collect(bench.loader.load([make(announced, length)]));
    assertEquals([loaded(result).bytes, loaded(result).attempts, reserved], [bytesOf(length), 1, count]);
    loaded(result).release();
  }
  const [opaque] = await collect(bench.loader.load([() => Response.error()]));
  failure(opaque, "FA721", "its response cannot be read: fetch it with CORS");
  bench.done();
});

// How bytes come in

/** Which readers a function uses. */
async function readersOf(fn: () => Promise<unknown>): Promise<string[]> {
  const modes: string[] = [];
  const { getReader } = ReadableStream.prototype;
  ReadableStream.prototype.getReader = function (this: ReadableStream, options?: { readonly mode: "byob" }) {
    const reader = getReader.call(this, options as never);
    modes.push(options?.mode ?? "plain");
    return reader;
  } as typeof getReader;
  try {
    await fn();
  } finally {
    ReadableStream.prototype.getReader = getReader;
  }
  return modes;
}

Deno.test("load() has a stream of bytes write into the memory itself, and copies nothing", async () => {
  const bench = new Bench();
  const bytes = bytesOf(100_000);
  const views: { readonly size: number; readonly offset: number; readonly buffer: number }[] = [];
  let at = 0;
  const stream = new ReadableStream({
    type: "bytes",
    pull(controller) {
      const request = controller.byobRequest;
      assert(request?.view, "there is no memory to write into");
      const view = request.view as Uint8Array<ArrayBuffer>;
      views.push({ size: view.byteLength, offset: view.byteOffset, buffer: view.buffer.byteLength });
      const count = Math.min(view.length, 30_000, bytes.length - at);
      view.set(bytes.subarray(at, at + count));
      at += count;
      if (count === 0) controller.close();
      request.respond(count);
    },
  });
  const { set } = Uint8Array.prototype;
  let copied = 0;
  const modes = await readersOf(async () => {
    Uint8Array.prototype.set = function (this: Uint8Array, from, offset) {
      if (this.buffer.byteLength >= 100_000) copied += from.length;
      return set.call(this, from, offset);
    };
    const [result] = await collect(bench.loader.load([{ from: stream, size: 100_000 }]));
    Uint8Array.prototype.set = set;
    assertEquals(loaded(result).bytes, bytes);
    loaded(result).release();
  });
  assertEquals(modes, ["byob"]);
  // What was written was written by the source, each time into what was left of the memory of the asset.
  assertEquals(copied, 100_000);
  assertEquals(views, [
    { size: 100_000, offset: 0, buffer: 100_000 },
    { size: 70_000, offset: 30_000, buffer: 100_000 },
    { size: 40_000, offset: 60_000, buffer: 100_000 },
    { size: 10_000, offset: 90_000, buffer: 100_000 },
    { size: 1, offset: 0, buffer: 1 }, // asks whether there is more
  ]);
  bench.done();
});

Deno.test("load() reads files, blobs and responses in the same way", async () => {
  const bench = new Bench(1_000_000, {
    open: async (path) => ({ stream: (await Deno.open(path)).readable, size: (await Deno.stat(path)).size }),
  });
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response(bytesOf(50_000)),
  );
  const sources = [new URL(import.meta.url), new Blob([bytesOf(50_000)]), `http://127.0.0.1:${server.addr.port}/`];
  for (const from of sources) {
    assertEquals(await readersOf(() => bench.loader.each([from], () => {})), ["byob"], `${from}`);
  }
  bench.done();
});

Deno.test("load() copies chunks of other streams, whatever their sizes, and refuses what is no bytes", async () => {
  const bench = new Bench();
  const chunks = [3, 0, 1, 0, 0, 70_000, 1, 100_000, 0].map((length) => bytesOf(length));
  const whole = new Uint8Array(await new Blob(chunks).arrayBuffer());
  const make = (): ReadableStream<Uint8Array> => ReadableStream.from(chunks);
  for (const size of [undefined, whole.length]) {
    const modes = await readersOf(() =>
      bench.loader.each([{ from: make(), size }, { from: make, size }], ({ bytes }) => {
        assertEquals(bytes, whole);
      })
    );
    assertEquals(modes, ["plain", "plain"]);
  }
  for (const chunk of ["text", 3, null, [1], new DataView(new ArrayBuffer(4))]) {
    const from = (): ReadableStream => ReadableStream.from([bytesOf(3), chunk]);
    for (const size of [undefined, 100]) {
      const [result] = await collect(bench.loader.load([{ from, size }]));
      assertEquals(failure(result, "FA721", "its stream gives").attempts, 1);
    }
  }
  bench.done();
});

Deno.test("load() copies where the chunk source of the program cannot take memory back", async () => {
  const source: ChunkSource = {
    name: "without adopt",
    capabilities: arrayBufferSource.capabilities,
    obtain: (bytes) => {
      const chunk = arrayBufferSource.obtain(bytes);
      return {
        get buffer() {
          return chunk.buffer;
        },
        revoke: () => chunk.revoke(),
        release: () => chunk.release(),
      };
    },
  };
  const alloc = new SmartAlloc({ source, streamingBudget: 10_000 });
  const loader = new AssetLoader(alloc);
  const modes = await readersOf(async () => {
    const sizes: number[] = [];
    const assets = [streamOf(bytesOf(4000), 999, "bytes"), blob("b", 3000), () => new Response(bytesOf(2000))];
    const { failures } = await loader.each(assets, ({ bytes }) => sizes.push(bytes.length));
    assertEquals([sizes.sort(), failures], [[2000, 3000, 4000], []]);
  });
  assertEquals([modes.includes("byob"), alloc.streaming.stats.reserved], [false, 0]);
});

// Sizes that are wrong

Deno.test("load() of fewer or more bytes than were announced is FA722, and is tried again", async () => {
  const header = { headers: { "content-length": "1000" } };
  const wrong: Readonly<Record<string, (length: number, type: "bytes" | "plain") => AssetRequest>> = {
    "a response": (length, type) => ({ from: () => new Response(streamOf(bytesOf(length), 300, type), header) }),
    "a function": (length, type) => ({ from: () => ({ stream: streamOf(bytesOf(length), 300, type), size: 1000 }) }),
    "a request": (length, type) => ({ from: () => streamOf(bytesOf(length), 300, type), size: 1000 }),
    "a path": (length, type) => ({ from: `${type}/${length}` }),
  };
  const bench = new Bench(10_000, {
    open: (path) => {
      const [type, length] = `${path}`.split("/");
      return { stream: streamOf(bytesOf(Number(length)), 300, type as "plain"), size: 1000 };
    },
  });
  for (const [what, make] of Object.entries(wrong)) {
    for (const type of ["bytes", "plain"] as const) {
      for (
        const [length, text] of [[999, "ended after 999 of 1000"], [0, "ended after 0 of"], [
          1001,
          "more than",
        ]] as const
      ) {
        const [result] = await collect(bench.loader.load([make(length, type)]));
        assertEquals(failure(result, "FA722", text).attempts, 3, what);
      }
      const [result] = await collect(bench.loader.load([make(1000, type)]));
      loaded(result).release();
    }
  }
  // A stream is read once only.
  for (const length of [999, 1001]) {
    const [result] = await collect(bench.loader.load([{ from: streamOf(bytesOf(length)), size: 1000 }]));
    assertEquals(failure(result, "FA722").attempts, 1);
  }
  bench.done();
});

Deno.test("load() of a source that announces another size than the program is FA722, and one that changes is loaded anew", async () => {
  const bench = new Bench(10_000);
  const opens: number[] = [];
  const from = (): { stream: ReadableStream<Uint8Array>; size: number } => {
    opens.push(bench.reserved);
    return { stream: streamOf(bytesOf(500)), size: 500 };
  };
  const [result] = await collect(bench.loader.load([{ from, size: 400 }]));
  assertEquals(failure(result, "FA722", "announces 500 bytes instead of 400").attempts, 3);
  assertEquals(opens, [400, 400, 400]); // a size that is known is reserved before anything is opened

  let opened = 0;
  const changing = (): { stream: ReadableStream<Uint8Array>; size: number } => {
    opened++;
    return opened === 1
      ? { stream: new Tap().give(bytesOf(100)).fail(new Error("cut")).stream, size: 500 }
      : { stream: streamOf(bytesOf(600)), size: 600 };
  };
  const [anew] = await collect(bench.loader.load([changing]));
  assertEquals([loaded(anew).bytes, loaded(anew).attempts], [bytesOf(600), 3]);
  loaded(anew).release();
  bench.done();
});

// What fails, and what is tried again

Deno.test("load() tries again what may be better next time, and nothing else", async () => {
  const strange = new Tap();
  const cases: readonly (readonly [what: string, from: () => unknown, attempts: number, text: string])[] = [
    ...[408, 425, 429, 500, 502, 503, 504, 599].map((status) =>
      [`${status}`, () => new Response("no", { status }), 4, `the server answered ${status}, at the last of 4`] as const
    ),
    ...[400, 401, 403, 404, 410, 418, 451].map((status) =>
      [`${status}`, () => new Response("no", { status }), 1, `the server answered ${status}: check`] as const
    ),
    ["304", () => new Response(null, { status: 304, statusText: "Not Modified" }), 1, "answered 304 Not Modified"],
    ["a rejection", () => Promise.reject(new TypeError("no route")), 4, 'its function failed ("no route")'],
    ["an error that is none", () => Promise.reject("nothing"), 4, 'its function failed ("nothing")'],
    ["an error without a text", () => Promise.reject(undefined), 4, "its function failed, at the last"],
    ["a throw", () => assert(false, "bad luck"), 4, 'its function failed ("bad luck")'],
    [
      "a body that breaks off",
      () => new Response(new Tap().give(bytesOf(9)).fail(new Error("cut")).stream),
      4,
      "broke off",
    ],
    ["a file without `open`", () => "file", 1, "it is a path: give the loader the option `open`"],
    ["nothing", () => undefined, 1, "its function returned undefined"],
    ["a number", () => 3, 1, "its function returned 3"],
    ["a strange size", () => ({ stream: strange.stream, size: -1 }), 1, "its function returned an Object"],
    [
      "a stream in use",
      () => {
        const stream = streamOf(bytesOf(3));
        stream.getReader();
        return stream;
      },
      1,
      "its stream is being read already",
    ],
  ];
  const bench = new Bench(1000, { retries: 3, fetch: (input) => Promise.reject(new TypeError(`${input} is down`)) });
  for (const [what, from, attempts, text] of cases) {
    let calls = 0;
    const counted = (): never => {
      calls++;
      return from() as never;
    };
    const [bad, good] = await collect(bench.loader.load([{ name: what, from: counted }, blob("good", 100)]));
    assertEquals([failure(bad, "FA721", text).attempts, calls], [attempts, attempts], what);
    assertEquals(loaded(good).bytes, bytesOf(100)); // nothing else is lost
    loaded(good).release();
  }
  assert(strange.isCancelled);
  const [down] = await collect(bench.loader.load([SITE]));
  const { error } = failure(down, "FA721", `it could not be fetched ("${SITE} is down"), at the last of 4 attempts`);
  assert(error.cause instanceof TypeError);
  bench.done();
});

Deno.test("load() tries again as often as it was told to", async () => {
  for (const retries of [0, 1, 5]) {
    const bench = new Bench(1000, { retries });
    let calls = 0;
    const from = (): Blob => {
      if (++calls > 5) return new Blob(["at last"]);
      throw new RangeError("not yet");
    };
    const batch = bench.loader.load([from]);
    const [result] = await collect(batch);
    assertEquals([calls, result?.attempts, batch.progress.retries], [retries + 1, retries + 1, retries]);
    assertEquals(result?.ok, retries === 5);
    if (result?.ok) result.release();
    bench.done();
  }
});

Deno.test("load() cancels the body of a response that it has no use for", async () => {
  const bench = new Bench(1000, { retries: 0 });
  const taps = [new Tap(), new Tap(), new Tap()];
  const [missing, large, strange] = taps.map(({ stream }) => stream);
  const results = await collect(bench.loader.load([
    () => new Response(missing!, { status: 404 }),
    () => new Response(large!, { headers: { "content-length": "1001" } }),
    { from: () => new Response(strange!, { headers: { "content-length": "7" } }), size: 5 },
  ]));
  failure(results[0], "FA721", "404");
  failure(results[1], "FA721", 'it takes at least 1001 bytes and loader "assets" may have 1000: raise the budget');
  failure(results[2], "FA722");
  await settle();
  assertEquals(taps.map((tap) => tap.isCancelled), [true, true, true]);
  bench.done();
});

/** At which times a function is called that fails each time. */
async function attemptTimes(options: AssetLoaderOptions, from: () => unknown): Promise<number[]> {
  using time = new FakeTime();
  const bench = new Bench(1000, options);
  const times: number[] = [];
  const batch = bench.loader.load([() => {
    times.push(time.now - time.start);
    return from() as never;
  }]);
  const all = collect(batch);
  while (!batch.isOver) await time.nextAsync();
  failure((await all)[0], "FA721");
  bench.done();
  return times;
}

Deno.test("load() waits longer before each attempt, and as long as a server asks for", async () => {
  const fail = (): never => {
    throw new RangeError("no");
  };
  const exact = { jitter: 0 };
  assertEquals(await attemptTimes({ retries: 3, backoff: exact }, fail), [0, 100, 300, 700]);
  assertEquals(await attemptTimes({ retries: 8, backoff: exact }, fail).then((times) => times.slice(6)), [
    6300,
    11_300,
    16_300,
  ]);
  const backoff = { first: 10, factor: 3, most: 50, ...exact };
  assertEquals(await attemptTimes({ retries: 4, backoff }, fail), [0, 10, 40, 90, 140]);
  const busy = (after: string) => (): Response => new Response("", { status: 429, headers: { "retry-after": after } });
  assertEquals(await attemptTimes({ backoff: exact }, busy("7")), [0, 7000, 14_000]);
  assertEquals(await attemptTimes({ backoff: exact }, busy("0")), [0, 100, 300]);
  assertEquals(await attemptTimes({ backoff: exact }, busy("tomorrow")), [0, 100, 300]);
  for (let i = 0; i < 20; i++) {
    const [, second, third] = await attemptTimes({ backoff: { first: 100, jitter: 0.5 } }, fail) as [0, number, number];
    assert(second >= 50 && second <= 100 && third - second >= 100 && third - second <= 200, `${second}, ${third}`);
  }
});

Deno.test("load() lets others past while it waits for another attempt", async () => {
  using time = new FakeTime();
  const bench = new Bench(1000, { concurrency: 1, backoff: { first: 1000, jitter: 0 } });
  const order: string[] = [];
  let isDown = true;
  const flaky = (): Blob => {
    order.push("flaky");
    if (!isDown) return new Blob(["x"]);
    isDown = false;
    throw new RangeError("no");
  };
  const batch = bench.loader.load([
    flaky,
    ...[1, 2, 3].map((i) => () => {
      order.push(`other ${i}`);
      return new Blob(["y"]);
    }),
  ]);
  const all = collect(batch);
  for (let i = 0; i < 10; i++) await time.runMicrotasks();
  assertEquals([order, batch.progress.queued], [["flaky", "other 1", "other 2", "other 3"], 1]);
  await time.tickAsync(1000);
  for (const result of await all) loaded(result).release();
  assertEquals(order.at(-1), "flaky");
  bench.done();
});

// The budget

Deno.test("load() reserves no more than the budget, and opens what has a known size when there is memory for it", async () => {
  const bench = new Bench(1_000_000, { budget: 1000, concurrency: 4 });
  let opened = 0;
  const from = (): Blob => {
    opened++;
    return new Blob([bytesOf(400)]);
  };
  const batch = bench.loader.load(Array.from({ length: 10 }, () => ({ from, size: 400 })));
  await settle();
  // Nobody takes anything: two lie there, and the others wait without being open.
  const { done, active, waiting } = batch.progress;
  assertEquals([done, active, waiting, opened, bench.reserved, bench.loader.reserved], [2, 4, 4, 2, 800, 800]);
  let most = 0;
  for await (const result of batch) {
    most = Math.max(most, bench.reserved);
    assertEquals(loaded(result).bytes, bytesOf(400));
    await settle();
    loaded(result).release();
  }
  assertEquals([opened, most], [10, 800]);
  bench.done();
});

Deno.test("load() never has more than the streaming budget, and shares it with the program", async () => {
  const bench = new Bench(1000, { budget: 5000 });
  assertEquals(bench.loader.budget, 1000);
  const own = bench.alloc.streaming.reserve(700)!;
  const batch = bench.loader.load([blob("a", 400), blob("b", 200), blob("c", 1001)]);
  const all = collect(batch);
  await settle();
  // The first in line is not overtaken.
  assertEquals([batch.progress.waiting, batch.progress.failed, bench.reserved], [2, 1, 700]);
  assertEquals(bench.alloc.streaming.stats.waiting, 1); // only the first one asks
  bench.alloc.streaming.free(own);
  const [a, b, c] = await all;
  failure(c, "FA721", "it takes at least 1001 bytes");
  for (const asset of [loaded(a), loaded(b)]) asset.release();
  bench.done();
});

Deno.test("load() serves the most important ones first, across batches", async () => {
  const bench = new Bench(1000, { concurrency: 1, budget: 100 });
  const order: string[] = [];
  const batches = (["low", "high", "normal"] as const).map((priority) =>
    bench.loader.load([1, 2].map((i) => ({
      name: `${priority} ${i}`,
      size: 100,
      priority,
      from: ({ signal }: { signal: AbortSignal }) => {
        assert(!signal.aborted);
        order.push(`${priority} ${i}`);
        return new Blob([bytesOf(100)]);
      },
    })))
  );
  await Promise.all(batches.map(async (batch) => {
    for await (const result of batch) {
      loaded(result).release();
    }
  }));
  assertEquals(order, ["high 1", "high 2", "normal 1", "normal 2", "low 1", "low 2"]);
  bench.done();
});

Deno.test("load() lets the most important one have the memory that others wait for, also when it comes last", async () => {
  const bench = new Bench(1000, { concurrency: 8 });
  const full = bench.alloc.streaming.reserve(1000)!;
  const order: string[] = [];
  const make = (priority: StreamPriority): AssetRequest => blob(priority, 900, { priority });
  const take = async (priority: StreamPriority): Promise<void> => {
    for await (const result of bench.loader.load([make(priority)])) {
      order.push(result.name);
      loaded(result).release();
    }
  };
  const takes = (["low", "normal", "high", "critical"] as const).map(async (priority) => {
    const taking = take(priority);
    await settle();
    assertEquals([bench.alloc.streaming.stats.waiting, bench.loader.reserved], [1, 900]);
    await taking;
  });
  await settle();
  await settle();
  bench.alloc.streaming.free(full);
  await Promise.all(takes);
  assertEquals(order, ["critical", "high", "normal", "low"]);
  bench.done();
});

Deno.test("load() fails what a limit on a tag will never let through, and waits for what it may", async () => {
  const bench = new Bench(10_000);
  const { alloc, loader } = bench;
  alloc.budgets.setTag("level", { hard: 512 });
  const within = alloc.withTag("level", () => loader.load([blob("large", 600), blob("fits", 400), blob("too", 300)]));
  const results: string[] = [];
  for await (const result of within) {
    results.push(`${result.name} ${result.ok}`);
    if (!result.ok) assert(failure(result, "FA721", "there is no memory for it").error.cause instanceof Error);
    else {
      assertEquals(
        alloc.stats().tags.find(({ path }) => path === "level")?.inUse.streaming,
        result.size + 16 - result.size % 16 - (result.size % 16 === 0 ? 16 : 0),
      );
      await settle();
      result.release();
    }
  }
  assertEquals(results, ["large false", "fits true", "too true"]);
  bench.done();
});

Deno.test("load() books memory to the tag of the asset, or to the one that was open when it was asked for", async () => {
  const bench = new Bench();
  const { alloc, loader } = bench;
  let inTask = "";
  const decode = (_: Uint8Array, { task }: DecodeContext): void => {
    task.allocSlice(Uint8Array, 10);
    inTask = alloc.stats().tasks.tasks[0]!.tag;
  };
  const assets = [
    blob("a", 100, { tag: "level::rocks" }),
    blob("b", 200),
    blob("c", 300, { tag: "x::y", decode, keepBytes: true }),
  ];
  const batch = alloc.withTag("around", () => loader.load(assets));
  using _tag = alloc.tag("somebody else's"); // open while everything happens
  const plain = loader.load([() => new Blob([bytesOf(400)])]);
  const all = [...await collect(batch), ...await collect(plain)];
  const used = Object.fromEntries(alloc.stats().tags.map(({ path, inUse }) => [path, inUse.streaming]));
  assertEquals([used["level::rocks"], used["around"], used["x::y"], used["somebody else's"]], [112, 208, 304, 400]);
  assertEquals(inTask, "x::y");
  for (const asset of all) loaded(asset).release();
  bench.done();
});

Deno.test("load() books to no tag where none was open, whatever is open later", async () => {
  const bench = new Bench();
  const batch = bench.loader.load([blob("a", 160)]);
  using _tag = bench.alloc.tag("later");
  const [result] = await collect(batch);
  const used = Object.fromEntries(bench.alloc.stats().tags.map(({ path, inUse }) => [path, inUse.streaming]));
  assertEquals(used["later"] ?? 0, 0);
  loaded(result).release();
  bench.done();
});

Deno.test("load() does no work ahead of a reader who takes nothing", async () => {
  const cases: Readonly<Record<string, AssetRequest>> = {
    failures: { from: () => Promise.reject(new Error("no")) },
    "decoded assets": { from: () => new Blob(["x"]), decode: () => 1 },
    "empty assets": { from: () => new Blob([]) },
  };
  for (const [what, asset] of Object.entries(cases)) {
    const bench = new Bench(1000, { concurrency: 3, retries: 0 });
    let opened = 0;
    const from = (): Promise<never> => {
      opened++;
      return (asset.from as () => Promise<never>)();
    };
    const batch = bench.loader.load(Array.from({ length: 20 }, () => ({ ...asset, from })));
    await settle();
    assert(opened >= 3 && opened <= 6, `${opened} ${what}`);
    const before = opened;
    const iterator = batch[Symbol.asyncIterator]();
    await iterator.next();
    await settle();
    assert(opened <= before + 3, what);
    let count = 1;
    while (!(await iterator.next()).done) count++;
    assertEquals([count, opened], [20, 20], what);
    bench.done();
  }
});

// Whose the memory is

Deno.test("release() frees the memory, once, and is no eviction", async () => {
  const bench = new Bench(1000);
  const { streaming } = bench.alloc;
  const evicted: Eviction[] = [];
  streaming.onEvict = (eviction) => evicted.push(eviction);
  const [result] = await collect(bench.loader.load([blob("rock", 800, { priority: "low" })]));
  const asset = loaded(result);
  const { bytes } = asset;
  assertEquals([streaming.state(asset.id!), streaming.stats.pinnedCount, asset.isReleased], ["ready", 1, false]);
  const waiting = streaming.reserveAsync(900, { priority: "critical" }); // would evict it, were it not pinned
  await settle();
  assertEquals(streaming.stats.waiting, 1);
  asset.release();
  asset.release();
  asset[Symbol.dispose]();
  assertEquals([bytes.length, asset.isReleased, evicted, streaming.stats.evictions], [0, true, [], 0]);
  assertThrows(() => asset.bytes, PoolError, "FA401");
  assertThrows(() => asset.keep(), PoolError, "FA401");
  streaming.free(await waiting);
  bench.done();
});

Deno.test("release() of what the program has pinned is FA406, and changes nothing", async () => {
  const bench = new Bench(1000);
  const [result] = await collect(bench.loader.load([blob("rock", 800)]));
  const asset = loaded(result);
  const pin = bench.alloc.streaming.pin(asset.id!);
  assertThrows(() => asset.release(), PoolError, "FA406");
  assertEquals([asset.isReleased, asset.bytes.length, bench.loader.reserved], [false, 800, 800]);
  pin.end();
  asset.release();
  bench.done();
});

Deno.test("keep() leaves the memory to streaming, and the budget to others", async () => {
  const bench = new Bench(2000, { budget: 1000 });
  const { streaming } = bench.alloc;
  const batch = bench.loader.load([blob("a", 900, { priority: "low" }), blob("b", 900, { priority: "high" })]);
  const ids: number[] = [];
  for await (const result of batch) {
    const asset = loaded(result);
    ids[asset.index] = asset.keep()!;
    assertEquals([asset.keep(), asset.isReleased, asset.bytes.length], [asset.id!, true, 900]);
    asset.release(); // does nothing any more
  }
  assertEquals([bench.reserved, bench.loader.reserved, streaming.stats.pinnedCount], [1800, 0, 0]);
  const next = await collect(bench.loader.load([blob("c", 800)]));
  assertEquals(ids.map((id) => streaming.has(id)), [false, true]); // the less important one has made room
  loaded(next[0]).release();
  streaming.free(ids[1]!);
  bench.done();
});

Deno.test("release() after the end of the allocator does nothing", async () => {
  const bench = new Bench(1000);
  const results = await collect(bench.loader.load([blob("a", 100), blob("b", 100)]));
  assertEquals(bench.alloc.dispose().map(({ name }) => name), ["a", "b"]);
  loaded(results[0]).release();
  loaded(results[1]).keep();
  assertEquals([bench.loader.reserved, bench.source.chunks], [0, 0]);
});

// Sizes that nobody knows

Deno.test("load() of an unknown size gives exactly the bytes that there are", async () => {
  const bench = new Bench(10_000_000);
  const edges = [1, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, 262_144, 262_145, 600_001];
  const assets = edges.flatMap((length) =>
    ([[65_536, "plain"], [10_000, "bytes"], [1_000_000, "plain"], [999, "plain"]] as const).map(([chunk, type]) => ({
      name: `${length}`,
      from: () => streamOf(bytesOf(length), chunk, type),
    }))
  );
  await bench.loader.each(assets, ({ name, bytes, size, id }) => {
    assertEquals([bytes.length, size, bench.alloc.streaming.access(id!).length], Array(3).fill(Number(name)));
    assertEquals(bytes, bytesOf(Number(name)));
  }).then(({ loaded, failures }) => assertEquals([loaded, failures], [assets.length, []]));
  bench.done();
});

Deno.test("load() of unknown sizes that need each other's memory starts over with a size, and none waits for ever", async () => {
  for (const budget of [30_000, 50_000, 100_000]) {
    const bench = new Bench(1_000_000, { budget, concurrency: 8 });
    let most = 0;
    const opened: number[] = [];
    const assets = Array.from({ length: 24 }, (_, i) => {
      const length = 500 + (i * 7919) % 29_000;
      return async () => {
        opened[i] = (opened[i] ?? 0) + 1;
        await delay(i % 3);
        most = Math.max(most, bench.reserved);
        return streamOf(bytesOf(length, i), 700 + i, i % 2 === 0 ? "bytes" : "plain");
      };
    });
    const { loaded, failures } = await bench.loader.each(assets, async ({ bytes, index, attempts }) => {
      most = Math.max(most, bench.reserved);
      assertEquals([bytes, attempts], [bytesOf(500 + (index * 7919) % 29_000, index), 1]);
      await delay(0);
    });
    assertEquals([loaded, failures], [24, []]);
    assert(opened.every((count) => count <= 2), `opened ${opened}`);
    assert(opened.some((count) => count === 2) || budget === 100_000, "nobody had to start over");
    assert(most > budget / 4 && most <= budget, `${most} bytes`);
    bench.done();
  }
});

Deno.test("load() of an unknown size fits as long as its bytes do, and stops to read when they do not", async () => {
  const bench = new Bench(1_000_000, { budget: 10_000 });
  for (const type of ["plain", "bytes"] as const) {
    const [result] = await collect(bench.loader.load([() => streamOf(bytesOf(10_000), 333, type)]));
    assertEquals(loaded(result).bytes, bytesOf(10_000));
    loaded(result).release();
    let given = 0;
    let isCancelled = false;
    const endless = (): ReadableStream<Uint8Array<ArrayBuffer>> => {
      const source = {
        pull(controller: { enqueue(bytes: Uint8Array<ArrayBuffer>): void }) {
          given += 1000;
          controller.enqueue(bytesOf(1000));
        },
        cancel() {
          isCancelled = true;
        },
      };
      return type === "bytes" ? new ReadableStream({ type, ...source }) : new ReadableStream(source);
    };
    const [large] = await collect(bench.loader.load([endless]));
    assertEquals(failure(large, "FA721", "it takes at least 11000 bytes and").attempts, 1);
    assert(isCancelled && given < 13_000);
  }
  bench.done();
});

Deno.test("load() of a stream without a size needs twice its bytes, and says so", async () => {
  const bench = new Bench(1_000_000, { budget: 10_000, name: "textures" });
  for (const type of ["plain", "bytes"] as const) {
    for (const length of [1, 4999, 5000]) {
      const [fits] = await collect(bench.loader.load([streamOf(bytesOf(length), 700, type)]));
      assertEquals(loaded(fits).bytes, bytesOf(length));
      loaded(fits).release();
    }
    const [large] = await collect(bench.loader.load([streamOf(bytesOf(5001), 700, type)]));
    failure(
      large,
      "FA721",
      'its 5000 bytes, or more, have to fit twice into the 10000 that loader "textures" may have for it: give',
    );
  }
  const [sized] = await collect(bench.loader.load([{ from: streamOf(bytesOf(9000)), size: 9000 }]));
  loaded(sized).release();
  bench.done();
});

Deno.test("load() of a stream without a size never waits for room that only it could give, whichever limit is in the way", async () => {
  const limits: readonly (readonly [string, (alloc: SmartAlloc) => void])[] = [
    ["a tag", (alloc) => alloc.budgets.setTag("level", { hard: 100_000 })],
    ["all memory", (alloc) => alloc.budgets.setGlobal({ hard: 100_000 })],
  ];
  for (const [name, limit] of limits) {
    const alloc = new SmartAlloc({ streamingBudget: 1_000_000 });
    limit(alloc);
    const loader = new AssetLoader(alloc);
    for (const [length, fits] of [[50, true], [40_000, true], [60_000, false], [150_000, false]] as const) {
      const request = { from: streamOf(bytesOf(length), 700), tag: "level" };
      const [result] = await collect(loader.load([request]));
      assertEquals(result!.ok, fits, `${length} under the limit of ${name}`);
      if (result!.ok) result!.release();
      else failure(result, "FA721", "have to fit twice into the 100000");
    }
    const again = () => streamOf(bytesOf(90_000), 700);
    const [whole] = await collect(loader.load([{ from: again, tag: "level" }]));
    assertEquals(loaded(whole).bytes, bytesOf(90_000));
    loaded(whole).release();
    assertEquals(alloc.streaming.stats.reserved, 0);
  }
});

Deno.test("load() of streams without a size loads one at a time, of all loaders of an allocator", async () => {
  const bench = new Bench(100_000);
  const other = new AssetLoader(bench.alloc);
  const taps = Array.from({ length: 6 }, () => new Tap());
  const batches = [bench.loader, other].map((loader, i) =>
    loader.load([...taps.slice(i * 3, i * 3 + 3).map(({ stream }) => stream), blob("with a size", 100)])
  );
  const all = Promise.all(batches.map((batch) => collect(batch)));
  for (let over = 0; over < 6; over++) {
    await settle();
    const states = batches.flatMap((batch) => batch.assets().slice(0, 3).map(({ state }) => state));
    assertEquals([states.filter((state) => state === "loading").length, states.filter((s) => s === "done").length], [
      1,
      over,
    ]);
    taps[states.indexOf("loading")]!.give(bytesOf(1000)).end();
  }
  for (const result of (await all).flat()) loaded(result).release();
  bench.done();
});

Deno.test("load() of a stream without a size goes before those who wait for what it holds", async () => {
  for (const priority of ["low", "critical"] as const) {
    const bench = new Bench(600_000);
    const { streaming } = bench.alloc;
    const own = [450_000, 50_000].map((bytes) => streaming.reserve(bytes)!) as [number, number];
    const tap = new Tap();
    const results: string[] = [];
    const take = async (assets: readonly AssetRequest[]): Promise<void> => {
      for await (const result of bench.loader.load(assets)) {
        results.push(`${result.name} ${loaded(result).size}`);
        loaded(result).release();
      }
    };
    const states = (): unknown => [streaming.stats.available, streaming.stats.waiting, results.length];
    const takes = [take([{ name: "stream", from: tap.stream, priority }])];
    await settle();
    takes.push(take([blob("large", 300_000, { priority: "critical" })]));
    const program = streaming.reserveAsync(60_000, { priority: "critical" });
    tap.give(bytesOf(65_536));
    await settle();
    assertEquals(states(), [34_464, 2, 0]);
    tap.give(bytesOf(4464)); // for which there is no room
    await settle();
    assertEquals(states(), [34_464, 2, 0]);
    streaming.free(own[1]); // which is enough for the program, but the program may wait for what the stream holds
    await settle();
    assertEquals(states(), [18_928, 2, 0]);
    tap.end();
    await settle();
    assertEquals(states(), [18_928, 2, 0]); // now it needs room for the whole
    streaming.free(own[0]);
    streaming.free(await program);
    await Promise.all(takes);
    assertEquals(results, ["stream 70000", "large 300000"]);
    bench.done();
  }
});

// Giving up

/** A batch of one asset that is stuck somewhere, and what tells whether it was let go of. */
interface Stuck {
  readonly asset: AssetRequest;
  /** Where it is stuck. */
  readonly state: string;
  /** How much it holds there. */
  readonly held?: number;
  /** What has to be so when it was given up. */
  after?(): unknown;
}

/** Every place in which an asset can be when it is given up. */
const PLACES: Readonly<Record<string, (bench: Bench) => Stuck>> = {
  "for its turn": () => ({ asset: blob("x", 10, { priority: "low" }), state: "queued" }),
  "for another attempt": () => ({ asset: { from: () => Promise.reject(new Error("no")) }, state: "queued" }),
  "for a function that listens": () => ({
    asset: { from: ({ signal }) => new Promise((_, no) => signal.addEventListener("abort", () => no(signal.reason))) },
    state: "connecting",
  }),
  "for a function that does not listen": () => {
    const tap = new Tap();
    const { promise, resolve } = Promise.withResolvers<ReadableStream<Uint8Array>>();
    return {
      asset: { from: () => promise },
      state: "connecting",
      after: async () => {
        resolve(tap.stream);
        await settle();
        assert(tap.isCancelled, "what came too late was not cancelled");
      },
    };
  },
  "for a response that comes too late": () => {
    const tap = new Tap();
    const { promise, resolve } = Promise.withResolvers<Response>();
    return {
      asset: { from: () => promise },
      state: "connecting",
      after: async () => {
        resolve(new Response(tap.stream));
        await settle();
        assert(tap.isCancelled);
      },
    };
  },
  "for memory, with its source open": () => {
    const tap = new Tap();
    return {
      asset: { from: () => ({ stream: tap.stream, size: 950 }) },
      state: "waiting",
      after: () => assert(tap.isCancelled),
    };
  },
  "for memory, with nothing open": () => ({
    asset: { from: () => assert(false, "it was opened"), size: 950 } as unknown as AssetRequest,
    state: "waiting",
  }),
  "for memory, with a stream that is not read": () => {
    const tap = new Tap();
    return { asset: { from: tap.stream, size: 950 }, state: "waiting", after: () => assert(tap.isCancelled) };
  },
  ...Object.fromEntries((["bytes", "plain"] as const).map((type) => [`for bytes of a stream: ${type}`, () => {
    const tap = new Tap(type === "plain" ? "plain" : undefined);
    tap.give(bytesOf(50));
    return { asset: { from: tap.stream, size: 100 }, state: "loading", after: () => assert(tap.isCancelled) };
  }])),
  ...Object.fromEntries((["bytes", "plain"] as const).map((type) => [`for bytes of unknown number: ${type}`, () => {
    const tap = new Tap(type === "plain" ? "plain" : undefined);
    tap.give(bytesOf(50));
    return { asset: { from: tap.stream }, state: "loading", after: () => assert(tap.isCancelled) };
  }])),
  ...Object.fromEntries((["bytes", "plain"] as const).map((type) => [`for bytes that are only counted: ${type}`, () => {
    const tap = new Tap(type === "plain" ? "plain" : undefined);
    tap.give(bytesOf(600));
    return { asset: { from: () => tap.stream }, state: "loading", held: 0, after: () => assert(tap.isCancelled) };
  }])),
  "for the end of a stream": () => {
    const tap = new Tap().give(bytesOf(100));
    return { asset: { from: tap.stream, size: 100 }, state: "loading", after: () => assert(tap.isCancelled) };
  },
  "for a decode step that listens": ({ alloc }) => ({
    asset: blob("x", 100, {
      decode: (_, { task, signal }) => {
        task.allocSlice(Uint8Array, 100);
        assertEquals(alloc.stats().tasks.live, 1);
        return new Promise((_, no) => signal.addEventListener("abort", () => no(signal.reason)));
      },
    }),
    state: "decoding",
  }),
  "for a decode step that does not listen": () => {
    const { promise, resolve } = Promise.withResolvers<Disposable>();
    let disposals = 0;
    let inside: TaskAlloc | undefined;
    return {
      asset: blob("x", 100, {
        decode: (_, { task }) => {
          inside = task;
          return promise;
        },
      }),
      state: "decoding",
      after: async () => {
        assert(inside?.isReleased, "the task goes on");
        resolve({ [Symbol.dispose]: () => disposals++ });
        await settle();
        assertEquals(disposals, 1, "what came too late was not disposed of");
      },
    };
  },
  "for the end of its task": () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let disposals = 0;
    const decode = (
      _: Uint8Array,
      { task, signal }: { readonly task: TaskAlloc; readonly signal: AbortSignal },
    ): unknown => {
      task.defer(() => promise);
      signal.addEventListener("abort", () => resolve());
      return { [Symbol.asyncDispose]: () => Promise.reject(disposals++) };
    };
    return { asset: blob("x", 100, { decode }), state: "decoding", after: () => assertEquals(disposals, 1) };
  },
  "for somebody to take it": () => ({ asset: blob("x", 50), state: "done" }),
  "for somebody to take what was decoded": () => {
    let disposals = 0;
    const decode = (): Disposable => ({ [Symbol.dispose]: () => disposals++ });
    return { asset: blob("x", 50, { decode }), state: "done", after: () => assertEquals(disposals, 1) };
  },
};

/** Every way to give a batch up. */
const WAYS: Readonly<Record<string, (batch: ReturnType<AssetLoader["load"]>, controller: AbortController) => unknown>> =
  {
    "cancel()": (batch) => batch.cancel(new RangeError("enough")),
    "cancelAsset()": (batch) => assert(batch.cancelAsset(batch.assets()[0]!.name, new RangeError("enough"))),
    "its signal": (_, controller) => controller.abort(new RangeError("enough")),
    "leaving the loop": (batch) => batch[Symbol.asyncIterator]().return!(),
    "asyncDispose": (batch) => batch[Symbol.asyncDispose](),
  };

for (const [place, make] of Object.entries(PLACES)) {
  Deno.test(`load() that is given up while it waits ${place} leaves nothing behind`, async () => {
    for (const [way, giveUp] of Object.entries(WAYS)) {
      const bench = new Bench(1000, { concurrency: 2, backoff: { first: 100_000 } });
      const { controller, count } = countingSignal();
      const { asset, state, held, after } = make(bench);
      // What holds it up: others that have the memory, or all turns.
      const full = bench.alloc.streaming.reserve(100)!;
      const busy = place === "for its turn"
        ? bench.loader.load([1, 2].map(() => ({ from: () => new Promise<Blob>(() => {}), priority: "high" as const })))
        : undefined;
      const batch = bench.loader.load([asset], { signal: controller.signal });
      await settle();
      assertEquals([batch.assets()[0]!.state, count()], [state, state === "done" ? 0 : 1], way);
      if (held !== undefined) assertEquals(bench.reserved, 100 + held);
      await giveUp(batch, controller);
      if (way !== "its signal" || state !== "done") {
        await batch.over;
        assertEquals([batch.assets()[0]!.state, bench.reserved, count()], ["cancelled", 100, 0], way);
        const { cancelled, active, queued } = batch.progress;
        assertEquals([cancelled, active, queued, batch.isOver], [1, 0, 0, true], way);
        const rest = await collect(batch);
        if (way === "leaving the loop" || way === "asyncDispose") assertEquals(rest, []);
        else {
          const { error, isCancelled } = failure(rest[0], "FA721", 'it was cancelled ("enough")');
          assert(isCancelled && error.cause instanceof RangeError, way);
        }
        assertEquals(batch.cancelAsset(asset.name ?? "asset 0"), false);
        await after?.();
      } else await collect(batch).then(([result]) => loaded(result).release()); // it was over before
      await batch.cancel();
      await busy?.cancel();
      bench.alloc.streaming.free(full);
      await settle();
      bench.done();
    }
  });
}

Deno.test("load() takes every listener off again that it has put on the signal of an asset", async () => {
  const bench = new Bench(1000, { retries: 1 });
  const counts: (() => number)[] = [];
  let calls = 0;
  const from = ({ signal }: { readonly signal: AbortSignal }): unknown => {
    if (counts.length === 0) counts.push(countListeners(signal));
    if (++calls === 1) throw new RangeError("once more");
    return { stream: streamOf(bytesOf(100)), size: 100 };
  };
  const decode = async (_: Uint8Array, { task }: DecodeContext): Promise<void> => {
    task.allocSlice(Uint8Array, 8);
    await settle();
    assert(counts[0]!() > 0);
  };
  const [result] = await collect(bench.loader.load([{ from: from as () => Blob, decode }]));
  assertEquals([loaded(result).attempts, counts[0]!()], [2, 0]);
  bench.done();
});

Deno.test("load() with a signal that is aborted already opens nothing, and gives a failure for each", async () => {
  const bench = new Bench(1000);
  const tap = new Tap();
  const from = (): Blob => assert(false, "it was opened") as never;
  const signal = AbortSignal.abort(new RangeError("too late"));
  const results = await collect(bench.loader.load([from, tap.stream], { signal }));
  for (const result of results) {
    assertEquals(failure(result, "FA721", '("too late")').attempts, 0);
    assert(result.ok === false && result.isCancelled);
  }
  assert(tap.isCancelled);
  bench.done();
});

Deno.test("cancel() ends what nobody has got, and leaves what somebody has", async () => {
  const bench = new Bench(1000, { concurrency: 2 });
  const batch = bench.loader.load([1, 2, 3, 4, 5].map((i) => blob(`${i}`, 200)));
  const iterator = batch[Symbol.asyncIterator]();
  const first = loaded((await iterator.next()).value as never);
  await settle();
  assertEquals(bench.reserved, 1000);
  await batch.cancel();
  assertEquals([bench.reserved, batch.progress.cancelled, batch.progress.done], [200, 4, 1]);
  assertEquals(first.bytes, bytesOf(200));
  const rest = await collect(batch);
  assertEquals([rest.filter((one) => !one.ok && one.isCancelled).length, (await iterator.next()).done], [4, true]);
  first.release();
  bench.done();
});

Deno.test("cancelAsset() gives up the assets of one name", async () => {
  const bench = new Bench(1000, { concurrency: 1 });
  const batch = bench.loader.load([blob("a", 100), blob("b", 100), blob("a", 100), blob("c", 100)]);
  assertEquals([batch.cancelAsset("none"), batch.cancelAsset("a"), batch.cancelAsset("a")], [false, true, false]);
  const results = await collect(batch);
  assertEquals(results.map(({ ok, name }) => `${name} ${ok}`), ["a false", "b true", "a false", "c true"]);
  for (const result of results) if (result.ok) result.release();
  bench.done();
});

Deno.test("cancel() lets go of each asset once, also when that calls back in", async () => {
  const bench = new Bench();
  const disposed = [0, 0, 0];
  const taken: boolean[] = [];
  const batch = bench.loader.load(disposed.map((_, i) => ({
    from: new Blob([bytesOf(10)]),
    decode: () => ({
      [Symbol.dispose](): void {
        disposed[i]!++;
        void batch.cancel();
        if (i === 0) void batch[Symbol.asyncIterator]().next().then(({ value }) => taken.push(value!.ok));
      },
    }),
  })));
  await batch.over;
  await batch.cancel();
  const left = await Array.fromAsync(batch);
  assertEquals([disposed, taken, left.map(({ ok, index }) => [ok, index])], [
    [1, 1, 1],
    [false],
    [[false, 1], [false, 2]],
  ]);
  bench.done();
});

Deno.test("cancel() never rejects, whatever a value does that nobody gets", async () => {
  const value = {
    get [Symbol.dispose](): () => void {
      throw new Error("There is none");
    },
  };
  const bench = new Bench();
  const batch = bench.loader.load([0, 1].map(() => ({ from: new Blob([bytesOf(10)]), decode: () => value })));
  await batch.over;
  await batch.cancel();
  assertEquals((await Array.fromAsync(batch)).map(({ ok }) => ok), [false, false]);

  // The same for one that comes after its asset was given up: nothing may be left uncaught.
  const { promise, resolve } = Promise.withResolvers<typeof value>();
  const late = bench.loader.load([{ from: new Blob([bytesOf(10)]), decode: () => promise }]);
  await settle();
  await late.cancel();
  resolve(value);
  await settle();
  bench.done();
});

Deno.test("a loop that is left early gives up the rest, also when it is left by an error", async () => {
  for (const how of ["break", "throw"]) {
    const bench = new Bench(1000, { concurrency: 4 });
    const tap = new Tap();
    const batch = bench.loader.load([blob("a", 100), blob("b", 100), { from: tap.stream, size: 100 }, blob("c", 900)]);
    try {
      for await (const result of batch) {
        loaded(result).release();
        await settle();
        if (how === "break") break;
        throw new RangeError("mine");
      }
    } catch (error) {
      assert(error instanceof RangeError);
    }
    assertEquals([batch.isOver, tap.isCancelled, bench.reserved], [true, true, 0]);
    bench.done();
  }
});

Deno.test("several loops over one batch share its results", async () => {
  const bench = new Bench(10_000, { concurrency: 3 });
  const batch = bench.loader.load(Array.from({ length: 20 }, (_, i) => blob(`${i}`, 100 + i)));
  const lists = await Promise.all([1, 2, 3].map(async () => {
    const names: string[] = [];
    for await (const result of batch) {
      names.push(result.name);
      await settle();
      loaded(result).release();
    }
    return names;
  }));
  assertEquals(lists.flat().sort((a, b) => +a - +b), Array.from({ length: 20 }, (_, i) => `${i}`));
  assert(lists.every((names) => names.length > 3));
  const iterator = batch[Symbol.asyncIterator]();
  assertStrictEquals(iterator[Symbol.asyncIterator](), iterator);
  bench.done();
});

Deno.test("a loop that waits ends when another one is left", async () => {
  const bench = new Bench(1000);
  const batch = bench.loader.load([() => new Promise<Blob>(() => {})]);
  const waiting = collect(batch);
  await settle();
  await batch[Symbol.asyncIterator]().return!();
  assertEquals(await waiting, []);
  bench.done();
});

Deno.test("dispose() of the allocator ends loading with an error for each asset", async () => {
  const bench = new Bench(1000, { concurrency: 3 });
  const tap = new Tap().give(bytesOf(5));
  const batch = bench.loader.load([
    { from: tap.stream, size: 100 },
    { from: () => new Blob([bytesOf(950)]), size: 950 },
    blob("later", 950),
    { from: new Blob(["x"]), decode: () => 3 },
  ]);
  await settle();
  bench.alloc.dispose();
  tap.give(bytesOf(5));
  for (const result of await collect(batch)) assertEquals(failure(result, "FA721").isCancelled, false);
  assertEquals([bench.source.chunks, bench.loader.reserved, tap.isCancelled], [0, 0, true]);
});

// Decoding

Deno.test("decode has the bytes, a task of its own, and the last word on the value", async () => {
  const bench = new Bench(10_000);
  const { alloc } = bench;
  const tasks: TaskAlloc[] = [];
  const slices: Uint8Array[] = [];
  const views: Uint8Array[] = [];
  const batch = bench.loader.load([100, 200].map((length, i) => ({
    name: `asset ${length}`,
    from: new Blob([bytesOf(length)]),
    keepBytes: i === 1,
    decode: async (bytes: Uint8Array<ArrayBuffer>, { task, name, signal }: DecodeContext) => {
      assertEquals([name, task.name, signal.aborted, bytes], [`asset ${length}`, name, false, bytesOf(length)]);
      tasks.push(task);
      views.push(bytes);
      const slice = task.allocSlice(Uint8Array, length);
      slices.push(slice);
      slice.set(bytes);
      await settle();
      return { sum: slice.reduce((sum, byte) => sum + byte, 0), promoted: task.promote(slice) };
    },
  })));
  const [one, two] = await collect(batch);
  assertEquals([alloc.stats().tasks.live, tasks.every((task) => task.isReleased)], [0, true]);
  assertEquals([slices.map(({ length }) => length), views.map(({ length }) => length).sort()], [[0, 0], [0, 200]]);
  assertEquals([loaded(one).id, bench.reserved], [undefined, 200]);
  assertThrows(() => loaded(one).bytes, PoolError, 'FA401: Cannot use the bytes of asset "asset 100"');
  assertEquals(loaded(two).bytes, bytesOf(200));
  for (const result of [one, two]) {
    const { value, size } = loaded(result);
    assertEquals([value.sum, [...value.promoted.slice]], [bytesOf(size).reduce((a, b) => a + b), [...bytesOf(size)]]);
    value.promoted.free();
    loaded(result).release();
  }
  bench.done();
});

Deno.test("decode that fails is the failure of its asset, and is not tried again", async () => {
  const bench = new Bench(10_000);
  let calls = 0;
  let disposals = 0;
  const decodes: readonly (readonly [AssetRequest["decode"], string])[] = [
    [() => {
      calls++;
      throw new SyntaxError("no rock");
    }, 'its decode step failed ("no rock")'],
    [() => Promise.reject(new SyntaxError("no rock")), 'its decode step failed ("no rock")'],
    [(_, { task }) => {
      task.defer(() => Promise.reject(new SyntaxError("cannot tidy up")));
      return { [Symbol.dispose]: () => disposals++ };
    }, 'its decode step failed ("cannot tidy up")'],
    [
      (bytes) => structuredClone(bytes, { transfer: [bytes.buffer] }) && Promise.reject(new SyntaxError("gone")),
      "gone",
    ],
  ];
  for (const [decode, text] of decodes) {
    const [bad, good] = await collect(
      bench.loader.load([blob("bad", 100, { decode, keepBytes: true }), blob("good", 50)]),
    );
    const { error, attempts } = failure(bad, "FA721", text);
    assert(error.cause instanceof SyntaxError && attempts === 1);
    loaded(good).release();
  }
  assertEquals([calls, disposals], [1, 1]);
  bench.done();
});

Deno.test("decode may hand the bytes to another thread", async () => {
  const bench = new Bench(1000);
  const decode = (bytes: Uint8Array<ArrayBuffer>): Uint8Array => structuredClone(bytes, { transfer: [bytes.buffer] });
  for (const keepBytes of [false, true]) {
    const [result] = await collect(bench.loader.load([{ from: new Blob([bytesOf(300)]), decode, keepBytes }]));
    assertEquals(loaded(result).value, bytesOf(300));
    if (keepBytes) assertThrows(() => loaded(result).bytes, PoolError, "FA407");
    loaded(result).release();
  }
  bench.done();
});

// each()

Deno.test("each() calls a function with each asset, one at a time, and frees each", async () => {
  const bench = new Bench(1000, { retries: 0 });
  let inside = 0;
  let kept: number | undefined;
  const seen: string[] = [];
  const assets = [blob("a", 300), () => Promise.reject(new Error("no")), blob("b", 400), blob("c", 500), new Blob([])];
  const { loaded, bytes, failures } = await bench.loader.each(assets, async (asset) => {
    assertEquals(++inside, 1);
    assertEquals(asset.bytes, bytesOf(asset.size));
    await settle();
    seen.push(asset.name);
    if (asset.name === "b") kept = asset.keep();
    inside--;
  });
  assertEquals([seen.sort(), loaded, bytes], [["a", "asset 4", "b", "c"], 4, 1200]);
  assertEquals(failures.map(({ asset }) => asset), ["asset 1"]);
  assertEquals(bench.reserved, 400);
  bench.alloc.streaming.free(kept!);
  bench.done();
});

Deno.test("each() throws what the function throws, and gives up the rest", async () => {
  const bench = new Bench(1000, { concurrency: 2 });
  const tap = new Tap();
  let calls = 0;
  const error = await assertRejects(() =>
    bench.loader.each([blob("a", 300), { from: tap.stream, size: 300 }, blob("b", 400)], async () => {
      calls++;
      await settle();
      throw new RangeError("mine");
    })
  );
  assert(error instanceof RangeError);
  assertEquals([calls, tap.isCancelled], [1, true]);
  bench.done();
});

Deno.test("each() throws the reason of its signal, unless everything was over before", async () => {
  const bench = new Bench(1000, { concurrency: 1 });
  const { controller, count } = countingSignal();
  const { signal } = controller;
  const seen: string[] = [];
  const error = await assertRejects(() =>
    bench.loader.each([blob("a", 100), blob("b", 100), blob("c", 100)], (asset) => {
      seen.push(asset.name);
      assertEquals(count(), 1);
      controller.abort(new RangeError("enough"));
      assertEquals(asset.bytes.length, 100); // whoever has it keeps it
    }, { signal })
  );
  assert(error === signal.reason);
  assertEquals([seen, count()], [["a"], 0]);
  const late = new AbortController();
  const summary = await bench.loader.each([blob("a", 100)], () => late.abort(), { signal: late.signal });
  assertEquals([summary.loaded, summary.failures], [1, []]);
  bench.done();
});

// Progress

Deno.test("progress tells how far each asset is, and all together", async () => {
  const bench = new Bench(1000, { concurrency: 4, retries: 1, backoff: { first: 0 } });
  const tap = new Tap();
  let isDown = true;
  const flaky = (): ReadableStream<Uint8Array> => {
    const stream = isDown ? new Tap().give(bytesOf(70)).fail(new Error("cut")).stream : streamOf(bytesOf(70));
    isDown = false;
    return stream;
  };
  const batch = bench.loader.load([
    { name: "slow", from: tap.stream, size: 400 },
    { name: "flaky", from: flaky, size: 70 },
    { name: "bad", from: () => Promise.reject(new Error("no")), size: 50 },
    blob("large", 900, { priority: "low" }),
    { name: "unsized", from: () => new Promise<Blob>(() => {}) },
    { name: "last", from: new Blob([bytesOf(30)]) },
  ]);
  const states = (): string[] => batch.assets().map(({ state }) => state);
  const none = { done: 0, failed: 0, cancelled: 0, waiting: 0, retries: 0, loaded: 0, received: 0, isOver: false };
  assertEquals(batch.progress, { ...none, assets: 6, queued: 6, active: 0, total: 1450, unsized: 1, fraction: 0 });
  tap.give(bytesOf(100));
  while (batch.progress.done + batch.progress.failed < 3) await settle();
  await settle();
  assertEquals(states(), ["loading", "done", "failed", "waiting", "connecting", "done"]);
  assertEquals(batch.assets()[0], { name: "slow", state: "loading", loaded: 100, size: 400, attempts: 1 });
  const { received, ...rest } = batch.progress;
  const { received: _, ...before } = none;
  assertEquals(rest, {
    ...before,
    assets: 6,
    done: 2,
    failed: 1,
    queued: 0,
    active: 3,
    waiting: 1,
    retries: 2,
    loaded: 200,
    total: 1400,
    unsized: 1,
    fraction: (3 + 100 / 400) / 6,
  });
  assert(received >= 200 && received <= 270); // what was cut off may never have come
  batch.cancelAsset("unsized");
  tap.give(bytesOf(300)).end();
  for await (const result of batch) if (result.ok) result.release();
  const { done, failed, cancelled, loaded, total, fraction, isOver } = batch.progress;
  assertEquals({ done, failed, cancelled, loaded, total, fraction, isOver }, {
    done: 4,
    failed: 1,
    cancelled: 1,
    loaded: 1400,
    total: 1400,
    fraction: 1,
    isOver: true,
  });
  bench.done();
});

Deno.test("watch() shows the latest snapshot only, however slowly it is read, and ends with the last one", async () => {
  using time = new FakeTime();
  const bench = new Bench(10_000, { concurrency: 1 });
  const taps = [1, 2, 3, 4].map(() => new Tap());
  const batch = bench.loader.load(taps.map(({ stream }) => ({ from: stream, size: 10 })));
  const all = collect(batch);
  const watch = batch.watch();
  const seen: (LoadProgress | undefined)[] = [];
  const read = async (): Promise<void> => {
    const { value, done } = await watch.next();
    seen.push(done ? undefined : value);
  };
  await read(); // the first one at once
  assertEquals(seen[0]?.done, 0);
  void read();
  await time.tickAsync(99);
  await time.runMicrotasks();
  assertEquals(seen.length, 1);
  for (const tap of taps.slice(0, 3)) {
    tap.give(bytesOf(10)).end();
    await time.runMicrotasks();
    await time.runMicrotasks();
  }
  await time.tickAsync(1);
  await time.runMicrotasks();
  assertEquals([seen.length, seen[1]?.done], [2, 3]); // all at once
  void read();
  void read();
  await time.runMicrotasks();
  taps[3]!.give(bytesOf(10)).end();
  for (let i = 0; i < 5; i++) await time.runMicrotasks(); // the end does not wait
  assertEquals([seen.length, seen[2]?.isOver, seen[2]?.fraction, seen[3]], [4, true, 1, undefined]);
  await read();
  assertEquals(seen.at(-1), undefined);
  const late = await Array.fromAsync(batch.watch(), ({ done }) => done);
  assertEquals(late, [4]);
  for (const result of await all) loaded(result).release();
  bench.done();
});

Deno.test("watch() that is left takes its timer along", async () => {
  const bench = new Bench(1000);
  const batch = bench.loader.load([() => new Promise<Blob>(() => {})]);
  for await (const progress of batch.watch({ every: 100_000 })) {
    assertEquals(progress.queued, 1);
    break;
  }
  const watch = batch.watch({ every: 100_000 });
  await watch.next();
  const waiting = watch.next();
  await watch.return!();
  assertEquals([(await waiting).done, (await watch.next()).done], [true, true]);
  for (const every of [-1, NaN, Infinity, "1", {}]) {
    assertThrows(() => batch.watch({ every: every as never }), ArgumentError, "FA008");
  }
  await batch.cancel();
  bench.done();
});

Deno.test("watch() answers each of several questions at once", async () => {
  const bench = new Bench(1000);
  const batch = bench.loader.load([blob("a", 10)]);
  const watch = batch.watch({ every: 0 });
  const all = collect(batch);
  const answers = await Promise.all(Array.from({ length: 8 }, () => watch.next()));
  assertEquals(answers.at(-1)!.done, true);
  assertEquals(answers.filter(({ value }) => value?.isOver).length, 1);
  for (const result of await all) loaded(result).release();
  bench.done();
});

/** A snapshot. */
function snapshot(more: Partial<LoadProgress>): LoadProgress {
  const none = { done: 0, failed: 0, cancelled: 0, queued: 0, active: 0, waiting: 0, retries: 0, loaded: 0, total: 0 };
  return { assets: 10, ...none, unsized: 0, received: 0, fraction: 0, isOver: false, ...more };
}

/** What a bar writes for some snapshots. */
async function bar(
  snapshots: readonly LoadProgress[],
  options: { width?: number; isColored?: boolean } = {},
): Promise<string[]> {
  const written: string[] = [];
  const watch = async function* (): AsyncGenerator<LoadProgress> {
    yield* snapshots;
  };
  await progressBar({ watch }, { ...options, write: (text) => written.push(text) });
  return written;
}

Deno.test("progressBar() writes one line again and again, and ends it", async () => {
  const written = await bar([
    snapshot({ unsized: 10 }),
    snapshot({ done: 2, fraction: 0.259, loaded: 2048, total: 4096, waiting: 3, retries: 1 }),
    snapshot({ done: 6, failed: 3, cancelled: 1, fraction: 1, loaded: 4096, total: 4096, retries: 4, isOver: true }),
  ], { width: 10 });
  assertEquals(written, [
    "\r░░░░░░░░░░   0 %  0 of 10, 0 B",
    "\r██░░░░░░░░  25 %  2 of 10, 2.00 KB of 4.00 KB, 1 retried, 3 waiting for room",
    "\r██████████ 100 %  6 of 10, 4.00 KB, 3 failed, 1 cancelled, 4 retried        ",
    "\n",
  ]);
  assertEquals((await bar([snapshot({ fraction: 0.5 })]))[0]!.match(/[█░]/g)?.length, 30);
});

Deno.test("progressBar() in colours says the same", async () => {
  const [line] = await bar([snapshot({ done: 4, failed: 1, fraction: 0.5 })], { width: 4, isColored: true });
  assertEquals(line, "\r\x1b[32m██\x1b[0m\x1b[2m░░\x1b[0m  50 %  4 of 10, 0 B, \x1b[31m1 failed\x1b[0m");
});

Deno.test("progressBar() waits for what it writes, and throws what that throws", async () => {
  const bench = new Bench(1000);
  const batch = bench.loader.load([() => new Promise<Blob>(() => {})]);
  const write = (): Promise<never> => Promise.reject(new RangeError("the pipe is broken"));
  await assertRejects(() => progressBar(batch, { write }), RangeError);
  for (const width of [0, -1, 1.5, NaN, 1001, "3", null]) {
    await assertRejects(() => progressBar(batch, { write, width: width as never }), ArgumentError, "FA008");
  }
  for (const strange of [undefined, null, 3]) {
    await assertRejects(() => progressBar(batch, { write: strange as never }), ArgumentError, "FA008");
  }
  await batch.cancel();
  bench.done();
});

// Types

Deno.test("load() gives the values that the decode steps make", () => {
  const types = (loader: AssetLoader, requests: readonly AssetRequest<number>[]): void => {
    const plain = loader.load(["a", new URL("https://example.com"), { from: "b" }, () => new Response("")]);
    expectTypeOf(plain[Symbol.asyncIterator]().next).returns.resolves.extract<{ done?: false }>().toHaveProperty(
      "value",
    );
    const one = loader.load([{ from: "a", decode: (bytes: Uint8Array) => bytes.length }]);
    const later = loader.load([{ from: "a", decode: (_, { task }) => Promise.resolve(task.name) }]);
    const mixed = loader.load(["a", { from: "b", decode: () => 1 }, { from: "c", decode: () => "x" }]);
    type Value<B> = B extends AsyncIterable<infer R>
      ? R extends { readonly ok: true; readonly value: infer T } ? T : never
      : never;
    expectTypeOf<Value<typeof plain>>().toEqualTypeOf<undefined>();
    expectTypeOf<Value<typeof one>>().toEqualTypeOf<number>();
    expectTypeOf<Value<typeof later>>().toEqualTypeOf<string>();
    expectTypeOf<Value<typeof mixed>>().toEqualTypeOf<string | number | undefined>();
    const listed = loader.load(requests);
    expectTypeOf<Value<typeof listed>>().toEqualTypeOf<number | undefined>();
    void loader.each([{ from: "a", decode: () => 7 }], ({ value }) => expectTypeOf(value).toEqualTypeOf<number>());
    // @ts-expect-error: a number is no source
    void (() => loader.load([3]));
  };
  assert(typeof types === "function");
});
