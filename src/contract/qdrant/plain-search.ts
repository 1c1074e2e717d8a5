import { VECTOR_LIMITS } from '../vectors/vector-limits.ts';
import { isFlag, membersAmong, wholeWithin } from '../api/quick-reader.ts';
import { readFloats } from '../vectors/vector-fields.ts';

const OPTIONS = ['limit', 'offset', 'score_threshold', 'with_payload', 'with_vector'];
const QUERY = new Set(['query', ...OPTIONS]);
const SEARCH = new Set(['vector', ...OPTIONS]);

/** The body of a query for the points near a vector, with the options that most have. */
export function readPlainPointQuery(value: unknown) {
  const body = membersAmong(value, QUERY);
  const read = body === undefined ? undefined : { query: nearest(body['query']), options: optionsOf(body) };
  return read?.query === undefined || read.options === undefined ? undefined : { query: read.query, ...read.options };
}

/** The body of the older search for the same. */
export function readPlainSearch(value: unknown) {
  const body = membersAmong(value, SEARCH);
  const read = body === undefined ? undefined : { query: nearest(body['vector']), options: optionsOf(body) };
  return read?.query === undefined || read.options === undefined ? undefined : { ...read.options, query: read.query };
}

function nearest(given: unknown) {
  const values = readFloats(given);
  return values instanceof Float32Array ? { kind: 'nearest' as const, to: { kind: 'values' as const, values }, mmr: null } : undefined;
}

function optionsOf({
  limit,
  offset,
  score_threshold: threshold,
  with_payload: payload,
  with_vector: vector,
}: Readonly<Record<string, unknown>>) {
  const [count, skipped] = [wholeWithin(limit, 1, VECTOR_LIMITS.topKMaxCount), wholeWithin(offset, 0, VECTOR_LIMITS.queryOffsetMaxCount)];
  if (!isFlag(payload) || !isFlag(vector)) return undefined;
  if ((limit !== undefined && count === undefined) || (offset !== undefined && skipped === undefined)) return undefined;
  if (threshold !== undefined && !(typeof threshold === 'number' && Number.isFinite(threshold))) return undefined;
  return {
    ...(threshold === undefined ? {} : { score_threshold: threshold }),
    with_payload: payload ?? false,
    with_vector: vector ?? false,
    ...(count === undefined ? {} : { limit: count }),
    ...(skipped === undefined ? {} : { offset: skipped }),
  };
}
