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

it.each([
  ['a property of that name', { properties: { $defs: { pattern: '(a+)+$' } } }, 'must not have pattern: say it with a hook of patterns'],
  ['definitions further down', { items: { definitions: { pattern: '(a+)+$' } } }, 'must not have pattern: say it with a hook of patterns'],
  [
    'an id further down, by which references lead elsewhere',
    { $defs: { a: {} }, items: { $id: 'http://b/', $defs: { a: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' } },
    'must not have $id below its top: references would lead elsewhere',
  ],
])('[U116] finds what takes without bounds, behind %s', (_, schema, error) => {
  expect(schemaCost(schema)).toEqual({ ok: false, error });
});

it('[U116] takes properties that are named as holders of definitions, and an id of the whole', () => {
  const schema = { $id: 'http://a/', properties: { $defs: { type: 'string' }, $id: { type: 'string' } }, const: { $id: 'x' } };
  expect(schemaCost(schema)).toMatchObject({ ok: true });
});
