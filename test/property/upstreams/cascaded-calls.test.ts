import { expect, it } from 'vitest';

import { Seeded } from '../../../src/kernel/seeded.ts';
import { effort } from '../../support/fixtures/effort.ts';
import type { Said } from '../../support/upstreams/cascade-world.ts';
import { CascadeWorld } from '../../support/upstreams/cascade-world.ts';

const PRICES: Readonly<Record<string, number>> = { small: 1, large: 10, judge: 2 };
const pick = <T>(random: Seeded, from: readonly T[]): T => from[Math.floor(random.next() * from.length)]!;

/** What a model answers: most often something, now and then an error or half a stream. */
function anyAnswer(random: Seeded): Said {
  const chance = random.next();
  if (chance < 0.1) return { status: pick(random, [429, 500, 503]) };
  return {
    text: pick(random, ['yes', 'no', 'it is so']),
    ...(random.next() < 0.8 ? { logprob: -2 * random.next() } : {}),
    breaks: chance > 0.9,
    inputTokens: Math.floor(random.next() * 40),
    // No more than a verdict may have.
    outputTokens: Math.floor(random.next() * 8),
  };
}

it('[U173] every model of a cascade is charged exactly what it reports, and never more than was reserved', async () => {
  const seen = { kept: 0, taught: 0, refused: 0, besides: 0, unpaid: 0 };
  for (let seed = 1; seed <= effort(40); seed += 1) {
    const random = new Seeded(seed);
    const nanoMax = pick(random, [500, 3_000, 20_000, Infinity]);
    const confidence = pick(random, [{ kind: 'token-probability' }, { kind: 'verifier', target: 'judge/m' }] as const);
    const world = new CascadeWorld({ nanoMax, choice: { confidence, threshold: random.next() } });
    for (let calls = 0; calls < 20; calls += 1) {
      const answered = new Map<string, number>();
      let broke = false;
      world.say = (upstream, body) => {
        const said = anyAnswer(random);
        // A whole answer that breaks off is none. What half a stream is charged depends on what came of it.
        const isWhole = said.status === undefined && said.breaks !== true;
        if (said.breaks === true && body['stream'] === true) broke = true;
        if (isWhole) answered.set(upstream, PRICES[upstream]! * (said.inputTokens! + said.outputTokens!));
        return said;
      };
      const { served, charged, reservedNano } = await world.call({ stream: random.next() < 0.5, max_tokens: 50 });
      const total = Object.values(charged).reduce((sum, nano) => sum + nano, 0);
      expect(total, `seed ${seed}`).toBeLessThanOrEqual(reservedNano);
      expect(reservedNano, `seed ${seed}`).toBeLessThanOrEqual(nanoMax);
      if (!served.ok) {
        seen.refused += 1;
        continue;
      }
      if (!broke) expect(charged, `seed ${seed}`).toEqual(Object.fromEntries(answered));
      seen[served.value.cascade?.answer === 'teacher' ? 'taught' : 'kept'] += 1;
      if ((served.value.besides ?? []).length > 0) seen.besides += 1;
      if (served.value.cascade?.why === 'unpaid') seen.unpaid += 1;
    }
  }
  expect(Object.values(seen).every((count) => count > 10)).toBe(true);
});

it('[U95] a cascade escalates no more than its share, whatever its student is sure of', async () => {
  for (const share of [0, 0.1, 0.5, 1]) {
    const random = new Seeded(9);
    const world = new CascadeWorld({ choice: { escalated_share_max: share, shadow_share: 0 } });
    let [requests, escalated, capped] = [0, 0, 0];
    for (let calls = 0; calls < 100; calls += 1) {
      world.say = () => ({ text: 'yes', logprob: -random.next() });
      const { served } = await world.call();
      if (!served.ok) throw new Error('not served');
      requests += 1;
      escalated += Number(served.value.cascade?.answer === 'teacher');
      capped += Number(served.value.cascade?.why === 'cap');
      expect(escalated).toBeLessThanOrEqual(share * requests);
    }
    expect(world.counted()).toMatchObject({ requests, escalated, capped });
    expect(capped > 0).toBe(share < 1);
  }
});
