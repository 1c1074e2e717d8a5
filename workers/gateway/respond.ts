import { hash } from 'node:crypto';
import { NDJSON } from '../../src/contract/bulk.ts';
import type { Endpoint } from '../../src/contract/endpoint.ts';
import { assert } from '../../src/kernel/assert.ts';
import { jsonText } from '../../src/kernel/float32-text.ts';
import type { Done } from './call.ts';

/** A handler's answer, sent as the endpoint declares. */
export function respond<E extends Endpoint>(request: Request, endpoint: E, answer: Done<E>): Response {
  const init = { status: endpoint.status, headers: { ...answer.headers } };
  switch (endpoint.reply.kind) {
    case 'none':
      return new Response(null, init);
    case 'json':
      return endpoint.method === 'GET' ? respondOnce(request, answer) : jsonResponse(jsonText(answer.reply), init);
    case 'ndjson':
      return new Response(answer.reply as BodyInit, { ...init, headers: { 'content-type': NDJSON, ...init.headers } });
    case 'bytes':
      assert(answer.reply !== undefined, 'a bytes endpoint answers bytes');
      return new Response(answer.reply as BodyInit, {
        ...init,
        headers: { 'content-type': endpoint.reply.contentType, ...init.headers },
      });
  }
}

/**
 * The representation, unless the caller has it already (304). Only for GET: of any other method a 304 would mean that nothing was done, and
 * the answer to a POST is no representation that its sender could have kept under this path.
 */
function respondOnce<E extends Endpoint>(request: Request, { reply, headers }: Done<E>): Response {
  const body = jsonText(reply);
  const etag = etagOf(body);
  if (isNoneMatch(request.headers.get('if-none-match'), etag)) return new Response(null, { status: 304, headers: { ...headers, etag } });
  return jsonResponse(body, { status: 200, headers: { ...headers, etag } });
}

const jsonResponse = (body: string, { status, headers }: { readonly status: number; readonly headers: Record<string, string> }): Response =>
  new Response(body, { status, headers: { 'content-type': 'application/json', ...headers } });

/** A strong entity tag (RFC 9110, 8.8.3): the same for the same bytes. Truncated to 128 bits, which no two answers share by chance. */
export const etagOf = (text: string, bytes?: Uint8Array): string =>
  `"${hash('sha256', bytes === undefined ? text : `${text}${hash('sha256', bytes, 'hex')}`, 'hex').slice(0, 32)}"`;

/** Whether `if-none-match` names the tag, so that its sender has the answer already. Compared weakly, as the RFC wants of it. */
export function isNoneMatch(header: string | null, etag: string): boolean {
  if (header === null) return false;
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
