import { Buffer } from 'node:buffer';
import { parseCacheControl } from '../../../../src/cache/cache-directives.ts';
import type { CachedInput } from '../../../../src/cache/cache-key.ts';
import { DEADLINE_HEADER } from '../../../../src/contract/api/reading.ts';
import type { EmbeddingInput } from '../../../../src/contract/embeddings/embeddings.ts';
import { TTL_HEADER } from '../../../../src/contract/api/cache-headers.ts';
import type { EmbeddedInputs } from '../../../../src/gateway/embeddings/embed.ts';
import { chanceHash } from '../../../../src/kernel/fast-hash.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { handOverToUpstreams } from './hand-over.ts';
import type { VectorWriter } from '../../pipeline/vector-writer.ts';
import { JSON_VECTORS } from '../../pipeline/vector-writer.ts';
import { cacheHeaders } from '../../../../src/gateway/caches/cache-report.ts';

type Format = 'float' | 'base64';

export const embeddingHandlers = {
  createEmbeddings: async (call) => {
    const { gateway, principal, authority, body, options } = call;
    const inputs = inputsOf(body.input);
    const { model, dimensions } = body;
    const request = {
      principal,
      authority,
      model,
      inputs,
      dimensions,
      directives: parseCacheControl(options['cache-control']),
      ttlMs: options[TTL_HEADER],
      tags: options['cache-tag'],
      leftMs: options[DEADLINE_HEADER],
      reserve: (quantities: { readonly embedding_tokens: number }) => call.reserve(quantities),
    };
    const embedded = await gateway.embeddings.anyEmbedder.embedInputs(request, body.input_type);
    if (!embedded.ok) return handOverToUpstreams(call, '/v1/upstreams/embeddings', embedded);
    const { tokens, cachedTokens, manifest, ranBy, report } = embedded.value;
    return {
      ok: true,
      reply: {
        object: 'list' as const,
        data: embeddingsOf(embedded.value, body.encoding_format, call.vectors),
        model: manifest.id,
        usage: { prompt_tokens: tokens, total_tokens: tokens },
      },
      used: { embedding_tokens: tokens - cachedTokens, embedding_cached_tokens: cachedTokens },
      model: manifest.id,
      headers: {
        'x-sluice-route': ranBy ?? (manifest.runner === 'static' ? 'gateway' : 'inference'),
        'x-sluice-model': `${manifest.id}@${manifest.version}`,
        etag: vectorsTag(embedded.value, call.vectors === JSON_VECTORS ? body.encoding_format : 'rows'),
        ...cacheHeaders(report),
      },
    };
  },
} satisfies Partial<Handlers>;

/** A strong entity tag. Of the very numbers: recomputing may change their last bits, and that is another answer. */
const vectorsTag = ({ vectors, dimensions, manifest }: EmbeddedInputs, format: string): string =>
  `"${chanceHash(`${manifest.id}@${manifest.version} ${dimensions} ${format}`, vectors)}"`;

function inputsOf(input: EmbeddingInput): CachedInput[] {
  if (typeof input === 'string') return [{ kind: 'text', text: input }];
  if (isTokens(input)) return [{ kind: 'tokens', ids: Int32Array.from(input) }];
  return input.map((item) => (typeof item === 'string' ? { kind: 'text', text: item } : { kind: 'tokens', ids: Int32Array.from(item) }));
}

const isTokens = (input: string[] | number[] | number[][]): input is number[] => typeof input[0] === 'number';

function embeddingsOf({ vectors, dimensions, report: { sources } }: EmbeddedInputs, format: Format, writer: VectorWriter) {
  return sources.map((_, index) => {
    const vector = vectors.subarray(index * dimensions, (index + 1) * dimensions);
    return {
      object: 'embedding' as const,
      index,
      embedding: format === 'float' || writer !== JSON_VECTORS ? writer.write(vector) : base64(vector),
    };
  });
}

/** Of the numbers as little-endian 32-bit floats, which is how every platform of ours keeps them. */
const base64 = ({ buffer, byteOffset, byteLength }: Float32Array<ArrayBuffer>): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');
