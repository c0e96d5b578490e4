/**
 * The rules that are about something else than the life of frame memory: threads, budgets, architecture, GPU, Rapier.
 */

import type { RuleConfig } from "../core/context.ts";
import { fa201 } from "./fa201.ts";
import { fa202 } from "./fa202.ts";
import { fa203 } from "./fa203.ts";
import { fa204 } from "./fa204.ts";
import { fa205 } from "./fa205.ts";
import { fa206 } from "./fa206.ts";
import { fa301 } from "./fa301.ts";
import { fa801 } from "./fa801.ts";
import { fa802 } from "./fa802.ts";
import { fa803 } from "./fa803.ts";
import { fa851 } from "./fa851.ts";
import { fa852 } from "./fa852.ts";
import { fa853 } from "./fa853.ts";
import { fa854 } from "./fa854.ts";
import { fa855 } from "./fa855.ts";
import { fa901 } from "./fa901.ts";
import { fa902 } from "./fa902.ts";
import { fa903 } from "./fa903.ts";
import { fa904 } from "./fa904.ts";
import { fa905 } from "./fa905.ts";
import { fa906 } from "./fa906.ts";
import type { Rule } from "./rule.ts";

/** The rules, in the order of their codes. */
export const OTHER_RULES: readonly Rule[] = [
  fa201,
  fa202,
  fa203,
  fa204,
  fa205,
  fa206,
  fa301,
  fa801,
  fa802,
  fa803,
  fa851,
  fa852,
  fa853,
  fa854,
  fa855,
  fa901,
  fa902,
  fa903,
  fa904,
  fa905,
  fa906,
];

/** What makes a file worth a look by these rules that does not mention the library: WebGPU and Rapier. */
export const OTHER_WORDS = /@dimforge\/rapier[23]d|\b(?:createBuffer|getMappedRange)\b/;

/** The path and the configuration that examples are analysed with. Only the rules about tags ask for them. */
export const EXAMPLE_FILE = "src/physics/solve.ts";
export const EXAMPLE_CONFIG: RuleConfig = {
  knownTags: ["physics", "render"],
  moduleTags: new Map([["src/physics", ["physics"]], ["src/render", ["render"]]]),
  warnUnknownTags: true,
};
