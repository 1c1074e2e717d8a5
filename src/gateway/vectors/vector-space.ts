import type { EmbeddingUse, IndexManifest, PinnedEmbedding } from '../../index/index-manifest.ts';
import { embeddingFor } from '../../index/index-manifest.ts';
import type { Refusal } from '../../contract/api/errors.ts';
import { refusalAt } from '../../contract/api/errors.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import { pathBelow } from '../../contract/api/field-path.ts';
import { pinnedName } from '../../contract/api/model-name.ts';
import type { CutText } from '../../contract/embeddings/truncation.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Vectors } from '../../ann/stored-vector.ts';
import { assert, must } from '../../kernel/assert.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Acting } from '../tenancy/authority.ts';
import type { EmbedTexts, TextEmbedder } from '../embeddings/text-embedder.ts';

/** The model that embeds, and the principal whose quota pays. */
export interface EmbeddingCaller extends Acting {
  readonly reserve: EmbedTexts['reserve'];
}

/** A caller none of whose points is a text: it embeds nothing, and reserves nothing for that. */
export const withoutTexts = ({ principal, authority }: Acting): EmbeddingCaller => ({
  principal,
  authority,
  reserve: () => Promise.reject(new Error('a point without text needs no tokens')),
});

/** What embedding took; see `EmbeddedTexts`. */
export interface TokensUsed {
  readonly tokens: number;
  readonly cachedTokens: number;
}

export const NO_TOKENS: TokensUsed = { tokens: 0, cachedTokens: 0 };

/** What embedding the texts of points took, and which points had a text that was cut. [M155] */
export interface EmbeddedPoints extends TokensUsed {
  readonly cut: readonly CutText[];
}

export const NOTHING_EMBEDDED: EmbeddedPoints = { ...NO_TOKENS, cut: [] };

/** What two took together. */
export const bothUsed = (one: TokensUsed, other: TokensUsed): TokensUsed => ({
  tokens: one.tokens + other.tokens,
  cachedTokens: one.cachedTokens + other.cachedTokens,
});

/** What two embeddings took together. */
export const bothEmbedded = (one: EmbeddedPoints, other: EmbeddedPoints): EmbeddedPoints => ({
  ...bothUsed(one, other),
  cut: [...one.cut, ...other.cut],
});

/** A point given by its values or, where nothing is said of them, by a text. */
interface Point {
  /** Null: it has none, whatever its text. */
  readonly values?: Float32Array | null | undefined;
  readonly text?: string | undefined;
  /** Whether a text that is too long is cut, instead of refused. */
  readonly isTruncating?: boolean;
  readonly paths: PointPaths;
}

/** Where the parts of a point stand in the request. */
export interface PointPaths {
  readonly values: FieldPath;
  readonly text: FieldPath;
}

/** Where the parts of a vector to write do. */
export interface RowPaths extends PointPaths {
  readonly id: FieldPath;
  readonly metadata: FieldPath;
  readonly fields: FieldPath;
}

/** The vector at this index of a batch. */
export const batchPaths = (at: number): RowPaths => ({
  id: ['vectors', at, 'id'],
  metadata: ['vectors', at, 'metadata'],
  values: ['vectors', at, 'values'],
  text: ['vectors', at, 'text'],
  fields: ['vectors', at, 'fields'],
});

/**
 * Turns what users send into vectors of an index: of its dimensions and of its embedding contract. Zeros have no direction; their cosine to
 * anything is 0, whether they come as values or, in a model of words alone, from a text without a known one.
 */
export class VectorSpace {
  readonly #embedder: TextEmbedder;

  constructor(embedder: TextEmbedder) {
    this.#embedder = embedder;
  }

  /**
   * Where the points are, [points.length x dimensions]; those given by nothing are nowhere.
   *
   * Refuses with `dimension_mismatch` or `contract_mismatch`, naming the point; with `invalid_value` a text where there is no model; or as the embedder
   * does.
   */
  async place(
    caller: EmbeddingCaller,
    manifest: IndexManifest,
    model: string | undefined,
    points: readonly Point[],
    use: EmbeddingUse = 'items',
  ): Promise<Outcome<Vectors & EmbeddedPoints>> {
    const checked = await this.check(manifest, model, points, use);
    if (!checked.ok) return checked;
    const { dimensions } = manifest;
    const values = new Float32Array(points.length * dimensions);
    for (const [i, point] of points.entries()) values.set(point.values ?? [], i * dimensions);
    let used = NOTHING_EMBEDDED;
    for (const isTruncating of [false, true]) {
      const embedded = await this.#embed(caller, manifest, { use, isTruncating }, points, values);
      if (!embedded.ok) return embedded;
      used = bothEmbedded(used, embedded.value);
    }
    const vectorless = points.map((point) => isNowhere(point, manifest));
    return ok({ values, ...(vectorless.includes(true) ? { vectorless } : {}), ...used });
  }

  /** Refuses what `place` refuses before it embeds anything. */
  async check(
    manifest: IndexManifest,
    model: string | undefined,
    points: readonly Point[],
    use: EmbeddingUse = 'items',
  ): Promise<Outcome<null>> {
    const checked = await this.checkModel(manifest, model, use, points.some(isGiven) ? 'values' : 'texts');
    if (!checked.ok) return checked;
    const { dimensions } = manifest;
    for (const { values, paths } of points) {
      if (isSome(values) && values.length !== dimensions) return dimensionMismatch(values.length, dimensions, paths.values);
    }
    const unembedded = points.find((point) => isEmbedded(point, manifest));
    if (unembedded === undefined || embeddingFor(manifest, use) !== null) return ok(null);
    const message = 'the index was created without a model, so it takes vectors only; `values: null` keeps a text without one';
    return refuse('invalid_value', message, unembedded.paths.text);
  }

