import { describe, expect, it } from 'vitest';

import { CancelSource } from '../../../src/upstreams/serving/cancel-source.ts';
import { chooseTarget } from '../../../src/upstreams/serving/choose-target.ts';
import { CircuitBreaker } from '../../../src/upstreams/serving/circuit-breaker.ts';
import { outliers } from '../../../src/upstreams/serving/outliers.ts';
import { TargetState } from '../../../src/upstreams/serving/target-state.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { must } from '../../../src/kernel/assert.ts';
import { planOf, targetOf, UpstreamWorld } from '../../support/worlds/upstream-world.ts';

/** Calls that end at once, each with the given outcome. */
function called(breaker: CircuitBreaker, outcomes: string, nowMs: number): void {
  for (const outcome of outcomes) {
    const passage = must(breaker.admit(nowMs), 'the breaker is closed');
    if (outcome === '+') passage.succeeded(nowMs);
    else if (outcome === '0') passage.abandoned();
    else passage.failed(nowMs, outcome === '!');
  }
}

describe('the circuit breaker', () => {
  it.each([
    ['half of eight outcomes are failures', '+-+-+-+-', 'open'],
    ['fewer than half are', '+-+-+-++', 'closed'],
    ['there are fewer than eight outcomes', '-------', 'closed'],
    ['five calls in a row have no answer', '++++++++++!!!!!', 'open'],
    ['an answer is between them', '++++++++++!!!!+!!!!', 'closed'],
    ['calls are given up', '0000000000000000', 'closed'],
  ])('[U54] where %s: %s is %s', (_, outcomes, state) => {
    const breaker = new CircuitBreaker();
    for (const [at, outcome] of outcomes.split('').entries()) if (breaker.state(at) === 'closed') called(breaker, outcome, at);
    expect(breaker.state(100)).toBe(state);
  });

  it('[U54] forgets outcomes after 10 s', () => {
    const breaker = new CircuitBreaker();
    called(breaker, '----', 0);
    called(breaker, '++++', 10_500);
    called(breaker, '--', 10_600);
    expect(breaker.state(10_600)).toBe('closed');
  });

  it('[U54] counts a call that breaks off after its first token as a failure, once', () => {
    const breaker = new CircuitBreaker();
    called(breaker, '++++', 0);
    for (let n = 0; n < 4; n += 1) {
      const passage = must(breaker.admit(1), 'it is closed');
      passage.succeeded(1);
      passage.failed(2_500, true);
    }
    expect([breaker.state(2_500), breaker.failureShare(2_500)]).toEqual(['open', undefined]);
  });

  it('[U54] lets one probe at a time through, rests twice as long when it fails, else closes', () => {
    const breaker = new CircuitBreaker();
    called(breaker, '!!!!!', 0);
    expect([breaker.admit(1_999), breaker.admitsAtMs(1)]).toEqual([undefined, 2_000]);
    const first = must(breaker.admit(2_000), 'a probe is let through');
    expect([breaker.state(2_000), breaker.admit(2_001)]).toEqual(['half_open', undefined]);
    first.failed(2_100, true);
    expect(breaker.admitsAtMs(2_100)).toBe(6_100);
    const second = must(breaker.admit(6_100), 'a probe is let through');
    second.abandoned();
    const third = must(breaker.admit(6_101), 'the next probe is let through');
    third.succeeded(6_102);
    expect(breaker.state(6_102)).toBe('closed');
    // The probe's own stream breaks off: one failure of many.
    third.failed(6_200, true);
    expect(breaker.state(6_200)).toBe('closed');
  });

  it('[U54] rests for 60 s at most, and for 2 s after it was closed', () => {
    const breaker = new CircuitBreaker();
    called(breaker, '!!!!!', 0);
    let nowMs = 0;
    for (let n = 0; n < 8; n += 1) {
      nowMs = breaker.admitsAtMs(nowMs);
      must(breaker.admit(nowMs), 'a probe').failed(nowMs, true);
    }
    expect(breaker.admitsAtMs(nowMs) - nowMs).toBe(60_000);
    nowMs = breaker.admitsAtMs(nowMs);
    must(breaker.admit(nowMs), 'a probe').succeeded(nowMs);
    called(breaker, '!!!!!', nowMs);
    expect(breaker.admitsAtMs(nowMs) - nowMs).toBe(2_000);
  });

  it('[U54] ignores what was under way when it opened, and a probe that was lost', () => {
    const breaker = new CircuitBreaker();
    const [early, late] = [must(breaker.admit(0), 'closed'), must(breaker.admit(0), 'closed')];
    called(breaker, '!!!!!', 0);
    early.succeeded(100);
    late.failed(100, true);
    expect(breaker.admitsAtMs(100)).toBe(2_000);
    const lost = must(breaker.admit(2_000), 'a probe');
    expect(breaker.admitsAtMs(2_001)).toBe(122_000);
    must(breaker.admit(122_000), 'the next probe').failed(122_000, true);
    lost.succeeded(122_001);
    expect(breaker.state(122_001)).toBe('open');
  });

  it('[U54] finds a target that has come back: probes of real calls, and then all calls', async () => {
    const world = new UpstreamWorld();
    const isUp = () => world.nowMs >= 1_000_000 + 60_000;
    world.script = () => (isUp() ? {} : { fault: 'refused' });
    const codes: boolean[] = [];
    await world.run(
      (async () => {
        for (let n = 0; n < 700; n += 1) {
          codes.push((await world.send(planOf([targetOf('a')]))).result.ok);
          await world.time.sleep(200);
        }
      })(),
    );
    const whileDown = world.seen.filter(({ startedAtMs }) => startedAtMs < 1_060_000).length;
    // 5 until it opens, then after 2, 4, 8, 16 and 32 s.
    expect(whileDown).toBeLessThanOrEqual(5 + 5);
    expect(codes.indexOf(true)).toBeGreaterThan(0);
    expect(codes.slice(codes.indexOf(true)).every(Boolean)).toBe(true);
    expect(world.dispatcher.health()[0]).toMatchObject({ breaker: 'closed' });
  });
});

