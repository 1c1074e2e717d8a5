import { describe, expect, it } from 'vitest';

import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { reservePlan } from '../../../../src/gateway/completions/plan-reservation.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { UpstreamQuantities } from '../../../../src/upstreams/money/settlement.ts';
import type { Target } from '../../../../src/upstreams/target.ts';
import { targetOf } from '../../../support/upstreams/target.ts';

const priced = (upstream: string, outputNano: number, more = {}): Target =>
  targetOf({ upstream, model: { prices: { inputNano: 0, outputNano, requestNano: 0 }, ...more } });

const CHEAP = priced('cheap', 1_000_000);
const MIDDLE = priced('middle', 3_000_000);
const DEAR = priced('dear', 9_000_000, { unbounded: 'settle' });
const PLAN = { groups: [[CHEAP, DEAR], [MIDDLE]], reason: 'model' };

const names = (groups: readonly (readonly Target[])[]): string[][] => groups.map((group) => group.map(({ upstream }) => upstream));

const bodyOf = (content: unknown) => ({ model: 'small', messages: [{ role: 'user', content }], max_tokens: 1_000 });
const BODY_BYTES = JSON.stringify(bodyOf('x')).length;

/** Asks for 1,000 tokens of an answer, under a limit of money. */
async function reserved(
  limitNano: number,
  content: unknown = 'x',
  refusal: Outcome<never> = refuse('insufficient_quota', 'is spent'),
  only?: readonly Target[],
) {
  const asked: UpstreamQuantities[] = [];
  const body = bodyOf(content);
  const outcome = await reservePlan(only === undefined ? PLAN : { ...PLAN, groups: [only] }, {
    surface: 'chat',
    body,
    reserve: (quantities) => {
      asked.push(quantities);
      return Promise.resolve(quantities.upstream_nano <= limitNano ? ok(undefined) : refusal);
    },
  });
  return { asked, outcome, groups: outcome.ok ? names(outcome.value.plan.groups) : outcome.error.code };
}

describe('the reservation of a plan', () => {
  it('[U77] covers its dearest target, in one request to the quota', async () => {
    const { asked, outcome, groups } = await reserved(9_000);
    expect(asked).toMatchObject([{ upstream_input_tokens: BODY_BYTES + 128 + 8 + 8, upstream_output_tokens: 1_000, upstream_nano: 9_000 }]);
    expect(groups).toEqual([['cheap', 'dear'], ['middle']]);
    expect(outcome.ok && outcome.value.boundOf(CHEAP).nanoMax).toBe(1_000);
  });

  it('[U77] leaves out the dearest targets where a limit does not let them pass, and refuses without any', async () => {
    expect((await reserved(8_999)).groups).toEqual([['cheap'], ['middle']]);
    const least = await reserved(1_000);
    expect(least.groups).toEqual([['cheap']]);
    expect(least.asked.map(({ upstream_nano: nano }) => nano)).toEqual([9_000, 3_000, 1_000]);
    expect((await reserved(999)).groups).toBe('insufficient_quota');
    // It would not be otherwise with less.
    const down = await reserved(999, 'x', refuse('unavailable', 'the quota cannot be checked now'));
    expect([down.groups, down.asked.length]).toEqual(['unavailable', 1]);
  });

  it('[U71] [U77] leaves out targets without a bound for the request, and reserves nothing when none has', async () => {
    const video = [{ type: 'video_url', video_url: { url: 'https://example.com/a.mp4' } }];
    expect((await reserved(9_000, video)).groups).toEqual([['dear']]);
    const blind = await reserved(9_000, video, undefined, [CHEAP]);
    expect([blind.groups, blind.asked]).toEqual(['invalid_value', []]);
  });
});
