import { ownKey } from '../../ann/receipts.ts';
import type { Repetition } from '../../ann/shard-protocol.ts';
import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Truncate } from '../../contract/embeddings/truncation.ts';
import { isTruncating } from '../../contract/embeddings/truncation.ts';
import type { NewVector } from '../../contract/vectors/vectors.ts';
import { sha256Hex, utf8 } from '../../kernel/bytes.ts';
import { err, ok } from '../../kernel/result.ts';
import type { IndexRef, PinnedIndex } from '../indexes/index-ref.ts';
import { onIndex, onOneIndex } from '../indexes/index-ref.ts';
import type { ManifestCache } from '../indexes/manifest-cache.ts';
import { requestDigest } from '../tenancy/subject.ts';
import type { EmbeddingCaller, RowPaths, VectorSpace } from './vector-space.ts';
import type { FieldSpace } from './field-space.ts';
import { contentsText, valuesChars } from './row-contents.ts';
import { batchPaths, bothEmbedded, NOTHING_EMBEDDED } from './vector-space.ts';
import type { Vectors, WrittenVectors } from './vectors.ts';
import { afterSome } from './vectors.ts';
import { Composed } from '../api/composed.ts';
import { checkOwnRows } from './visible/own-rows.ts';

interface UpsertsParts {
  readonly manifests: ManifestCache;
  readonly space: VectorSpace;
  readonly fields: Pick<FieldSpace, 'check'>;
  readonly vectors: Pick<Vectors, 'write'>;
  /** Different for each call. */
  readonly newId: () => string;
}

/** The vectors of one call. */
export interface UpsertCall {
  readonly vectors: readonly NewVector[];
  readonly model?: string | undefined;
  readonly truncate?: Truncate | undefined;
  /** Where the parts of the i-th vector stand in the request. */
  readonly pathsOf?: (at: number) => RowPaths;
  readonly idempotencyKey?: string | undefined;
}

/**
 * Writes the vectors of one call: all of them are checked before the first is written, then they are written slice by slice, each all or
 * none. A refusal states how many were written before it. [V165] [V166]
 */
export class Upserts extends Composed<UpsertsParts> {
  /** Refuses what does not fit the index, naming the vector; else as the embedder and the shard do. */
  async upsert(caller: EmbeddingCaller, index: IndexRef, call: UpsertCall): Promise<Outcome<WrittenVectors>> {
    const { manifests, space, fields } = this.parts;
    const { vectors, model, pathsOf = batchPaths } = call;
    const own = checkOwnRows(vectors, pathsOf);
    if (!own.ok) return own;
    return onOneIndex(manifests, caller.principal, index, async (pin) => {
      const checked = await onIndex(manifests, caller.principal, pin, async (manifest) => {
        const points = vectors.map(({ values, text }, at) => ({ values, text, paths: pathsOf(at) }));
        const fits = await space.check(manifest, model, points);
        if (!fits.ok) return fits;
        const rows = vectors.map((vector, at) => ({ fields: vector.fields, at: pathsOf(at).fields }));
        const fieldsFit = fields.check(manifest.fields, rows);
        return fieldsFit.ok ? ok(manifest.dimensions) : fieldsFit;
      });
      return checked.ok ? this.#writeSlices(caller, pin, { ...call, pathsOf }, checked.value) : checked;
    });
  }

  async #writeSlices(
    caller: EmbeddingCaller,
    pin: PinnedIndex,
    call: UpsertCall & { readonly pathsOf: (at: number) => RowPaths },
    dimensions: number,
  ): Promise<Outcome<WrittenVectors>> {
    const { vectors, model, truncate, pathsOf, idempotencyKey } = call;
    const own = this.parts.newId();
    let done: WrittenVectors | undefined;
    for (const [from, end] of slicesOf(vectors, dimensions)) {
      const slice = {
        vectors: vectors.slice(from, end),
        model,
        isTruncating: isTruncating(truncate),
        pathsOf: (at: number) => pathsOf(from + at),
      };
      const repetition =
        idempotencyKey === undefined
          ? ownRepetition(own, from)
          : await repetitionOf(caller, { ...call, idempotencyKey }, slice.vectors, from);
      const written = await this.parts.vectors.write(caller, pin, slice, repetition);
      if (!written.ok) return err(afterSome(written.error, from));
      const { value } = written;
      const cut = value.cut.map((one) => ({ ...one, index: from + one.index }));
      done = { ...value, count: (done?.count ?? 0) + value.count, ...bothEmbedded(done ?? NOTHING_EMBEDDED, { ...value, cut }) };
    }
    return done === undefined ? refuse('invalid_value', 'give at least one', 'vectors') : ok(done);
  }
}

/** The vectors in slices that one transaction takes, as where each begins and ends. */
export function* slicesOf(vectors: readonly NewVector[], dimensions: number): Generator<readonly [from: number, end: number]> {
  let [from, bytes] = [0, 0];
  for (const [at, { id, metadata, text, fields }] of vectors.entries()) {
    const own = 4 * dimensions + 2 * (id.length + (metadata?.length ?? 0) + (text?.length ?? 0) + valuesChars(fields));
    if (at > from && (at - from === VECTOR_LIMITS.upsertVectorsMaxCount || bytes + own > VECTOR_LIMITS.upsertSliceBytesMax)) {
      yield [from, at];
      [from, bytes] = [at, 0];
    }
    bytes += own;
  }
  if (vectors.length > from) yield [from, vectors.length];
}

/**
 * By what the tries of one slice are known that the gateway itself makes, where the caller gave no key: each of its vectors is written once,
 * though the index splits or another generation comes to serve between two tries (RT41).
 */
const ownRepetition = (own: string, from: number): Repetition => ({ idempotencyKey: ownKey(`${own} ${from}`), digest: '' });

/** By what a repetition of a slice is known: equal calls have equal slices. A space is in no key that a caller gives. */
async function repetitionOf(
  { principal }: EmbeddingCaller,
  { vectors: all, model, truncate, idempotencyKey }: UpsertCall & { readonly idempotencyKey: string },
  vectors: readonly NewVector[],
  from: number,
): Promise<Repetition> {
  const digest = await requestDigest(principal, 'vectors.upsert', await upsertDigest({ vectors, model, truncate }));
  // A call in one slice has the key and digest that it had before calls had several slices.
  if (vectors.length === all.length) return { idempotencyKey, digest };
  return { idempotencyKey: from === 0 ? idempotencyKey : `${idempotencyKey} ${from}`, digest: `${digest}:${all.length}` };
}

interface NewVectors {
  readonly vectors: readonly NewVector[];
  readonly model?: string | undefined;
  readonly truncate?: Truncate | undefined;
}

/** SHA-256, in hex, of what an upsert asks for: equal for equal requests, whatever the order of keys in their JSON. Without cutting, or fields, that of before there was any. */
export function upsertDigest({ vectors, model, truncate }: NewVectors): Promise<string> {
  const rest = vectors.map(({ id, namespace, values, text, metadata, fields }) => [
    id,
    namespace,
    values === null ? 'none' : (values?.length ?? null),
    text ?? null,
    metadata ?? null,
    ...(fields === undefined ? [] : [contentsText(fields)]),
  ]);
  const parts = [
    utf8(JSON.stringify([model ?? null, rest, ...(isTruncating(truncate) ? ['truncate'] : [])])),
    ...vectors.flatMap(({ values }) => (values === undefined || values === null ? [] : [bytesOf(values)])),
  ];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return sha256Hex(bytes);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array<ArrayBuffer>): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