  /**
   * Refuses a model whose vectors do not belong into the index, or are not to be searched around. Values are of the version that answers to the
   * name; texts are embedded by the version that the index is pinned to, so a name without a version is the index's own.
   */
  async checkModel(
    manifest: IndexManifest,
    model: string | undefined,
    use: EmbeddingUse = 'items',
    given: 'values' | 'texts' = 'values',
  ): Promise<Outcome<null>> {
    const embedding = embeddingFor(manifest, use);
    if (model === undefined) return ok(null);
    const contract = await this.#embedder.contractOf(manifest.tenantId, model, given === 'texts' ? embedding?.contractHash : undefined);
    if (!contract.ok) return contract;
    if (contract.value.contractHash === embedding?.contractHash) return ok(null);
    return this.#mismatch(manifest, contract.value.contractHash, use);
  }

  /** Embeds the points given as texts that are to be cut, or those that are not, into their rows of `values`. */
  async #embed(
    { principal, authority, reserve }: EmbeddingCaller,
    manifest: IndexManifest,
    { use, isTruncating }: { readonly use: EmbeddingUse; readonly isTruncating: boolean },
    points: readonly Point[],
    values: Float32Array,
  ): Promise<Outcome<EmbeddedPoints>> {
    const rows = points.flatMap((point, row) => {
      const { text, isTruncating: isCut = false } = point;
      return text === undefined || isCut !== isTruncating || !isEmbedded(point, manifest) ? [] : [{ text, row }];
    });
    const [first] = rows;
    if (first === undefined) return ok(NOTHING_EMBEDDED);
    const pathOf = (row: number) => must(points[row], 'a row is a point').paths.text;
    const embedding = embeddingFor(manifest, use);
    assert(embedding !== null, 'texts were checked to have a model');
    const { model, contractHash } = embedding;
    const contract = await this.#embedder.contractOf(manifest.tenantId, model, contractHash);
    if (!contract.ok) return contract;
    if (contract.value.contractHash !== contractHash) return this.#mismatch(manifest, contract.value.contractHash, use);
    const texts = rows.map(({ text }) => text);
    const embedded = await this.#embedder.embed({ principal, authority, model, contractHash, texts, use, isTruncating, reserve });
    if (!embedded.ok) return err(renamed(embedded.error, (input) => pathOf(must(rows[input], 'the embedder names an input').row)));
    const { vectors, tokens, cachedTokens, dimensions, cut } = embedded.value;
    assert(values.length === points.length * dimensions, 'a contract has the dimensions of its indexes');
    for (const [i, { row }] of rows.entries()) values.set(vectors.subarray(i * dimensions, (i + 1) * dimensions), row * dimensions);
    return ok({ tokens, cachedTokens, cut: cut.map((one) => ({ ...one, index: must(rows[one.index], 'a text of the call').row })) });
  }

  /** Names the version that the index takes, where it is still served. */
  async #mismatch(manifest: IndexManifest, hash: string, use: EmbeddingUse): Promise<Outcome<never>> {
    const accepted = embeddingFor(manifest, use);
    if (accepted === null) return contractMismatch(null, hash, use);
    const { model, contractHash } = accepted;
    const pinned = await this.#embedder.contractOf(manifest.tenantId, model, contractHash);
    const isServed = pinned.ok && pinned.value.contractHash === contractHash;
    const name = isServed ? pinnedName({ id: model, version: pinned.value.version }) : model;
    return contractMismatch({ model: name, contractHash }, hash, use);
  }
}

const isSome = (values: Float32Array | null | undefined): values is Float32Array => values !== undefined && values !== null;

const isGiven = ({ values }: Point): boolean => isSome(values);

/** Whether a model makes its values of its text. */
const isEmbedded = ({ values, text }: Point, { dimensions }: IndexManifest): boolean =>
  dimensions > 0 && values === undefined && text !== undefined;

/** Whether it has no vector. [TX250] [TX251] */
const isNowhere = (point: Point, manifest: IndexManifest): boolean => !isGiven(point) && !isEmbedded(point, manifest);

function dimensionMismatch(count: number, dimensions: number, path: FieldPath) {
  const has = dimensions === 0 ? 'no vectors: leave the values out' : `${dimensions} dimensions`;
  return refuse('dimension_mismatch', `has ${count} numbers; the index has ${has}`, path);
}

/** Refuses what needs vectors, of an index that has none. [TX252] */
export function checkVectors({ dimensions }: Pick<IndexManifest, 'dimensions'>, path?: FieldPath | string): Outcome<null> {
  if (dimensions > 0) return ok(null);
  return refuse(
    'invalid_value',
    'the index has no vectors: search its fields, by text or sparse legs of `POST /v1/indexes/{index}/search`',
    path,
  );
}

function contractMismatch(accepted: PinnedEmbedding | null, hash: string, use: EmbeddingUse) {
  const what = use === 'queries' ? 'queries' : 'vectors';
  const takes = accepted === null ? 'was created without a model' : `takes ${what} of the model "${accepted.model}"`;
  const message = `the index ${takes}, not those of the embedding contract ${hash.slice(0, 12)}`;
  const { error } = refuse('contract_mismatch', message, 'model');
  return err({ ...error, accepted: accepted === null ? [] : [{ model: accepted.model, contract_hash: accepted.contractHash }] });
}

/** The embedder's refusal with the param of the point that the caller sent; the embedder calls its texts `input`. */
function renamed(error: Refusal, pathOf: (input: number) => FieldPath): Refusal {
  const [input, ...rest] = pathBelow(error.path, ['input']) ?? [];
  return typeof input === 'number' ? refusalAt(error, [...pathOf(input), ...rest]) : error;
}
