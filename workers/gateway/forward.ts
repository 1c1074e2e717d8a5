import { CONTROL_PREFIXES } from '../../src/contract/control-paths.ts';
import { refusal } from '../../src/contract/errors.ts';
import type { KeyId } from '../../src/kernel/ids.ts';
import { presentedKey } from './admission.ts';
import type { Gateway } from './compose.ts';
import type { GatewayEnv } from './env.ts';
import { HttpError } from './http-error.ts';
import type { Answer } from './request-lifecycle.ts';
import { concluded } from './request-lifecycle.ts';

type Prefix = keyof typeof CONTROL_PREFIXES;
type Compose = (env: GatewayEnv) => Gateway;

/** The patterns of the requests that are forwarded, each with what forwards them. Hono's `/*` is also the path before it. [G62] */
export const forwarding = (compose: Compose): readonly (readonly [pattern: string, answer: Answer<GatewayEnv>])[] =>
  (Object.keys(CONTROL_PREFIXES) as Prefix[]).map((prefix) => [`${prefix}/*`, forwardingBelow(prefix, compose)]);

/**
 * Hands the request to the control Worker as it came, and its answer back as it comes: the control Worker opens and concludes it, and counts
 * it. Only if it cannot be reached, the gateway answers.
 */
function forwardingBelow(prefix: Prefix, compose: Compose): Answer<GatewayEnv> {
  const { reportsUsage, changesKeys } = CONTROL_PREFIXES[prefix];
  return async (context) => {
    const gateway = compose(context.env);
    if (reportsUsage === true) await deliverUsage(gateway, context.req.raw);
    try {
      const answer = await gateway.control.forward(context.req.raw);
      if (changesKeys === true && answer.ok && context.req.method !== 'GET') forgetKeys(gateway, context.req.path.slice(prefix.length + 1));
      return answer;
    } catch (error) {
      return concluded(compose, (_, exchange) => {
        exchange.route = prefix;
        console.error(JSON.stringify({ level: 'error', request_id: exchange.requestId, message: `the control Worker: ${String(error)}` }));
        return Promise.reject(new HttpError(refusal('unavailable', 'the control Worker cannot be reached: repeat the call')));
      })(context);
    }
  };
}

/** [G64] For a caller with a valid key only: what anyone may ask for must not cost a message each time. */
async function deliverUsage({ authenticator, tenancy }: Gateway, request: Request): Promise<void> {
  const apiKey = presentedKey(request);
  if (apiKey === undefined) return;
  const proof = await (await authenticator.present(apiKey)).prove();
  if (proof.ok) await tenancy.flush();
}

/** [T5] [T7] What was changed through this isolate holds in it at once, for all keys that a revocation may have taken along. */
function forgetKeys({ authenticator }: Gateway, path: string): void {
  const [key = ''] = path.split('/', 1);
  if (key !== '') authenticator.forgetRelatives(key as KeyId);
}
