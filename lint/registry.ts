/**
 * All rules, in the order of their codes. A code means one thing here and in the errors of the running library.
 */

import type { Rule } from "./rules/rule.ts";
import { fa601 } from "./rules/fa601.ts";
import { fa602 } from "./rules/fa602.ts";
import { fa603 } from "./rules/fa603.ts";
import { fa604 } from "./rules/fa604.ts";
import { fa605 } from "./rules/fa605.ts";
import { fa606 } from "./rules/fa606.ts";
import { fa607 } from "./rules/fa607.ts";
import { fa608 } from "./rules/fa608.ts";
import { fa609 } from "./rules/fa609.ts";
import { fa610 } from "./rules/fa610.ts";
import { fa611 } from "./rules/fa611.ts";
import { fa701 } from "./rules/fa701.ts";
import { fa702 } from "./rules/fa702.ts";
import { fa703 } from "./rules/fa703.ts";
import { fa704 } from "./rules/fa704.ts";
import { fa705 } from "./rules/fa705.ts";
import { fa706 } from "./rules/fa706.ts";
import { fa707 } from "./rules/fa707.ts";
import { OTHER_RULES } from "./rules/other_rules.ts";

/** The rules. */
export const RULES: readonly Rule[] = [
  ...OTHER_RULES,
  fa601,
  fa602,
  fa603,
  fa604,
  fa605,
  fa606,
  fa607,
  fa608,
  fa609,
  fa610,
  fa611,
  fa701,
  fa702,
  fa703,
  fa704,
  fa705,
  fa706,
  fa707,
].sort((a, b) => a.code < b.code ? -1 : 1);
