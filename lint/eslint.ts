/**
 * The plugin of ESLint 9 and 10, with a rule for each code, such as `framealloc/fa702`:
 *
 * ```js ignore
 * import framealloc from "@framealloc/lint/eslint";
 *
 * export default [framealloc.configs.recommended];
 * ```
 *
 * It needs no ESLint to be loaded, and oxlint takes it as one of its `jsPlugins`. Any parser will do whose trees are ESTree, for TypeScript
 * with the nodes of typescript-estree. Of other files it knows what `fa index` wrote down. A `.fa.toml` counts as it does for the command,
 * apart from which rules run beyond the usual ones: that is up to the configuration of the linter.
 *
 * @module
 */

import { type EslintPlugin, eslintPlugin } from "./adapters/eslint_plugin.ts";
import { CORE } from "./fa/core_engine.ts";
import { VERSION } from "./fa/version.ts";

export type {
  EslintConfig,
  EslintContext,
  EslintFixer,
  EslintPlugin,
  EslintPosition,
  EslintReport,
  EslintRule,
  EslintSourceCode,
} from "./adapters/eslint_plugin.ts";

/** The plugin. */
const plugin: EslintPlugin = eslintPlugin(CORE, VERSION);

export default plugin;
