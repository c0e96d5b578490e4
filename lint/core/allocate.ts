/**
 * Allocations: each place that allocates is a site, and what it has allocated in the turns of a loop before this one is another.
 */

import type { Effect, Shape } from "./effects.ts";
import type { Node } from "./ast.ts";
import type { AllocEvent } from "./events.ts";
import type { Layout } from "./layouts.ts";
import { endsWithFrame, type Machine } from "./machine.ts";
import { type Alloc, NOTHING, type Site, type Value } from "./values.ts";

/** What an allocation is of. */
export interface Allocation {
  readonly node: Node;
  readonly alloc: Alloc;
  readonly method: string;
  readonly effect: Effect & { does: "alloc" };
  readonly args: readonly Node[];
  readonly shape: Shape;
  readonly layout: Layout | undefined;
  readonly policy: Site["policy"];
}

/** Allocates. */
export function allocate(m: Machine, it: Allocation): Value {
  const { node, alloc, method, effect, args, shape, layout } = it;
  const owner = alloc.owner ?? alloc;
  const before = m.frameOf(owner);
  let site: Site | undefined;
  if (endsWithFrame(effect.memory)) {
    site = siteOf(m, it, owner);
    m.state.setSite(site, { isLive: true, ended: [], suspended: [], isExempt: false });
  }
  const event: AllocEvent = {
    node: m.place(node),
    alloc,
    method,
    memory: effect.memory,
    effect,
    args,
    site,
    before,
    loops: [...m.loops],
    isInCall: m.level > 0,
  };
  const isBare = before.isUnknown && before.open.length === 0 && before.resumed.length === 0;
  if (site !== undefined && m.level === 0 && isBare) { for (const loop of m.loops) loop.bare.push(event); }
  m.emit("alloc", event);
  return site === undefined ? NOTHING : [{ k: "view", site, shape, layout }];
}

/** The site for this turn; what it was before is the older one from here on. */
function siteOf(m: Machine, { node, method, effect, layout, policy }: Allocation, alloc: Alloc): Site {
  const { scopes } = m.state.alloc(alloc);
  let list = m.places.get(node);
  if (list === undefined) m.places.set(node, list = []);
  let entry = list.find(({ site }) => site.owner === m.owner && site.alloc === alloc && isSame(site.scopes, scopes));
  if (entry === undefined) {
    const { memory } = effect;
    const { owner } = m;
    const site = { id: m.ids++, node, alloc, memory, method, layout, owner, scopes, policy, isOlder: false };
    list.push(entry = { site, older: undefined });
  } else if (m.state.hasSite(entry.site)) {
    entry.older ??= { ...entry.site, isOlder: true };
    m.state.age(entry.site, entry.older);
  }
  return entry.site;
}

function isSame(a: readonly Node[], b: readonly Node[]): boolean {
  return a === b || (a.length === b.length && a.every((scope, i) => scope === b[i]));
}
