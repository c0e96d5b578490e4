/**
 * Serves the page with the particles to browsers on this machine: `deno run -A examples/gpu/serve.ts`.
 */

import { build, stop } from "esbuild";
import { fileURLToPath } from "node:url";

if (import.meta.main) {
  const script = await bundle(new URL("page.ts", import.meta.url));
  await stop();
  const onListen = ({ port }: Deno.NetAddr): void => console.log(`Open http://127.0.0.1:${port}/`);
  const options = { hostname: "127.0.0.1", port: Number(Deno.args[0] ?? 8010), onListen };
  Deno.serve(options, (request) => answer(request, script));
}

/** A module with all that it imports, as browsers take it. */
export async function bundle(module: URL): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(module)],
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  return outputFiles[0]!.text;
}

async function answer(request: Request, script: string): Promise<Response> {
  switch (new URL(request.url).pathname) {
    case "/":
      return new Response(await Deno.readFile(new URL("particles.html", import.meta.url)), {
        headers: { "content-type": "text/html" },
      });
    case "/page.js":
      return new Response(script, { headers: { "content-type": "text/javascript" } });
    default:
      return new Response(null, { status: 404 });
  }
}
