import { refusal, RefusedStream } from '../../../src/contract/api/errors.ts';
import { API_LIMITS } from '../../../src/contract/api/api-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import { ok } from '../../../src/kernel/result.ts';

export type ContentCoding = 'identity' | 'gzip' | 'deflate';

const CODINGS: Readonly<Record<string, ContentCoding>> = {
  '': 'identity',
  identity: 'identity',
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
};

/** How a body is compressed. Refuses other codings, and several of them at once. */
export function codingOf(headers: Headers): Outcome<ContentCoding> {
  const named = headers.get('content-encoding') ?? '';
  const coding = CODINGS[named.trim().toLowerCase()];
  if (coding !== undefined) return ok(coding);
  const message = `must be gzip, deflate or absent, not "${named.slice(0, 32)}"`;
  return refuse('unsupported_media_type', message, 'content-encoding');
}

/**
 * The bytes of a body as they were before compression, read as they are requested. Throws a `RefusedStream` for bytes that contradict the
 * header, and for a body that grows more than any real one does: neither it nor its inflated form is ever held.
 *
 * By Node's streams: workerd's `DecompressionStream` inflates all it is given before the first byte is read, however much that makes.
 */
export async function* decodedChunks(chunks: AsyncIterable<Uint8Array>, coding: ContentCoding): AsyncGenerator<Uint8Array, void> {
  if (coding === 'identity') {
    yield* chunks;
    return;
  }
  const [{ createGunzip, createInflate }, { pipeline }] = await Promise.all([import('node:zlib'), import('node:stream')]);
  const inflate = coding === 'gzip' ? createGunzip() : createInflate();
  let [bytesIn, bytesOut] = [0, 0];
  const counted = async function* (): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of chunks) {
      bytesIn += chunk.byteLength;
      yield chunk;
    }
  };
  // Its errors come out of `inflate`, too.
  pipeline(counted, inflate, () => undefined);
  try {
    for await (const chunk of inflate) {
      bytesOut += chunk.byteLength;
      if (bytesOut > API_LIMITS.inflatedFreeBytesMax && bytesOut > bytesIn * API_LIMITS.inflatedRatioMax)
        throw new RefusedStream(tooDense());
      yield chunk;
    }
  } catch (error) {
    throw isZlibError(error) ? new RefusedStream(notOf(coding)) : error;
  } finally {
    inflate.destroy();
  }
}

const tooDense = () =>
  refusal(
    'payload_too_large',
    `the body inflates to more than inflatedRatioMax (${API_LIMITS.inflatedRatioMax}) times its compressed bytes`,
  );

const notOf = (coding: ContentCoding) =>
  refusal('invalid_value', `the body is not ${coding}, as content-encoding says, or ended early`, 'content-encoding');

const isZlibError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_');
