import { describe, expect, it } from 'vitest';

import { callNano, callNanoMax } from '../../../../src/upstreams/money/model-price.ts';
import type { RequestBound } from '../../../../src/upstreams/money/request-bound.ts';
import { quantitiesOf, settlementOf } from '../../../../src/upstreams/money/settlement.ts';
import { targetOf } from '../../../support/upstreams/target.ts';

/** $2.50 and $10 a million tokens, and a thousandth of a cent a request. */
const PRICES = { inputNano: 2_500_000_000, cachedInputNano: 1_250_000_000, outputNano: 10_000_000_000, requestNano: 10_000 };
const { model } = targetOf({ model: { prices: PRICES } });
const bound: RequestBound = {
  inputTokensMax: 1_000,
  answerTokensMax: 100,
  outputTokensMax: 100,
  nanoMax: callNanoMax(PRICES, 1_000, 100),
  inputTokensEstimated: 250,
  attachedTokens: 0,
  media: {},
  unreported: {},
  isOpen: false,
};
const usage = { inputTokens: 300, cachedTokens: 200, outputTokens: 40, reasoningTokens: 0 };

describe('what a call costs', () => {
  it('[U74] is exact, and rounded up once', () => {
    const tokens = { inputTokens: 100, cachedTokens: 200, outputTokens: 40 };
    expect(callNano(PRICES, tokens)).toBe(100 * 2_500 + 200 * 1_250 + 40 * 10_000 + 10_000);
    const tenth = { inputNano: 100_000, outputNano: 100_000, requestNano: 0 };
    expect(callNano(tenth, { inputTokens: 1, cachedTokens: 0, outputTokens: 0 })).toBe(1);
    expect(callNano(tenth, { inputTokens: 5, cachedTokens: 2, outputTokens: 3 })).toBe(1);
    expect(callNano(tenth, { inputTokens: 5, cachedTokens: 3, outputTokens: 3 })).toBe(2);
    // Beyond the integers that floating point has.
    expect(
      callNano(
        { inputNano: 999_999_999_999, outputNano: 1, requestNano: 0 },
        { inputTokens: 10_000_019, cachedTokens: 0, outputTokens: 1 },
      ),
    ).toBe(10_000_018_999_990);
  });

  it('[U74] is covered by what it may be at most, also where cached tokens are the dearer ones', () => {
    const odd = { ...PRICES, cachedInputNano: 9_000_000_000 };
    expect(callNanoMax(odd, 10, 0)).toBe(callNano(odd, { inputTokens: 0, cachedTokens: 10, outputTokens: 0 }));
  });
});

describe('a settlement', () => {
  it('[U75] charges what the upstream reports, cached tokens apart', () => {
    const settled = settlementOf(model, bound, { usage });
    expect(settled).toEqual({
      inputTokens: 100,
      cachedTokens: 200,
      outputTokens: 40,
      nano: callNano(PRICES, { inputTokens: 100, cachedTokens: 200, outputTokens: 40 }),
      usage: 'reported',
      isCapped: false,
    });
    expect(quantitiesOf(settled)).toEqual({
      upstream_input_tokens: 100,
      upstream_cached_tokens: 200,
      upstream_output_tokens: 40,
      upstream_nano: settled.nano,
    });
  });

  it('[U74] charges tokens that were put into a cache by their own price, within all of the input', () => {
    const prices = { ...PRICES, cacheWriteNano: 3_125_000_000 };
    const written = { ...usage, writtenTokens: 60 };
    const settled = settlementOf({ ...model, prices }, bound, { usage: written });
    expect(settled).toMatchObject({ inputTokens: 100, cachedTokens: 200, writtenTokens: 60 });
    expect(settled.nano).toBe(40 * 2_500 + 60 * 3_125 + 200 * 1_250 + 40 * 10_000 + 10_000);
    expect(settlementOf(model, bound, { usage: written }).nano, 'without such a price').toBe(settlementOf(model, bound, { usage }).nano);
    expect(callNanoMax(prices, 10, 0)).toBe(callNano(prices, { inputTokens: 10, cachedTokens: 0, writtenTokens: 10, outputTokens: 0 }));
    const wild = settlementOf({ ...model, prices }, bound, { usage: { ...usage, writtenTokens: 9_999 } });
    expect(wild.writtenTokens).toBe(100);
  });

  it('[U75] charges what was counted where the upstream reports nothing', () => {
    expect(settlementOf(model, bound, { usage: undefined, countedTokens: 11 })).toMatchObject({
      inputTokens: 250,
      cachedTokens: 0,
      outputTokens: 11,
      usage: 'counted',
    });
  });

  it('[U75] charges an answer that broke off with at least what came', () => {
    // Anthropic reports the prompt at the beginning, and one token of the answer.
    const early = { ...usage, outputTokens: 1 };
    expect(settlementOf(model, bound, { usage: early, countedTokens: 11 })).toMatchObject({
      outputTokens: 11,
      usage: 'counted',
    });
    expect(settlementOf(model, bound, { usage, countedTokens: 11 })).toMatchObject({ outputTokens: 40, usage: 'reported' });
  });

  it('[U76] never charges more than was reserved, whatever is reported or came', () => {
    const wild = { inputTokens: 5_000, cachedTokens: 4_000, outputTokens: 900, reasoningTokens: 0 };
    const settled = settlementOf(model, bound, { usage: wild });
    expect(settled).toMatchObject({ inputTokens: 0, cachedTokens: 1_000, outputTokens: 100, isCapped: true });
    expect(settled.nano).toBeLessThanOrEqual(bound.nanoMax);
    expect(settlementOf(model, bound, { usage: undefined, countedTokens: 1e9 })).toMatchObject({
      outputTokens: 100,
      isCapped: false,
    });
  });
});
