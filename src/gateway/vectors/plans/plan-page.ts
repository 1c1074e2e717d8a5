import type { HighlightedRow, Include, ShardVectors, VectorColumns } from '../../../ann/shard-protocol.ts';
import { isBare } from '../../../ann/shard-protocol.ts';
import { replyTooLarge } from '../../../ann/shard/included-columns.ts';
import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { allOf } from '../../../contract/api/outcome.ts';
import type { Scalar } from '../../../contract/vectors/filter.ts';
import { VECTOR_LIMITS } from '../../../contract/vectors/vector-limits.ts';
import { columnsBytes, gatherColumns } from '../../../index/fan-out/answer-columns.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import type { ShardSet } from '../../../index/shards/index-shards.ts';
import { must } from '../../../kernel/assert.ts';
import { groupBy } from '../../../kernel/grouped.ts';
import { err, ok } from '../../../kernel/result.ts';
import { inSearch } from '../searches.ts';
import { consistencyOf, includeOf } from '../vectors.ts';
import type { CheckedPlan } from './check-plan.ts';
import type { Due } from './due.ts';
import { isLate } from './due.ts';
import { textQueryOf } from './field-queries.ts';
import type { PlacedPlan } from './plan-texts.ts';
import type { Candidates } from './stages/staged.ts';
import type { Ranking } from './ranking.ts';
import { idsOf } from './ranking.ts';
import type { RanLeg } from './run-legs.ts';

/** What one leg says of a match. */
export interface LegScore {
  readonly at: FieldPath;
  /** From 1. */
  readonly rank: number;
  readonly score: number;
}

/** The matches that a plan answers. */
export interface PlanPage extends VectorColumns {
  readonly scores: readonly number[];
  /** Of each match, the value that it was grouped by; undefined: none. */
  readonly groups: readonly (Scalar | undefined)[];
  /** Where words of the query stand; absent: not asked for, or late. */
  readonly highlights?: ReadonlyMap<string, HighlightedRow>;
  /** What the legs of the plan say of each match; absent: not asked for. */
  readonly legScores?: readonly (readonly LegScore[])[];
  /** The write up to which the columns are complete; undefined: none were read. */
  readonly lsn: number | undefined;
  /** Whether highlights were asked for that the deadline has cut. */
  readonly isWithoutHighlights: boolean;
}

/** A plan whose legs and stages have run. */
export interface RankedPlan extends PlacedPlan {
  readonly candidates: Candidates;
  readonly legs: readonly RanLeg[];
}

interface PageTerms {
  readonly manifest: IndexManifest;
  readonly shards: ShardSet;
  readonly due: Due;
}

/**
 * The matches of each plan behind its offset, with what is included: read of these alone, and of plans that include the same together; where
 * columns are read, rows that are gone by then are left out. Refuses with `deadline_exceeded` where the columns are late.
 */
export async function pagesOf(plans: readonly RankedPlan[], terms: PageTerms): Promise<Outcome<PlanPage[]>> {
  const pages = new Map<RankedPlan, Ranking>();
  for (const one of plans) {
    const { offset, top_k: topK } = one.plan.body;
    pages.set(one, one.candidates.ranking.slice(offset, offset + topK));
  }
  const columns = await columnsOf(pages, terms);
  if (!columns.ok) return columns;
  return allOf(plans.map((one) => pageOf(one, must(pages.get(one), 'each has its matches'), columns.value.get(one), terms)));
}

