import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { QUEUE_LIMITS } from './queue-limits.ts';
import { acceleratorName } from '../jobs/node-capacity.ts';
import type { QuotaTable } from './queue-record.ts';

// What queues and cohorts have in common: weights, quotas, and how they stand.

/** Accelerators or cores, of which thousandths count. */
const amount = z
  .number()
  .min(0)
  .max(QUEUE_LIMITS.quotaAmountMax)
  .refine((value) => Math.round(value * 1_000) / 1_000 === value, 'must be a multiple of 0.001');

const quota = z
  .strictObject({
    nominal: amount.default(0).meta(about('What is its own, whatever others do.', 4)),
    borrowing_limit: amount.nullable().default(null).meta(about('The most that it may use of what others leave; null: all of it.', 2)),
    lending_limit: amount.nullable().default(null).meta(about('The most of its own that others may use; null: all of it.')),
  })
  .meta({ id: 'CohortQuota' });

export const quotas = z
  .record(
    acceleratorName.refine((resource) => resource !== 'memory', 'must be cpu or a type of accelerator'),
    quota,
  )
  .refine(
    (table) => Object.keys(table).length <= QUEUE_LIMITS.quotaResourcesMaxCount,
    `has too many resources: the limit is ${QUEUE_LIMITS.quotaResourcesMaxCount}`,
  )
  .meta(about('By resource: accelerators by their type, and cores as `cpu`. What is not named is not limited here.'));

export const weight = z
  .int()
  .min(1)
  .max(QUEUE_LIMITS.queueWeightMax)
  .meta(about('Of several that want the same, one of twice the weight gets twice as much.', 2));

export const quotaTableOf = (table: z.output<typeof quotas>): QuotaTable =>
  Object.fromEntries(
    Object.entries(table).map(([resource, { nominal, borrowing_limit, lending_limit }]) => [
      resource,
      {
        nominalMilli: Math.round(nominal * 1_000),
        borrowingMaxMilli: milliOf(borrowing_limit),
        lendingMaxMilli: milliOf(lending_limit),
      },
    ]),
  );

const milliOf = (value: number | null): number | null => (value === null ? null : Math.round(value * 1_000));

export const quotasReply = (table: QuotaTable): z.output<typeof quotas> =>
  Object.fromEntries(
    Object.entries(table).map(([resource, terms]) => [
      resource,
      {
        nominal: terms.nominalMilli / 1_000,
        borrowing_limit: terms.borrowingMaxMilli === null ? null : terms.borrowingMaxMilli / 1_000,
        lending_limit: terms.lendingMaxMilli === null ? null : terms.lendingMaxMilli / 1_000,
      },
    ]),
  );

const part = z.number().min(0);

/** How a queue or a cohort stands. */
export const status = {
  pending: z.int().meta(about('Jobs that wait for nodes. Those that wait for others, or were suspended, do not count.')),
  admitted: z.int().meta(about('Jobs that have nodes.')),
  usage: z.array(
    z.object({
      resource: z.string().meta(about('A type of accelerator, `cpu` in cores, or `memory` in MiB.')),
      used: z.number(),
      nominal: z.number().meta(about('What it is granted; less than it asks for where its tenant has less.')),
      available: z.number().nullable().meta(about('What it could take now; null: it is not limited.')),
    }),
  ),
  share: z
    .object({ now: part, recent: part, fair: part })
    .meta(
      about(
        'Parts of all that there is, of the resource of which it has most: now, and over the last minutes. `fair`: what it would have if all that have jobs now shared by their weights.',
      ),
    ),
};
