import { parseCacheControl } from '../../../../src/cache/cache-directives.ts';
import type { CachedInput } from '../../../../src/cache/cache-key.ts';
import { TTL_HEADER } from '../../../../src/contract/api/cache-headers.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { CutText, TruncateField } from '../../../../src/contract/embeddings/truncation.ts';
import { addCuts, isTruncating, NOTHING_CUT, TRUNCATED_HEADER } from '../../../../src/contract/embeddings/truncation.ts';
import { DEADLINE_HEADER } from '../../../../src/contract/api/reading.ts';
import type { embeddingEndpoints } from '../../../../src/contract/embeddings/embeddings.ts';
import { cacheHeaders } from '../../../../src/gateway/caches/cache-report.ts';
import { joinRows } from '../../../../src/cache/vector-rows.ts';
import type { EmbeddingOutput } from '../../../../src/inference/embedding-output.ts';
import type { EmbeddedInputs } from '../../../../src/gateway/embeddings/embed.ts';
import type { InputType } from '../../../../src/inference/served/model-calls.ts';
import { chanceHash } from '../../../../src/kernel/fast-hash.ts';
import type { Call } from '../../pipeline/call.ts';

/** What every call that embeds has, whichever API's it is. */
export interface EmbeddingCall extends Pick<
  Call<(typeof embeddingEndpoints)['createEmbeddings']>,
  'gateway' | 'principal' | 'authority' | 'options'
> {
  readonly reserve: (quantities: { readonly embedding_tokens: number }) => Promise<Outcome<void>>;
}

interface Wanted {
  readonly model: string;
  readonly inputs: readonly CachedInput[];
  /** Length of the vectors; undefined: the model's own. */
  readonly dimensions: number | undefined;
  readonly inputType: InputType | undefined;
  /** The form of the vectors; undefined: what the model is for. */
  readonly output: EmbeddingOutput | undefined;
  /** Whether only dense vectors are an answer. */
  readonly mustBeDense?: true;
  /** What becomes of texts that are too long, as the call says it. */
  readonly truncate: TruncateField;
}

/** The vectors of a call's inputs; refuses as `AnyEmbedder.embedInputs`. */
export function embedCall(
  { gateway, principal, authority, options, reserve }: EmbeddingCall,
  { inputType, truncate, ...wanted }: Wanted,
): Promise<Outcome<EmbeddedInputs>> {
  const request = {
    ...wanted,
    isTruncating: isTruncating(truncate),
    principal,
    authority,
    directives: parseCacheControl(options['cache-control']),
    ttlMs: options[TTL_HEADER],
    tags: options['cache-tag'],
    leftMs: options[DEADLINE_HEADER],
    reserve,
  };
  return gateway.embeddings.anyEmbedder.embedInputs(request, inputType);
}

/** What calls say that answer dense vectors alone. */
export const DENSE = { output: undefined, mustBeDense: true } as const;

export const textInputs = (texts: readonly string[]): CachedInput[] => texts.map((text) => ({ kind: 'text', text }));

/** What an answer of vectors has beside them. `form`: how the vectors are written, for the entity tag. */
export const embeddedAnswer = (embedded: EmbeddedInputs, form: string) => {
  const { tokens, cachedTokens, manifest, ranBy, report, cut } = embedded;
  return {
    ok: true as const,
    used: { embedding_tokens: tokens - cachedTokens, embedding_cached_tokens: cachedTokens },
    model: manifest.id,
    headers: {
      'x-sluice-route': ranBy ?? (manifest.runner === 'static' ? 'gateway' : 'inference'),
      'x-sluice-model': `${manifest.id}@${manifest.version}`,
      etag: vectorsTag(embedded, form),
      ...truncatedHeader(cut),
      ...cacheHeaders(report),
    },
  };
};

/** [M156] For answers that have no field for what was cut. */
export function truncatedHeader(cut: readonly CutText[]): Readonly<Record<string, string>> {
  const { count, tokens } = addCuts(NOTHING_CUT, cut);
  return count === 0 ? {} : { [TRUNCATED_HEADER]: `${count}; tokens=${tokens}` };
}

/** The vector of each input, in their order. */
export const vectorsOf = ({ vectors, dimensions, report: { sources } }: EmbeddedInputs): Float32Array<ArrayBuffer>[] =>
  sources.map((_, index) => vectors.subarray(index * dimensions, (index + 1) * dimensions));

/** The vectors of each input's tokens. */
export const tokenVectorsOf = ({ rows, dimensions }: EmbeddedInputs): Float32Array<ArrayBuffer>[][] =>
  rows.map((row) =>
    Array.from({ length: row.length / dimensions }, (_, token) => row.subarray(token * dimensions, (token + 1) * dimensions)),
  );

/** A strong entity tag. Of the very numbers: recomputing may change their last bits, and that is another answer. */
const vectorsTag = ({ output, vectors, rows, dimensions, manifest }: EmbeddedInputs, form: string): string => {
  const own = `${manifest.id}@${manifest.version} ${dimensions} ${form}`;
  if (output === 'dense') return `"${chanceHash(own, vectors)}"`;
  return `"${chanceHash(`${own} ${output} ${rows.map(({ length }) => length).join()}`, joinRows(rows).vectors)}"`;
};
