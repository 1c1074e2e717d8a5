import * as z from 'zod';

import { implies, stated } from '../api/presence.ts';
import { about } from '../api/api-text.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { TENANCY_LIMITS } from './tenancy-limits.ts';
import { dollarsIn } from './money.ts';
import { CONSUMED, HELD, QUOTA_WINDOWS } from './quota-terms.ts';

const limit = z.int().min(0).max(TENANCY_LIMITS.quotaMax);

/** The accelerators of one type, such as `h100`. */
export const acceleratorType = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]*$/, 'must be lower-case letters, digits and hyphens')
  .max(API_LIMITS.nameCharsMax)
  .meta(about('A type of accelerator.', 'h100'));

const checked = z
  .strictObject({
    resource: z.enum([...CONSUMED, ...HELD]),
    window: z
      .enum([...QUOTA_WINDOWS, 'held'])
      .meta(about('UTC, months by the calendar; `held` for what is counted while it exists: `vectors` and `jobs`.')),
    limit: limit.meta(about('Units in each window; with `burst`, the rate at which a spent burst comes back.')),
    kind: z.enum(['hard', 'soft']).default('hard').meta(about('`hard` refuses what is above; `soft` lets it pass and alerts.')),
    burst: z
      .int()
      .min(1)
      .max(TENANCY_LIMITS.quotaBurstMax)
      .nullable()
      .default(null)
      .meta(about('Units that may be taken at once: a token bucket of this size instead of a window. Of a second or a minute.')),
    accelerator: acceleratorType.nullable().default(null).meta(about('Of `accelerator_ms`: this type alone.')),
  })
  .refine(({ resource, window }) => (window === 'held') === (HELD as readonly string[]).includes(resource), {
    path: ['window'],
    message: '`held` is the window of `vectors` and `jobs`, and of nothing else',
  })
  .refine(({ burst, kind, window }) => burst === null || (kind === 'hard' && (window === 'second' || window === 'minute')), {
    path: ['burst'],
    message: 'a burst belongs to a hard limit of a second or a minute',
  })
  .refine(({ accelerator, resource }) => accelerator === null || resource === 'accelerator_ms', {
    path: ['accelerator'],
    message: 'belongs to `accelerator_ms`',
  });

const is = (name: string, schema: object) => ({ properties: { [name]: schema } });
const held = is('resource', { enum: [...HELD] });

/** The conditions of the checks, as the document says them. */
const RULES = [
  implies(held, is('window', { enum: ['held'] }), is('window', { not: { enum: ['held'] } })),
  implies(
    { ...is('burst', { type: 'integer' }), required: ['burst'] },
    { properties: { kind: { enum: ['hard'] }, window: { enum: ['second', 'minute'] } } },
  ),
  implies({ ...is('accelerator', { type: 'string' }), required: ['accelerator'] }, is('resource', { enum: ['accelerator_ms'] })),
];

export const quotaRule = RULES.reduce((schema, rule) => stated(schema, rule), checked).meta({ id: 'QuotaRule' });

export type QuotaRule = z.output<typeof quotaRule>;

/** A rule of spend in US dollars, as people type it: it becomes one of `spend_nano`, and is answered so. */
const spendRule = z
  .strictObject({
    resource: z.literal('spend_usd'),
    window: z.enum(QUOTA_WINDOWS),
    limit: dollarsIn,
    kind: z.enum(['hard', 'soft']).default('hard'),
  })
  .transform(({ window, limit: nano, kind }): QuotaRule => ({
    resource: 'spend_nano',
    window,
    limit: nano,
    kind,
    burst: null,
    accelerator: null,
  }))
  .meta({ id: 'SpendRule', description: 'A limit of spend in US dollars, kept and answered as one of `spend_nano`.' });

/** A rule as it is set. */
export const quotaRuleIn = z.discriminatedUnion('resource', [quotaRule, spendRule]);
