import * as z from 'zod';

import { unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call, json } from '../api/endpoint.ts';
import { agentCommon } from './agent-protocol.ts';
import { agentId, poolId } from './pools.ts';
import { terminationNotice } from './termination-notice.ts';

export const agentNoticeEndpoints = {
  agentNotice: {
    ...agentCommon,
    ...call('POST', '/v1/pools/:pool/agents/:agent/notice', json(terminationNotice)),
    summary: 'Say that the machine of an agent will be taken away, and when',
    description:
      'The agent is given no new work, and its attempts are asked to save and stop before that time. Said again, the earlier time holds. It is forgotten ' +
      'once the time is over and the agent asks for work.',
    params: z.strictObject({ pool: poolId, agent: agentId }),
    reply: json(z.object({ terminates_at: unixSeconds })),
  },
} as const satisfies Record<string, Endpoint>;
