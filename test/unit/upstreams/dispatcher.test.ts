import { describe, expect, it } from 'vitest';

import { CancelSource } from '../../../src/upstreams/serving/cancel-source.ts';
import { planOf, targetOf, UpstreamWorld } from '../../support/worlds/upstream-world.ts';
import type { Served } from '../../support/worlds/upstream-world.ts';
import type { Opened } from '../../../src/upstreams/transport.ts';

const [A, B, C] = [targetOf('a'), targetOf('b'), targetOf('c')];
/** Where requests end that cannot go on by themselves. */
const FOREVER_MS = 10_000_000;

const codeOf = ({ result }: Served): string => (result.ok ? `served by ${result.value.target.upstream}` : result.error.refusal.code);
const triesOf = ({ result }: Served): string[] =>
  (result.ok ? result.value.attempts : result.error.attempts).map(({ upstream, status, fault }) => `${upstream} ${status ?? fault}`);
const refusalOf = ({ result }: Served) => (result.ok ? undefined : result.error.refusal);

/** Afterwards nothing is held: a full round of calls passes at once. */
function expectNothingHeld(world: UpstreamWorld): void {
  expect(world.dispatcher.health().map(({ outstandingCalls, outstandingTokens }) => outstandingCalls + outstandingTokens)).toEqual(
    world.dispatcher.health().map(() => 0),
  );
  expect([...world.outstanding.values()].every((count) => count === 0)).toBe(true);
  expect(world.dispatcher.waiting).toBe(0);
}

