import type { Refusal } from '../../../../src/contract/api/errors.ts';
import { ERRORS, withSuggestion } from '../../../../src/contract/api/errors.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { err } from '../../../../src/kernel/result.ts';
import type { HandedOver } from '../../pipeline/call.ts';
import type { Embedding } from '../../compose-embeddings.ts';
import { HttpError } from '../../pipeline/http-error.ts';
import type { HandOver } from '../../pipeline/call.ts';

interface Asked {
  readonly gateway: Embedding;
  readonly body: unknown;
  readonly handOver: HandOver;
}

/**
 * Lets the route of upstreams answer a call whose model this deployment does not serve itself. Where no upstream has the model either, `refused`
 * stands, which names the models there are. [U43]
 */
export async function handOverToUpstreams(
  { gateway, body, handOver }: Asked,
  path: '/v1/upstreams/embeddings' | '/v1/upstreams/rerank',
  refused: { readonly ok: false; readonly error: Refusal },
): Promise<HandedOver | typeof refused> {
  if (refused.error.code !== 'model_not_found') return refused;
  const { routes } = await import('../../subjects/upstreams.ts');
  const to = must(
    routes.find(({ endpoint }) => endpoint.path === path),
    'upstreams have a route for each kind of model',
  );
  try {
    return { handedOver: await handOver(to, { serving: await gateway.upstreams(), body }) };
  } catch (error) {
    if (error instanceof HttpError && ERRORS[error.refusal.code].status === 404)
      return err(withSuggestion(refused.error, refused.error.didYouMean ?? error.refusal.didYouMean));
    throw error;
  }
}
