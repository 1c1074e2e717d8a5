import type { Generations, Shadow } from '../../../../src/index/generations/generation-state.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { embeddingFor } from '../../../../src/index/index-manifest.ts';
import type { GenerationReply } from '../../../../src/contract/indexes/generations.ts';
import { NOTHING_CUT } from '../../../../src/contract/embeddings/truncation.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { RECALL_TARGET_DEFAULT } from '../../../../src/contract/indexes/index-settings.ts';
import type { Handlers } from '../../pipeline/serve.ts';

export const generationHandlers = {
  createGeneration: async (call) =>
    answered(await call.gateway.retrieval.generations.create(call, call.params.index, call.body, call.idempotencyKey)),
  listGenerations: async ({ gateway, principal, params }) => answered(await gateway.retrieval.generations.list(principal, params.index)),
  activateGeneration: async (call) => answered(await call.gateway.retrieval.generations.activate(call, call.params.index, call.body)),
  rollbackGeneration: async (call) => answered(await call.gateway.retrieval.generations.rollback(call, call.params.index, call.body)),
  deleteGeneration: async (call) => answered(await call.gateway.retrieval.generations.retire(call, call.params.index)),
} satisfies Partial<Handlers>;

function answered(outcome: Outcome<Generations>) {
  if (!outcome.ok) return outcome;
  const { serving, shadow } = outcome.value;
  const data = [
    { ...replyOf(serving), state: 'serving' as const, served_before: true, progress: null, comparison: null, fault: null },
    ...(shadow === null ? [] : [shadowReply(shadow)]),
  ];
  return { ok: true as const, reply: { object: 'list' as const, data, has_more: false as const }, used: {} };
}

const replyOf = (manifest: IndexManifest) => ({
  generation: manifest.generation,
  id: manifest.id,
  dimensions: manifest.dimensions === 0 ? null : manifest.dimensions,
  metric: manifest.metric,
  recall: manifest.recall ?? RECALL_TARGET_DEFAULT,
  model: manifest.embedding?.model ?? null,
  contract_hash: manifest.embedding?.contractHash ?? null,
  query_model: embeddingFor(manifest, 'queries')?.model ?? null,
  query_contract_hash: embeddingFor(manifest, 'queries')?.contractHash ?? null,
});

const shadowReply = ({ manifest, phase, hasServed, copied, tokens, isTruncating, cut, comparison, fault }: Shadow): GenerationReply => ({
  ...replyOf(manifest),
  state: CHANGING.has(phase) ? 'changing-over' : (phase as GenerationReply['state']),
  served_before: hasServed,
  progress: { copied, embedding_tokens: tokens, ...(isTruncating === true ? { truncated: cut ?? NOTHING_CUT } : {}) },
  comparison:
    comparison === null
      ? null
      : { samples: comparison.samples, overlap_at_10: comparison.overlapAt10, ndcg_at_10: Math.min(1, comparison.ndcgAt10) },
  fault,
});

const CHANGING: ReadonlySet<string> = new Set(['sealing', 'draining', 'unsealing', 'closing', 'switching'] satisfies Shadow['phase'][]);
