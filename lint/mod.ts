/**
 * The plugin of `deno lint`, with a rule for each code, such as `framealloc/fa702`:
 *
 * ```json
 * { "lint": { "plugins": ["jsr:@framealloc/lint"] } }
 * ```
 *
 * It looks at each file by itself; of other files it knows what `fa index` wrote down. A `.fa.toml` counts as it does for the command.
 *
 * @module
 */

import { denoPlugin } from "./adapters/deno_plugin.ts";
import { CORE } from "./fa/core_engine.ts";

/** The plugin. */
const plugin: Deno.lint.Plugin = denoPlugin(CORE);

export default plugin;
