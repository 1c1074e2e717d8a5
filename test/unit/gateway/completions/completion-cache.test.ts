import { expect, it } from 'vitest';

import { COMPLETION_LIMITS } from '../../../../src/contract/completions/completion-limits.ts';
import { refusal } from '../../../../src/contract/api/errors.ts';
import { PurgeViews } from '../../../../src/gateway/caches/purge-views.ts';
import { CompletionCache } from '../../../../src/gateway/completions/completion-cache.ts';
import type { CompletionCall } from '../../../../src/gateway/completions/completion-call.ts';
import type { CompletionEnd } from '../../../../src/gateway/completions/answer-pieces.ts';
import { StreamCopy } from '../../../../src/gateway/completions/kept-stream.ts';
import { utf8 } from '../../../../src/kernel/bytes.ts';
import { err, ok } from '../../../../src/kernel/result.ts';
import { DirectWakeUps, TimedWakeUps } from '../../../../src/kernel/wake-ups.ts';
import { CancelSource } from '../../../../src/upstreams/serving/cancel-source.ts';
import type { Plan } from '../../../../src/upstreams/target.ts';
import { deferred } from '../../../support/fakes/deferred.ts';
import { targetOf } from '../../../support/upstreams/target.ts';
import { MemoryCacheWorld, principal, sha256 } from '../../../support/worlds/memory-cache-world.ts';
import { VirtualTime } from '../../../support/worlds/virtual-time.ts';
import type { Asked, Given } from '../../../support/worlds/completion-isolate.ts';
import { PLAN, SETTLED, TARGET, TERMS, UNHURRIED, answerOf, isolate, taken } from '../../../support/worlds/completion-isolate.ts';

const STREAM = { body: { stream: true } };
const event = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
const PIECES = [
  event({ choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { name: 'look', arguments: '{"a"' } }] } }] }),
  event({ choices: [{ index: 0, delta: {}, finish_reason: 'length' }] }),
  'data: [DONE]\n\n',
];

it('[U120] [U151] a hit costs no tokens, and knows what the answer was charged', async () => {
  const { ask, seen } = isolate('once');
  expect(await ask()).toMatchObject({ sent: ['once'], isHit: false, nano: 70 });
  expect(await ask()).toMatchObject({ sent: ['once'], isHit: true, nano: 0, savedNano: 70 });
  expect(seen.served).toBe(1);
});

it.each<[string, Asked]>([
  ['a field', { body: { temperature: 0.5 } }],
  ['a field that Sluice does not know', { body: { unknown: null } }],
  ['the API', { surface: 'responses' }],
  ['the version of its prompt', { prompt: 'reply@2' }],
  ['a header of its protocol', { headers: { 'anthropic-beta': 'x' } }],
  ['the version of the route', { plan: { ...PLAN, route: { name: 'r', version: 2 } } }],
  ['the upstream', { plan: { ...PLAN, groups: [[targetOf({ upstreamId: 'up_2' })]] } }],
  ['where the upstream is', { plan: { ...PLAN, groups: [[targetOf({ baseUrl: 'https://other.example/v1' })]] } }],
  ['what the upstream is asked for', { plan: { ...PLAN, groups: [[targetOf({ model: { upstreamName: 'small-2027' } })]] } }],
])('[U120] is asked anew where %s differs', async (_, other) => {
  const { ask, seen } = isolate('first', 'second');
  await ask();
  expect((await ask(other)).sent).toEqual(['second']);
  expect(seen.served).toBe(2);
});

it('[U120] the order of fields and who asks are no part of the question; the order of messages is', async () => {
  const { ask, seen } = isolate();
  const [a, b] = [
    { role: 'user', content: 'a' },
    { content: 'b', role: 'user' },
  ];
  await ask({ body: { messages: [a, b], seed: 1 } });
  await ask({ body: { seed: 1, user: 'x', metadata: { a: 'b' }, safety_identifier: 'y', messages: [a, { role: 'user', content: 'b' }] } });
  expect(seen.served).toBe(1);
  await ask({ body: { messages: [b, a], seed: 1 } });
  expect(seen.served).toBe(2);
});

