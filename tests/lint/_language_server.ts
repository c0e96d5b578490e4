/**
 * A client of a language server, as an editor is one: messages over the standard streams of a process.
 */

/** A diagnostic as the server sends it. */
export interface ServerDiagnostic {
  readonly code?: string | number;
  readonly source?: string;
  readonly message: string;
  readonly range: { readonly start: { readonly line: number; readonly character: number } };
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
}

interface Published {
  readonly uri: string;
  readonly version?: number;
  readonly diagnostics: readonly ServerDiagnostic[];
}

/** A session with `deno lsp`. */
export class LanguageServer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  /** A server that never says what is waited for must not stop the tests for ever. */
  readonly #limit: ReturnType<typeof setTimeout>;
  readonly #answers: Map<number, (result: unknown) => void> = new Map();
  readonly #published: Published[] = [];
  #wake: () => void = () => {};
  #isOver = false;
  #id = 0;

  constructor(cwd: string) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["lsp", "--quiet"],
      ...{ cwd, stdin: "piped", stdout: "piped", stderr: "null" },
      env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#reading = this.#read();
    this.#limit = setTimeout(() => this.#process.kill(), 60_000);
  }

  /** Says hello for a folder. */
  async start(rootUri: string): Promise<void> {
    const options = { enable: true, lint: true };
    await this.request("initialize", {
      ...{ processId: Deno.pid, rootUri, initializationOptions: options },
      workspaceFolders: [{ uri: rootUri, name: "project" }],
      capabilities: {
        // Without it the server looks for no configuration.
        workspace: { configuration: true, workspaceFolders: true },
        textDocument: { publishDiagnostics: { versionSupport: true } },
      },
    });
    await this.notify("initialized", {});
  }

  /** Asks for something. */
  async request(method: string, params: unknown): Promise<unknown> {
    const id = ++this.#id;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#answers.set(id, resolve);
    await this.#send({ id, method, params });
    return await promise;
  }

  /** Tells something. */
  async notify(method: string, params: unknown): Promise<void> {
    await this.#send({ method, params });
  }

  /** Waits until the diagnostics of a version of a text are what they are to be, and returns them. */
  async diagnostics(
    version: number,
    isThere: (diagnostics: readonly ServerDiagnostic[]) => boolean,
  ): Promise<readonly ServerDiagnostic[]> {
    for (;;) {
      const found = this.#published.find((one) => one.version === version && isThere(one.diagnostics));
      if (found !== undefined) return found.diagnostics;
      if (this.#isOver) throw new Error(`Cannot see them as the server ended after ${JSON.stringify(this.#published)}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) {
      await this.request("shutdown", null);
      await this.notify("exit", null);
    }
    await this.#writer.close().catch(() => {});
    await this.#reading;
    await this.#process.status;
    clearTimeout(this.#limit);
  }

  async #send(message: Message): Promise<void> {
    const body = new TextEncoder().encode(JSON.stringify({ jsonrpc: "2.0", ...message }));
    const head = new TextEncoder().encode(`Content-Length: ${body.length}\r\n\r\n`);
    await this.#writer.write(new Uint8Array([...head, ...body]));
  }

  async #read(): Promise<void> {
    let bytes = new Uint8Array();
    for await (const chunk of this.#process.stdout) {
      bytes = new Uint8Array([...bytes, ...chunk]);
      for (;;) {
        const head = /^Content-Length: (\d+)\r\n(?:[^\r]+\r\n)*\r\n/i.exec(
          new TextDecoder("latin1").decode(bytes.subarray(0, 200)),
        );
        if (head === null) break;
        const from = head[0].length;
        const to = from + Number(head[1]);
        if (bytes.length < to) break;
        await this.#receive(JSON.parse(new TextDecoder().decode(bytes.subarray(from, to))) as Message);
        bytes = bytes.slice(to);
      }
    }
    this.#isOver = true;
    for (const answer of this.#answers.values()) answer(undefined);
    this.#wake();
  }

  async #receive(message: Message): Promise<void> {
    if (message.method === undefined) {
      this.#answers.get(message.id ?? 0)?.(message.result);
      this.#answers.delete(message.id ?? 0);
    } else if (message.id !== undefined) {
      // What the server asks, such as for settings, has the answer that the defaults are fine.
      const items = (message.params as { items?: readonly unknown[] } | null)?.items;
      await this.#send({ id: message.id, result: items?.map(() => ({ enable: true, lint: true })) ?? null });
    } else if (message.method === "textDocument/publishDiagnostics") {
      this.#published.push(message.params as Published);
      this.#wake();
    }
  }
}
