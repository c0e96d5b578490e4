/**
 * Ties the command to the analysis.
 */

import { API, isAllocatorClass } from "../core/api_table.ts";
import { analyze } from "../core/analyze.ts";
import { RULES } from "../registry.ts";
import { OTHER_WORDS } from "../rules/other_rules.ts";
import type { Engine } from "./engine.ts";
import { isLibrary } from "./library.ts";

/** The words without which a text has nothing to report; what it imports from files of its own, the index knows. */
const WORDS = new RegExp(`framealloc|\\b(?:${Object.keys(API).filter(isAllocatorClass).join("|")})\\b`);

/** The analysis of this package. */
export const CORE: Engine = {
  rules: RULES,
  isLibrary,
  concerns: (text, modules) =>
    WORDS.test(text) || OTHER_WORDS.test(text) || modules.some((module) => text.includes(module)),
  analyze: (program, source, options) => analyze(program, source, options),
};
