/**
 * Which files are looked at, and what becomes of those that cannot be read or parsed.
 */

import { symlinkSync } from "node:fs";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { discover } from "../../lint/fa/discover.ts";
import { globMatcher } from "../../lint/fa/globs.ts";
import { OXC, OXC_BY_JSON } from "../../lint/fa/parse.ts";
import { Folder, using } from "./_fa.ts";

function names(folder: Folder, ...roots: readonly string[]): string[] {
  return discover(roots.length === 0 ? ["."] : roots, folder.path, []).map(({ file }) => file);
}

Deno.test("every kind of source is found, and nothing that is nobody's own source", () => {
  const sources = ["a.ts", "b.tsx", "c.mts", "d.cts", "e.js", "f.jsx", "g.mjs", "h.cjs", "sub/deep/i.ts"];
  const others = [
    "a.d.ts",
    "b.d.mts",
    "c.css.d.ts",
    "x.json",
    "y.md",
    "z.tsbuildinfo",
    "node_modules/n/i.ts",
    ".hidden/h.ts",
    "sub/.git/g.ts",
  ];
  using folder = new Folder(Object.fromEntries([...sources, ...others].map((name) => [name, ""])));
  assertEquals(names(folder).sort(), [...sources].sort());
  assertEquals(names(folder, "node_modules"), ["node_modules/n/i.ts"], "what is asked for is looked at");
  assertEquals(names(folder, ".hidden", "a.d.ts"), [".hidden/h.ts", "a.d.ts"]);
});

Deno.test("what Git ignores is left out, as each .gitignore on the way says", () => {
  using folder = new Folder({
    ".git/HEAD": "",
    ".gitignore": "# built\ndist/\n*.gen.ts\n/top.ts\n!keep.gen.ts\ncache\n",
    "sub/.gitignore": "local/*\n!local/kept.ts\n",
    ...Object.fromEntries(
      [
        "a.ts",
        "top.ts",
        "x.gen.ts",
        "keep.gen.ts",
        "dist/d.ts",
        "sub/top.ts",
        "sub/dist/d.ts",
        "sub/local/l.ts",
        "sub/local/kept.ts",
        "cache/c.ts",
      ]
        .map((name) => [name, ""]),
    ),
  });
  assertEquals(names(folder), ["a.ts", "keep.gen.ts", "sub/local/kept.ts", "sub/top.ts"]);
  assertEquals(names(folder, "sub"), ["sub/local/kept.ts", "sub/top.ts"], "the files above hold too");
  assertEquals(names(folder, "dist"), ["dist/d.ts"], "unless the folder itself was asked for");
});

Deno.test("links are not followed, so that a circle has an end", () => {
  using folder = new Folder({ "a/x.ts": "" });
  symlinkSync("..", `${folder.path}/a/up`);
  symlinkSync("x.ts", `${folder.path}/a/y.ts`);
  assertEquals(names(folder), ["a/x.ts"]);
});

Deno.test("patterns match as they do in a shell", () => {
  for (
    const [glob, yes, no] of [
      ["*.ts", ["a.ts"], ["a/b.ts", "a.tsx"]],
      ["**/*.ts", ["a.ts", "a/b/c.ts"], ["a.js"]],
      ["src/**", ["src/a", "src/a/b"], ["other/src/a"]],
      ["src", ["src", "src/a"], ["src2", "a/src"]],
      ["a/**/z", ["a/z", "a/b/c/z"], ["a/bz"]],
      ["{a,b/c}/?.ts", ["a/x.ts", "b/c/y.ts"], ["b/x.ts", "a/xy.ts"]],
      ["[a-c]*.[!j]s", ["b1.ts"], ["d.ts", "a.js"]],
      ["a(b)+c.$^|", ["a(b)+c.$^|"], ["abbc"]],
      ["{a", ["{a"], ["a"]],
    ] as const
  ) {
    for (const path of yes) assertEquals(globMatcher(glob)(path), true, `${glob} ${path}`);
    for (const path of no) assertEquals(globMatcher(glob)(path), false, `${glob} ${path}`);
  }
});

Deno.test("files that cannot be parsed are reported and do not stop the rest", async () => {
  using folder = new Folder({
    "a.ts": using("bad702();"),
    "broken.ts": using("const = 1;"),
    "also_broken.js": "function (",
    "film.ts": "G\0@\0\0",
    "z.ts": using("bad702();"),
  });
  const { code, document } = await folder.json();
  assertEquals(code, 3);
  assertEquals(document.diagnostics.map(({ location }) => location.file), ["a.ts", "z.ts"]);
  assertEquals(document.errors.map(({ file, kind, location }) => `${kind} ${file}:${location?.line}`).sort(), [
    "parse also_broken.js:1",
    "parse broken.ts:2",
  ]);
});

Deno.test("files that cannot be read are reported and do not stop the rest", async () => {
  using folder = new Folder({ "a.ts": using("bad702();"), "secret.ts": using("bad702();") });
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...[
        "run",
        "--allow-read",
        "--allow-env",
        "--allow-sys",
        "--allow-ffi",
        "--allow-run",
        `--deny-read=${folder.path}/secret.ts`,
      ],
      ...[new URL("_fa_program.ts", import.meta.url).pathname, "-f", "compact", "--path", folder.path],
    ],
  }).output();
  const out = new TextDecoder().decode(stdout);
  assertEquals(code, 3);
  assertStringIncludes(out, "a.ts:2:1: error [FA702]");
  assertStringIncludes(out, "secret.ts:1:1: error [read]: Cannot read the file");
});

Deno.test("offsets are those of the text, with a byte order mark, an interpreter line or emoji before them", () => {
  for (const head of ["", "\ufeff", "#!/usr/bin/env x\n", "\ufeff#!/usr/bin/env x\n", "/* 😀 é */ "]) {
    const text = `${head}const a = 1; // c`;
    const { program, comments, errors } = OXC_BY_JSON.parse("a.ts", text);
    assertEquals(errors, []);
    const first = (program as unknown as { body: { range: [number, number] }[] }).body[0];
    assertEquals(text.slice(...first?.range ?? [0, 0]), "const a = 1;");
    assertEquals(text.slice(...comments.at(-1)?.range ?? [0, 0]), "// c");
  }
});

Deno.test({
  name: "both ways out of the parser give the same",
  // The parser keeps its shared memory for a while, with a timer.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: () => {
    const text = Deno.readTextFileSync(new URL("../../src/smart_alloc.ts", import.meta.url));
    assertEquals(JSON.stringify(OXC.parse("a.ts", text)), JSON.stringify(OXC_BY_JSON.parse("a.ts", text)));
    for (const broken of ["let x: = 1", "/* 😀 */ const = 1;", "\ufeff/* é */ }"]) {
      const { errors } = OXC_BY_JSON.parse("a.ts", broken);
      assertEquals(errors.length > 0, true);
      assertEquals([
        OXC.parse("a.ts", broken).errors,
        OXC.errorsIn("a.ts", broken),
        OXC_BY_JSON.errorsIn("a.ts", broken),
      ], [errors, errors, errors]);
    }
    assertEquals(OXC.errorsIn("a.ts", text), []);
    assertEquals(OXC.parse("a.tsx", "<p>{x}</p>; let y: T = z as T;").errors, []);
    assertEquals(OXC.parse("a.ts", "let y = <T>z; enum E {A} declare module 'x';").errors, []);
    assertEquals(OXC.parse("a.js", "let y = <p/>;").errors, []);
  },
});
