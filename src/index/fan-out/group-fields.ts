import type { FieldQuery } from '../../ann/row-fields.ts';
import type { CountedTerms, ShardFieldSearch, ShardStatistics } from '../../ann/shard-protocol.ts';
import type { Metric } from '../../contract/indexes/index-settings.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { IndexManifest } from '../index-manifest.ts';
import { columnsBytes, withoutColumns } from './answer-columns.ts';
import type { PartAnswer } from './merge-answers.ts';
import { mergeAnswers } from './merge-answers.ts';
import type { FanOut } from './fan-out.ts';
import type { ShardGroup } from './shard-groups.ts';
import { askInGroups, withMissing } from './shard-groups.ts';
import type { ShardReads } from './shard-reads.ts';

/** A leg over their fields. */
export interface GroupFieldQuery extends ShardGroup {
  readonly search: ShardFieldSearch;
}

/** What the scores of such a leg depend on. */
export interface GroupStatistics extends ShardGroup {
  readonly asked: ShardStatistics;
}

/** Reads the fields of shards, by itself or through aggregators. */
export interface GroupFieldReads {
  searchFields(query: GroupFieldQuery): Promise<Outcome<PartAnswer>>;
  termStatistics(query: GroupStatistics): Promise<Outcome<CountedTerms>>;
}

/** Asks all shards of a group at once and merges what they find, the best first. Refuses as a fan-out does. */
export async function searchGroupFields(reads: ShardReads, query: GroupFieldQuery): Promise<Outcome<PartAnswer>> {
  const { manifest, shards, search, consistency, budgetMs } = query;
  const bytesMax = search.columnsBytesMax ?? VECTOR_LIMITS.fanOutReplyBytesMax;
  const sent = shards.length > 1 ? { ...search, columnsBytesMax: Math.floor(bytesMax / shards.length) } : search;
  const gathered = await reads.gatherFields(manifest, shards, sent, { consistency, deadlineMs: reads.nowMs + budgetMs });
  if (!gathered.ok) return gathered;
  const { answers, missing } = gathered.value;
  const parts = answers.map(({ shard, value: { member, answer } }) => ({
    ...answer,
    shards: answer.ids.map(() => shard),
    isOld: member.replica !== null,
  }));
  return ok(withMissing(mergeFieldAnswers(query, parts), missing));
}

/** The sums over all shards of a group. Refuses as a fan-out does. */
export async function countGroup(reads: ShardReads, query: GroupStatistics): Promise<Outcome<CountedTerms>> {
  const { manifest, shards, asked, consistency, budgetMs } = query;
  const gathered = await reads.gatherStatistics(manifest, shards, asked, { consistency, deadlineMs: reads.nowMs + budgetMs });
  if (!gathered.ok) return gathered;
  const { answers, missing } = gathered.value;
  return ok(withMissing(summedStatistics(answers.map(({ value: { answer } }) => answer)), missing));
}

/** What is included of all together may be too much for one answer: then the rest is fetched of the best. */
export function mergeFieldAnswers({ manifest, search }: GroupFieldQuery, answers: readonly PartAnswer[]): PartAnswer {
  const merged = mergeAnswers(fieldMetric(manifest, search.query), manifest.dimensions, answers, search);
  if (columnsBytes(merged) <= (search.columnsBytesMax ?? Infinity)) return merged;
  return { ...withoutColumns(merged), isBare: true };
}

/** By which scores of a leg are compared: those of terms are the better the higher they are, as dot products. */
export function fieldMetric({ fields = {} }: Pick<IndexManifest, 'fields'>, query: FieldQuery): Metric {
  const field = query.kind === 'vector' ? fields[query.field] : undefined;
  return field?.kind === 'vector' ? field.metric : 'dot';
}

/** Each row counts in one shard alone, so that sums over shards are those of one shard that has all. */
export function summedStatistics(parts: readonly CountedTerms[]): CountedTerms {
  const fields = new Map<string, CountedTerms['fields'][number]>();
  const terms = new Map<string, CountedTerms['terms'][number]>();
  for (const part of parts) {
    for (const { name, documents, totalLength } of part.fields) {
      const known = fields.get(name);
      const sums = { documents: documents + (known?.documents ?? 0), totalLength: totalLength + (known?.totalLength ?? 0) };
      fields.set(name, { name, ...sums });
    }
    for (const { field, term, documents } of part.terms) {
      // No name of a field has a NUL.
      const key = `${field}\0${term}`;
      terms.set(key, { field, term, documents: documents + (terms.get(key)?.documents ?? 0) });
    }
  }
  const lsn = parts.reduce((most, part) => Math.max(most, part.lsn), 0);
  const sums: CountedTerms = { fields: [...fields.values()], terms: [...terms.values()], lsn };
  return withMissing(
    sums,
    parts.flatMap(({ missing = [] }) => missing),
  );
}

/** Asks any number of shards: few by itself, many in groups through aggregators. */
export class TreeFieldReads implements GroupFieldReads {
  readonly #reads: ShardReads;
  readonly #groups: GroupFieldReads;
  /** Latencies of calls to aggregators, which take longer than those to shards. */
  readonly #fanOut: FanOut;

  constructor(reads: ShardReads, groups: GroupFieldReads, fanOut: FanOut) {
    this.#reads = reads;
    this.#groups = groups;
    this.#fanOut = fanOut;
  }

  async searchFields(query: GroupFieldQuery): Promise<Outcome<PartAnswer>> {
    if (query.shards.length <= VECTOR_LIMITS.fanOutShardsMaxCount) return searchGroupFields(this.#reads, query);
    return askInGroups(
      { nowMs: this.#reads.nowMs, fanOut: this.#fanOut },
      query,
      (group, columnsBytesMax) => this.#groups.searchFields({ ...group, search: { ...group.search, columnsBytesMax } }),
      (answers) => mergeFieldAnswers(query, answers),
    );
  }

  async termStatistics(query: GroupStatistics): Promise<Outcome<CountedTerms>> {
    if (query.shards.length <= VECTOR_LIMITS.fanOutShardsMaxCount) return countGroup(this.#reads, query);
    return askInGroups(
      { nowMs: this.#reads.nowMs, fanOut: this.#fanOut },
      query,
      (group) => this.#groups.termStatistics(group),
      summedStatistics,
    );
  }
}
