import { containedVector } from '../../ann/field-vectors/contained-vector.ts';
import type { ReadConsistency } from '../../ann/replication/read-consistency.ts';
import type { VectorFieldQuery } from '../../ann/row-fields.ts';
import { excluded, idsOf, pointOf } from '../../ann/shard/query-point.ts';
import type { StoredTarget } from '../../ann/shard-protocol.ts';
import { refusalAt } from '../../contract/api/errors.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { VectorField } from '../../contract/indexes/index-fields.ts';
import type { IndexManifest } from '../../index/index-manifest.ts';
import type { IndexShards, ShardSet } from '../../index/shards/index-shards.ts';
import { must } from '../../kernel/assert.ts';
import { err, ok } from '../../kernel/result.ts';
import { Composed } from '../api/composed.ts';
import type { TextEmbedder } from '../embeddings/text-embedder.ts';
import { fieldOf } from './plans/known-fields.ts';
import type { EmbeddedPoints, EmbeddingCaller } from './vector-space.ts';
import { NOTHING_EMBEDDED } from './vector-space.ts';

/** Which stored vectors a search goes out from. */
export interface StoredPoint {
  readonly id?: string | undefined;
  readonly positive_ids?: readonly string[] | undefined;
  readonly negative_ids?: readonly string[] | undefined;
}

/** What to search near in a vector field: `vector`, `text` or stored vectors of the field are there. */
interface FieldPoint extends StoredPoint {
  readonly field: string;
  readonly vector?: Float32Array<ArrayBuffer> | undefined;
  readonly text?: string | undefined;
}

/** Where stored vectors are read. */
interface Place {
  readonly manifest: IndexManifest;
  readonly namespace: string;
  readonly consistency: ReadConsistency;
}

/** Where and how a point is made a query. */
interface PointTerms extends Place {
  /** Whether a text that is too long is cut, instead of refused. */
  readonly isTruncating: boolean;
}

interface FieldPointsParts {
  readonly embedder: Pick<TextEmbedder, 'embed'>;
  readonly shards: IndexShards;
}

/** Refuses a field that the index does not have, and what does not fit it, naming its part of the point that stands at `at`. [TX249] */
export function checkFieldPoint(manifest: IndexManifest, { field: name, vector, text }: FieldPoint, at: FieldPath): Outcome<VectorField> {
  const field = fieldOf(manifest, 'vector', name, [...at, 'field']);
  if (!field.ok) return field;
  const { dimensions, model } = field.value;
  if (vector !== undefined && vector.length !== dimensions) {
    const what = `has ${vector.length} numbers; the field "${name}" has ${dimensions} dimensions`;
    return refuse('dimension_mismatch', what, [...at, 'vector']);
  }
  if (text === undefined || model !== null) return field;
  return refuse('invalid_value', `the field "${name}" has no model: give \`vector\``, [...at, 'text']);
}

/** Turns what searches give as points of vector fields into what shards are asked. */
export class FieldPoints extends Composed<FieldPointsParts> {
  /** Refuses as `checkFieldPoint` and the embedder do, and with `vector_not_found` an id that has no vector in the field. */
  async query(
    caller: EmbeddingCaller,
    terms: PointTerms,
    point: FieldPoint,
    at: FieldPath,
  ): Promise<Outcome<{ readonly query: VectorFieldQuery; readonly used: EmbeddedPoints }>> {
    const field = checkFieldPoint(terms.manifest, point, at);
    if (!field.ok) return field;
    const { field: name, vector, text } = point;
    const queryOf = (values: Float32Array<ArrayBuffer>) => ({ kind: 'vector', field: name, vector: values }) as const;
    if (vector !== undefined) return ok({ query: queryOf(vector), used: NOTHING_EMBEDDED });
    if (text !== undefined) {
      const embedded = await this.#embedded(caller, terms, field.value, text, [...at, 'text']);
      return embedded.ok ? ok({ query: queryOf(embedded.value.vector), used: embedded.value.used }) : embedded;
    }
    const stored = await storedFieldPoint(this.parts.shards.of(terms.manifest), terms, point, at);
    return stored.ok ? ok({ query: queryOf(stored.value), used: NOTHING_EMBEDDED }) : stored;
  }

  async #embedded(caller: EmbeddingCaller, { isTruncating }: PointTerms, field: VectorField, text: string, at: FieldPath) {
    const { principal, authority, reserve } = caller;
    const model = must(field.model, 'texts were checked to have a model');
    const contractHash = must(field.contractHash, 'a field is pinned to the contract of its model');
    const request = { principal, authority, reserve, model, contractHash, texts: [text], use: 'queries', isTruncating } as const;
    const embedded = await this.parts.embedder.embed(request);
    if (!embedded.ok) return embedded.error.path === undefined ? embedded : err(refusalAt(embedded.error, at));
    const { vectors, tokens, cachedTokens, cut } = embedded.value;
    return ok({ vector: Float32Array.from(vectors), used: { tokens, cachedTokens, cut } });
  }
}

/** The stored vectors that a search goes out from; one of `id` and `positive_ids` is there. */
export function storedTarget({ id, positive_ids: positive, negative_ids: negative = [] }: StoredPoint): StoredTarget {
  if (positive !== undefined) return { kind: 'examples', positive, negative };
  return { kind: 'id', id: must(id, 'the schema asks for what to search near') };
}

/** What a search must not find: what it names, and the examples that it goes out from. */
export const excludedBy = (point: StoredPoint, excludeIds: readonly string[]): readonly string[] =>
  point.positive_ids === undefined ? excludeIds : excluded(excludeIds, storedTarget(point));

/** The point that vectors stored in a field make. Refuses with `vector_not_found`, naming the first that is not there, and as shards do. */
export async function storedFieldPoint(
  shards: ShardSet,
  { manifest, namespace, consistency }: Place,
  point: Pick<FieldPoint, 'field' | keyof StoredPoint>,
  at: FieldPath,
): Promise<Outcome<Float32Array<ArrayBuffer>>> {
  const { field: name } = point;
  const field = fieldOf(manifest, 'vector', name, [...at, 'field']);
  if (!field.ok) return field;
  const target = storedTarget(point);
  const include = { values: false, metadata: false, text: false, contents: true };
  const fetched = await shards.fetch({ indexId: manifest.id, namespace, ids: idsOf(target), include }, consistency);
  if (!fetched.ok) return fetched;
  const contentsOf = new Map(fetched.value.ids.map((id, row) => [id, fetched.value.contents?.[row] ?? null]));
  const { metric, dimensions } = field.value;
  const made = pointOf(target, metric, (id) => containedVector({ contents: contentsOf.get(id) ?? null }, name, dimensions));
  return made.ok
    ? made
    : refuse('vector_not_found', `no vector of the namespace has this id and a vector in "${name}"`, [...at, ...(made.error.path ?? [])]);
}