describe('balancing', () => {
  const served = (world: UpstreamWorld) => world.calls;

  it('[U55] shares calls by weight where targets are at rest, and where they are busy', async () => {
    for (const atOnce of [1, 16]) {
      const world = new UpstreamWorld();
      world.script = () => ({ headMs: 100 });
      const plan = planOf([targetOf('a', { weight: 3 }), targetOf('b')]);
      for (let round = 0; round < 400 / atOnce; round += 1)
        await world.run(Promise.all(Array.from({ length: atOnce }, () => world.send(plan))));
      const { a = 0, b = 0 } = served(world);
      expect(a / (a + b), `${a} and ${b}`).toBeGreaterThan(0.7);
      expect(a / (a + b), `${a} and ${b}`).toBeLessThan(0.8);
    }
  });

  it('[U55] counts work by tokens, and gives a slow target less', async () => {
    const world = new UpstreamWorld();
    world.script = (upstream) => ({ headMs: upstream === 'a' ? 1_000 : 100 });
    const plan = planOf([targetOf('a'), targetOf('b')]);
    for (let round = 0; round < 40; round += 1) await world.run(Promise.all(Array.from({ length: 8 }, () => world.send(plan))));
    const { a = 0, b = 0 } = served(world);
    expect(b).toBeGreaterThan(3 * a);
    const busy = new TargetState(0);
    busy.begin(10_000, 0, 1e9);
    const idle = new TargetState(0);
    const from = [
      { target: targetOf('a'), state: busy },
      { target: targetOf('b'), state: idle },
    ];
    const random = new Seeded(1);
    for (let n = 0; n < 20; n += 1) expect(chooseTarget(from, { tokensMax: 10 }, () => random.next(), 0).state).toBe(idle);
  });

  it('[U55] sends equal prefixes to one target, and moves only those of a target that goes', () => {
    const random = new Seeded(7);
    const all = ['a', 'b', 'c', 'd'].map((name) => ({ target: targetOf(name), state: new TargetState(0) }));
    const homeOf = (from: typeof all, key: string) =>
      chooseTarget(from, { tokensMax: 10, prefixKey: key }, () => random.next(), 0).target.upstream;
    const keys = Array.from({ length: 400 }, (_, n) => `prefix ${n}`);
    const homes = keys.map((key) => homeOf(all, key));
    expect(keys.map((key) => homeOf(all, key))).toEqual(homes);
    for (const name of 'abcd') expect(homes.filter((home) => home === name).length).toBeGreaterThan(60);
    const without = keys.map((key) => homeOf(all.slice(1), key));
    expect(without.filter((home, at) => home !== homes[at])).toHaveLength(homes.filter((home) => home === 'a').length);
  });

  it('[U55] moves a prefix on when its target has more than 1.25 times its share', () => {
    const random = new Seeded(7);
    const all = ['a', 'b', 'c'].map((name) => ({ target: targetOf(name), state: new TargetState(0) }));
    const counts = new Map<string, number>();
    for (let n = 0; n < 300; n += 1) {
      const { target, state } = chooseTarget(all, { tokensMax: 10, prefixKey: 'the same' }, () => random.next(), 0);
      state.begin(10, 0, 1e9);
      counts.set(target.upstream, (counts.get(target.upstream) ?? 0) + 1);
    }
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(Math.ceil(1.25 * 100) + 1);
    expect(Math.max(...counts.values())).toBeGreaterThan(110);
  });
});

