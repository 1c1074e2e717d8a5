import type { SearchCost } from '../../../../src/ann/search-cost.ts';
import type { Explanation, VectorColumns } from '../../../../src/ann/shard-protocol.ts';
import { RECALL_TARGET_DEFAULT } from '../../../../src/contract/indexes/index-settings.ts';
import type { RecallReply } from '../../../../src/contract/vectors/recall.ts';
import type { StoredVectorReply } from '../../../../src/contract/vectors/vectors.ts';
import type { MeasuredRecall } from '../../../../src/gateway/vectors/recall-measurement.ts';
import type { TokensUsed } from '../../../../src/gateway/vectors/vector-space.ts';
import type { OnIndex } from '../../../../src/gateway/vectors/vectors.ts';
import type { EmbeddingUse } from '../../../../src/index/index-manifest.ts';
import { embeddingFor } from '../../../../src/index/index-manifest.ts';
import { shareOf } from '../../../../src/index/recall-estimate.ts';
import type { VectorWriter } from '../../pipeline/vector-writer.ts';

/** Which state of the index answered; and the model, when the index has one, so that usage is booked under it. */
export function indexed(
  { manifest, lsn }: OnIndex<{ readonly lsn: number }>,
  more: Readonly<Record<string, string>> = {},
  use: EmbeddingUse = 'items',
) {
  const embedding = embeddingFor(manifest, use);
  const headers = { 'x-sluice-index-lsn': String(lsn), 'x-sluice-index-generation': String(manifest.generation), ...more };
  return embedding === null ? { headers } : { headers, model: embedding.model };
}

/** What embedding took, by meter. */
export const tokenMeters = ({ tokens, cachedTokens }: TokensUsed) => ({
  embedding_tokens: tokens - cachedTokens,
  embedding_cached_tokens: cachedTokens,
});

export function vectorReplies(
  { ids, values, vectorless, metadata, texts, contents, manifest }: OnIndex<VectorColumns>,
  writer: VectorWriter,
): StoredVectorReply[] {
  const { dimensions } = manifest;
  return ids.map((id, i) => ({
    id,
    ...(values === null
      ? {}
      : { values: vectorless?.[i] === true ? null : writer.write(values.subarray(i * dimensions, (i + 1) * dimensions)) }),
    ...(metadata === null ? {} : { metadata: metadataOf(metadata[i] ?? null) }),
    ...(texts === null ? {} : { text: texts[i] ?? null }),
    ...(contents === undefined ? {} : { fields: fieldsReplyOf(contents[i] ?? null) }),
  }));
}

/** Stored only after they were validated; see `contentsText`. */
const fieldsReplyOf = (json: string | null) => (json === null ? null : (JSON.parse(json) as StoredVectorReply['fields']));

/** Stored only after it was validated as a JSON object. */
const metadataOf = (json: string | null) => (json === null ? null : (JSON.parse(json) as Record<string, unknown>));

export function recallReply(measured: OnIndex<MeasuredRecall>, topK: number): RecallReply {
  const { manifest, estimate, sampleCount, worst, cost, exactCost, lsn } = measured;
  return {
    object: 'index.recall',
    recall: estimate?.mean ?? null,
    standard_error: estimate?.standardError ?? null,
    interval_95: estimate === undefined ? null : { low: estimate.low, high: estimate.high },
    target: manifest.recall ?? RECALL_TARGET_DEFAULT,
    top_k: topK,
    samples: sampleCount,
    worst: worst.map((sample) => ({ id: sample.id, recall: shareOf(sample) })),
    search: sampleCount === 0 ? null : costReply(cost, sampleCount),
    exact_search: sampleCount === 0 ? null : costReply(exactCost, sampleCount),
    lsn,
  };
}

/** What searches cost on the wire; of several together, the mean of `count` of them. */
export const costReply = (cost: SearchCost, count = 1) => ({
  shards_asked: cost.shardsAsked / count,
  lists_probed: cost.listsProbed / count,
  lists_paged_in: cost.listsPagedIn / count,
  codes_scanned: cost.codesScanned / count,
  candidates_rescored: cost.rescored / count,
  rows_read: cost.rowsRead / count,
  bytes_touched: cost.bytesTouched / count,
});

export const explanationReply = ({ engine, filter, ...cost }: Explanation) => ({
  engine,
  ...costReply(cost),
  filter: filter === null ? null : { estimated_rows: filter.estimatedRows, selected_rows: filter.selectedRows, applied: filter.applied },
});
