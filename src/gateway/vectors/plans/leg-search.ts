import type { FieldQuery } from '../../../ann/row-fields.ts';
import { accepts } from '../../../ann/filter/accepts.ts';
import type { Include, QueryTarget, ShardMatches } from '../../../ann/shard-protocol.ts';
import type { Metric } from '../../../contract/indexes/index-settings.ts';
import type { Filter } from '../../../contract/vectors/filter.ts';
import type { JsonValue } from '../../../contract/api/json-value.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import type { IdsLeg, SparseLeg, TextLeg, VectorLeg } from '../../../contract/vectors/plans/legs.ts';
import type { PlanBody } from '../../../contract/vectors/plans/plans.ts';
import { fieldMetric } from '../../../index/fan-out/group-fields.ts';
import type { Reading } from '../../../index/fan-out/shard-reads.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import type { ShardSet } from '../../../index/shards/index-shards.ts';
import { sparseVector } from '../../../inference/served/sparse-rows.ts';
import { must } from '../../../kernel/assert.ts';
import { ok } from '../../../kernel/result.ts';
import { excludedBy, storedFieldPoint, storedTarget } from '../field-points.ts';
import { givenNumbers, textQueryOf } from './field-queries.ts';
import type { PlanTexts } from './plan-texts.ts';
import type { Ranking } from './ranking.ts';
import { ranked } from './ranking.ts';

/** A leg that asks shards. */
export type Search = VectorLeg | TextLeg | SparseLeg | IdsLeg;

/** Where the searches of a plan go, and what they have in common. */
export interface SearchTerms {
  readonly manifest: IndexManifest;
  readonly shards: ShardSet;
  readonly namespace: string;
  readonly reading: Reading;
  /** Rows that are not found. */
  readonly excluded: readonly string[];
  readonly explain: boolean;
  /** Of BM25. */
  readonly weighting: Pick<PlanBody, 'k1' | 'b'>;
  readonly texts: PlanTexts;
  readonly statistics: 'shared' | 'exact';
  readonly statisticsOf: 'index' | 'filter';
}

/** What one search found, and what that took. */
export interface Found {
  readonly ranking: Ranking;
  readonly lsn: number;
  readonly missing: readonly number[];
  readonly scored: number | null;
  /** Of the query's terms, those that were passed over as none could be among the best; null: it has none. */
  readonly postingsSkipped: number | null;
}

const NOTHING_INCLUDED: Include = { values: false, metadata: false, text: false };

/** Refuses as shards do. */
export function searchLeg(leg: Search, terms: SearchTerms, filter: Filter | null, topK: number): Promise<Outcome<Found>> {
  if (leg.kind === 'ids') return givenIds(leg, terms, filter, topK);
  return leg.kind === 'vector' && leg.field === '' ? nearVector(leg, terms, filter, topK) : overFields(leg, terms, filter, topK);
}

async function nearVector(leg: VectorLeg, terms: SearchTerms, filter: Filter | null, topK: number): Promise<Outcome<Found>> {
  const { manifest, shards, namespace, reading, excluded, explain } = terms;
  const target = await targetOf(leg, terms);
  if (!target.ok) return target;
  const found = await shards.query(
    {
      indexId: manifest.id,
      target: target.value,
      namespace,
      topK,
      filter,
      excludeIds: excluded,
      exact: leg.exact,
      explain,
      include: NOTHING_INCLUDED,
    },
    reading,
  );
  return found.ok ? ok(foundOf(found.value, manifest.metric)) : found;
}

async function targetOf(leg: VectorLeg, { texts }: SearchTerms): Promise<Outcome<QueryTarget>> {
  const { vector, text } = leg;
  if (vector === undefined && text === undefined) return ok(storedTarget(leg));
  const values = vector === undefined ? await texts.of(leg) : ok(vector);
  return values.ok ? ok({ kind: 'values', values: values.value }) : values;
}

async function overFields(
  leg: TextLeg | SparseLeg | VectorLeg,
  terms: SearchTerms,
  filter: Filter | null,
  topK: number,
): Promise<Outcome<Found>> {
  const { manifest, shards, namespace, reading, excluded, explain, statistics, statisticsOf } = terms;
  const query = await fieldQueryOf(leg, terms);
  if (!query.ok) return query;
  const search = {
    indexId: manifest.id,
    query: query.value,
    namespace,
    topK,
    filter,
    excludeIds: leg.kind === 'vector' ? excludedBy(leg, excluded) : excluded,
    include: NOTHING_INCLUDED,
    statisticsOf,
    explain,
    ...(statistics === 'exact' ? { statistics } : {}),
  };
  const found = await shards.searchFields(search, reading);
  return found.ok ? ok(foundOf(found.value, fieldMetric(manifest, query.value))) : found;
}

async function fieldQueryOf(leg: TextLeg | SparseLeg | VectorLeg, terms: SearchTerms): Promise<Outcome<FieldQuery>> {
  const { manifest, weighting, texts } = terms;
  if (leg.kind === 'text') return ok(textQueryOf(manifest, weighting, leg));
  if (leg.kind === 'vector') {
    const vector = await fieldVectorOf(leg, terms);
    return vector.ok ? ok({ kind: leg.kind, field: leg.field, vector: vector.value }) : vector;
  }
  const { kind, field, text } = leg;
  if (text === undefined) return ok({ kind, field, ...givenNumbers(leg) });
  const row = await texts.of(leg);
  if (!row.ok) return row;
  const { indices, values } = sparseVector(row.value);
  return ok({ kind, field, indices, values: [...values] });
}

async function fieldVectorOf(leg: VectorLeg, { manifest, shards, namespace, reading, texts }: SearchTerms) {
  if (leg.vector !== undefined) return ok(leg.vector);
  if (leg.text !== undefined) return texts.of(leg);
  return storedFieldPoint(shards, { manifest, namespace, consistency: reading.consistency }, leg, []);
}

/** Those of the ids that are there and that the filter accepts; of n, the first scores 1 and each next 1/n less. */
async function givenIds({ ids }: IdsLeg, terms: SearchTerms, filter: Filter | null, topK: number): Promise<Outcome<Found>> {
  const { manifest, shards, namespace, reading } = terms;
  const include = { ...NOTHING_INCLUDED, metadata: filter !== null };
  const fetched = await shards.fetch({ indexId: manifest.id, namespace, ids, include }, reading.consistency);
  if (!fetched.ok) return fetched;
  const { ids: there, metadata, lsn } = fetched.value;
  const isAccepted = (id: string, at: number): boolean =>
    filter === null || accepts(filter, JSON.parse(metadata?.[at] ?? 'null') as JsonValue, id);
  const left = new Set(there.filter(isAccepted));
  const found = ids.filter((id) => left.has(id)).slice(0, topK);
  const ranking = found.map((id, at) => ({ id, score: 1 - at / found.length }));
  return ok({ ranking, lsn, missing: [], scored: null, postingsSkipped: null });
}

function foundOf({ ids, scores, lsn, missing = [], explanation }: ShardMatches, metric: Metric): Found {
  // Of distances, the smaller one is better.
  const sign = metric === 'l2' ? -1 : 1;
  // Shards order equal scores by id as well, but of several answers one may come late.
  const ranking = ranked(ids.map((id, at) => ({ id, score: sign * must(scores[at], 'every match has a score') })));
  const postings = explanation?.postings;
  const scored = postings?.scored ?? (explanation === undefined ? null : explanation.codesScanned + explanation.rowsRead);
  return { ranking, lsn, missing, scored, postingsSkipped: postings === undefined ? null : postings.postings - postings.postingsRead };
}
