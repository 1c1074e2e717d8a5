import type { Filter } from '../../../contract/vectors/filter.ts';
import type { LegGroup } from '../../../contract/vectors/plans/legs.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { ok } from '../../../kernel/result.ts';
import { servedCount } from '../visible/served-matches.ts';
import type { Hidden, ServedRows } from '../visible/served-rows.ts';
import type { Due } from './due.ts';
import { fuseLegs } from './fuse-legs.ts';
import { idsOf } from './ranking.ts';
import type { LegRunTerms, RanGroup, RanLeg } from './run-legs.ts';
import { LegRun } from './run-legs.ts';

/** What the legs of a plan found of the rows that readers see. */
export interface ServedGroup extends RanGroup, Pick<Hidden, 'edition'> {}

/**
 * Runs the legs of a plan until those find enough of what readers see, and judges all that they found by one reading of the documents: everything that is made
 * of their rankings, fusion, facets and stages included, is of rows of that reading. [DC91] Refuses as legs do.
 */
export async function servedLegs(
  served: ServedRows,
  terms: Omit<LegRunTerms, 'excluded'> & { readonly knownBy: Due },
  group: LegGroup,
  filter: Filter | null,
): Promise<Outcome<ServedGroup>> {
  const { manifest, namespace, due, knownBy, pageEnd, tuned } = terms;
  // What late legs leave of the time is for the page, without which this is of no use.
  const place = { manifest, namespace, deadlineMs: due.atMs, knownBy };
  const ran = await served.search(place, {
    search: (excluded) => new LegRun({ ...terms, excluded }).group(group, filter, ['legs']),
    met: ({ all }) => all.flatMap(({ ranking }) => idsOf(ranking)),
    isShort: ({ ranking, all }, hidden) => servedCount(idsOf(ranking), hidden) < pageEnd && all.some(({ isFull }) => isFull),
  });
  if (!ran.ok) return ran;
  const { found, hidden, edition } = ran.value;
  if (hidden.size === 0) return ok({ ...found, edition });
  const all = found.all.map((leg) => withoutRows(leg, hidden));
  const own = found.own.map((leg) => withoutRows(leg, hidden));
  return ok({ ...fuseLegs(own, group.fusion, tuned), own, all, edition });
}

const withoutRows = (leg: RanLeg, hidden: ReadonlySet<string>): RanLeg => ({
  ...leg,
  ranking: leg.ranking.filter(({ id }) => !hidden.has(id)).slice(0, leg.limit),
});
