/**
 * Chromium as an engine: it loads a page from this machine, which runs the smoke program and sends back what it reports.
 */

import { LIBRARY } from "./_package.ts";

const COMMANDS = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];

/**
 * With these it prints the page when that is loaded, or a minute is over, and ends by itself. It cannot be killed, as on Debian the
 * command is a script that does not pass that on.
 */
const OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--timeout=60000"];

/** Without these a page gets no shared memory. */
const ISOLATION = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/** The command and the version of the Chromium that is installed. */
export async function findChromium(): Promise<{ readonly command: string; readonly version: string }> {
  for (const command of COMMANDS) {
    try {
      const { success, stdout } = await new Deno.Command(command, { args: ["--version"], stderr: "null" }).output();
      const version = new TextDecoder().decode(stdout).match(/[\d.]+/)?.[0];
      if (success && version !== undefined) return { command, version };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error("none is installed (Debian: apt-get install chromium-headless-shell)");
}

/** Runs the smoke program of a project, and returns what it reports, as JSON. */
export async function runInChromium(project: string): Promise<string> {
  const { command } = await findChromium();
  const page = pageOf(await importsOf(project));
  const { promise: report, resolve } = Promise.withResolvers<string>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/") return new Response(page, { headers: { ...ISOLATION, "content-type": "text/html" } });
    if (pathname === "/report") resolve(await request.text());
    else if (pathname === "/reported") await report;
    else return await script(`${project}${pathname}`);
    return new Response();
  });
  const profile = await Deno.makeTempDir({ prefix: "framealloc_chromium_" });
  try {
    const args = [...OPTIONS, `--user-data-dir=${profile}`, `http://127.0.0.1:${server.addr.port}/`];
    const { stderr } = await new Deno.Command(command, { args }).output();
    const failures = [`no report has come: ${new TextDecoder().decode(stderr)}`];
    resolve(JSON.stringify({ passed: 0, failures })); // after a report this does nothing
    return await report;
  } finally {
    await server.shutdown();
    await Deno.remove(profile, { recursive: true });
  }
}

/** The import map that does what `exports` does in the manifest of the library. */
async function importsOf(project: string): Promise<Record<string, string>> {
  const { name, exports } = JSON.parse(await Deno.readTextFile(`${project}/${LIBRARY}/package.json`));
  return Object.fromEntries(
    Object.entries<{ readonly import: string }>(exports).map(([entry, { import: file }]) => [
      `${name}${entry.slice(1)}`,
      `/${LIBRARY}/${file}`,
    ]),
  );
}

/** A page that is not loaded before its report has come, as the image is held back until then. */
function pageOf(imports: Record<string, string>): string {
  return `<!doctype html>
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">
const failed = (error) => ({ passed: 0, failures: [String(error)] });
const report = await import("/smoke.js").then(({ smoke }) => smoke()).catch(failed);
await fetch("/report", { method: "POST", body: JSON.stringify(report) });
</script>
<img src="/reported">
`;
}

async function script(path: string): Promise<Response> {
  try {
    return new Response(await Deno.readFile(path), { headers: { "content-type": "text/javascript" } });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Response(null, { status: 404 });
    throw error;
  }
}
