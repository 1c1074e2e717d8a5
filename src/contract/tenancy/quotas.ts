import * as z from 'zod';

import { exactlyOneOf } from '../api/presence.ts';
import { about, named } from '../api/api-text.ts';
import { keyId, organisationId, projectId, tenantId, unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { ADMIN, call, json, tenantOrAdmin } from '../api/endpoint.ts';
import { TENANCY_LIMITS } from './tenancy-limits.ts';
import { LEVELS, QUOTA_WINDOWS } from './quota-terms.ts';
import { quotaRule, quotaRuleIn } from './quota-rule.ts';

const level = {
  organisation: organisationId.optional(),
  tenant: tenantId.optional(),
  project: projectId.optional(),
  key: keyId.optional(),
};

type Level = Readonly<Partial<Record<(typeof LEVELS)[number], unknown>>>;
const namedCount = (given: Level): number => LEVELS.filter((kind) => given[kind] !== undefined).length;

const quota = named('Quota', {
  object: z.literal('quota'),
  level: z.enum(LEVELS),
  id: z.string(),
  rules: z.array(quotaRule),
  granted: z
    .array(
      z.object({
        resource: z.string().meta(about('A resource; accelerators of one type as `accelerator_ms:h100`.')),
        window: z.enum(QUOTA_WINDOWS),
        granted: z.int().min(0).meta(about('Granted to gateways, used or not: never above a hard limit.')),
        resets_at: unixSeconds,
      }),
    )
    .meta(about('The windows of this moment, where anything was granted; counted with and without a rule.')),
  held: z
    .array(
      z.object({
        resource: z.string(),
        limit: z.int(),
        units: z.int().min(0).nullable().meta(about('What exists, with what is being written; null until the first write.')),
      }),
    )
    .meta(about('What is limited while it exists.')),
});

const TAG = 'Tenancy';

export const quotaEndpoints = {
  setQuota: {
    method: 'PUT',
    path: '/v1/quotas',
    tag: TAG,
    summary: 'Set the quotas of an organisation, tenant, project or key',
    description:
      'Replaces the rules of one level. What is granted to a key is granted to its project, tenant and organisation too, and must fit the limits of all. ' +
      'A tenant has rules of its own until some are set. A new rule holds at once for what gateways ask for, and within a minute for what they hold already.',
    access: ADMIN,
    meters: [],
    body: json(
      exactlyOneOf(
        z.strictObject({ ...level, rules: z.array(quotaRuleIn).max(TENANCY_LIMITS.quotaRulesMaxCount) }),
        LEVELS,
        `name one of ${LEVELS.join(', ')}`,
      )
        .refine(({ rules, project, key }) => (project ?? key) === undefined || rules.every(({ window }) => window !== 'held'), {
          path: ['rules'],
          message: 'vectors and jobs are counted for organisations and tenants',
        })
        .refine(
          ({ rules }) =>
            new Set(rules.map((rule) => JSON.stringify([rule.resource, rule.window, rule.kind, rule.accelerator]))).size === rules.length,
          { path: ['rules'], message: 'two rules are of the same resource, window and kind' },
        ),
    ),
    status: 200,
    reply: json(quota),
  },
  getQuota: {
    ...call('GET', '/v1/quotas'),
    tag: TAG,
    summary: 'The quotas of a level, and what is granted against them',
    description: "A key sees those of its tenant (asked for without a name), and of the tenant's projects and keys.",
    access: tenantOrAdmin('usage:read'),
    meters: [],
    query: z.strictObject(level).refine((query) => namedCount(query) <= 1, `name one of ${LEVELS.join(', ')}`),
    status: 200,
    reply: json(quota),
  },
} as const satisfies Record<string, Endpoint>;
