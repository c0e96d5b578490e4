/**
 * The filters that findings pass after the comments in the source: severity, then the baseline, then unchanged lines.
 */

import { applyBaseline, type Baseline, type BaselineEntry, writeBaseline } from "./baseline.ts";
import { type Finding, isNew, RANK } from "./finding.ts";
import type { Host } from "./host.ts";
import type { Levels } from "./levels.ts";
import { type Changes, isChanged } from "./since.ts";

/** What is left, and the entries of the baseline that nothing matches any more. */
export interface Filtered {
  readonly findings: readonly Finding[];
  readonly stale: readonly BaselineEntry[];
}

/** What stands between what is found and what is reported. */
export class Filters {
  readonly #levels: Levels;
  readonly #baseline: Baseline | undefined;
  readonly #changes: Changes | undefined;

  /**
   * Starts.
   *
   * @param levels What is bad enough.
   * @param baseline What is known.
   * @param changes What changed.
   */
  constructor(levels: Levels, baseline: Baseline | undefined, changes: Changes | undefined) {
    this.#levels = levels;
    this.#baseline = baseline;
    this.#changes = changes;
  }

  /** Whether all findings are seen: then a fix may be followed by those that it makes possible. */
  get seesAll(): boolean {
    return this.#baseline === undefined && this.#changes === undefined;
  }

  /** Takes away what is not bad enough, what is known, and what is on unchanged lines. */
  apply(found: readonly Finding[], looked?: Looked): Filtered {
    const bad = found.filter(({ severity }) => RANK[severity] >= RANK[this.#levels.minSeverity]);
    const { findings, stale } = this.#baseline === undefined
      ? { findings: bad, stale: [] }
      : applyBaseline(bad, this.#baseline, looked ?? { paths: new Set(), codes: new Set() });
    const changes = this.#changes;
    return {
      findings: changes === undefined ? findings : findings.filter((finding) => isChanged(finding, changes)),
      stale,
    };
  }

  /** The same for all findings of a run, and writes the baseline when that was asked for. */
  finish(found: readonly Finding[], looked: Looked, writes: boolean, host: Host): Filtered {
    const baseline = this.#baseline;
    if (baseline === undefined || !writes) return this.apply(found, looked);
    const bad = found.filter(({ severity }) => RANK[severity] >= RANK[this.#levels.minSeverity]);
    const count = writeBaseline(bad, baseline, looked);
    host.err(`Wrote ${count} ${count === 1 ? "finding" : "findings"} to ${baseline.path}\n`);
    const findings = bad.map((finding): Finding =>
      isNew(finding) ? { ...finding, state: { kind: "baselined" } } : finding
    );
    return { findings, stale: [] };
  }
}

/** What was looked at: of it, an entry of the baseline that nothing matches is stale. */
export interface Looked {
  readonly paths: ReadonlySet<string>;
  readonly codes: ReadonlySet<string>;
}
