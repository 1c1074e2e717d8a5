import { expect, it } from 'vitest';

import { schemaCost } from '../../../src/upstreams/guardrails/schema-cost.ts';

it.each([
  [{ type: 'objekt' }, 'objekt'],
  [{ type: ['string', 'nil'] }, 'nil'],
  [{ items: { properties: { a: { type: 'int' } } } }, 'int'],
  [{ $defs: { a: { type: 'text' } }, $ref: '#/$defs/a' }, 'text'],
])('[U116] refuses a schema with a type that there is not: %j', (schema, type) => {
  expect(schemaCost(schema)).toEqual({
    ok: false,
    error: `has the type "${type}", which is none of array, boolean, integer, null, number, object, string`,
  });
});

it('[U116] takes every type, members of that name, and values that look like a schema', () => {
  const every = { type: ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'] };
  const named = { properties: { type: { type: 'string' } } };
  const values = { const: { type: 'dog' }, default: { type: 'cat' }, enum: [{ type: 'cow' }], examples: [{ type: 'owl' }] };
  expect([every, named, values].map((schema) => schemaCost(schema).ok)).toEqual([true, true, true]);
});
