import type { HighlightedRow, VectorColumns } from '../../../ann/shard-protocol.ts';
import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import type { Scalar } from '../../../contract/vectors/filter.ts';
import type { PlanBody } from '../../../contract/vectors/plans/plans.ts';
import { must } from '../../../kernel/assert.ts';
import { ok } from '../../../kernel/result.ts';
import { consistencyOf, includeOf } from '../vectors.ts';
import type { CheckedPlan } from './check-plan.ts';
import type { SearchTerms } from './leg-search.ts';
import type { Candidates } from './stages/staged.ts';
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
  /** Where words of the query stand; absent: not asked for. */
  readonly highlights?: ReadonlyMap<string, HighlightedRow>;
  /** What the legs of the plan say of each match; absent: not asked for. */
  readonly legScores?: readonly (readonly LegScore[])[];
}

type PageTerms = Pick<SearchTerms, 'manifest' | 'shards' | 'namespace' | 'queries'>;

/** The matches behind the offset, with what is included: read of these alone; where columns are read, rows that are gone by then are left out. */
export async function pageOf(
  candidates: Candidates,
  plan: CheckedPlan,
  legs: readonly RanLeg[],
  terms: PageTerms,
): Promise<Outcome<PlanPage>> {
  const { body } = plan;
  const whole = candidates.ranking.slice(body.offset, body.offset + body.top_k);
  const columns = await columnsOf(idsOf(whole), body, terms);
  if (!columns.ok) return columns;
  const { ids } = columns.value;
  const scoreOf = new Map(whole.map(({ id, score }) => [id, score]));
  const highlights = body.highlight === undefined ? undefined : await highlightsOf(ids, plan, terms);
  if (highlights?.ok === false) return highlights;
  return ok({
    ...columns.value,
    scores: ids.map((id) => must(scoreOf.get(id), 'only matches are read')),
    groups: ids.map((id) => candidates.groups?.get(id)),
    ...(highlights === undefined ? {} : { highlights: highlights.value }),
    ...(body.explain ? { legScores: scoresOf(ids, legs) } : {}),
  });
}

async function columnsOf(ids: readonly string[], body: PlanBody, terms: PageTerms): Promise<Outcome<VectorColumns>> {
  const include = includeOf(body);
  if (ids.length === 0 || !(include.values || include.metadata || include.text || include.contents === true))
    return ok({ ids, values: null, metadata: null, texts: null });
  const { manifest, shards, namespace } = terms;
  return shards.fetch({ indexId: manifest.id, namespace, ids, include }, consistencyOf(body.consistency));
}

/** By what any text leg asks for, in the fields that any of them searches where none are named. [TX279] */
async function highlightsOf(ids: readonly string[], { body, legs }: CheckedPlan, terms: PageTerms) {
  const { manifest, shards, namespace, queries } = terms;
  const { highlight } = body;
  const asked = legs.flatMap(({ leg }) => {
    const query = leg.kind === 'text' ? queries.get(leg) : undefined;
    return query?.kind === 'text' ? [query] : [];
  });
  if (highlight === undefined || ids.length === 0) return ok(new Map<string, HighlightedRow>());
  const query = { should: asked.map((leg) => leg.query) };
  const fields = highlight.fields ?? [...new Set(asked.flatMap((leg) => leg.fields.map(({ name }) => name)))];
  const options = { fragmentChars: highlight.fragment_chars, fragments: highlight.fragments };
  const found = await shards.read('highlight', { indexId: manifest.id, namespace, ids, query, fields, options });
  return found.ok ? ok(new Map(found.value.rows.map((row) => [row.id, row]))) : found;
}

/** Of each match, what the legs that found it say. */
function scoresOf(ids: readonly string[], legs: readonly RanLeg[]): LegScore[][] {
  const places = legs.map(({ at, ranking }) => new Map(ranking.map(({ id, score }, place) => [id, { at, rank: place + 1, score }])));
  return ids.map((id) => places.flatMap((place) => place.get(id) ?? []));
}
