import { Validator } from '@cfworker/json-schema';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { canonicalJson } from '../../../src/kernel/canonical-json.ts';
import { SteppedWork } from '../../../src/kernel/stepped-work.ts';
import { compileSchema } from '../../../src/upstreams/guardrails/compile-schema.ts';
import { areDistinct } from '../../../src/upstreams/guardrails/distinct-items.ts';
import { judgeBySchema } from '../../../src/upstreams/guardrails/judge-schema.ts';
import { schemaCost } from '../../../src/upstreams/guardrails/schema-cost.ts';
import { effort } from '../../support/fixtures/effort.ts';

const NAMES = ['a', 'b', 'c'];
const scalar = fc.constantFrom<unknown>(null, true, false, 0, 1, 2, 1.5, '', 'a', 'b', '2024-05-06');
const value = fc.letrec<{ v: unknown }>((tie) => ({
  v: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalar,
    fc.array(tie('v'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...NAMES), tie('v'), { maxKeys: 3 }),
  ),
})).v;
const count = fc.nat(3);
/** What a value has to meet that meets `if`. */
const MET = 'then';

const schema = fc.letrec<{ s: unknown }>((tie) => {
  const some = fc.array(tie('s'), { minLength: 1, maxLength: 2 });
  const named = fc.dictionary(fc.constantFrom(...NAMES), tie('s'), { maxKeys: 2 });
  // A member of that name would make the generators themselves thenable.
  const thens = fc.option(tie('s'), { nil: undefined }).map((met) => (met === undefined ? {} : Object.fromEntries(new Map([[MET, met]]))));
  const others = fc.record(
    {
      type: fc.constantFrom('object', 'array', 'string', 'number', 'integer', 'null', ['string', 'array', 'object']),
      const: value,
      enum: fc.array(value, { maxLength: 3 }),
      required: fc.subarray(NAMES),
      maxProperties: count,
      minItems: count,
      maxItems: count,
      uniqueItems: fc.boolean(),
      minimum: count,
      multipleOf: fc.constantFrom(1, 2, 0.5),
      maxLength: count,
      format: fc.constantFrom('date', 'email'),
      allOf: some,
      anyOf: some,
      oneOf: some,
      not: tie('s'),
      if: tie('s'),
      else: tie('s'),
      $ref: fc.constantFrom('#/$defs/word', '#/definitions/list'),
      properties: named,
      additionalProperties: tie('s'),
      propertyNames: fc.constantFrom(true, { enum: ['a', 'b'] }),
      dependentRequired: fc.constant({ a: ['b'] }),
      dependentSchemas: named,
      dependencies: fc.constantFrom({ b: ['a'] }, { b: { minProperties: 2 } }),
      prefixItems: some,
      items: fc.oneof(tie('s'), some),
      additionalItems: tie('s'),
      contains: tie('s'),
      minContains: count,
      maxContains: count,
    },
    { requiredKeys: [] },
  );
  const keywords = fc.tuple(others, thens).map((both): object => Object.assign({}, ...both));
  return { s: fc.oneof({ maxDepth: 3, depthSize: 'small', withCrossShrink: true }, fc.boolean(), fc.constant({}), keywords) };
}).s;
/** Few keywords at a time, so that values meet some schemas. */
const whole = schema.map((one) => ({
  $defs: { word: { type: 'string' } },
  definitions: { list: { type: 'array' } },
  ...(typeof one === 'boolean' ? { allOf: [one] } : (one as object)),
}));

async function judged(judgedBy: object, given: unknown) {
  const steps: number[] = [];
  const work = new SteppedWork({ stepUnitsMax: 500, unitsMax: Infinity }, async (units) => {
    steps.push(units);
  });
  const node = compileSchema(judgedBy);
  return { answer: node === undefined ? undefined : await work.run(judgeBySchema(node, given, work)), units: work.units, steps };
}

describe('judging by a schema', () => {
  it('[U116] says what the library says, whatever the keywords are', async () => {
    const met = { yes: 0, no: 0 };
    await fc.assert(
      fc.asyncProperty(whole, value, async (one, given) => {
        fc.pre(schemaCost(one).ok);
        const expected = new Validator(one, '2020-12', false).validate(given).valid;
        expect((await judged(one, given)).answer).toBe(expected);
        met[expected ? 'yes' : 'no'] += 1;
      }),
      { numRuns: effort(400) },
    );
    expect(Math.min(met.yes, met.no)).toBeGreaterThan(40);
  });

  it.each([
    [{ properties: { a: true }, unevaluatedProperties: false }, { a: 1 }, true],
    [{ properties: { a: true }, unevaluatedProperties: false }, { a: 1, b: 1 }, false],
    [
      { anyOf: [{ properties: { a: true } }, { properties: { b: { type: 'string' } } }], unevaluatedProperties: false },
      { a: 1, b: 1 },
      false,
    ],
    [{ allOf: [{ properties: { a: true } }, { properties: { b: true } }], unevaluatedProperties: false }, { a: 1, b: 1 }, true],
    [
      JSON.parse('{"if":{"properties":{"a":{"const":1}}},"then":{"properties":{"b":true}},"unevaluatedProperties":false}'),
      { a: 1, b: 1 },
      true,
    ],
    [
      { anyOf: [{ allOf: [{ properties: { a: true, b: true } }, { required: ['z'] }] }, true], unevaluatedProperties: false },
      { a: 1, b: 1 },
      false,
    ],
    [{ prefixItems: [true], unevaluatedItems: false }, [1, 2], false],
    [{ prefixItems: [true], contains: { const: 2 }, unevaluatedItems: false }, [1, 2], true],
    [{ allOf: [{ prefixItems: [true, true] }], unevaluatedItems: { type: 'string' } }, [1, 2, 'c'], true],
    [{ properties: { a: 5 } }, {}, undefined],
    [{ required: 5 }, {}, undefined],
    [{ enum: 5 }, {}, undefined],
    [{ allOf: {} }, {}, undefined],
  ])('[U116] by %j of %j is %s', async (one, given, expected) => {
    expect((await judged(one, given)).answer).toBe(expected);
  });

  it('[U198] finds equal items by their texts, whatever the order of their members', async () => {
    const one = { a: 1, b: [{ c: 1, a: null }] };
    const other = { b: [{ a: null, c: 1 }], a: 1 };
    expect((await judged({ uniqueItems: true }, [one, other])).answer).toBe(false);
    expect((await judged({ uniqueItems: true }, [one, { ...other, a: '1' }])).answer).toBe(true);
    await fc.assert(
      fc.asyncProperty(fc.array(value, { maxLength: 6 }), async (items) => {
        const work = new SteppedWork({ stepUnitsMax: 1, unitsMax: Infinity }, async () => {});
        const expected = new Set(items.map((item) => canonicalJson(item))).size === items.length;
        expect(await work.run(areDistinct(items, work))).toBe(expected);
      }),
      { numRuns: effort(300) },
    );
  });

  it('[U198] takes steps in proportion to what it looks at, cut where others are due', async () => {
    const of = async (items: number) =>
      judged(
        { items: { type: 'object', properties: { a: { enum: [1, 2] } } }, uniqueItems: true },
        Array.from({ length: items }, (_, a) => ({ a: 1, b: a })),
      );
    const [few, many] = [await of(1_000), await of(4_000)];
    expect(many.units / few.units).toBeLessThan(4.2);
    expect(many.steps.length).toBeGreaterThan(100);
    for (const step of many.steps) expect(step).toBeLessThan(1_000);
  });
});
