import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import type { AnswerReuse } from '../../../src/contract/routes/route-rules.ts';
import { CancelSource } from '../../../src/upstreams/serving/cancel-source.ts';
import type { Got } from '../../support/upstreams/reuse-world.ts';
import { ReuseWorld } from '../../support/upstreams/reuse-world.ts';

const VERIFIED: AnswerReuse = {
  kind: 'verified',
  model: 'vectors/m',
  similarity_min: 0.9,
  verifier: 'judge/m',
  confidence_min: 0.8,
  false_hit_max: 1,
  check_share: 0.2,
  agreement_min: 1,
};
const QUESTIONS = ['Where can I find my parcel', 'where has my parcel gone'] as const;

const ticks = fc.integer({ min: 0, max: 12 });
const happening = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      question: fc.constantFrom(...QUESTIONS),
      leaves: fc.option(ticks, { freq: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('purge' as const) }) },
);
const histories = fc.record({
  happenings: fc.array(fc.tuple(ticks, happening), { minLength: 2, maxLength: 16 }),
  /** How long models take, in turn. */
  paces: fc.array(ticks, { minLength: 1, maxLength: 5 }),
  verdicts: fc.array(fc.constantFrom('yes', 'yes', 'no', 'hm'), { minLength: 1, maxLength: 4 }),
});

/** `since`: after how many purges. */
interface Asked {
  readonly got: Got;
  readonly since: number;
  readonly leaves: number | null;
}

/** Time in turns of the event loop. */
async function pass(count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) await new Promise((resolve) => void setImmediate(resolve));
}

it('[U186] each vector and verdict is charged once, in any order of calls, departures and purges', async () => {
  const seen = { joined: 0, verdicts: 0, left: 0 };
  await fc.assert(
    fc.asyncProperty(histories, async ({ happenings, paces, verdicts }) => {
      const world = new ReuseWorld(VERIFIED);
      const ask = world.isolate();
      let [exchanges, judged, epoch] = [0, 0, 0];
      world.says = () => `answer ${epoch}`;
      world.judges = () => verdicts[judged++ % verdicts.length]!;
      await ask('Where is my parcel?');
      const before = world.asked.length;
      world.before = () => pass(paces[exchanges++ % paces.length]!);
      const calls: Promise<Asked>[] = [];
      for (const [wait, happened] of happenings) {
        await pass(wait);
        if (happened.kind === 'purge') {
          epoch += 1;
          world.cacheWorld.purge({});
          continue;
        }
        const cancellation = new CancelSource();
        const { leaves } = happened;
        if (leaves !== null) void pass(leaves).then(() => cancellation.cancel());
        const since = epoch;
        calls.push(ask(happened.question, { cancellation }).then((got) => ({ got, since, leaves })));
      }
      const charged = { vectors: 0, judge: 0 };
      const results = await Promise.all(calls);
      for (const { got, since, leaves } of results) {
        if (leaves === null) expect(Number(/answer (\d+)/.exec(got.text)?.[1]), got.text).toBeGreaterThanOrEqual(since);
        else seen.left += 1;
        charged.vectors += (got.charged['vectors'] ?? 0) / 4;
        charged.judge += (got.charged['judge'] ?? 0) / 10;
        if (got.outcome !== undefined && got.charged['judge'] === undefined) seen.joined += 1;
      }
      // Verdicts that compare answers are calls of their own.
      await world.settled();
      const asked = world.asked.slice(before);
      const reads = asked.filter(({ upstream, body }) => upstream === 'judge' && JSON.stringify(body).includes('Earlier question'));
      const made = { vectors: asked.filter(({ upstream }) => upstream === 'vectors').length, judge: reads.length };
      // An exchange that is given up before it is answered is charged to none.
      const left = results.filter(({ leaves }) => leaves !== null).length;
      for (const what of ['vectors', 'judge'] as const) {
        expect(charged[what], what).toBeLessThanOrEqual(made[what]);
        expect(charged[what], what).toBeGreaterThanOrEqual(made[what] - left);
      }
      seen.verdicts += reads.length;
    }),
    { seed: 186, numRuns: 120 },
  );
  expect(seen.joined).toBeGreaterThan(30);
  expect(seen.verdicts).toBeGreaterThan(60);
  expect(seen.left).toBeGreaterThan(60);
});