it.each([{}, STREAM])('[U122] tenants share no answers: %j', async (asked) => {
  const first = 'stream' in asked ? { pieces: ['first'] } : 'first';
  const { ask } = isolate(first, { pieces: ['second'] });
  await ask(asked);
  expect(await ask({ ...asked, tenant: 'tn_two' })).toMatchObject({ sent: ['second'], isHit: false });
});

it.each([true, false])('[U121] replays a stream piece by piece, with the reason why it finished (ends apart: %s)', async (endsApart) => {
  const { ask, seen } = isolate({ pieces: PIECES, endsApart });
  expect(await ask(STREAM)).toMatchObject({ sent: PIECES, isHit: false, nano: 70 });
  expect(await ask(STREAM)).toMatchObject({ sent: PIECES, isHit: true, nano: 0, savedNano: 70 });
  expect(await ask(STREAM)).toMatchObject({ sent: PIECES, isHit: true });
  expect(seen.served).toBe(1);
});

it('[U78] the event with the usage of a replayed stream says what the replay costs', async () => {
  const usage = { choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } };
  const quoted = event({ choices: [{ index: 0, delta: { content: '"sluice":{"cost_usd":"1"}' } }] });
  const noted = (usd: string) => event({ ...usage, sluice: { cost_usd: usd } });
  const { ask } = isolate({ pieces: [quoted, noted('0.000000220')] });
  expect((await ask(STREAM)).sent).toEqual([quoted, noted('0.000000220')]);
  expect((await ask(STREAM)).sent).toEqual([quoted, noted('0.000000150')]);
});

it.each<[string, CompletionEnd['end']]>([
  ['broke off', { kind: 'fault', fault: 'broken' }],
  ['was garbage', { kind: 'fault', fault: 'garbage' }],
  ['was cancelled', 'cancelled'],
])('[U121] keeps no stream that %s, though its pieces came', async (_, end) => {
  const { ask, cache } = isolate({ pieces: PIECES, end }, { pieces: ['new'] });
  expect((await ask(STREAM)).sent).toEqual(PIECES);
  expect(cache.held.entries).toBe(0);
  expect((await ask(STREAM)).sent).toEqual(['new']);
});

it('[U121] keeps no stream that its caller gave up; a replay that is given up stays', async () => {
  const { begin, ask, cache } = isolate({ pieces: PIECES }, { pieces: PIECES });
  expect((await taken(await begin(STREAM), 1)).sent).toEqual(PIECES.slice(0, 1));
  expect(cache.held.entries).toBe(0);
  await ask(STREAM);
  expect((await taken(await begin(STREAM), 1)).sent).toEqual(PIECES.slice(0, 1));
  expect(await ask(STREAM)).toMatchObject({ sent: PIECES, isHit: true });
});

const LONG = 'x'.repeat(COMPLETION_LIMITS.completionCacheEntryBytesMax / 4);

it.each([
  [[LONG, LONG, LONG], true],
  [[LONG, LONG, LONG, LONG], false],
  [[LONG, LONG, LONG, LONG, LONG], false],
  [['x', LONG + LONG + LONG + LONG], false],
])('[U121] a stream that is longer than an entry is passed on whole and not kept', async (pieces, isKept) => {
  const { ask, cache } = isolate({ pieces }, { pieces: ['new'] });
  expect((await ask(STREAM)).sent).toEqual(pieces);
  expect(cache.held.entries).toBe(isKept ? 1 : 0);
  expect((await ask(STREAM)).sent).toEqual(isKept ? pieces : ['new']);
});

