import type { CacheDirectives } from '../../cache/cache-directives.ts';
import type { CachedInput, Sha256 } from '../../cache/cache-key.ts';
import { inputDigest } from '../../cache/cache-key.ts';
import { EMBEDDING_LIMITS } from '../../contract/embeddings/embedding-limits.ts';
import { pinnedName } from '../../contract/api/model-name.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { CutText } from '../../contract/embeddings/truncation.ts';
import { cutTextsOf } from '../../contract/embeddings/truncation.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { CountInputs } from '../../contract/tenancy/input-tally.ts';
import { cacheOwnerOf } from '../../contract/api/principal.ts';
import type { EmbeddingOutput } from '../../inference/embedding-output.ts';
import { outputFor } from '../../inference/embedding-output.ts';
import { checkTokenBatch, checkWords, tokenBatch } from '../../inference/token-batch.ts';
import type { ModelManifest } from '../../inference/model-manifest.ts';
import type { TokenBatch } from '../../inference/token-batch.ts';
import { truncate } from '../../inference/unit-vectors.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { Acting } from '../tenancy/authority.ts';
import { mayTouchModels } from '../tenancy/authority.ts';
import type { CacheReport } from '../caches/cache-report.ts';
import type { CountCache } from '../caches/cache-stats.ts';
import type { EmbeddingCache } from './embedding-cache.ts';
import type { EmbeddingModels, RunnableModel } from './embedding-models.ts';
import { findManifest } from './embedding-models.ts';
import { Composed } from '../api/composed.ts';

export interface EmbedInputs extends Acting {
  readonly model: string;
  /** The embedding contract that the vectors must have, where they join others; undefined: the newest version's. */
  readonly contractHash?: string;
  readonly inputs: readonly CachedInput[];
  /** Length of the vectors; undefined: the model's own. */
  readonly dimensions?: number | undefined;
  /** Which form of vectors is wanted; undefined: what the model is for. */
  readonly output?: EmbeddingOutput | undefined;
  /** Whether vectors are compared with others: those that are not dense are refused then. */
  readonly mustBeDense?: boolean;
  /** Cuts texts that are too long, instead of refusing them. [M155] */
  readonly isTruncating?: boolean | undefined;
  readonly directives: CacheDirectives;
  readonly ttlMs?: number | undefined;
  readonly tags?: readonly string[];
  /** How long the caller waits; undefined: it does not say. */
  readonly leftMs?: number | undefined;
  readonly reserve: (quantities: { readonly embedding_tokens: number }) => Promise<Outcome<void>>;
}

export interface EmbeddedInputs {
  readonly output: EmbeddingOutput;
  /** Row-major, in the order of the inputs. Nothing, where they are not dense. */
  readonly vectors: Float32Array<ArrayBuffer>;
  /** Of sparse and token vectors: one row an input, as `EmbeddedTexts` has it. */
  readonly rows: readonly Float32Array<ArrayBuffer>[];
  readonly dimensions: number;
  readonly manifest: ModelManifest;
  /** As the model saw them: without those that were cut off. */
  readonly tokens: number;
  /** What was cut, by positions of the inputs. */
  readonly cut: readonly CutText[];
  /** The share of `tokens` that needed no computing: cached, computed by another request, or repeated in this one. */
  readonly cachedTokens: number;
  readonly report: CacheReport;
  /** What computed a registered model, and why; absent: nothing had to be computed, or the model is none. */
  readonly ranBy?: string;
}

interface EmbedderParts {
  readonly models: EmbeddingModels;
  readonly cache: EmbeddingCache;
  readonly sha256: Sha256;
  readonly count: CountCache;
  readonly countInputs: CountInputs;
}

