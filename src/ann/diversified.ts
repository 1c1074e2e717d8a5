import { must } from '../kernel/assert.ts';
import { maximalMarginalRelevance } from './mmr.ts';
import type { Diversification } from './shard-protocol.ts';
import type { VectorMatch } from './vector-engine.ts';
import type { ShardHeader } from './shard-header.ts';
import type { VectorStore } from './vector-store.ts';

/** The `topK` matches that are best diversified, given the matches closest first. */
export function diversified(
  store: Pick<VectorStore, 'read'>,
  matches: readonly VectorMatch[],
  topK: number,
  { diversity }: Diversification,
  header: ShardHeader,
): VectorMatch[] {
  const stored = store.read(header)(matches.map(({ row }) => row));
  const valuesOf = new Map([...stored].map(({ row, values }) => [row, values]));
  const candidates = matches.map(({ row, score }) => ({ score, values: must(valuesOf.get(row), 'a match is stored') }));
  return maximalMarginalRelevance(header.metric, candidates, topK, diversity).map((at) => must(matches[at], 'a candidate is a match'));
}
