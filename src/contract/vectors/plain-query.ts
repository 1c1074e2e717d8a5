import { filter } from './filter-syntax.ts';
import { VECTOR_LIMITS } from './vector-limits.ts';
import { isFlag, isPlainText, membersAmong, wholeWithin } from '../api/quick-reader.ts';
import { readFloats } from './vector-fields.ts';

const MEMBERS = new Set([
  'vector',
  'top_k',
  'offset',
  'namespace',
  'filter',
  'exact',
  'explain',
  'include_values',
  'include_metadata',
  'include_text',
  'include_fields',
]);

/** The body of a query by a vector, with the options that most have. */
export function readPlainQuery(value: unknown) {
  const body = membersAmong(value, MEMBERS);
  if (body === undefined) return undefined;
  const [page, flags, filtered] = [pageOf(body), flagsOf(body), filteredBy(body['filter'])];
  if (page === undefined || flags === undefined || filtered === undefined) return undefined;
  const vector = readFloats(body['vector']);
  if (!(vector instanceof Float32Array)) return undefined;
  const { exact, explain, ...include } = flags;
  // In the order of the schema: a digest of it is the same whichever of both has read it.
  return { vector, exclude_ids: [], ...page, ...filtered, exact, explain, consistency: 'strong' as const, ...include };
}

type Members = Readonly<Record<string, unknown>>;

function pageOf({ top_k: topK = VECTOR_LIMITS.topKDefaultCount, offset = 0, namespace = '' }: Members) {
  const [count, skipped] = [wholeWithin(topK, 1, VECTOR_LIMITS.topKMaxCount), wholeWithin(offset, 0, VECTOR_LIMITS.queryOffsetMaxCount)];
  if (count === undefined || skipped === undefined || !isPlainText(namespace, VECTOR_LIMITS.namespaceBytesMax)) return undefined;
  return { top_k: count, offset: skipped, namespace };
}

function flagsOf(body: Members) {
  const { exact, explain, include_values: values, include_metadata: metadata, include_text: text, include_fields: fields } = body;
  if (!isFlag(exact) || !isFlag(explain) || !isFlag(values) || !isFlag(metadata) || !isFlag(text) || !isFlag(fields)) return undefined;
  return {
    exact: exact ?? false,
    explain: explain ?? false,
    include_values: values ?? false,
    include_metadata: metadata ?? true,
    include_text: text ?? false,
    include_fields: fields ?? false,
  };
}

function filteredBy(given: unknown) {
  if (given === undefined) return {};
  const read = filter.safeParse(given);
  return read.success ? { filter: read.data } : undefined;
}