/** Turns inputs into vectors: limits first, then quota, then the caches, and only then the model. */
export class Embedder extends Composed<EmbedderParts> {
  /** Refuses with `model_not_found`, `contract_mismatch`, `scope_denied`, `limit_exceeded` or `invalid_value` (naming `input[i]`), `not_cached`, and what `reserve` refuses with. */
  async embedInputs(request: EmbedInputs): Promise<Outcome<EmbeddedInputs>> {
    const { principal, authority, inputs, directives, ttlMs, tags = [] } = request;
    const manifest = findManifest(this.parts.models.manifests, request.model, request.contractHash);
    if (!manifest.ok) return manifest;
    const pinned = checkContract(request, manifest.value.id, manifest.value.contractHash);
    if (!pinned.ok) return pinned;
    // [T55] Whatever named the model: the call itself, or the index whose vectors it makes.
    const touched = mayTouchModels(principal, [manifest.value.id]);
    if (!touched.ok) return touched;
    const output = outputFor(manifest.value.id, BUILT_IN_FORM, request.output);
    if (!output.ok) return output;
    const dimensions = request.dimensions ?? manifest.value.dimensions;
    if (dimensions > manifest.value.dimensions) return tooManyDimensions(manifest.value, dimensions);
    const model = await this.parts.models.load(manifest.value);
    if (!model.ok) return model;
    const tokenised = tokenise(model.value, inputs, request.isTruncating === true);
    if (!tokenised.ok) return tokenised;
    const { batch, words, unknown, cut } = tokenised.value;
    const tokens = sumOf(words);
    const reserved = await request.reserve({ embedding_tokens: tokens });
    if (!reserved.ok) return reserved;

    const answer = await this.parts.cache.answer({
      acting: { principal, authority },
      owner: cacheOwnerOf(principal),
      manifest: manifest.value,
      digests: inputs.map((input) => inputDigest(this.parts.sha256, input)),
      directives,
      ttlMs,
      tags,
      compute: (rows) => model.value.embed(tokenBatch(rows.map((row) => idsOf(batch, row)))),
    });
    if (!answer.ok) return answer;
    const { vectors, report, holding } = answer.value;
    const { sources, agesMs } = report;
    this.parts.count(principal, { cache: 'embeddings', model: manifest.value.id, sources, agesMs, holding });
    const shares = unknown.filter((share, row) => share >= 0 && sources[row] === 'computed');
    this.parts.countInputs(principal, 'unknown-words', pinnedName(manifest.value), shares);
    const full = manifest.value.dimensions;
    return ok({
      output: output.value,
      rows: [],
      vectors: dimensions === full ? vectors : truncate(vectors, full, dimensions),
      dimensions,
      manifest: manifest.value,
      tokens,
      cut,
      cachedTokens: cachedTokens(words, report),
      report,
    });
  }
}

/** What the models of a deployment are: their texts have no vectors of tokens. */
export const BUILT_IN_FORM = { task: 'embedding', pooling: 'none' } as const;

/** [M44] No vectors join others but those of their contract. Refuses with `contract_mismatch`. */
export function checkContract({ contractHash }: Pick<EmbedInputs, 'contractHash'>, model: string, found: string): Outcome<null> {
  if (contractHash === undefined || contractHash === found) return ok(null);
  return refuse('contract_mismatch', `no version of ${model} has the embedding contract ${contractHash}`, 'model');
}

interface TokenisedInputs {
  readonly batch: TokenBatch;
  /** By which each input is metered: the words of a text, or the ids that were sent. */
  readonly words: Int32Array;
  /** The share of each text's words that the vocabulary lacks; below zero for ids, and texts without words. */
  readonly unknown: number[];
  readonly cut: readonly CutText[];
}

function tokenise({ manifest, tokeniser }: RunnableModel, inputs: readonly CachedInput[], isTruncating: boolean): Outcome<TokenisedInputs> {
  const words = new Int32Array(inputs.length);
  const cutTokens = new Int32Array(inputs.length);
  const wordsMax = isTruncating ? manifest.tokensMax : Infinity;
  const texts: Int32Array[] = [];
  const shares: number[] = [];
  let idsCount = 0;
  for (const [row, input] of inputs.entries()) {
    const {
      ids,
      words: own,
      unknown,
      cutWords,
    } = input.kind === 'text' ? tokeniser.tokenise(input.text, wordsMax) : headOf(input.ids, wordsMax);
    words[row] = own;
    cutTokens[row] = cutWords;
    shares.push(own === 0 ? -1 : unknown / own);
    texts.push(ids);
    idsCount += ids.length;
    if (idsCount > EMBEDDING_LIMITS.embeddingIdsMaxCount)
      return refuseBeyond({ path: 'input', limit: 'embeddingIdsMaxCount', value: idsCount, what: `has at least ${idsCount} token ids` });
  }
  const short = checkWords(manifest, words);
  if (!short.ok) return short;
  const batch = tokenBatch(texts);
  const checked = checkTokenBatch(manifest, batch);
  if (!checked.ok) return checked;
  const tokens = sumOf(words);
  if (tokens <= EMBEDDING_LIMITS.embeddingTokensMaxCount) return ok({ batch, words, unknown: shares, cut: cutTextsOf(cutTokens) });
  return refuseBeyond({ path: 'input', limit: 'embeddingTokensMaxCount', value: tokens, what: `has ${tokens} tokens` });
}

/** The first of the ids that a call gives. */
function headOf(ids: Int32Array<ArrayBuffer>, idsMax: number) {
  const words = Math.min(ids.length, idsMax);
  return { ids: ids.slice(0, words), words, unknown: -1, cutWords: ids.length - words };
}

const sumOf = (counts: Int32Array): number => counts.reduce((sum, count) => sum + count, 0);

const tooManyDimensions = ({ id, dimensions }: ModelManifest, asked: number) =>
  refuse('invalid_value', `is ${asked}; the vectors of ${id} have ${dimensions}`, 'dimensions');

function idsOf({ ids, offsets }: TokenBatch, row: number): Int32Array {
  return ids.subarray(must(offsets[row], 'a row of the batch'), must(offsets[row + 1], 'a row of the batch'));
}

const cachedTokens = (words: Int32Array, { sources }: CacheReport): number =>
  sources.reduce((tokens, source, row) => (source === 'computed' ? tokens : tokens + must(words[row], 'an input of the batch')), 0);