async function columnsOf(
  pages: ReadonlyMap<RankedPlan, Ranking>,
  { manifest, shards, due }: PageTerms,
): Promise<Outcome<ReadonlyMap<RankedPlan, ShardVectors>>> {
  const wanted = [...pages].filter(
    ([
      {
        plan: { body },
      },
      { length },
    ]) => length > 0 && !isBare(includeOf(body)),
  );
  const alike = groupBy(
    wanted,
    ([
      {
        plan: { body },
      },
    ]) => JSON.stringify([body.namespace, body.consistency, includeOf(body)]),
  );
  const fetched = await allOf(
    [...alike.values()].map(async (some): Promise<Outcome<(readonly [RankedPlan, ShardVectors])[]>> => {
      const [
        {
          plan: { body },
        },
      ] = must(some[0], 'a group has a member');
      const include = includeOf(body);
      const ids = [...new Set(some.flatMap(([, ranking]) => idsOf(ranking)))];
      const fetch = { indexId: manifest.id, namespace: body.namespace, ids, include };
      const found = await due.within('what is stored of the matches', () => shards.fetch(fetch, consistencyOf(body.consistency)));
      if (!found.ok) return found;
      const rowOf = new Map(found.value.ids.map((id, at) => [id, at]));
      return ok(
        some.map(([one, ranking]) => [one, some.length === 1 ? found.value : picked(found.value, ranking, rowOf, manifest, include)]),
      );
    }),
  );
  if (!fetched.ok) return fetched;
  let bytes = 0;
  for (const [{ at }, columns] of fetched.value.flat()) {
    bytes += pages.size === 1 ? 0 : columnsBytes(columns);
    if (bytes > VECTOR_LIMITS.retrievalReplyBytesMax) return err(inSearch(replyTooLarge().error, at));
  }
  return ok(new Map(fetched.value.flat()));
}

function picked(
  found: ShardVectors,
  ranking: Ranking,
  rowOf: ReadonlyMap<string, number>,
  { dimensions }: IndexManifest,
  include: Include,
): ShardVectors {
  const chosen = ranking.flatMap(({ id }) => {
    const at = rowOf.get(id);
    return at === undefined ? [] : [{ from: 0, at }];
  });
  return gatherColumns([found], chosen, dimensions, include);
}

async function pageOf(
  { plan, at, candidates, legs }: RankedPlan,
  whole: Ranking,
  columns: ShardVectors | undefined,
  terms: PageTerms,
): Promise<Outcome<PlanPage>> {
  const { ids, ...included } = columns ?? { ids: idsOf(whole), values: null, metadata: null, texts: null, lsn: undefined };
  const scoreOf = new Map(whole.map(({ id, score }) => [id, score]));
  const highlights = await highlightsOf(ids, plan, terms);
  const isWithoutHighlights = isLate(highlights);
  if (!highlights.ok && !isWithoutHighlights) return err(inSearch(highlights.error, at));
  return ok({
    ...included,
    ids,
    scores: ids.map((id) => must(scoreOf.get(id), 'only matches are read')),
    groups: ids.map((id) => candidates.groups?.get(id)),
    ...(highlights.ok && highlights.value !== undefined ? { highlights: highlights.value } : {}),
    ...(plan.body.explain ? { legScores: scoresOf(ids, legs) } : {}),
    isWithoutHighlights,
  });
}

/** By what any text leg asks for, in the fields that any of them searches where none are named; undefined: not asked for. [TX279] */
async function highlightsOf(
  ids: readonly string[],
  { body, legs }: CheckedPlan,
  { manifest, shards, due }: PageTerms,
): Promise<Outcome<ReadonlyMap<string, HighlightedRow> | undefined>> {
  const { highlight, namespace } = body;
  if (highlight === undefined) return ok(undefined);
  if (ids.length === 0) return ok(new Map());
  const asked = legs.flatMap(({ leg }) => (leg.kind === 'text' ? [textQueryOf(manifest, body, leg)] : []));
  const query = { should: asked.map((leg) => leg.query) };
  const fields = highlight.fields ?? [...new Set(asked.flatMap((leg) => leg.fields.map(({ name }) => name)))];
  const options = { fragmentChars: highlight.fragment_chars, fragments: highlight.fragments };
  const found = await due.within('highlights', () =>
    shards.read('highlight', { indexId: manifest.id, namespace, ids, query, fields, options }),
  );
  return found.ok ? ok(new Map(found.value.rows.map((row) => [row.id, row]))) : found;
}

/** Of each match, what the legs that found it say. */
function scoresOf(ids: readonly string[], legs: readonly RanLeg[]): LegScore[][] {
  const places = legs.map(({ at, ranking }) => new Map(ranking.map(({ id, score }, place) => [id, { at, rank: place + 1, score }])));
  return ids.map((id) => places.flatMap((place) => place.get(id) ?? []));
}
