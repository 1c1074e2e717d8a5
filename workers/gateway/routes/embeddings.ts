import { Buffer } from 'node:buffer';

import { parseCacheControl } from '../../../src/cache/cache-directives.ts';
import type { CachedInput } from '../../../src/cache/cache-key.ts';
import type { EmbeddingInput } from '../../../src/contract/embedding-input.ts';
import { embeddingEndpoints } from '../../../src/contract/embeddings.ts';
import { LIMITS } from '../../../src/contract/limits.ts';
import { refuse } from '../../../src/contract/outcome.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import { cacheStatus } from '../../../src/gateway/cache-status.ts';
import type { EmbeddedInputs } from '../../../src/gateway/embed.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { Route } from '../serve.ts';
import { route } from '../serve.ts';

const TTL_HEADER = 'x-sluice-cache-ttl-ms';

export const embeddingRoutes: readonly Route[] = [
  route(embeddingEndpoints.createEmbeddings, async (call) => {
    const { gateway, principal, body, headers } = call;
    const ttlMs = ttlOf(headers.get(TTL_HEADER));
    if (!ttlMs.ok) return ttlMs;
    const directives = parseCacheControl(headers.get('cache-control'));
    const inputs = inputsOf(body.input);
    const { model, dimensions } = body;
    const embedded = await gateway.embeddings.embedder.embedInputs({
      principal,
      model,
      inputs,
      dimensions,
      directives,
      ttlMs: ttlMs.value,
      reserve: (quantities) => call.reserve(quantities),
    });
    if (!embedded.ok) return embedded;
    const { tokens, cachedTokens, manifest, sources, ageMs } = embedded.value;
    const age: Record<string, string> = ageMs === undefined ? {} : { age: String(Math.floor(ageMs / 1000)) };
    for (const source of new Set(sources)) {
      gateway.metrics.count('sluice_embeddings_total', { source }, sources.filter((other) => other === source).length);
    }
    return {
      ok: true,
      reply: {
        object: 'list' as const,
        data: embeddingsOf(embedded.value, body.encoding_format),
        model: manifest.id,
        usage: { prompt_tokens: tokens, total_tokens: tokens },
      },
      used: { embedding_tokens: tokens - cachedTokens, embedding_cached_tokens: cachedTokens },
      model: manifest.id,
      headers: { 'x-sluice-model': `${manifest.id}@${manifest.version}`, 'cache-status': cacheStatus(sources, directives), ...age },
    };
  }),
];

function ttlOf(header: string | null): Outcome<number | undefined> {
  if (header === null) return ok(undefined);
  if (!/^[1-9]\d{0,14}$/.test(header)) {
    return refuse('invalid_value', `${TTL_HEADER} must be a positive number of milliseconds`, TTL_HEADER);
  }
  const { cacheTtlMaxMs } = LIMITS;
  if (Number(header) <= cacheTtlMaxMs) return ok(Number(header));
  return refuse('limit_exceeded', `${TTL_HEADER} is ${header}; the limit is ${cacheTtlMaxMs} (cacheTtlMaxMs)`, TTL_HEADER);
}

function inputsOf(input: EmbeddingInput): CachedInput[] {
  if (typeof input === 'string') return [{ kind: 'text', text: input }];
  if (isTokens(input)) return [{ kind: 'tokens', ids: Int32Array.from(input) }];
  return input.map((item) => (typeof item === 'string' ? { kind: 'text', text: item } : { kind: 'tokens', ids: Int32Array.from(item) }));
}

const isTokens = (input: string[] | number[] | number[][]): input is number[] => typeof input[0] === 'number';

function embeddingsOf({ vectors, dimensions, sources }: EmbeddedInputs, format: 'float' | 'base64') {
  return sources.map((_, index) => {
    const vector = vectors.subarray(index * dimensions, (index + 1) * dimensions);
    return { object: 'embedding' as const, index, embedding: format === 'float' ? [...vector] : base64(vector) };
  });
}

/** Of the numbers as little-endian 32-bit floats, which is how every platform of ours keeps them. */
const base64 = ({ buffer, byteOffset, byteLength }: Float32Array<ArrayBuffer>): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');
