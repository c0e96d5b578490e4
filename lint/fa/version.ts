/**
 * The version, as the package states it.
 */

import config from "../deno.json" with { type: "json" };

/** The version of the linter. */
export const VERSION: string = config.version;