describe('groups and retries', () => {
  it('[U50] asks the first group that can serve, and falls back when it cannot', async () => {
    const world = new UpstreamWorld();
    expect(codeOf(await world.run(world.send(planOf([A], [B]))))).toBe('served by a');
    world.script = (upstream) => (upstream === 'a' ? { status: 503 } : {});
    const served = await world.run(world.send(planOf([A], [B])));
    expect([codeOf(served), triesOf(served)]).toEqual(['served by b', ['a 503', 'a 503', 'b 200']]);
    expectNothingHeld(world);
  });

  it('[U50] waits for a short pause of a group, and goes to the next group for a long one', async () => {
    for (const [retryAfterMs, by] of [
      [200, 'a'],
      [900, 'b'],
    ] as const) {
      const world = new UpstreamWorld();
      world.script = (upstream, call) => (upstream === 'a' && call === 0 ? { status: 429, retryAfterMs } : {});
      const served = await world.run(world.send(planOf([A], [B])));
      expect(codeOf(served)).toBe(`served by ${by}`);
      if (by === 'a') expect(served.answeredAtMs - served.startedAtMs).toBeGreaterThanOrEqual(retryAfterMs);
    }
  });

  it('[U51] tries another target of the group first, and the same one again after a random time', async () => {
    const world = new UpstreamWorld();
    world.script = (_, call) => (call === 0 ? { fault: 'broken' } : {});
    const served = await world.run(world.send(planOf([A, B])));
    expect(new Set(triesOf(served).map((tried) => tried[0])).size).toBe(2);
    expect(served.answeredAtMs).toBe(served.startedAtMs);
    const alone = new UpstreamWorld();
    alone.script = (_, call) => (call === 0 ? { status: 500 } : {});
    const again = await alone.run(alone.send(planOf([A])));
    expect(triesOf(again)).toEqual(['a 500', 'a 200']);
    expect(again.answeredAtMs - again.startedAtMs).toBeLessThanOrEqual(200);
  });

  it('[U51] honours retry-after before it tries again', async () => {
    const world = new UpstreamWorld();
    world.script = (_, call) => (call === 0 ? { status: 429, retryAfterMs: 7_000 } : {});
    const [first, second] = await world.run(
      Promise.all([world.send(planOf([A])), world.time.sleep(10).then(() => world.send(planOf([A])))]),
    );
    expect([codeOf(first), codeOf(second)]).toEqual(['served by a', 'served by a']);
    const [refused, ...later] = world.seen.map(({ startedAtMs }) => startedAtMs);
    expect(Math.min(...later) - refused!).toBeGreaterThanOrEqual(7_000);
  });

  it('[U51] refuses at once where retry-after is longer than a request waits for', async () => {
    const world = new UpstreamWorld();
    world.script = () => ({ status: 429, retryAfterMs: 60_000 });
    const refused = await world.run(world.send(planOf([A])));
    expect(refusalOf(refused)).toMatchObject({ code: 'upstream_busy', retryAfterMs: 60_000 });
    expect(refused.answeredAtMs).toBe(refused.startedAtMs);
  });

  it.each([401, 403, 404, 408, 409, 500, 502, 503, 504, 302])('[U51] tries elsewhere after %d', async (status) => {
    const world = new UpstreamWorld();
    world.script = (upstream) => (upstream === 'a' ? { status } : {});
    expect(codeOf(await world.run(world.send(planOf([A], [B]))))).toBe('served by b');
  });

  it.each([400, 413, 422])('[U51] passes on %d, which says that the request is wrong', async (status) => {
    const world = new UpstreamWorld();
    world.script = () => ({ status });
    const served = await world.run(world.send(planOf([A], [B])));
    expect([triesOf(served), world.seen.length]).toEqual([[`a ${status}`], 1]);
    expect(world.dispatcher.health()[0]?.attempts).toMatchObject({ rejected: 1, failed: 0 });
  });

  it('[U51] tries elsewhere after what is no answer of the protocol, and after a head without a body', async () => {
    const world = new UpstreamWorld();
    world.script = (upstream) => (upstream === 'a' ? { text: '<html>' } : { text: 'data: {}' });
    const accepts = (_: unknown, __: unknown, piece: Uint8Array) => new TextDecoder().decode(piece).startsWith('data:');
    const served = await world.run(world.send(planOf([A], [B]), { accepts }));
    expect(triesOf(served)).toEqual(['a garbage', 'a garbage', 'b 200']);
    world.script = (upstream) => (upstream === 'c' ? { breaksAt: 0 } : {});
    expect(triesOf(await world.run(world.send(planOf([C], [B]))))).toEqual(['c broken', 'c broken', 'b 200']);
    expectNothingHeld(world);
  });

  it('[U51] never asks again once a piece was passed on', async () => {
    const world = new UpstreamWorld();
    world.script = () => ({ pieces: 5, breaksAt: 2 });
    const served = await world.run(world.send(planOf([A, B], [C])));
    expect([served.pieces, served.end, world.seen.length]).toEqual([2, { kind: 'fault', fault: 'broken' }, 1]);
    expectNothingHeld(world);
  });

  it('[U51] makes at most 2 attempts at a target, 3 in a group and 6 in all', async () => {
    const world = new UpstreamWorld();
    world.script = () => ({ status: 500 });
    const [D, E, F] = [targetOf('d'), targetOf('e'), targetOf('f')];
    const refused = await world.run(world.send(planOf([A, B, C], [D], [E], [F])));
    expect(codeOf(refused)).toBe('upstream_failed');
    expect(triesOf(refused).map((tried) => tried[0])).toHaveLength(6);
    expect(world.calls['d']).toBe(2);
    expect(world.calls['f']).toBeUndefined();
  });

  it('[U52] multiplies an outage by no more than 1.2, beyond the reserve', async () => {
    const world = new UpstreamWorld();
    // Failing just too rarely for the breaker: each failure would be tried again.
    world.script = (_, call) => (call % 3 === 0 ? { status: 500 } : {});
    await world.run(world.sendEach(1_000, planOf([A])));
    const [health] = world.dispatcher.health();
    const retries = world.seen.length - new Set(world.seen.map(({ request }) => request)).size;
    const elapsedS = (world.nowMs - 1_000_000) / 1_000;
    expect(retries).toBeGreaterThan(100);
    expect(retries).toBeLessThanOrEqual(10 + elapsedS + 0.2 * (world.seen.length - retries));
    expect(health?.breaker).toBe('closed');
  });
});