it('[U121] the copy of a stream never holds more than an entry, however much comes', async () => {
  const copy = new StreamCopy({ next: () => Promise.resolve(utf8('four')), cancel: () => undefined }, 10);
  const held: number[] = [];
  for (let pieces = 0; pieces < 5; pieces += 1) {
    await copy.next();
    held.push(copy.heldBytes);
  }
  expect(held).toEqual([4, 8, 0, 0, 0]);
  copy.whenComplete(() => expect.unreachable());
});

it.each([
  [{}, 'old'],
  [STREAM, { pieces: ['old'] }],
])('[U124] a purge takes an answer that was under way when it came: %j', async (asked, given) => {
  const { begin, ask, world, seen } = isolate(given, typeof given === 'string' ? 'new' : { pieces: ['new'] });
  const gate = deferred<undefined>();
  const first = begin({ ...asked, before: gate.promise });
  await expect.poll(() => seen.served).toBe(1);
  world.purge({});
  gate.resolve(undefined);
  expect((await taken(await first)).sent).toEqual(['old']);
  expect(await ask(asked)).toMatchObject({ sent: ['new'], isHit: false });
  expect(await ask(asked)).toMatchObject({ sent: ['new'], isHit: true });
});

/** What calls say for one model of an upstream, and the plans that they get. */
const FORMS: readonly (readonly [string, Plan])[] = [
  ['small', PLAN],
  ['lab/small', PLAN],
  ['thrifty', { ...PLAN, route: { name: 'thrifty', version: 1 } }],
];

it.each(
  FORMS.flatMap(([model, plan]) =>
    ['small', 'lab/small'].flatMap((said) => [false, true].map((stream) => [model, said, stream, plan] as const)),
  ),
)('[M98] what was asked for as %s is purged by %s (stream: %s)', async (model, said, stream, plan) => {
  const given = stream ? { pieces: PIECES } : 'whole';
  const { ask, begin, world, seen } = isolate(given, given, given, given);
  const asked = { body: { model, stream }, plan };
  await ask(asked);
  expect((await ask(asked)).isHit).toBe(true);
  for (const other of ['large', 'lab/large', 'other/small']) world.purge({ models: [other] });
  expect((await ask(asked)).isHit).toBe(true);
  world.purge({ models: [said] });
  expect((await ask(asked)).isHit).toBe(false);
  expect(seen.served).toBe(2);
  // Nor does a call that came after the purge wait for one from before it.
  const later = { ...asked, body: { ...asked.body, seed: 1 } };
  const { promise: before, resolve } = deferred<void>();
  const first = begin({ ...later, before });
  await Promise.resolve();
  world.purge({ models: [said] });
  const second = begin({ ...later, before });
  resolve();
  await Promise.all([first, second].map(async (served) => taken(await served)));
  expect(seen.served).toBe(4);
});

it('[M98] a purge by a model takes what it answered, and not what others of the plan answered', async () => {
  const other = targetOf({ upstreamId: 'up_2', upstream: 'spare', model: { name: 'large' } });
  const plan: Plan = { groups: [[other], [TARGET]], reason: 'model', route: { name: 'thrifty', version: 1 } };
  const { ask, world } = isolate('one', 'two');
  await ask({ body: { model: 'thrifty' }, plan });
  for (const said of ['large', 'spare/large']) {
    world.purge({ models: [said] });
    expect((await ask({ body: { model: 'thrifty' }, plan })).isHit).toBe(true);
  }
  world.purge({ models: ['thrifty'] });
  expect((await ask({ body: { model: 'thrifty' }, plan })).isHit).toBe(false);
});

it('[U124] a purge takes a stream that was passing when it came', async () => {
  const { begin, ask, world } = isolate({ pieces: PIECES }, { pieces: ['new'] });
  const served = await begin(STREAM);
  world.purge({ model: 'lab/small' });
  expect((await taken(served)).sent).toEqual(PIECES);
  expect((await ask(STREAM)).sent).toEqual(['new']);
});

