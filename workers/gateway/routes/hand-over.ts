import type { Refusal } from '../../../src/contract/errors.ts';
import type { PassedOn } from '../call.ts';
import type { Gateway } from '../compose.ts';

interface Asked {
  readonly gateway: Gateway;
  readonly request: Request;
  readonly requestId: string;
  readonly body: unknown;
}

/**
 * Lets the upstreams Worker answer a call whose model this deployment does not serve itself. Where no upstream has the model either, `refused`
 * stands, which names the models there are. [U43]
 */
export async function handOver(
  { gateway, request, requestId, body }: Asked,
  kind: 'embeddings' | 'rerank',
  refused: { readonly ok: false; readonly error: Refusal },
): Promise<PassedOn | typeof refused> {
  if (refused.error.code !== 'model_not_found') return refused;
  const headers = new Headers(request.headers);
  headers.set('content-type', 'application/json');
  headers.set('x-request-id', requestId);
  // Of the body as it came.
  for (const name of ['content-length', 'content-encoding']) headers.delete(name);
  const url = new URL(`/v1/upstreams/${kind}`, request.url);
  const passedOn = await gateway.forwarded.upstreams.forward(new Request(url, { method: 'POST', headers, body: JSON.stringify(body) }));
  return passedOn.status === 404 ? refused : { passedOn };
}