describe('deadlines and cancellation', () => {
  it('[U53] ends an attempt that has not begun to answer at the deadline', async () => {
    const world = new UpstreamWorld();
    world.script = () => ({ headMs: FOREVER_MS });
    const refused = await world.run(world.send(planOf([A], [B]), { deadlineMs: world.nowMs + 700 }));
    expect([codeOf(refused), refused.answeredAtMs - refused.startedAtMs]).toEqual(['deadline_exceeded', 700]);
    expect(world.seen.map(({ isCancelled }) => isCancelled)).toEqual([true]);
    expectNothingHeld(world);
  });

  it('[U53] lets an answer that has begun go on past the deadline', async () => {
    const world = new UpstreamWorld();
    world.script = () => ({ pieces: 4, pieceMs: 400 });
    expect(await world.run(world.send(planOf([A]), { deadlineMs: world.nowMs + 700 }))).toMatchObject({ pieces: 4, end: 'whole' });
  });

  it.each([
    ['the head', { headMs: FOREVER_MS }],
    ['the first piece', { pieceMs: FOREVER_MS }],
    ['a transport that does not listen', { headMs: FOREVER_MS, isDeaf: true }],
    ['a pause', { status: 429, retryAfterMs: 15_000 }],
  ])('[U53] a cancellation ends the wait for %s, and frees everything', async (_, script) => {
    const world = new UpstreamWorld();
    world.script = () => script;
    const cancellation = new CancelSource();
    world.time.after(50, () => cancellation.cancel());
    const limited = targetOf('a', { limits: { concurrency: 1 } });
    const refused = await world.run(world.send(planOf([limited]), { cancellation }));
    expect([refused.result.ok, refused.answeredAtMs - refused.startedAtMs]).toEqual([false, 50]);
    expect(world.seen).toHaveLength(1);
    expectNothingHeld(world);
    expect(world.dispatcher.health()[0]).toMatchObject({ breaker: 'closed', failureShare: null });
  });

  it('[U53] a cancellation in the midst of a stream reaches the upstream', async () => {
    const world = new UpstreamWorld();
    world.script = () => ({ pieces: 100, pieceMs: 100 });
    const cancellation = new CancelSource();
    world.time.after(450, () => cancellation.cancel());
    const served = await world.run(world.send(planOf([A]), { cancellation }));
    expect([served.pieces, served.end]).toEqual([4, 'cancelled']);
    expect(world.seen[0]).toMatchObject({ isCancelled: true });
    expectNothingHeld(world);
  });

  it('[U57] closes an answer that begins after its call was cancelled', async () => {
    const world = new UpstreamWorld();
    const cancellation = new CancelSource();
    let begin: (opened: Opened) => void = () => undefined;
    const open = () => new Promise<Opened>((resolve) => (begin = resolve));
    world.time.after(50, () => cancellation.cancel());
    const request = { tokensMax: 1, priority: 0, mayHedge: false, cancellation };
    const refused = await world.run(world.dispatcher.dispatch(planOf([A]), open, request));
    expectNothingHeld(world);
    let isClosed = false;
    const body = { read: () => Promise.resolve(new Uint8Array(1)), cancel: () => void (isClosed = true) };
    begin({ kind: 'opened', status: 200, contentType: '', body });
    await Promise.resolve();
    expect([refused.ok, isClosed]).toEqual([false, true]);
  });

  it('[U57] a defect of a transport is thrown, and frees everything', async () => {
    const world = new UpstreamWorld();
    const limited = targetOf('a', { limits: { concurrency: 1 } });
    const request = { tokensMax: 1, priority: 0, mayHedge: false, cancellation: new CancelSource() };
    const failing = world.dispatcher.dispatch(planOf([limited]), () => Promise.reject(new TypeError('a defect')), request);
    await expect(failing).rejects.toThrow('a defect');
    expectNothingHeld(world);
    expect(codeOf(await world.run(world.send(planOf([limited]))))).toBe('served by a');
  });
});

