/**
 * The table of formats.
 */

import type { FormatName } from "../args.ts";
import { checkstyle } from "./checkstyle.ts";
import { compact } from "./compact.ts";
import { github } from "./github.ts";
import { json } from "./json.ts";
import { junit } from "./junit.ts";
import { ndjson } from "./ndjson.ts";
import type { Format } from "./report.ts";
import { sarif } from "./sarif.ts";
import { terminal } from "./terminal.ts";

/** Each format by its name. */
export const FORMATTERS: Readonly<Record<FormatName, Format>> = {
  terminal,
  json,
  ndjson,
  sarif,
  junit,
  checkstyle,
  compact,
  github,
};
