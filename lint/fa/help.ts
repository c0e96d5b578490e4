/**
 * The text of `fa --help`.
 */

/** What the command says about itself. */
export const HELP = `fa: finds memory mistakes in programs that use @framealloc/core

Usage: fa [OPTIONS] [PATHS...]
       fa explain CODE | show FILE [--fixes] | init [--force] | list [--category TEXT] | index [PATHS...]

Where
  -p, --path PATH          a folder or a file to look at (default ".")
  -e, --exclude GLOB       leave out what matches; may be repeated
      --since REV          only findings on lines that changed since a Git revision
      --config FILE        the configuration (default: ".fa.toml" in the folder or above it)

What (all categories, when none is named)
  -a, --all                every category
      --dirtymem           FA6xx, lifetime
      --threading          FA2xx, threads
      --budgets            FA3xx, budgets
      --async-safety       FA7xx, async
      --gpu                FA85x, GPU
      --architecture       FA80x, tags and modules
      --rapier             FA9xx, Rapier
      --only CODES         only these codes, also those that are off by default
      --skip CODES         all but these codes
      --strict             also what is known by its name alone

How bad
  -D, --deny CODE          make it an error
  -A, --allow CODE         drop it; stronger than --deny
  -W, --deny-warnings      fail on warnings too
      --min-severity S     hint, warning or error
      --baseline FILE      do not report, and do not fail on, what the file lists
      --update-baseline    write what is found to the baseline (default ".fa-baseline.json")
      --fail-fast          stop after the first file with an error

Output
  -f, --format FORMAT      terminal, json, ndjson, sarif, junit, checkstyle, compact or github
      --fix                apply the fixes that need no person
      --dry-run            show what --fix would change, as a diff
      --types MODE         auto, off or ts6: ask the TypeScript compiler what comes from other files
  -v, --verbose            say on the standard error what is done
  -h, --help, -V, --version

Exit code: 0 clean, 1 findings, 2 wrong arguments or configuration, 3 a file could not be analysed.
`;
