import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Condition } from '../../../src/contract/routes/route-conditions.ts';
import { implies, isCertain, isImpossible } from '../../../src/upstreams/routes/implied-conditions.ts';
import { allHold, ConditionJudge } from '../../../src/upstreams/routes/judge-condition.ts';
import type { RequestFacts } from '../../../src/upstreams/routes/request-facts.ts';
import { routeFacts } from '../../support/fixtures/route-facts.ts';

const number = fc.integer({ min: 0, max: 4 });
const range = fc
  .record({ gt: number, gte: number, lt: number, lte: number }, { requiredKeys: [] })
  .filter((value) => Object.keys(value).length > 0);
const letter = fc.constantFrom('x', 'xy', 'y');
const list = fc.uniqueArray(letter, { minLength: 1, maxLength: 3 });
const textTest = fc
  .record({ in: list, prefix: letter, exists: fc.boolean() }, { requiredKeys: [] })
  .filter((value) => Object.keys(value).length > 0);
const share = fc.record({
  of: fc.constantFrom(0, 0.3, 0.7, 1),
  by: fc.constantFrom('user', 'request'),
  salt: fc.constantFrom('', 's'),
});

const leaves: readonly fc.Arbitrary<Condition>[] = [
  fc.record({ prompt_tokens: range }),
  fc.record({ deadline_ms: range }),
  fc.record({ stream: fc.boolean() }),
  fc.record({ has: fc.uniqueArray(fc.constantFrom('tools' as const, 'images' as const), { minLength: 1 }) }),
  fc.record({ country: list }),
  fc.record({ metadata: fc.dictionary(fc.constantFrom('t', 'u'), textTest, { minKeys: 1 }) }),
  fc.record({ share }),
];
const leaf = fc.oneof(...leaves);
const several = (of: fc.Arbitrary<Condition>) => fc.array(of, { minLength: 1, maxLength: 2 });
const one = (inner: fc.Arbitrary<Condition>) =>
  fc.oneof(leaf, fc.record({ all: several(inner) }), fc.record({ any: several(inner) }), fc.record({ not: inner }));
/** Of one member or two, three deep. */
const merged = (of: fc.Arbitrary<Condition>) => fc.tuple(of, of).map(([left, right]): Condition => ({ ...left, ...right }));
const condition = merged(one(merged(one(leaf))));

const facts: fc.Arbitrary<RequestFacts> = fc
  .record(
    {
      promptTokensMax: number,
      deadlineMs: number,
      stream: fc.boolean(),
      has: fc.uniqueArray(fc.constantFrom('tools' as const, 'images' as const)),
      country: letter,
      metadata: fc.dictionary(fc.constantFrom('t', 'u'), letter),
      user: letter,
      requestId: letter,
    },
    { requiredKeys: ['promptTokensMax', 'stream', 'has', 'metadata', 'requestId'], noNullPrototype: true },
  )
  .map(routeFacts);

const holds = (of: Condition, request: RequestFacts) => allHold(new ConditionJudge(request, 'r').judge(of));

describe('what follows from conditions', () => {
  it('[U92] is true of every request: an implied condition holds where the implying one does', () => {
    let implied = 0;
    fc.assert(
      fc.property(condition, condition, facts, fc.boolean(), (left, right, request, isNarrowed) => {
        // Pairs at random are seldom related: half of them are made so.
        const narrow: Condition = isNarrowed ? { all: [right, left] } : left;
        if (!implies(narrow, right)) return;
        implied += 1;
        expect(holds(narrow, request) && !holds(right, request)).toBe(false);
      }),
      { numRuns: 3_000 },
    );
    expect(implied).toBeGreaterThan(100);
  });

  it('[U92] is true of every request: an impossible condition never holds, a certain one always', () => {
    fc.assert(
      fc.property(condition, facts, (of, request) => {
        if (isImpossible(of)) expect(holds(of, request)).toBe(false);
        if (isCertain(of)) expect(holds(of, request)).toBe(true);
        expect(holds({ not: of }, request)).toBe(!holds(of, request));
        expect(holds({ all: [of] }, request)).toBe(holds(of, request));
      }),
      { numRuns: 3_000 },
    );
  });
});
