import type { ModelReply } from '../contract/models.ts';
import type { UpstreamRecord } from './upstream-record.ts';

/** The models of upstreams as `GET /v1/models` lists them: by the names that callers say, each once. [U9] */
export function modelRows(upstreams: readonly UpstreamRecord[], after: string, count: number): readonly ModelReply[] {
  const rows = new Map<string, ModelReply>();
  for (const { name: upstream, models, createdAtMs } of upstreams) {
    for (const { name, serves, contextTokens } of models) {
      if (name <= after || rows.has(name)) continue;
      rows.set(name, {
        id: name,
        object: 'model',
        created: Math.floor(createdAtMs / 1_000),
        owned_by: upstream,
        task: serves[0] ?? 'chat',
        version: null,
        stage: 'serving',
        canary: null,
        aliases: [],
        dimensions: null,
        max_input_tokens: contextTokens,
        vocabulary_size: null,
        contract_hash: null,
      });
    }
  }
  return [...rows.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)).slice(0, count);
}
