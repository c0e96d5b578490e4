/**
 * Reads TOML without dates, which no key of the configuration takes. It is here because the plugin runs under the import map and in
 * the `node_modules` of the project that it looks at: a package that it needs would have to be installed there.
 */

/** A value of TOML. */
export type TomlValue = string | number | boolean | TomlValue[] | TomlTable;

/** A table of TOML. */
export interface TomlTable {
  [key: string]: TomlValue;
}

/** How a table came to be, which decides on whether more can be put into it. */
type Origin = "header" | "path" | "keys" | "closed";

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", '"': '"', "\\": "\\" },
};
const NUMBERS: readonly [RegExp, (text: string) => number][] = [
  [/^[+-]?(?:0|[1-9](?:_?\d)*)$/, Number],
  [/^0x[\da-fA-F](?:_?[\da-fA-F])*$/, Number],
  [/^0o[0-7](?:_?[0-7])*$/, Number],
  [/^0b[01](?:_?[01])*$/, Number],
  [/^[+-]?(?:0|[1-9](?:_?\d)*)(?:\.\d(?:_?\d)*)?(?:[eE][+-]?\d(?:_?\d)*)?$/, Number],
  [/^\+?inf$/, () => Infinity],
  [/^-inf$/, () => -Infinity],
  [/^[+-]?nan$/, () => NaN],
];

/** Reads a document, or throws an error with the line that is wrong. */
export function parseToml(text: string): TomlTable {
  return new Reader(text).document();
}

class Reader {
  readonly #text: string;
  readonly #origins: Map<TomlTable, Origin> = new Map();
  /** Lists that headers in double brackets made; others cannot grow. */
  readonly #lists: Set<TomlValue[]> = new Set();
  #at = 0;

