/**
 * Runs a program in Chromium, with WebGPU in software.
 */

import { build, stop } from "esbuild";
import { findChromium } from "../engines/_chromium.ts";

const OPTIONS = [
  // Prints the page when that is loaded, or a minute is over, and ends by itself.
  ...["--headless", "--no-sandbox", "--dump-dom", "--timeout=60000"],
  // Where there is no GPU a page gets WebGPU only if it is said to be safe, and what it draws is seen only through the same device.
  ...["--enable-unsafe-webgpu", "--enable-features=Vulkan", "--use-vulkan=swiftshader", "--use-angle=swiftshader"],
];

/** Without these a page gets no shared memory. */
const ISOLATION = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/** A page that is not loaded before its report has come, as the image is held back until then. */
const PAGE = `<!doctype html>
<script type="module">
const report = await import("/program.js").then(({ run }) => run()).catch((error) => ({ failure: String(error?.stack) }));
await fetch("/report", { method: "POST", body: JSON.stringify(report) });
</script>
<img src="/reported">
`;

/** Runs `run()` of a module, and returns what that does, through JSON; or `missing`, and what is. */
export async function runInBrowser(module: URL): Promise<Record<string, unknown>> {
  let command: string;
  try {
    ({ command } = await findChromium());
  } catch (error) {
    return { missing: `Chromium: ${(error as Error).message}` };
  }
  const program = await bundle(module);
  const { promise: report, resolve } = Promise.withResolvers<string>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const headers = (type: string) => ({ ...ISOLATION, "content-type": type });
    switch (new URL(request.url).pathname) {
      case "/":
        return new Response(PAGE, { headers: headers("text/html") });
      case "/program.js":
        return new Response(program, { headers: headers("text/javascript") });
      case "/report":
        resolve(await request.text());
        return new Response();
      case "/reported":
        await report;
        return new Response();
      default:
        return new Response(null, { status: 404 });
    }
  });
  const profile = await Deno.makeTempDir({ prefix: "framealloc_browser_" });
  try {
    const args = [...OPTIONS, `--user-data-dir=${profile}`, `http://127.0.0.1:${server.addr.port}/`];
    const { stderr } = await new Deno.Command(command, { args }).output();
    resolve(JSON.stringify({ failure: `no report has come: ${new TextDecoder().decode(stderr)}` }));
    return JSON.parse(await report);
  } finally {
    await server.shutdown();
    await Deno.remove(profile, { recursive: true });
  }
}

/** A module with all that it imports. */
async function bundle(module: URL): Promise<string> {
  const root = new URL("../..", import.meta.url).pathname;
  const { outputFiles } = await build({
    entryPoints: [module.pathname],
    alias: { "@framealloc/core": `${root}mod.ts` },
    bundle: true,
    format: "esm",
    target: "es2024",
    write: false,
  });
  await stop();
  return outputFiles[0]!.text;
}
