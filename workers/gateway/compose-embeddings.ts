import { TokenTexts } from '../../src/inference/text/token-texts.ts';
import type { Embeddings } from './adapters/embeddings/embeddings.ts';
import { wireEmbeddings } from './adapters/embeddings/embeddings.ts';
import { tokenEncodings } from './adapters/models/token-encodings.ts';
import type { Upstreams } from './compose-upstreams.ts';
import type { Gateway } from './compose.ts';
import { compose } from './compose.ts';
import type { GatewayEnv } from './env.ts';
import { oncePerIsolate } from './pipeline/serving.ts';

/** The gateway with models that make vectors of texts. */
export interface Embedding extends Gateway {
  readonly embeddings: Embeddings;
  readonly tokenTexts: TokenTexts;
  /** The gateway with models that others serve, loaded at the first call. */
  readonly upstreams: () => Promise<Upstreams>;
}

export const composeEmbeddings = oncePerIsolate((env: GatewayEnv): Embedding => {
  const gateway = compose(env);
  const upstreams = async () => {
    const { composeUpstreams } = await import('./compose-upstreams.ts');
    return composeUpstreams(env);
  };
  return { ...gateway, embeddings: wireEmbeddings(env, gateway), tokenTexts: new TokenTexts(tokenEncodings(env)), upstreams };
});