describe('places', () => {
  const limited = targetOf('a', { limits: { concurrency: 2 } });

  it('[U58] never has more calls under way than the concurrency, and serves all that wait', async () => {
    const world = new UpstreamWorld();
    world.script = () => ({ pieces: 3, pieceMs: 100 });
    const served = await world.run(Promise.all(Array.from({ length: 20 }, () => world.send(planOf([limited])))));
    expect(served.every(({ end }) => end === 'whole')).toBe(true);
    expect(world.peak.get('a')).toBe(2);
    // Ten rounds of 300 ms, and the looks between them.
    expect(world.nowMs - 1_000_000).toBeLessThanOrEqual(10 * 300 + 20 * 6);
    expectNothingHeld(world);
  });

  it('[U58] serves by priority, then deadline, then arrival', async () => {
    const world = new UpstreamWorld();
    const alone = targetOf('a', { limits: { concurrency: 1 } });
    world.script = () => ({ pieceMs: 1_000 });
    const order: string[] = [];
    const send = async (name: string, priority: number, deadlineMs?: number) => {
      await world.send(planOf([alone]), { priority, ...(deadlineMs === undefined ? {} : { deadlineMs: 1_000_000 + deadlineMs }) });
      order.push(name);
    };
    const all = [send('first', 0), send('later', 0), send('latest', 0), send('due', 0, 25_000), send('soon', 0, 15_000), send('urgent', 5)];
    await world.run(Promise.all(all));
    expect(order).toEqual(['first', 'urgent', 'soon', 'due', 'later', 'latest']);
  });

  it('[U58] serves owners in turn', async () => {
    const world = new UpstreamWorld();
    world.script = () => ({ pieceMs: 1_000 });
    const order: string[] = [];
    const send = (owner: string) =>
      world.send(planOf([targetOf('a', { limits: { concurrency: 1 } })]), { owner }).then(() => order.push(owner));
    await world.run(Promise.all(['a', 'a', 'a', 'a', 'b', 'b', 'c'].map(send)));
    expect(order.join('')).toBe('aabcaba');
  });

  it('[U58] uses the next group before it waits, and waits for whichever is free first', async () => {
    const world = new UpstreamWorld();
    const [one, two] = [targetOf('a', { limits: { concurrency: 1 } }), targetOf('b', { limits: { concurrency: 1 } })];
    world.script = (upstream) => ({ pieceMs: upstream === 'a' ? 10_000 : 500 });
    const served = await world.run(Promise.all([1, 2, 3].map(() => world.send(planOf([one], [two])))));
    expect(served.map(codeOf)).toEqual(['served by a', 'served by b', 'served by b']);
  });

  it('[U58] refuses what has waited for 30 s', async () => {
    const world = new UpstreamWorld();
    world.script = () => ({ pieceMs: 40_000 });
    const served = await world.run(Promise.all([1, 2, 3].map(() => world.send(planOf([limited])))));
    expect(served.map(codeOf)).toEqual(['served by a', 'served by a', 'upstream_busy']);
    expect(refusalOf(served[2]!)?.retryAfterMs).toBeGreaterThan(0);
    expect(served[2]!.answeredAtMs - served[2]!.startedAtMs).toBeLessThanOrEqual(30_010);
    expectNothingHeld(world);
  });

  it('[U58] refuses what finds the line full, and forgets all that leave it', async () => {
    const world = new UpstreamWorld();
    world.script = () => ({ pieceMs: 40_000 });
    const cancellation = new CancelSource();
    const all = Array.from({ length: 1_028 }, () => world.send(planOf([limited]), { cancellation }));
    world.time.after(10, () => cancellation.cancel());
    const served = await world.run(Promise.all(all));
    const busy = served.filter((one) => codeOf(one) === 'upstream_busy');
    expect(busy.map(({ answeredAtMs, startedAtMs }) => answeredAtMs - startedAtMs)).toEqual([0, 0]);
    expectNothingHeld(world);
  });

  it('[U57] a request that the runtime ended gives its place back when the total time of a call is over', async () => {
    const world = new UpstreamWorld();
    const alone = targetOf('a', { limits: { concurrency: 1 }, timeouts: { connectMs: 1, firstTokenMs: 1, idleMs: 1, totalMs: 10_000 } });
    const lost = new Promise<never>(() => undefined);
    void world.dispatcher.dispatch(planOf([alone]), () => lost, {
      tokensMax: 9,
      priority: 0,
      mayHedge: false,
      cancellation: new CancelSource(),
    });
    const served = await world.run(world.send(planOf([alone])));
    expect([codeOf(served), served.answeredAtMs - served.startedAtMs >= 15_000]).toEqual(['served by a', true]);
    expect(world.dispatcher.health()[0]).toMatchObject({ outstandingCalls: 0, outstandingTokens: 0 });
  });
});

