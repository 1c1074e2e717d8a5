import type { Endpoint } from '../../src/contract/endpoint.ts';
import { assert } from '../../src/kernel/assert.ts';
import type { Done } from './call.ts';

/** What a handler answered, as the endpoint says it is sent. */
export function respond<E extends Endpoint>(endpoint: E, answer: Done<E>): Response {
  const init = { status: endpoint.status, headers: { ...answer.headers } };
  switch (endpoint.reply.kind) {
    case 'none':
      return new Response(null, init);
    case 'json':
      return Response.json(answer.reply, init);
    case 'bytes':
      assert(answer.reply !== undefined, 'a bytes endpoint answers bytes');
      return new Response(answer.reply as BodyInit, {
        ...init,
        headers: { 'content-type': endpoint.reply.contentType, ...init.headers },
      });
  }
}
