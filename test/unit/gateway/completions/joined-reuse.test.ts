import { expect, it } from 'vitest';

import { ANY_FRESH } from '../../../../src/cache/cache-directives.ts';
import type { AnswerReuse } from '../../../../src/contract/routes/route-rules.ts';
import { TimedWakeUps } from '../../../../src/kernel/wake-ups.ts';
import { CancelSource } from '../../../../src/upstreams/serving/cancel-source.ts';
import { deferred } from '../../../support/fakes/deferred.ts';
import type { Got } from '../../../support/upstreams/reuse-world.ts';
import { ReuseWorld } from '../../../support/upstreams/reuse-world.ts';

/** Whatever was checked, the bound permits reuse; a hundredth of the calls is checked. */
const HELD = { false_hit_max: 1, check_share: 0.01, agreement_min: 1 } as const;
const VERIFIED: AnswerReuse = {
  kind: 'verified',
  model: 'vectors/m',
  similarity_min: 0.9,
  verifier: 'judge/m',
  confidence_min: 0.8,
  ...HELD,
};

const PLAIN = 'Where is my parcel?';
const OTHER = 'Where can I find my parcel';

/** A world in which the plain question was asked, with how often each model was since. */
async function asking(policy: AnswerReuse = VERIFIED) {
  const world = new ReuseWorld(policy);
  const ask = world.isolate();
  await ask(PLAIN, { requestId: 'req_plain' });
  const before = world.asked.length;
  const times = (upstream: string) => world.asked.slice(before).filter((one) => one.upstream === upstream).length;
  return { world, ask, times };
}

const repeated = <T>(length: number, value: T): T[] => Array.from({ length }, () => value);

const chargedTo = (got: readonly Got[]) => got.map(({ charged }) => charged);

it('[U186] of equal questions at once the first pays one vector and one verdict, and all are answered', async () => {
  const { ask, times } = await asking();
  const got = await Promise.all(Array.from({ length: 5 }, () => ask(OTHER)));
  expect(got.map(({ outcome, isHit, savedNano }) => [outcome, isHit, savedNano])).toEqual(repeated(5, ['verified', true, 50]));
  expect(got.map(({ candidate }) => candidate?.confidence)).toEqual(Array(5).fill(1));
  expect(chargedTo(got)).toEqual([{ judge: 10, vectors: 4 }, {}, {}, {}, {}]);
  expect(got.map(({ spentNano }) => spentNano)).toEqual([14, 0, 0, 0, 0]);
  expect([times('vectors'), times('judge'), times('large')]).toEqual([1, 1, 0]);
});

it('[U186] where the verifier rejects the answer they share the model’s, too', async () => {
  const { world, ask, times } = await asking();
  world.judges = () => 'no';
  const got = await Promise.all(Array.from({ length: 4 }, () => ask(OTHER)));
  expect(got.map(({ outcome }) => outcome)).toEqual(Array(4).fill('rejected'));
  expect(chargedTo(got)).toEqual([{ judge: 10, vectors: 4, large: 50 }, {}, {}, {}]);
  expect([times('vectors'), times('judge'), times('large')]).toEqual([1, 1, 1]);
});

it('[U186] a question without a near one is embedded once, and candidates are found once', async () => {
  const { world, ask, times } = await asking();
  world.meaning = () => [0, 1];
  expect(chargedTo(await Promise.all([ask(OTHER), ask(OTHER), ask(OTHER)]))).toEqual([{ vectors: 4, large: 50 }, {}, {}]);
  expect(times('vectors')).toBe(1);
  const { ask: other, times: ofOther } = await asking({ kind: 'candidate', model: 'vectors/m', similarity_min: 0.9, ...HELD });
  const taking = { acceptsCandidate: true };
  const got = await Promise.all([other(OTHER, taking), other(OTHER), other(OTHER, taking)]);
  expect(got.map(({ outcome }) => outcome)).toEqual(['candidate', 'offered', 'candidate']);
  expect(chargedTo(got)).toEqual([{ vectors: 4 }, { large: 50 }, {}]);
  expect(ofOther('vectors')).toBe(1);
});

it('[U186] a first caller that leaves strands none: one of the others asks again, and pays', async () => {
  const { world, ask, times } = await asking();
  const leaving = new CancelSource();
  world.judges = () => {
    leaving.cancel();
    return 'yes';
  };
  const [, ...others] = await Promise.all([ask(OTHER, { cancellation: leaving }), ask(OTHER), ask(OTHER), ask(OTHER)]);
  expect(others.map(({ outcome }) => outcome)).toEqual(Array(3).fill('verified'));
  expect(chargedTo(others)).toEqual([{ judge: 10, vectors: 4 }, {}, {}]);
  expect(times('judge')).toBe(2);
});

