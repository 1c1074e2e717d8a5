import { systemClock } from '../../../../durable-objects/system-time.ts';
import { MODEL_LIMITS } from '../../../../src/contract/models/model-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { LoadOnce } from '../../../../src/inference/load-once.ts';
import type { EncodingName } from '../../../../src/inference/text/token-encoding.ts';
import { TokenEncoding } from '../../../../src/inference/text/token-encoding.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { requestWakeUps } from '../../../inference/request-wake-ups.ts';
import type { GatewayEnv } from '../../env.ts';
import { oncePerIsolate } from '../../pipeline/serving.ts';

/** The encodings among the deployment's static assets, each fetched when it is first used. Both together hold 6.6 MB of the isolate's memory. */
export const tokenEncodings = oncePerIsolate(
  ({ ASSETS }: Pick<GatewayEnv, 'ASSETS'>): ((name: EncodingName) => Promise<Outcome<TokenEncoding>>) => {
    const load = (name: EncodingName) => async (): Promise<Outcome<TokenEncoding>> => {
      const answer = await ASSETS.fetch(`https://assets/encodings/${name}`);
      if (!answer.ok) return refuse('unavailable', `the encoding ${name} cannot be read`);
      return ok(new TokenEncoding(name, new Uint8Array(await answer.arrayBuffer())));
    };
    const parts = { clock: systemClock, wakeUps: requestWakeUps, retryMs: MODEL_LIMITS.modelRetryMs };
    const encodings = {
      cl100k_base: new LoadOnce(load('cl100k_base'), parts),
      o200k_base: new LoadOnce(load('o200k_base'), parts),
    };
    return (name) => encodings[name].get();
  },
);
