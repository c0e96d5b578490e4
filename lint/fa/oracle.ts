/**
 * Asks the TypeScript compiler what expressions are that come from other files. The index answers most of that in a hundredth of the time, so
 * types are only used when they are asked for, and only where the compiler can be had.
 */

import type { Subject } from "./analyze_file.ts";
import type { TypesMode } from "./args.ts";
import type { KindOf } from "./engine.ts";
import type { SourceFile } from "./sources.ts";

/** Something that knows types. */
export interface Oracle {
  /** Returns what knows the expressions of a file. */
  kindsOf(subject: Subject): KindOf | undefined;
}

/** Starts the compiler, if types are wanted. */
export async function openOracle(
  mode: TypesMode,
  files: readonly SourceFile[],
  isLibrary: (specifier: string) => boolean,
): Promise<Oracle | undefined> {
  if (mode === "ts6") {
    const { openTypeScript } = await import("./oracle_ts6.ts");
    return await openTypeScript(files, isLibrary);
  }
  return undefined;
}
