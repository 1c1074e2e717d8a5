import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { unixSeconds } from '../api/common.ts';
import { acceleratorName } from '../jobs/node-capacity.ts';
import { PRICE_ID } from '../tenancy/accelerator-prices.ts';
import { dollarsIn, dollarsOut } from '../tenancy/money.ts';
import { POOL_LIMITS } from './pool-limits.ts';

// What operators state that accelerators of a pool cost, and what tenants are billed for them.

const moment = z.int().min(0).max(POOL_LIMITS.unixSecondsMax);

export const newPrice = z
  .strictObject({
    accelerator: acceleratorName.optional().meta(about('If absent, the price of a node without accelerators.')),
    usd_per_hour: dollarsIn.meta(about('What one accelerator costs for an hour, as an exact decimal.', '2.50')),
    margin_per_mille: z
      .int()
      .min(0)
      .max(POOL_LIMITS.marginMaxPerMille)
      .default(0)
      .meta(about('What tenants pay above that, in thousandths of it, rounded to a nano-dollar an hour: 200 makes $3.00 of $2.50.')),
    from: moment.optional().meta(about('Seconds since the Unix epoch from which on it holds, until the next; now if absent or past.')),
    until: moment.min(1).optional().meta(about('When it ends: then the price before it holds again. Until the next if absent.')),
  })
  .refine(({ from = 0, until }) => until === undefined || from < until, { path: ['until'], message: 'must be after from' });

export type NewPrice = z.output<typeof newPrice>;

export const price = z
  .object({
    accelerator: z.string().nullable().meta(about('Null: of a node without accelerators.')),
    usd_per_hour: dollarsOut.meta(about('What it costs, as it was stated.')),
    margin_per_mille: z.int().meta(about('The margin on that, in thousandths.')),
    billed_usd_per_hour: dollarsOut.meta(about('What tenants pay: both together.')),
    price: z.string().meta(about('The id under which it is on usage, invoices and costs of jobs.', PRICE_ID)),
    price_list: z
      .string()
      .nullable()
      .meta(about('The published list that it is of, as the pool states none for the type; null: it is stated.')),
    in_force: z.boolean(),
    from: unixSeconds,
    until: unixSeconds.nullable(),
  })
  .meta({ id: 'PoolPrice' });

export type PriceReply = z.infer<typeof price>;