it.each([
  [{}, ['one', 'two']],
  [STREAM, [{ pieces: ['one'] }, { pieces: ['two'] }]],
])('[U124] a purge by tag takes the answers that carry it, and no others: %j', async (asked, answers) => {
  const { ask, world } = isolate(...(answers as Given[]));
  await ask({ ...asked, terms: { tags: ['release/7', 'a'] } });
  expect(await ask({ ...asked, terms: { tags: ['a'] } })).toMatchObject({ isHit: true });
  world.purge({ tags: ['b'] });
  expect(await ask({ ...asked, terms: { tags: ['a'] } })).toMatchObject({ isHit: true });
  world.purge({ tagPrefix: 'release/' });
  expect(await ask({ ...asked, terms: { tags: ['a'] } })).toMatchObject({ sent: ['two'], isHit: false });
});

it.each([
  [{}, ['one', 'two']],
  [STREAM, [{ pieces: ['one'] }, { pieces: ['two'] }]],
])('[U124] an answer without the tags of a call does not answer it: %j', async (asked, answers) => {
  const { ask } = isolate(...(answers as Given[]));
  await ask(asked);
  expect(await ask({ ...asked, terms: { tags: ['a'] } })).toMatchObject({ sent: ['two'], isHit: false });
});

it('[U124] nothing is answered from before while the purges of the tenant are not known', async () => {
  const { ask, world } = isolate('one', 'two', 'three');
  await ask();
  world.logReachable = false;
  world.nowMs += 60_000 - 1;
  expect(await ask()).toMatchObject({ sent: ['two'], isHit: false });
});

it('[U120] an answer lives for the TTL of the call that made it', async () => {
  const { ask, world } = isolate('one', 'two');
  await ask({ terms: { ttlMs: 5_000 } });
  world.nowMs += 4_999;
  expect((await ask()).sent).toEqual(['one']);
  world.nowMs += 1;
  expect((await ask()).sent).toEqual(['two']);
});

it('[U123] the same questions at once share an exchange, if their tags and tenant are the same', async () => {
  const { begin, seen } = isolate('one', 'two', 'three');
  const gate = deferred<undefined>();
  const asked = [{}, {}, { terms: { tags: ['a'] } }, { tenant: 'tn_two' }].map((one) => begin({ ...one, before: gate.promise }));
  gate.resolve(undefined);
  const answers = await Promise.all(asked.map(async (one) => (await taken(await one)).sent[0]));
  expect(seen.served).toBe(3);
  expect(answers[0]).toBe(answers[1]);
  expect(new Set(answers).size).toBe(3);
});

it('[U123] a caller that leaves takes no other along: one of those that wait asks, for all of them', async () => {
  const { world, cache } = isolate();
  const leaving = new CancelSource();
  let asked = 0;
  const ask = async (cancellation = new CancelSource()) => {
    const call = { surface: 'chat', body: { model: 'm' }, headers: {}, principal: principal('tn_one'), ...UNHURRIED, cancellation };
    const opened = await cache.open({ call: call as unknown as CompletionCall, plan: PLAN, nowMs: world.nowMs }, TERMS, async () => {
      asked += 1;
      if (asked > 1) return ok(answerOf('yes'));
      leaving.cancel();
      return err({ refusal: refusal('upstream_failed', 'the caller has gone away'), attempts: [] });
    });
    return opened.exact();
  };
  const [, ...others] = await Promise.all([ask(leaving), ask(), ask(), ask()]);
  expect(others).toMatchObject(Array.from({ length: 3 }, () => ({ value: { answer: { text: 'yes' } } })));
  expect(asked).toBe(2);
});

