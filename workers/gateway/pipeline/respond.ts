import { hash } from 'node:crypto';
import { NDJSON } from '../../../src/contract/api/endpoint.ts';
import type { Endpoint } from '../../../src/contract/api/endpoint.ts';
import { JSON_BYTES_HEADER } from '../../../src/contract/api/endpoint.ts';
import { assert } from '../../../src/kernel/assert.ts';
import { jsonText } from '../../../src/kernel/float32-text.ts';
import { joinedBytes, utf8 } from '../../../src/kernel/bytes.ts';
import { VECTOR_FRAME_TYPE } from '../../../src/kernel/vector-frame.ts';
import type { CompletionReply, Done } from './call.ts';
import type { Draft } from './exchange.ts';
import { jsonDraft } from './exchange.ts';
import type { VectorWriter } from './vector-writer.ts';
import { FrameRows } from './vector-writer.ts';

/** A handler's answer, sent as the endpoint declares. */
export function respond<E extends Endpoint>(request: Request, endpoint: E, answer: Done<E>, vectors: VectorWriter): Draft {
  const { status, reply } = endpoint;
  const headers = { ...answer.headers };
  switch (reply.kind) {
    case 'none':
      return { status, headers, body: null };
    case 'json':
      if (vectors instanceof FrameRows) {
        return { status, headers: { 'content-type': VECTOR_FRAME_TYPE, ...headers }, body: vectors.frame(answer.reply) };
      }
      if (answer.bytesBehind !== undefined && answer.bytesBehind.length > 0)
        return withBytesBehind(status, answer.reply, answer.bytesBehind, headers);
      return endpoint.method === 'GET' ? respondOnce(request, answer) : jsonDraft(status, jsonText(answer.reply), headers);
    case 'ndjson':
      return { status, headers: { 'content-type': NDJSON, ...headers }, body: answer.reply as BodyInit };
    case 'events':
      // Null: a client that resumes by itself must not try again.
      if (answer.reply === null) return { status: 204, headers, body: null };
      return {
        status,
        headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', ...headers },
        body: answer.reply as BodyInit,
      };
    case 'completion': {
      const { contentType, body } = answer.reply as CompletionReply;
      return { status, headers: { 'content-type': contentType, 'cache-control': 'no-store', ...headers }, body };
    }
    case 'bytes':
      assert(answer.reply !== undefined, 'a bytes endpoint answers bytes');
      return { status, headers: { 'content-type': reply.contentType, ...headers }, body: answer.reply as BodyInit };
  }
}

/** JSON with bytes behind it, and the header that says where they begin. */
function withBytesBehind(status: number, reply: unknown, behind: readonly Uint8Array[], headers: Readonly<Record<string, string>>): Draft {
  const head = utf8(jsonText(reply));
  const body = joinedBytes([head, ...behind]);
  return {
    status,
    headers: { 'content-type': 'application/octet-stream', [JSON_BYTES_HEADER]: String(head.byteLength), ...headers },
    body,
  };
}

/**
 * The representation, unless the caller has it already (304). Only for GET: of any other method a 304 would mean that nothing was done, and
 * the answer to a POST is no representation that its sender could have kept under this path.
 */
function respondOnce<E extends Endpoint>(request: Request, { reply, headers }: Done<E>): Draft {
  const body = jsonText(reply);
  const etag = etagOf(body);
  if (isNoneMatch(request.headers.get('if-none-match'), etag)) return { status: 304, headers: { ...headers, etag }, body: null };
  return jsonDraft(200, body, { ...headers, etag });
}

/** A strong entity tag (RFC 9110, 8.8.3): the same for the same bytes. Truncated to 128 bits, which no two answers share by chance. */
const etagOf = (text: string): string => `"${hash('sha256', text, 'hex').slice(0, 32)}"`;

/** Whether `if-none-match` names the tag, so that its sender has the answer already. Compared weakly, as the RFC wants of it. */
export function isNoneMatch(header: string | null, etag: string): boolean {
  if (header === null) return false;
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