describe('hedging', () => {
  /** Answers in 10 ms, 25 times: so that the time of 95 of 100 answers is known. */
  async function warmed(seed = 1): Promise<UpstreamWorld> {
    const world = new UpstreamWorld(seed);
    world.script = () => ({ headMs: 10 });
    await world.run(world.sendEach(60, planOf([A, B])));
    return world;
  }

  it('[U59] asks a second target after the p95 of the first; the first answer cancels the other', async () => {
    const world = await warmed();
    const before = world.seen.length;
    world.script = (_, call) => ({ headMs: call === before ? 3_000 : 10 });
    const served = await world.run(world.send(planOf([A, B]), { mayHedge: true }));
    expect(served.answeredAtMs - served.startedAtMs).toBe(20);
    const [slow, fast] = world.seen.slice(before);
    expect([slow?.isCancelled, fast?.isCancelled, slow?.upstream === fast?.upstream]).toEqual([true, false, false]);
    expectNothingHeld(world);
    expect(world.dispatcher.health().reduce((sum, { attempts }) => sum + attempts.cancelled, 0)).toBe(1);
  });

  it('[U59] never asks twice where a request may not be', async () => {
    const world = await warmed();
    const before = world.seen.length;
    world.script = () => ({ headMs: 3_000 });
    await world.run(world.send(planOf([A, B])));
    expect(world.seen.length - before).toBe(1);
  });

  it('[U59] passes on either answer when the other call fails meanwhile', async () => {
    for (const failing of [0, 1]) {
      const world = await warmed();
      const before = world.seen.length;
      world.script = (_, call) => (call - before === failing ? { headMs: 100, fault: 'broken' } : { headMs: 300 });
      const served = await world.run(world.send(planOf([A, B]), { mayHedge: true }));
      expect([served.end, world.seen.length - before]).toEqual(['whole', 2]);
      expectNothingHeld(world);
    }
  });

  it('[U57] [U59] gives back both when both begin to answer in the same moment', async () => {
    const world = await warmed();
    const answers: (() => void)[] = [];
    const closed: number[] = [];
    const open = () =>
      new Promise<Opened>((resolve) => {
        const call = answers.length;
        const body = { read: () => Promise.resolve(new Uint8Array(1)), cancel: () => void closed.push(call) };
        answers.push(() => resolve({ kind: 'opened', status: 200, contentType: '', body }));
      });
    world.time.after(100, () => {
      for (const answer of answers) answer();
    });
    const request = { tokensMax: 9, priority: 0, mayHedge: true, cancellation: new CancelSource() };
    const dispatched = await world.run(world.dispatcher.dispatch(planOf([A, B]), open, request));
    expect([dispatched.ok, answers.length, closed]).toEqual([true, 2, [1]]);
    if (dispatched.ok) dispatched.value.finish('whole');
    expectNothingHeld(world);
  });

  it('[U59] gives back both when they answer soon after each other, and when the caller goes away', async () => {
    const world = await warmed();
    let before = world.seen.length;
    world.script = (_, call) => ({ headMs: call === before ? 20 : 10 });
    expect(await world.run(world.send(planOf([A, B]), { mayHedge: true }))).toMatchObject({ end: 'whole' });
    expectNothingHeld(world);
    before = world.seen.length;
    world.script = () => ({ headMs: FOREVER_MS });
    const cancellation = new CancelSource();
    world.time.after(200, () => cancellation.cancel());
    const refused = await world.run(world.send(planOf([A, B]), { mayHedge: true, cancellation }));
    expect([refused.result.ok, world.seen.slice(before).map(({ isCancelled }) => isCancelled)]).toEqual([false, [true, true]]);
    expectNothingHeld(world);
  });
});

describe('refusals', () => {
  it('[U60] say whether nothing was reached, all are busy, or none answered', async () => {
    const world = new UpstreamWorld();
    world.script = () => ({ fault: 'refused' });
    const unreached = await world.run(world.send(planOf([A])));
    expect([codeOf(unreached), triesOf(unreached)]).toEqual(['upstream_unavailable', ['a refused', 'a refused']]);
    world.script = () => ({ status: 500 });
    expect(codeOf(await world.run(world.send(planOf([B]))))).toBe('upstream_failed');
    for (const status of [401, 403, 404]) {
      world.script = () => ({ status });
      const refused = refusalOf(await world.run(world.send(planOf([B]))));
      expect(refused?.code).toBe('upstream_misconfigured');
      expect(refused?.message).toContain(`${status}): check the \`secret\`, \`base_url\` and models of b`);
    }
    world.script = () => ({ status: 529, retryAfterMs: 30_000 });
    expect(refusalOf(await world.run(world.send(planOf([C]))))).toMatchObject({ code: 'upstream_busy', retryAfterMs: 30_000 });
  });

  it('[U60] of a target that is down name when it is probed next', async () => {
    const world = new UpstreamWorld();
    world.script = () => ({ fault: 'refused' });
    await world.run(world.sendEach(3, planOf([A])));
    const asked = world.seen.length;
    const refused = await world.run(world.send(planOf([A])));
    expect(refusalOf(refused)).toMatchObject({ code: 'upstream_unavailable' });
    expect(refusalOf(refused)?.retryAfterMs).toBeLessThanOrEqual(2_000);
    expect(world.seen).toHaveLength(asked);
  });
});
