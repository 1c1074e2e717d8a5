import fc from 'fast-check';
import { expect, it } from 'vitest';

import type { Usage } from '../../../src/upstreams/protocol/usage.ts';
import {
  anthropicUsage,
  anthropicUsageOf,
  openaiUsage,
  openaiUsageOf,
  responsesUsage,
  responsesUsageOf,
} from '../../../src/upstreams/protocol/usage.ts';
import { effort } from '../../support/fixtures/effort.ts';

const count = fc.nat({ max: 1_000_000 });

/** Of a call whose parts are no more than their wholes. */
const usages: fc.Arbitrary<Usage> = fc
  .tuple(count, count, count, count, count)
  .map(([fresh, cachedTokens, writtenTokens, spoken, reasoningTokens]) => ({
    inputTokens: fresh + cachedTokens + writtenTokens,
    cachedTokens,
    ...(writtenTokens === 0 ? {} : { writtenTokens }),
    outputTokens: spoken + reasoningTokens,
    reasoningTokens,
  }));

it('[G155] tokens that were cached, put into a cache or thought are the same in each protocol', () => {
  fc.assert(
    fc.property(usages, (usage) => {
      expect(openaiUsage(openaiUsageOf(usage))).toEqual(usage);
      expect(responsesUsage(responsesUsageOf(usage))).toEqual(usage);
      expect(anthropicUsage(anthropicUsageOf(usage))).toEqual(usage);
    }),
    { numRuns: effort(200) },
  );
});
