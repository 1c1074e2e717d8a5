import type { EmbeddingUse } from '../../../src/index/index-manifest.ts';
import { embeddingFor } from '../../../src/index/index-manifest.ts';
import type { VectorColumns } from '../../../src/ann/shard-protocol.ts';
import type { StoredVectorReply } from '../../../src/contract/vectors.ts';
import type { OnIndex } from '../../../src/gateway/vectors.ts';
import { float32Json } from '../../../src/kernel/float32-json.ts';

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

export function vectorReplies({ ids, values, metadata, texts, manifest }: OnIndex<VectorColumns>): StoredVectorReply[] {
  const { dimensions } = manifest;
  return ids.map((id, i) => ({
    id,
    ...(values === null ? {} : { values: float32Json(values.subarray(i * dimensions, (i + 1) * dimensions)) }),
    ...(metadata === null ? {} : { metadata: metadataOf(metadata[i] ?? null) }),
    ...(texts === null ? {} : { text: texts[i] ?? null }),
  }));
}

/** Stored only after it was validated as a JSON object. */
const metadataOf = (json: string | null) => (json === null ? null : (JSON.parse(json) as Record<string, unknown>));
