/**
 * What a rule is given for a file: the tree, the names, the configuration, and somewhere to report to.
 */

import type { Comment, Node, Program } from "./ast.ts";
import type { Confidence, Related, Suggestion } from "./diagnostic.ts";
import type { Parents } from "./parents.ts";
import type { Scopes } from "./scope.ts";
import type { AllocState } from "./facts.ts";
import type { Types } from "./types.ts";
import type { Alloc, Value, View } from "./values.ts";

/** A file. */
export interface Source {
  readonly filename: string;
  readonly text: string;
  readonly comments?: readonly Comment[];
}

/** What a project sets for the rules. */
export interface RuleConfig {
  /** More specifiers under which programs import the library. */
  readonly modules?: readonly string[];
  readonly knownTags?: readonly string[];
  /** Which tags belong to which files: a pattern on the path, and its tags. */
  readonly moduleTags?: ReadonlyMap<string, readonly string[]>;
  readonly warnUnknownTags?: boolean;
  /** A loop of a constant number of turns up to this is harmless. */
  readonly loopAllocationLimit?: number;
}

/** A finding, without what its rule says of all of them. */
export interface Finding {
  readonly node: Node;
  readonly message: string;
  readonly confidence?: Confidence;
  readonly help?: string;
  readonly notes?: readonly string[];
  readonly related?: readonly Related[];
  readonly suggestions?: readonly Suggestion[];
}

/** What a rule is given for a file. */
export interface RuleContext {
  readonly program: Program;
  readonly source: Source;
  readonly config: RuleConfig;
  readonly scopes: Scopes;
  readonly types: Types;
  /** The nodes around the nodes of this file; made when it is first asked for. */
  readonly parents: Parents;
  /** Reports a finding. A second one of the same rule at the same place is dropped. */
  report(finding: Finding): void;
  /** The text of a node. */
  textOf(node: Node): string;
  /** All memory of frames in a value, and in the objects in it. */
  memoryIn(value: Value): readonly View[];
  /** How the frame of an allocator is where the analysis is now. */
  frameOf(alloc: Alloc): AllocState;
}
