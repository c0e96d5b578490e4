/**
 * What one file has to know about the others: which of their exports are allocators. It is data that somebody has gathered before, as the
 * analysis reads no files.
 */

/** What is known of an export, or of a member of one. */
export type ExportFact =
  /** A class of the library under whatever name, or a class that extends one: `of` is the name of the library's class. */
  | { readonly is: "class"; readonly of: string }
  /** A value of such a class. */
  | { readonly is: "instance"; readonly of: string }
  /** A function that returns one; `isAsync`: a promise of one. */
  | { readonly is: "factory"; readonly of: string; readonly isAsync?: boolean }
  /** A function that returns memory of the frame. */
  | { readonly is: "frame factory" }
  /** An object, or what a class or an interface makes, with such things in its members. */
  | { readonly is: "holder"; readonly members: Readonly<Record<string, ExportFact>> };

/** The exports of a project. */
export interface ProjectIndex {
  /** What is known of an export of a module, which a file names in its own way; `default` and namespaces count as well. */
  find(importer: string, specifier: string, name: string): ExportFact | undefined;
  /** The names that are worth looking for in a text: a file with none of them, and without the library, has nothing to be found. */
  readonly names: ReadonlySet<string>;
}