it('[U186] what the first cannot pay for, or gets no verdict on, each of the others asks for itself', async () => {
  const { world, ask, times } = await asking();
  world.nanoMax = 0;
  const first = ask(OTHER);
  world.nanoMax = Infinity;
  const [refused, ...others] = await Promise.all([first, ask(OTHER), ask(OTHER)]);
  expect(refused).toMatchObject({ text: 'insufficient_quota', charged: {} });
  expect(others.map(({ outcome }) => outcome)).toEqual(['verified', 'verified']);
  expect(chargedTo(others)).toEqual(repeated(2, { judge: 10, vectors: 4 }));
  expect(times('judge')).toBe(2);
  const vague = await asking();
  vague.world.judges = () => 'hm';
  expect(chargedTo(await Promise.all([vague.ask(OTHER), vague.ask(OTHER)]))).toEqual([
    { judge: 10, vectors: 4, large: 50 },
    { judge: 10, vectors: 4 },
  ]);
});

it('[U186] a defect in the first call is none of the others', async () => {
  const { world, ask } = await asking();
  let asked = 0;
  world.before = async (upstream) => {
    if (upstream === 'judge' && (asked += 1) === 1) throw new Error('a defect');
  };
  const [first, ...others] = await Promise.allSettled([ask(OTHER), ask(OTHER), ask(OTHER)]);
  expect(first).toMatchObject({ status: 'rejected', reason: { message: 'a defect' } });
  expect(others).toMatchObject([{ value: { outcome: 'verified' } }, { value: { outcome: 'verified' } }]);
});

it('[U186] tenants, other bodies, tags and directives share nothing', async () => {
  const { ask, times } = await asking();
  await ask(PLAIN, { tenant: 'tn_two' });
  await ask(PLAIN, { body: { seed: 1 } });
  await ask(PLAIN, { terms: { tags: ['a'] } });
  const before = times('judge');
  await Promise.all([
    ask(OTHER),
    ask(OTHER, { tenant: 'tn_two' }),
    ask(OTHER, { body: { seed: 1 } }),
    ask(OTHER, { terms: { tags: ['a'] } }),
    ask(OTHER, { terms: { directives: { ...ANY_FRESH, ageMsMax: 1_000 } } }),
    ask(OTHER),
  ]);
  expect(times('judge') - before, 'the answer has the tag too').toBe(5);
});

it('[U186] a call that joins is given no answer that was purged before it asked', async () => {
  const { world, ask, times } = await asking();
  let late: Promise<Got> | undefined;
  world.judges = () => {
    world.cacheWorld.purge({});
    late ??= ask(OTHER);
    return 'yes';
  };
  const first = await ask(OTHER);
  const [one, two] = [first, await late];
  expect([one.isHit, two?.isHit]).toEqual([false, false]);
  expect(times('judge')).toBe(1);
  expect(two?.charged['judge']).toBeUndefined();
});

it('[U180] a verdict on an answer is none on the answer that is made anew meanwhile', async () => {
  const { world, ask } = await asking();
  const directives = { ...ANY_FRESH, bypass: true };
  world.before = (upstream) => (upstream === 'judge' ? ask(PLAIN, { requestId: 'req_newer', terms: { directives } }) : Promise.resolve());
  const got = await Promise.all([ask(OTHER), ask(OTHER)]);
  expect(got.map(({ outcome, isHit }) => [outcome, isHit])).toEqual(repeated(2, [undefined, false]));
  expect(chargedTo(got)).toEqual([{ judge: 10, vectors: 4, large: 50 }, {}]);
});

it('[U53] [U186] a call waits for the verdict of another until its own deadline', async () => {
  const world = new ReuseWorld(VERIFIED);
  const { cacheWorld } = world;
  // Time passes at once.
  const pass = (ms: number, run: () => void) => {
    const timer = setImmediate(() => {
      cacheWorld.nowMs += ms;
      run();
    });
    return () => clearImmediate(timer);
  };
  world.wakeUps = new TimedWakeUps({ after: pass }, { firstMs: 5, lastMs: 50 }, () => undefined);
  const ask = world.isolate();
  await ask(PLAIN);
  const gate = deferred<undefined>();
  world.before = (upstream) => (upstream === 'judge' ? gate.promise : Promise.resolve());
  const first = ask(OTHER);
  const begunMs = cacheWorld.nowMs;
  expect(await ask(OTHER, { deadlineMs: 300 })).toMatchObject({ text: 'deadline_exceeded', charged: {} });
  expect(cacheWorld.nowMs - begunMs).toBeLessThanOrEqual(350);
  gate.resolve(undefined);
  expect(await first).toMatchObject({ outcome: 'verified', charged: { judge: 10, vectors: 4 } });
});
