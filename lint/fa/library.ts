/**
 * Under which names programs import the library.
 */

/** The name of the package. */
const PACKAGES = ["@framealloc/core", "framealloc"];

/** Whether a specifier is the library: by its name with any version and registry, by an address, or by a name that the project adds. */
export function isLibrary(specifier: string, modules: readonly string[]): boolean {
  if (modules.includes(specifier)) return true;
  if (/^https?:.*framealloc/.test(specifier)) return true;
  const bare = specifier.replace(/^(?:jsr|npm):\/?/, "").replace(/(?<=.)@[^/]+/, "");
  return [...PACKAGES, ...modules].some((name) => bare === name || bare.startsWith(`${name}/`));
}
