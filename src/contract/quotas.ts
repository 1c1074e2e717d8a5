import * as z from 'zod';

import { unixSeconds } from './common.ts';
import type { Endpoint } from './endpoint.ts';
import { ADMIN, json, NO_BODY, tenantOrAdmin } from './endpoint.ts';
import { LIMITS } from './limits.ts';
import { subjectTenant } from './organisations.ts';
import { tenantId } from './tenancy-ids.ts';

const limit = z.int().min(0).max(LIMITS.quotaMax);

const limits = z
  .strictObject({ minute: limit.nullable(), day: limit.nullable(), month: limit.nullable() })
  .meta({ description: 'Units that may be taken in each window (UTC, calendar months); null is no limit.' });

const quota = z
  .object({
    object: z.literal('quota'),
    tenant: tenantId,
    requests: limits,
    tokens: limits,
    windows: z
      .array(
        z.object({
          resource: z.enum(['requests', 'tokens']),
          window: z.enum(['minute', 'day', 'month']),
          limit: limit.nullable(),
          granted: z.int().min(0).meta({ description: 'Granted to gateways, used or not: never above the limit.' }),
          resets_at: unixSeconds,
        }),
      )
      .meta({ description: 'The windows of this moment.' }),
  })
  .meta({ id: 'Quota' });

const TAG = 'Tenancy';

export const quotaEndpoints = {
  setQuota: {
    method: 'PUT',
    path: '/v1/quotas',
    tag: TAG,
    summary: "Set a tenant's quotas",
    access: ADMIN,
    meters: [],
    body: json(z.strictObject({ tenant: tenantId, requests: limits, tokens: limits })),
    status: 200,
    reply: json(quota),
  },
  getQuota: {
    method: 'GET',
    path: '/v1/quotas',
    tag: TAG,
    summary: "A tenant's quotas and what is granted against them",
    access: tenantOrAdmin('usage:read'),
    meters: [],
    query: z.strictObject({ tenant: subjectTenant }),
    body: NO_BODY,
    status: 200,
    reply: json(quota),
  },
} as const satisfies Record<string, Endpoint>;
