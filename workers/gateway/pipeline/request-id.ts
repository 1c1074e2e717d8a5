import type { Surface } from '../../../src/contract/api/surface.ts';
import { toHex } from '../../../src/kernel/bytes.ts';

const GIVEN = /^[\w.:-]{1,64}$/;

/** Bytes of an id: no two of them are ever the same. */
const ID_BYTES = 16;

/** Random bytes for 256 ids: a call of the generator costs more than an id. */
const pool = new Uint8Array(256 * ID_BYTES);
let used = pool.length;

/** The caller's own id, if it is one that may be logged and sent back; else a new one (G1). */
export function requestIdOf(headers: Headers): string {
  const given = headers.get('x-request-id');
  return given !== null && GIVEN.test(given) ? given : newRequestId();
}

/** Clients of Anthropic read a header of another name. [G126] */
export const requestIdHeaders = (surface: Surface, requestId: string): Record<string, string> =>
  surface === 'anthropic' ? { 'x-request-id': requestId, 'request-id': requestId } : { 'x-request-id': requestId };

function newRequestId(): string {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  used += ID_BYTES;
  return `req_${toHex(pool.subarray(used - ID_BYTES, used))}`;
}
