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

/** The matches behind the offset, with what is included: read of these alone. Rows that are gone by now are left out. */
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
    ...(body.explain ? { legScores: ids.map((id) => scoresOf(id, legs)) } : {}),
  });
}

async function columnsOf(ids: readonly string[], body: PlanBody, terms: PageTerms): Promise<Outcome<VectorColumns>> {
  const include = includeOf(body);
  if (ids.length === 0 || !(include.values || include.metadata || include.text || include.contents === true))
    return ok({ ids, values: null, metadata: null, texts: null });
  const { manifest, shards, namespace } = terms;
  return shards.fetch({ indexId: manifest.id, namespace, ids, include }, consistencyOf(body.consistency));
}

/** By the words of the first text leg. */
async function highlightsOf(ids: readonly string[], { body, legs }: CheckedPlan, terms: PageTerms) {
  const { manifest, shards, namespace, queries } = terms;
  const leg = must(
    legs.find((one) => one.leg.kind === 'text'),
    'highlights were checked to have a text leg',
  );
  const asked = leg.leg.kind === 'text' ? queries.get(leg.leg) : undefined;
  const { highlight } = body;
  if (asked?.kind !== 'text' || highlight === undefined || ids.length === 0) return ok(new Map<string, HighlightedRow>());
  const fields = highlight.fields ?? asked.fields.map(({ name }) => name);
  const options = { fragmentChars: highlight.fragment_chars, fragments: highlight.fragments };
  const found = await shards.read('highlight', { indexId: manifest.id, namespace, ids, query: asked.query, fields, options });
  return found.ok ? ok(new Map(found.value.rows.map((row) => [row.id, row]))) : found;
}

const scoresOf = (id: string, legs: readonly RanLeg[]): LegScore[] =>
  legs.flatMap(({ at, ranking }) => {
    const place = ranking.findIndex((match) => match.id === id);
    return ranking.slice(place, place + 1).flatMap(({ score }) => (place < 0 ? [] : [{ at, rank: place + 1, score }]));
  });
