import type { Retrieval } from './adapters/indexes/retrieval.ts';
import { wireRetrieval } from './adapters/indexes/retrieval.ts';
import type { Embedding } from './compose-embeddings.ts';
import { composeEmbeddings } from './compose-embeddings.ts';
import type { GatewayEnv } from './env.ts';
import { oncePerIsolate } from './pipeline/serving.ts';

/** The gateway with indexes, whose texts become vectors by its models. */
export interface Retrieving extends Embedding {
  readonly retrieval: Retrieval;
}

export const composeRetrieval = oncePerIsolate((env: GatewayEnv): Retrieving => {
  const gateway = composeEmbeddings(env);
  return { ...gateway, retrieval: wireRetrieval(env, gateway) };
});
