import { refusal } from '../../src/contract/errors.ts';
import type { Forwarding } from '../../src/contract/forwarded-paths.ts';
import { FORWARDED_PREFIXES } from '../../src/contract/forwarded-paths.ts';
import type { Principal } from '../../src/contract/principal.ts';
import type { KeyId } from '../../src/kernel/ids.ts';
import { presentedKey } from './admission.ts';
import type { Gateway } from './compose.ts';
import type { GatewayEnv } from './env.ts';
import { HttpError } from './http-error.ts';
import type { Answer } from './request-lifecycle.ts';
import { concluded } from './request-lifecycle.ts';

type Compose = (env: GatewayEnv) => Gateway;

/** The patterns of the requests that are forwarded, each with what forwards them. Hono's `/*` is also the path before it. [G62] */
export const forwarding = (compose: Compose): readonly (readonly [pattern: string, answer: Answer<GatewayEnv>])[] =>
  Object.entries(FORWARDED_PREFIXES).map(([prefix, how]) => [`${prefix}/*`, forwardingBelow(prefix, how, compose)]);

/**
 * Hands the request to its Worker as it came, and the answer back as it comes: that Worker opens and concludes the request, and counts it.
 * Only if it cannot be reached, the gateway answers.
 */
function forwardingBelow(prefix: string, { worker, reportsUsage, changesKeys }: Forwarding, compose: Compose): Answer<GatewayEnv> {
  return async (context) => {
    const gateway = compose(context.env);
    if (reportsUsage === true) await deliverUsage(gateway, context.req.raw);
    try {
      const answer = await gateway.forwarded[worker].forward(context.req.raw);
      if (changesKeys === true && answer.ok && context.req.method !== 'GET') forgetKeys(gateway, context.req.path.slice(prefix.length + 1));
      return answer;
    } catch (error) {
      return concluded(compose, async (_, exchange) => {
        // Of an endpoint below it, which this Worker does not know. [SL13]
        exchange.route = `${prefix}/*`;
        exchange.principal = await callerOf(gateway, exchange.request).catch(() => undefined);
        console.error(
          JSON.stringify({ level: 'error', request_id: exchange.requestId, message: `the ${worker} Worker: ${String(error)}` }),
        );
        throw new HttpError(refusal('unavailable', `the ${worker} Worker cannot be reached: repeat the call`));
      })(context);
    }
  };
}

/** [G64] For a caller with a valid key only: what anyone may ask for must not cost a message each time. */
async function deliverUsage(gateway: Gateway, request: Request): Promise<void> {
  if ((await callerOf(gateway, request)) !== undefined) await gateway.tenancy.flush();
}

/** Undefined: the request presents no valid key. */
async function callerOf({ authenticator }: Gateway, request: Request): Promise<Principal | undefined> {
  const apiKey = presentedKey(request);
  const proof = apiKey === undefined ? undefined : await (await authenticator.present(apiKey)).prove();
  return proof?.ok === true ? proof.value.principal : undefined;
}

/** [T5] [T7] What was changed through this isolate holds in it at once, for all keys that a revocation may have taken along. */
function forgetKeys({ authenticator }: Gateway, path: string): void {
  const [key = ''] = path.split('/', 1);
  if (key !== '') authenticator.forgetRelatives(key as KeyId);
}
