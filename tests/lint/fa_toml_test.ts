/**
 * The reader of TOML reads what another one reads, and refuses what that one refuses, apart from dates.
 */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parse, stringify } from "smol-toml";
import { parseToml } from "../../lint/fa/toml.ts";
import { TEMPLATE } from "../../lint/fa/commands/init.ts";

const RIGHT = [
  "",
  "\n\n# only a comment",
  "a = 1",
  "a=1#x\nb = 2   # y\r\nc = 3",
  "a = +1_000\nb = -0\nc = 0xFf\nd = 0o17\ne = 0b1_0\nf = 1.5\ng = -1e3\nh = 6.02E-2\ni = inf\nj = -inf\nk = +inf",
  "a = nan",
  'a = "x\\n\\t\\"\\\\\\u00e9\\U0001F600"\nb = \'c:\\x\'',
  'a = """\nfirst\n  second"""\nb = """one \\\n   two"""\nc = \'\'\'\nraw \\n\'\'\'\nd = """"quoted""""',
  "a = ''''x''''",
  "a = true\nb = false",
  "a = []\nb = [1, 2, 3,]\nc = [\n  'x', # why\n  # more\n  'y'\n]\nd = [[1], ['a', [true]]]",
  "[a]\nb = 1\n[c.d]\ne = 2\n[c]\nf = 3",
  "[ a . \"b c\" . 'd' ]\nx = 1",
  "a.b.c = 1\na.b.d = 2\n[x.y]\nz.w = 1",
  '"src/**" = ["a"]\n\'it"s\' = 1\n1234 = 5\nbare-key_1 = 6\n"" = 7',
  "a = { x = 1,\n  # why\n  y = 2,\n}",
  "a = {}\nb = { x = 1, y.z = 'q', w = { v = [1] } }",
  "[[p]]\nx = 1\n[[p]]\nx = 2\n[p.q]\ny = 3\n[[p.r]]\nz = 4",
  "[a.b]\nx = 1\n[[a.c]]\ny = 2",
  "__proto__ = 1\n[constructor]\ntoString = 2",
  "\ufeffa = 1",
  "a = ['\ud83d\ude00']",
];

const WRONG = [
  "a",
  "a =",
  "= 1",
  "a = 1 b = 2",
  "a = word",
  "a = 01",
  "a = 1__0",
  "a = _1",
  "a = 0x",
  "a = 1.",
  "a = .5",
  "a = +-1",
  "a = True",
  "a = 'x",
  'a = "x\n"',
  'a = """x',
  'a = "\\q"',
  'a = "\\u12"',
  'a = "\\ud800"',
  "a = [1, 2",
  "a = [1 2]",
  "a = [,]",
  "a = { x = 1",
  "a = 1\na = 2",
  "[a]\n[a]",
  "[a]\nb = 1\n[a.b]",
  "a = {}\n[a]",
  "a = { b = {} }\na.b.c = 1",
  "a = []\n[[a]]",
  "a.b = 1\n[a]",
  "[a.b]\n[a]\nb.c = 1",
  "[[a]]\n[a]",
  "[a]\n[[a]]",
  "[a",
  "[]",
  "[a]]",
  "[[a]",
  "a b = 1",
  "a. = 1",
  "é = 1",
  "a = '\u0001'",
];

Deno.test("parseToml reads what another reader reads", () => {
  for (const text of [...RIGHT, TEMPLATE]) assertEquals(plain(parseToml(text)), plain(parse(text)), text);
});

Deno.test("parseToml refuses what another reader refuses, and says where", () => {
  for (const text of WRONG) {
    assertThrows(() => parse(text), Error, undefined, text);
    assertStringIncludes(assertThrows(() => parseToml(text), Error, undefined, text).message, "line ");
  }
  const { message } = assertThrows(() => parseToml("a = 1\n\n  b = what"), Error);
  assertStringIncludes(message, 'line 3, column 7: "what"');
});

Deno.test("parseToml refuses dates, which no key takes", () => {
  assertThrows(() => parseToml("a = 1979-05-27T07:32:00Z"), Error);
});

Deno.test("parseToml reads whatever is written", () => {
  const value = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      ...[
        fc.string({ unit: "grapheme" }),
        fc.integer(),
        fc.boolean(),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
      ],
      ...[fc.array(tie("value"), { maxLength: 3 }), tie("table")],
    ),
    table: fc.dictionary(fc.string({ unit: "grapheme" }), tie("value"), { maxKeys: 4 }),
  }));
  fc.assert(fc.property(value.table, (table) => {
    const text = stringify(table as Record<string, unknown>);
    assertEquals(plain(parseToml(text)), plain(parse(text)), text);
  }));
});

/** Without prototypes, in which readers differ. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value).map(([key, inner]) => [key, plain(inner)]).sort();
}
