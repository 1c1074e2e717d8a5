import type { JsonValue } from '../../../../src/contract/json-value.ts';
import { LIMITS } from '../../../../src/contract/limits.ts';
import type { Outcome } from '../../../../src/contract/outcome.ts';
import type { AskedGroups } from '../../../../src/contract/qdrant/search.ts';
import type { IndexRef } from '../../../../src/gateway/index-ref.ts';
import { parseExactJson } from '../../../../src/kernel/exact-json.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { findPoints, LIMIT_DEFAULT, scoredPoints } from './find-points.ts';
import type { PointCall } from './point-call.ts';
import { isWord, valuesAt, withValues } from './values-at.ts';

const GROUP_SIZE_DEFAULT = 3;

/** Matches for each point that a group may have: groups of few points need more of them. */
const CANDIDATES_FACTOR = 10;

/** The closest points by the values at a path: the groups in the order of their closest point. A point is in the group of each value. */
export async function groupPoints(call: PointCall, collection: IndexRef, asked: AskedGroups) {
  const { group_by: path, group_size: size, limit, ...rest } = asked;
  const [groupSize, groupsMax] = [size ?? GROUP_SIZE_DEFAULT, limit ?? LIMIT_DEFAULT];
  const candidates = Math.min(LIMITS.qdrantGroupCandidatesMaxCount, groupSize * groupsMax * CANDIDATES_FACTOR);
  const page = { limit: candidates, offset: 0, filter: withValues(path, asked.filter) };
  const found = await findPoints(call, collection, { ...rest, ...page, with_payload: true });
  if (!found.ok) return found;
  const groups = new Map<string, { readonly id: JsonValue; readonly hits: number[] }>();
  found.value.ids.forEach((_, hit) => {
    for (const id of valuesAt(parseExactJson(found.value.metadata?.[hit] ?? 'null') as JsonValue, path, isWord)) {
      const key = JSON.stringify(id);
      const group = groups.get(key) ?? (groups.size < groupsMax ? { id, hits: [] } : undefined);
      if (group === undefined) continue;
      groups.set(key, group);
      if (group.hits.length < groupSize) group.hits.push(hit);
    }
  });
  const points = scoredPoints(found.value, asked);
  const reply: Outcome<{ id: JsonValue; hits: typeof points }[]> = ok(
    [...groups.values()].map(({ id, hits }) => ({ id, hits: hits.flatMap((hit) => points[hit] ?? []) })),
  );
  return reply;
}
