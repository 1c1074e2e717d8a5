import { expect, it } from 'vitest';

import { ANY_FRESH } from '../../../../src/cache/cache-directives.ts';
import { COMPLETION_LIMITS } from '../../../../src/contract/completions/completion-limits.ts';
import { ROUTE_LIMITS } from '../../../../src/contract/routes/route-limits.ts';
import type { AnswerReuse } from '../../../../src/contract/routes/route-rules.ts';
import { explainedReuse } from '../../../../src/gateway/completions/completion-call.ts';
import type { Got } from '../../../support/upstreams/reuse-world.ts';
import { ReuseWorld } from '../../../support/upstreams/reuse-world.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';

const HELD = { false_hit_max: 0.5, check_share: 0.01, agreement_min: 1 } as const;
const VERIFIED: AnswerReuse = { kind: 'verified', model: 'static', similarity_min: 0.9, verifier: 'judge/m', confidence_min: 0.8, ...HELD };
/** Whatever was checked, the bound permits reuse. */
const trusting = <P extends AnswerReuse>(policy: P): P => ({ ...policy, false_hit_max: 1 });

const PLAIN = 'Where is my parcel?';
const OTHER = 'Where can I find my parcel';
const THIRD = 'where has my parcel gone';
const OTHER_WORDS = [OTHER, THIRD, 'please find my parcel', 'what happened to my parcel', 'who has my parcel'];

const worldOf = (policy: AnswerReuse) => {
  const world = new ReuseWorld(policy);
  return { world, ask: world.isolate() };
};

const outcomeOf = ({ outcome, isHit }: Got) => [outcome, isHit];

it.each<[string, (world: ReuseWorld) => void]>([
  ['purged', ({ cacheWorld }) => cacheWorld.purge({})],
  ['out of date', ({ cacheWorld }) => void (cacheWorld.nowMs += 60_000)],
])('[U180] is not given once it is %s, though a verifier was reading it then; the verdict is paid for', async (_, happens) => {
  const { world, ask } = worldOf(trusting(VERIFIED));
  world.judges = () => {
    happens(world);
    return 'yes';
  };
  await ask(PLAIN);
  expect(await ask(OTHER)).toMatchObject({ outcome: undefined, isHit: false, charged: { large: 50, judge: 10 } });
});

it('[U184] is given to the same words again without vector and verdict, while that answer is held', async () => {
  const { world, ask } = worldOf(trusting(VERIFIED));
  const verdicts = () => world.asked.filter(({ upstream }) => upstream === 'judge').length;
  await ask(PLAIN, { requestId: 'req_plain' });
  await ask(OTHER);
  const again = await ask(OTHER);
  expect(again).toMatchObject({ outcome: 'verified', isHit: true, savedNano: 50, charged: {}, embeddingTokens: 0 });
  expect(again.candidate).toMatchObject({ requestId: 'req_plain', question: PLAIN, answer: 'In Bern.', similarity: 1, confidence: 1 });
  expect(verdicts()).toBe(1);
  // Another tenant, other words, another body, and a newer answer to the earlier question are judged by themselves.
  await ask(PLAIN, { tenant: 'tn_two' });
  await ask(OTHER, { tenant: 'tn_two' });
  await ask(THIRD);
  await ask(PLAIN, { body: { seed: 1 } });
  await ask(OTHER, { body: { seed: 1 } });
  expect(verdicts()).toBe(4);
  await ask(PLAIN, { requestId: 'req_newer', terms: { directives: { ...ANY_FRESH, bypass: true } } });
  expect((await ask(OTHER)).candidate?.requestId).toBe('req_newer');
  expect(verdicts()).toBe(5);
  world.cacheWorld.purge({});
  expect(outcomeOf(await ask(OTHER))).toEqual([undefined, false]);
});

it('[U184] is checked like others, and is not given again once reuse is off', async () => {
  const { world, ask } = worldOf({ ...VERIFIED, check_share: 0.25 });
  const repeats = { terms: { directives: { ...ANY_FRESH, store: false } } };
  await ask(PLAIN);
  const outcomes = new Set<Got['outcome']>();
  for (let at = 0; at < 60; at += 1) outcomes.add((await ask(OTHER, repeats)).outcome);
  expect(outcomes).toEqual(new Set(['checked', 'verified']));
  await world.settled();
  world.report({ ...world.measured()[0]!, counts: { checked: 90, differed: 90 } });
  world.cacheWorld.nowMs += ROUTE_LIMITS.routesFreshMs;
  await ask(THIRD, repeats);
  await world.settled();
  for (let at = 0; at < 8; at += 1) expect((await ask(OTHER, repeats)).isHit).toBe(false);
});

it('[U180] costs no vector where none could be given: without a verifier, and once reuse is off', async () => {
  const { world, ask } = worldOf({ ...trusting(VERIFIED), verifier: 'gone/m' });
  expect((await ask(PLAIN)).embeddingTokens).toBe(0);
  world.policy = { ...VERIFIED, verifier: 'judge/m' };
  world.cacheWorld.nowMs += ROUTE_LIMITS.routesFreshMs;
  world.judges = (prompt) => (prompt.includes('First answer') ? 'no' : 'yes');
  world.says = (question) => question;
  await ask('what happened');
  for (const question of OTHER_WORDS) await ask(question);
  await world.settled();
  expect(await ask('who sent my parcel')).toMatchObject({ embeddingTokens: 0, isHit: false });
});

it('[U180] a vector that is too long, or none, is near nothing', async () => {
  const { world, ask } = worldOf({ ...trusting(VERIFIED), model: 'vectors/m' });
  for (const length of [COMPLETION_LIMITS.reuseDimensionsMaxCount + 1, 300_000, 0]) {
    world.meaning = () => Array.from({ length }, () => 1);
    for (const question of [PLAIN, OTHER])
      expect(await ask(question, { body: { seed: length } })).toMatchObject({ isHit: false, charged: { large: 50, vectors: 4 } });
  }
});

it('[U138] a key that is restricted reads no question and no answer of another key in an explanation', async () => {
  const { ask } = worldOf(trusting(VERIFIED));
  await ask(PLAIN);
  const { outcome, candidate } = await ask(OTHER);
  const reuse = { outcome: outcome!, candidate: candidate!, spentNano: 0, besidesNano: 0 };
  const own = principal('tn_one', { keyId: candidate!.keyId });
  const shown = { outcome: 'verified', question: PLAIN, answer: 'In Bern.' };
  expect(explainedReuse({ ...own, resources: ['model/desk'] }, reuse)).toMatchObject(shown);
  expect(explainedReuse(principal('tn_one', { keyId: 'key_other' }), reuse)).toMatchObject(shown);
  expect(explainedReuse(principal('tn_one', { keyId: 'key_other', resources: ['model/desk'] }), reuse)).toBeNull();
});
