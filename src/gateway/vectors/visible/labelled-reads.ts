import { accepts } from '../../../ann/filter/accepts.ts';
import type { ReadConsistency } from '../../../ann/replication/read-consistency.ts';
import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { JsonValue } from '../../../contract/api/json-value.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { LABELS_MEMBER } from '../../../contract/documents/document-members.ts';
import type { Filter } from '../../../contract/vectors/filter.ts';
import type { LabelLists, Reader } from '../../../documents/replacement/label-lists.ts';
import { labelsOf } from '../../../documents/replacement/label-lists.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import type { IndexShards } from '../../../index/shards/index-shards.ts';
import { ok } from '../../../kernel/result.ts';
import type { StoredPoint } from '../field-points.ts';
import type { ServedRows } from './served-rows.ts';

/** What a query says that labels bear on. */
interface Labelled {
  readonly labels?: readonly string[] | undefined;
  readonly filter?: Filter | undefined;
  readonly explain: boolean;
}

/** Accepts a row that has no label or, of each list, one. */
const filterOf = (list: readonly string[]): Filter => ({
  kind: 'or',
  of: [
    { kind: 'count', path: LABELS_MEMBER, interval: { max: { value: 0, closed: true } } },
    ...(list.length === 0 ? [] : [{ kind: 'equals', path: LABELS_MEMBER, values: list } as const]),
  ],
});

/**
 * A query that finds what its caller may read alone: its filter is in force in the shards, before candidates are chosen. [DC94] Refuses an explanation to a
 * key with labels: it counts what others may read. [DC96]
 */
function readableQuery<Body extends Labelled>(reader: Reader, body: Body, at: FieldPath): Outcome<Body> {
  if (reader.labels !== undefined && body.explain)
    return refuse('scope_denied', 'the key reads documents of some labels alone, and explanations count others: leave it out', [
      ...at,
      'explain',
    ]);
  const filters = labelsOf(reader, body.labels).map(filterOf);
  if (filters.length === 0) return ok(body);
  const [only, ...more] = [...(body.filter === undefined ? [] : [body.filter]), ...filters];
  return ok({ ...body, filter: more.length === 0 ? only : { kind: 'and', of: [only, ...more] } });
}

/** The queries of a request as their caller may make them: see `readableQuery`. */
export function readableQueries<Body extends Labelled>(
  reader: Reader,
  asked: readonly { readonly body: Body; readonly at: FieldPath }[],
): Outcome<{ readonly body: Body; readonly at: FieldPath }[]> {
  const queries: { readonly body: Body; readonly at: FieldPath }[] = [];
  for (const { body, at } of asked) {
    const readable = readableQuery(reader, body, at);
    if (!readable.ok) return readable;
    queries.push({ body: readable.value, at });
  }
  return ok(queries);
}

/** A stored row that a query goes out from. */
interface NamedRow {
  readonly id: string;
  /** Where it is named. */
  readonly at: FieldPath;
}

/** Those that a search, or a leg, names; it stands at `at`. */
export function namedIn({ id, positive_ids: positive = [], negative_ids: negative = [] }: StoredPoint, at: FieldPath): NamedRow[] {
  const own = id === undefined ? [] : [{ id, at: [...at, 'id'] }];
  const liked = positive.map((one, i) => ({ id: one, at: [...at, 'positive_ids', i] }));
  return [...own, ...liked, ...negative.map((one, i) => ({ id: one, at: [...at, 'negative_ids', i] }))];
}

interface RowsPlace {
  readonly manifest: IndexManifest;
  readonly namespace: string;
  readonly consistency: ReadConsistency;
}

interface NamedRowsParts {
  readonly shards: IndexShards;
  readonly served: Pick<ServedRows, 'hiddenAmong'>;
}

/** Refuses rows that a query goes out from and that its caller may not read as if they were not there, with `vector_not_found`. [DC95] */
export async function checkNamedRows(
  { shards, served }: NamedRowsParts,
  { manifest, namespace, consistency }: RowsPlace,
  lists: LabelLists,
  named: readonly NamedRow[],
): Promise<Outcome<null>> {
  if (lists.length === 0 || named.length === 0) return ok(null);
  const ids = [...new Set(named.map(({ id }) => id))];
  const include = { values: false, metadata: true, text: false };
  const fetched = await shards.of(manifest).fetch({ indexId: manifest.id, namespace, ids, include }, consistency);
  if (!fetched.ok) return fetched;
  const among = await served.hiddenAmong({ manifest, namespace }, fetched.value.ids);
  if (!among.ok) return among;
  const filter: Filter = { kind: 'and', of: lists.map(filterOf) };
  const { metadata } = fetched.value;
  const isReadable = (id: string, at: number): boolean =>
    !among.value.hidden.has(id) && accepts(filter, JSON.parse(metadata?.[at] ?? 'null') as JsonValue, id);
  const readable = new Set(fetched.value.ids.filter(isReadable));
  const missing = named.find(({ id }) => !readable.has(id));
  return missing === undefined ? ok(null) : refuse('vector_not_found', 'there is no vector with this id in the namespace', missing.at);
}