describe('outliers', () => {
  it.each([
    ['the one that fails', [0.4, 0, 0], [0]],
    ['never more than half', [0.1, 0.4, 0.5, 0.6], [2, 3]],
    ['none where all fail alike', [0.4, 0.4, 0.4, 0.4], []],
    ['none that fails rarely', [0.1, 0, 0], []],
    ['none of one', [0.9], []],
    ['none where the others are not known', [undefined, undefined], []],
    ['the worse of two', [0.1, 0.4], [1]],
  ])('[U56] are %s: %j', (_, shares, found) => {
    expect(outliers(shares)).toEqual(new Set(found));
  });

  it('[U56] are avoided while another can serve, and used where none can', async () => {
    const world = new UpstreamWorld();
    const group = [targetOf('a'), targetOf('b', { limits: { concurrency: 1 } })];
    world.script = (upstream) => (upstream === 'a' && world.calls['a']! % 3 === 2 ? { status: 500 } : {});
    await world.run(world.sendEach(120, planOf(group)));
    expect(
      world.dispatcher
        .health()
        .map(({ upstream, breaker }) => `${upstream} ${breaker}`)
        .toSorted(),
    ).toEqual(['a closed', 'b closed']);
    const before = { ...world.calls };
    await world.run(world.sendEach(20, planOf(group)));
    expect(world.calls['a']).toBe(before['a']);
    world.script = () => ({ headMs: 1_000 });
    await world.run(Promise.all([world.send(planOf(group)), world.send(planOf(group))]));
    expect(world.calls['a']).toBe(before['a']! + 1);
  });
});

describe('a cancellation within another', () => {
  it('[U53] is triggered by the outer one, also when that came first, and leaves it when it is closed', () => {
    const outer = new CancelSource();
    const [inner, closed] = [new CancelSource(outer), new CancelSource(outer)];
    closed.close();
    const heard: string[] = [];
    inner.onCancel(() => heard.push('inner'));
    closed.onCancel(() => heard.push('closed'));
    const leave = inner.onCancel(() => heard.push('left'));
    leave();
    outer.cancel();
    outer.cancel();
    new CancelSource(outer).onCancel(() => heard.push('late'));
    expect([heard, inner.isCancelled, closed.isCancelled]).toEqual([['inner', 'late'], true, false]);
  });
});
