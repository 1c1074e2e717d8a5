import type { ShardMatches } from '../../../ann/shard-protocol.ts';
import { bareMatches } from '../../../index/fan-out/answer-columns.ts';
import { must } from '../../../kernel/assert.ts';
import type { FoundRound, Hidden } from './served-rows.ts';

/** Matches that readers see. */
export type ServedMatches = ShardMatches & Pick<Hidden, 'edition'>;

export const servedCount = (ids: readonly string[], hidden: ReadonlySet<string>): number =>
  ids.reduce((sum, id) => sum + Number(!hidden.has(id)), 0);

/** The first `wanted` of what was found that readers see. Where there is more, or something else, they come without what is included. */
export function servedMatches({ found, hidden, edition }: FoundRound<ShardMatches>, wanted: number): ServedMatches {
  if (hidden.size === 0) return { ...found, edition };
  const served = found.ids.flatMap((id, at) => (hidden.has(id) ? [] : [at])).slice(0, wanted);
  return {
    ...bareMatches(found, 0, 0),
    ids: served.map((at) => must(found.ids[at], 'it was found')),
    scores: served.map((at) => must(found.scores[at], 'every match has a score')),
    isBare: true,
    edition,
  };
}
