import { must } from '../../kernel/assert.ts';
import type { ShardMatches, ShardVectors } from '../../ann/shard-protocol.ts';

/** Some of the matches, without what is included. */
export const bareMatches = ({ ids, scores, ...found }: ShardMatches, from: number, end: number): ShardMatches => ({
  ...found,
  ids: ids.slice(from, end),
  scores: scores.slice(from, end),
  ...NOTHING,
});

/** Matches with their fetched columns; vectors deleted in between are left out. */
export function fetchedMatches(matches: ShardMatches, fetched: ShardVectors): ShardMatches {
  const { lsn, missing, explanation } = matches;
  const scoreOf = new Map(matches.ids.map((id, i) => [id, matches.scores[i]]));
  const { ids, values, metadata, texts } = fetched;
  const scores = ids.map((id) => must(scoreOf.get(id), 'only matches are fetched'));
  const rest = { ...(missing === undefined ? {} : { missing }), ...(explanation === undefined ? {} : { explanation }) };
  return { ids, scores, values, metadata, texts, lsn, ...rest };
}

const NOTHING = { values: null, metadata: null, texts: null };
