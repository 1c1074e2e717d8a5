import { expect, it } from 'vitest';

import { poolEndpoints } from '../../../../src/contract/pools/pools.ts';
import { POOL_SETTING_FIELDS } from '../../../../workers/cli/pools/pool-settings-options.ts';

/** Prices have calls and options of their own. */
const PRICES: ReadonlySet<string> = new Set(['prices', 'price_list']);

const fieldsOf = (schema: unknown): readonly string[] =>
  Object.keys((schema as { shape: object }).shape)
    .filter((field) => !PRICES.has(field))
    .toSorted();

/** What only one of them has: what a pool is called, and what follows from its making. */
const without = (fields: readonly string[], ...others: readonly string[]): readonly string[] =>
  fields.filter((field) => !others.includes(field));

it('[P127] what is shown of a pool is what can be set of it: when it is made, later, and by the command', () => {
  const shown = without(fieldsOf(poolEndpoints.listPools.reply.schema.shape.data.element), 'id', 'object', 'created_at');
  expect(fieldsOf(poolEndpoints.createPool.body.schema)).toEqual(shown);
  expect(fieldsOf(poolEndpoints.changePool.body.schema)).toEqual(without(shown, 'name'));
  expect([...POOL_SETTING_FIELDS].toSorted()).toEqual(without(shown, 'name', 'owner'));
});