it('[U123] a defect in the call that makes the exchange is none of the others', async () => {
  const { cache } = isolate();
  const call = { surface: 'chat', body: { model: 'm' }, headers: {}, principal: principal('tn_one'), ...UNHURRIED };
  let asked = 0;
  const ask = async () => {
    const opened = await cache.open({ call: call as unknown as CompletionCall, plan: PLAN, nowMs: 0 }, TERMS, async () => {
      asked += 1;
      if (asked === 1) throw new Error('a defect');
      return ok(answerOf('yes'));
    });
    return opened.exact();
  };
  const [first, ...others] = await Promise.allSettled([ask(), ask(), ask()]);
  expect(first).toMatchObject({ status: 'rejected', reason: { message: 'a defect' } });
  expect(others).toMatchObject(Array.from({ length: 2 }, () => ({ value: { value: { answer: { text: 'yes' } } } })));
  expect(asked).toBe(2);
});

it('[U53] [U123] a call waits for the answer of another until its own deadline', async () => {
  const world = new MemoryCacheWorld();
  const time = new VirtualTime();
  const purges = new PurgeViews({ logs: world.logs, clock: world.clock, wakeUps: new DirectWakeUps() });
  const wakeUps = new TimedWakeUps(time, { firstMs: 5, lastMs: 50 }, () => undefined);
  const cache = new CompletionCache({ purges, clock: time, wakeUps, sha256 });
  let exchanges = 0;
  const ask = async (deadlineMs: string | undefined, answerMs = 5_000) => {
    const origin = { header: (name: string) => (name === 'x-sluice-deadline-ms' ? deadlineMs : undefined) };
    const call = { surface: 'chat', body: { model: 'm' }, headers: {}, principal: principal('tn_one'), ...UNHURRIED, origin };
    const planned = { call: call as unknown as CompletionCall, plan: PLAN, nowMs: time.nowMs() };
    const begunMs = time.nowMs();
    const opened = await cache.open(planned, TERMS, async () => {
      exchanges += 1;
      await time.sleep(answerMs);
      return ok(answerOf('yes'));
    });
    const served = await opened.exact();
    return [served.ok ? 'served' : served.error.refusal.code, time.nowMs() - begunMs, served.ok ? '' : served.error.refusal.message];
  };
  const [first, hurried, patient] = await time.run(Promise.all([ask(undefined), ask('500'), ask('9000')]));
  expect([first, hurried?.[0], patient?.[0]]).toEqual([['served', 5_000, ''], 'deadline_exceeded', 'served']);
  expect(hurried?.[1]).toBeGreaterThanOrEqual(500);
  expect(hurried?.[2]).toContain('within 500 ms');
  expect(hurried?.[1], 'and the next look').toBeLessThanOrEqual(550);
  await time.run(time.sleep(TERMS.ttlMs));
  const slow = await time.run(Promise.all([ask(undefined, 300_000), ask(undefined), ask('400000')]));
  expect([slow.map(([how]) => how), exchanges], 'a model that takes minutes').toEqual([['served', 'served', 'served'], 2]);
});

it('[U123] a refusal is nobody’s answer from before', async () => {
  const { cache } = isolate();
  const call = { surface: 'chat', body: { model: 'm' }, headers: {}, principal: principal('tn_one'), ...UNHURRIED };
  const served = [err({ refusal: refusal('upstream_failed', 'no'), attempts: [] }), ok(answerOf('yes'))];
  const ask = async () =>
    (
      await cache.open({ call: call as unknown as CompletionCall, plan: PLAN, nowMs: 0 }, TERMS, () => Promise.resolve(served.shift()!))
    ).exact();
  expect(await ask()).toMatchObject({ error: { refusal: { code: 'upstream_failed' } } });
  expect(cache.held.entries).toBe(0);
  expect(await ask()).toMatchObject({ value: { answer: { text: 'yes' } } });
});

it.each([false, true])('[U151] a hit saves what all models of a cascade were charged, streamed: %s', async (stream) => {
  const besides = [{ target: TARGET, settlement: { ...SETTLED, nano: 5 } }];
  const { ask } = isolate({ ...answerOf(stream ? { pieces: PIECES } : 'taught'), besides });
  await ask(stream ? STREAM : {});
  expect(await ask(stream ? STREAM : {})).toMatchObject({ isHit: true, nano: 0, savedNano: 75 });
});
