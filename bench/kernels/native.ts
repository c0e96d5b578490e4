/** The C loops that column kernels are compared with: compiled on the spot, and kept running beside the benchmark. */

/** A child process that runs C loops when told to. */
export class Native {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #encoder = new TextEncoder();
  #rest = "";

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#writer = child.stdin.getWriter();
    this.#lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Compiles `bench/native/kernels.c` into a folder, and starts it. */
  static async start(folder: string): Promise<Native> {
    const source = new URL("../native/kernels.c", import.meta.url).pathname;
    const program = `${folder}/kernels`;
    const { success, stderr } = await new Deno.Command("gcc", {
      // The two flags change no value, but let the square roots and the conditions become SIMD.
      args: ["-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", source, "-o", program, "-lm"],
    }).output();
    if (!success) throw new Error(`gcc failed:\n${new TextDecoder().decode(stderr)}`);
    return new Native(new Deno.Command(program, { stdin: "piped", stdout: "piped" }).spawn());
  }

  /** What a loop comes to on fresh data, added up. */
  check(name: string): Promise<number> {
    return this.#ask(`check ${name}`);
  }

  /** The nanoseconds per call of a loop that is run for so many milliseconds. */
  time(name: string, milliseconds: number): Promise<number> {
    return this.#ask(`${name} ${milliseconds}`);
  }

  async #ask(line: string): Promise<number> {
    await this.#writer.write(this.#encoder.encode(`${line}\n`));
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const answer = Number(this.#rest.slice(0, end));
        this.#rest = this.#rest.slice(end + 1);
        if (Number.isNaN(answer)) throw new Error(`The C program does not know ${line}`);
        return answer;
      }
      const { value, done } = await this.#lines.read();
      if (done) throw new Error("The C program has ended");
      this.#rest += value;
    }
  }

  /** Ends the child process. */
  async stop(): Promise<void> {
    await this.#writer.close();
    await this.#lines.cancel();
    await this.#child.status;
  }
}