  constructor(text: string) {
    this.#text = text.replace(/^\ufeff/, "").replaceAll("\r\n", "\n");
    // deno-lint-ignore no-control-regex -- these are what a document must not hold
    const control = /[\0-\x08\x0b-\x1f\x7f]/.exec(this.#text);
    if (control === null) return;
    this.#at = control.index;
    this.#fail("a control character cannot stand there");
  }

  document(): TomlTable {
    const root = this.#newTable("header");
    let table = root;
    for (;;) {
      this.#skipLines();
      if (this.#at >= this.#text.length) return root;
      if (this.#text[this.#at] === "[") table = this.#header(root);
      else this.#pair(table);
      this.#skipBlanks();
      if (this.#at < this.#text.length && !/[\n#]/.test(this.#text[this.#at] ?? "")) {
        this.#fail("the line must end there");
      }
    }
  }

  #header(root: TomlTable): TomlTable {
    const isList = this.#text.startsWith("[[", this.#at);
    this.#at += isList ? 2 : 1;
    const keys = this.#keys();
    this.#expect(isList ? "]]" : "]");
    const last = keys.pop() ?? "";
    const parent = keys.reduce((table, key) => this.#inner(table, key, "path"), root);
    const known = own(parent, last);
    if (isList) {
      const list = known ?? [];
      if (!Array.isArray(list) || (known !== undefined && !this.#lists.has(list))) {
        return this.#fail(`"${last}" is there already`);
      }
      this.#lists.add(list);
      set(parent, last, list);
      const table = this.#newTable("header");
      list.push(table);
      return table;
    }
    if (known === undefined) return set(parent, last, this.#newTable("header"));
    if (!isTable(known) || this.#origins.get(known) !== "path") return this.#fail(`"${last}" is there already`);
    this.#origins.set(known, "header");
    return known;
  }

  #pair(table: TomlTable): void {
    const keys = this.#keys();
    this.#expect("=");
    this.#skipBlanks();
    const last = keys.pop() ?? "";
    const parent = keys.reduce((inner, key) => this.#inner(inner, key, "keys"), table);
    if (own(parent, last) !== undefined) this.#fail(`"${last}" is there already`);
    set(parent, last, this.#value());
  }

  /** The table of a key on the way to another; a list stands for its last table. */
  #inner(table: TomlTable, key: string, origin: "path" | "keys"): TomlTable {
    const value = own(table, key);
    if (value === undefined) return set(table, key, this.#newTable(origin));
    if (origin === "path" && Array.isArray(value) && this.#lists.has(value)) return value.at(-1) as TomlTable;
    const known = isTable(value) ? this.#origins.get(value) : undefined;
    // What a header began, keys elsewhere cannot go on with; and what is in braces, nothing can.
    const isOpen = origin === "path" ? known !== undefined && known !== "closed" : known === "keys";
    if (!isTable(value) || !isOpen) return this.#fail(`"${key}" is there already`);
    return value;
  }

  #keys(): string[] {
    const keys: string[] = [];
    do {
      this.#skipBlanks();
      const char = this.#text[this.#at];
      const bare = char === '"' || char === "'" ? undefined : this.#match(/[\w-]+/y);
      if (bare === undefined && char !== '"' && char !== "'") this.#fail("a key must stand there");
      keys.push(bare ?? this.#line(char ?? ""));
      this.#skipBlanks();
    } while (this.#take("."));
    return keys;
  }

  #value(): TomlValue {
    const char = this.#text[this.#at] ?? "";
    if (char === '"' || char === "'") {
      return this.#text.startsWith(char.repeat(3), this.#at) ? this.#lines(char) : this.#line(char);
    }
    if (char === "[") return this.#list();
    if (char === "{") return this.#braces();
    const word = this.#match(/[\w.+:-]+/y) ?? this.#fail("a value must stand there");
    if (word === "true" || word === "false") return word === "true";
    for (const [form, read] of NUMBERS) if (form.test(word)) return read(word.replaceAll("_", ""));
    this.#at -= word.length;
    return this.#fail(`"${word}" is no value that is known; a text needs quotes`);
  }

  #list(): TomlValue[] {
    const list: TomlValue[] = [];
    this.#expect("[");
    for (;;) {
      this.#skipLines();
      if (this.#take("]")) return list;
      list.push(this.#value());
      this.#skipLines();
      if (this.#take("]")) return list;
      this.#expect(",");
    }
  }

  #braces(): TomlTable {
    const table = this.#newTable("keys");
    this.#expect("{");
    for (;;) {
      this.#skipLines();
      if (this.#take("}")) break;
      this.#pair(table);
      this.#skipLines();
      if (this.#take("}")) break;
      this.#expect(",");
    }
    this.#close(table);
    return table;
  }

  #close(table: TomlTable): void {
    this.#origins.set(table, "closed");
    for (const value of Object.values(table)) if (isTable(value)) this.#close(value);
  }

  /** A text on one line. */
  #line(quote: string): string {
    this.#at++;
    let value = "";
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined || char === "\n") return this.#fail("the text has no end on its line");
      this.#at++;
      if (char === quote) return value;
      value += char === "\\" && quote === '"' ? this.#escape() : char;
    }
  }

  /** A text over several lines. */
  #lines(quote: string): string {
    this.#at += 3;
    this.#take("\n");
    let value = "";
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) return this.#fail("the text has no end");
      if (char === quote) {
        const quotes = this.#match(quote === '"' ? /"{1,5}/y : /'{1,5}/y) ?? "";
        if (quotes.length >= 3) return value + quotes.slice(3);
        value += quotes;
        continue;
      }
      this.#at++;
      if (char !== "\\" || quote === "'") value += char;
      // A line that ends in a backslash goes on with the next that has something.
      else if (this.#match(/[ \t]*\n[ \t\n]*/y) === undefined) value += this.#escape();
    }
  }

  #escape(): string {
    const char = this.#text[this.#at++] ?? "";
    const escaped = ESCAPES[char];
    if (escaped !== undefined) return escaped;
    const hex = char === "u" ? this.#match(/[\da-fA-F]{4}/y) : char === "U" ? this.#match(/[\da-fA-F]{8}/y) : undefined;
    const point = hex === undefined ? -1 : parseInt(hex, 16);
    if (point < 0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
      this.#fail(`"\\${char}" is no escape that is known`);
    }
    return String.fromCodePoint(point);
  }

  #newTable(origin: Origin): TomlTable {
    const table: TomlTable = {};
    this.#origins.set(table, origin);
    return table;
  }

  #skipBlanks(): void {
    this.#match(/[ \t]*/y);
  }

  /** Goes on to what is more than blanks, ends of lines and comments. */
  #skipLines(): void {
    this.#match(/(?:[ \t\n]|#[^\n]*)*/y);
  }

  #expect(what: string): void {
    this.#skipBlanks();
    if (!this.#take(what)) this.#fail(`"${what}" must stand there`);
  }

  #take(what: string): boolean {
    if (!this.#text.startsWith(what, this.#at)) return false;
    this.#at += what.length;
    return true;
  }

  #match(sticky: RegExp): string | undefined {
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #fail(why: string): never {
    const before = this.#text.slice(0, this.#at).split("\n");
    throw new Error(`line ${before.length}, column ${(before.at(-1) ?? "").length + 1}: ${why}`);
  }
}

function own(table: TomlTable, key: string): TomlValue | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/** Any name can be a key, also those that mean something on objects. */
function set<T extends TomlValue>(table: TomlTable, key: string, value: T): T {
  Object.defineProperty(table, key, { value, writable: true, enumerable: true, configurable: true });
  return value;
}

function isTable(value: TomlValue): value is TomlTable {
  return typeof value === "object" && !Array.isArray(value);
}
