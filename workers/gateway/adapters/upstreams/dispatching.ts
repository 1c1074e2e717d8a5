import { waitUntil } from 'cloudflare:workers';

import { systemTimer } from '../../../../durable-objects/system-time.ts';
import { SharedUpstreamLimits } from '../../../../src/gateway/upstreams/shared-upstream-limits.ts';
import { BalancedDispatcher } from '../../../../src/upstreams/serving/balanced-dispatcher.ts';
import type { GatewayEnv } from '../../env.ts';
import type { Basics } from '../../pipeline/serving.ts';

/** The dispatcher of this isolate, whose limits hold over all isolates. */
export const wireDispatcher = ({ UPSTREAM_USE }: GatewayEnv, { clock, rng }: Basics): BalancedDispatcher =>
  new BalancedDispatcher({
    clock,
    timer: systemTimer,
    rng,
    admission: new SharedUpstreamLimits({
      // A stub belongs to the request that made it: one is made for each call.
      uses: (upstreamId) => UPSTREAM_USE.getByName(upstreamId),
      newId: () => crypto.randomUUID(),
      timer: systemTimer,
      background: waitUntil,
    }),
  });
