import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { promptSizeOf } from '../../../src/upstreams/money/prompt-size.ts';
import { answerTermsOf, boundOf } from '../../../src/upstreams/money/request-bound.ts';
import { settlementOf } from '../../../src/upstreams/money/settlement.ts';
import { targetOf } from '../../support/upstreams/target.ts';

const price = fc.nat(100_000_000_000_000);
const model = fc
  .record({
    contextTokens: fc.integer({ min: 1, max: 2_000_000 }),
    outputTokensMax: fc.integer({ min: 1, max: 200_000 }),
    bytesPerToken: fc.integer({ min: 1, max: 8 }),
    prices: fc.record({
      inputNano: price,
      cachedInputNano: price,
      cacheWriteNano: price,
      outputNano: price,
      requestNano: fc.nat(1_000_000_000),
    }),
  })
  .map((fields) => targetOf({ model: fields }).model);
const text = fc.string({ unit: 'grapheme', maxLength: 200 });
const body = fc.record({
  model: text,
  messages: fc.array(fc.record({ role: fc.constantFrom('user', 'assistant'), content: text }), { maxLength: 8 }),
  max_tokens: fc.option(fc.integer({ min: 1, max: 300_000 })),
  n: fc.option(fc.integer({ min: 1, max: 8 })),
});
const count = fc.nat(3_000_000);
const answered = fc.record({
  usage: fc.option(
    fc.record({ inputTokens: count, cachedTokens: count, writtenTokens: count, outputTokens: count, reasoningTokens: count }),
    { nil: undefined },
  ),
  countedTokens: fc.option(count, { nil: undefined }),
});

describe('money of upstreams', () => {
  it('[U70] [U74] [U76] reserves at least what any answer is settled with, and at least a token a byte', () => {
    fc.assert(
      fc.property(model, body, answered, (served, request, end) => {
        const size = promptSizeOf('chat', request, Buffer.byteLength(JSON.stringify(request)));
        const terms = answerTermsOf('chat', request);
        if (!terms.ok) throw new Error('the request is bounded');
        const bound = boundOf(served, 'chat', size, terms.value);
        if (!bound.ok) throw new Error(bound.error.message);
        const read = request.messages.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
        expect(bound.value.inputTokensMax).toBeGreaterThanOrEqual(Math.min(read, served.contextTokens));
        expect(bound.value.answerTokensMax).toBeLessThanOrEqual(served.outputTokensMax);
        expect(bound.value.outputTokensMax).toBe((bound.value.answerTokensMax ?? 0) * (request.n ?? 1));
        const settled = settlementOf(served, bound.value, end);
        expect(settled.inputTokens + settled.cachedTokens).toBeLessThanOrEqual(bound.value.inputTokensMax);
        expect(settled.outputTokens).toBeLessThanOrEqual(bound.value.outputTokensMax);
        expect(settled.nano).toBeLessThanOrEqual(bound.value.nanoMax);
        for (const value of Object.values(settled))
          if (typeof value === 'number') expect(Number.isSafeInteger(value) && value >= 0).toBe(true);
      }),
      { seed: 76, numRuns: 500 },
    );
  });
});
