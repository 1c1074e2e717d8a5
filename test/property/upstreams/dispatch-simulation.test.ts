import { describe, expect, it } from 'vitest';

import { UPSTREAM_LIMITS } from '../../../src/contract/upstreams/upstream-limits.ts';
import { must } from '../../../src/kernel/assert.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { CancelSource } from '../../../src/upstreams/serving/cancel-source.ts';
import type { Plan, Target } from '../../../src/upstreams/target.ts';
import { effort, seeds } from '../../support/fixtures/effort.ts';
import type { Script, Served } from '../../support/worlds/upstream-world.ts';
import { planOf, targetOf, UpstreamWorld } from '../../support/worlds/upstream-world.ts';

const MODES = ['up', 'up', 'up', 'slow', 'failing', 'refusing', 'hanging', 'limiting', 'breaking'] as const;
type Mode = (typeof MODES)[number];

/** Requests of one simulation, over some minutes. */
const REQUESTS = effort(250, 1_500);

/** Upstreams that go through bad times, each by its own plan, and come back. */
class TroubledWorld extends UpstreamWorld {
  readonly plan: Plan;
  readonly targets: readonly Target[];
  readonly groupOf = new Map<string, number>();
  /** The last probe of each upstream, by its position among the calls. */
  readonly probes = new Map<string, number>();
  probeCount = 0;
  readonly wrongs: string[] = [];
  readonly #seed: number;

  constructor(seed: number) {
    super(seed);
    this.#seed = seed;
    const shape = new Seeded(seed);
    const groups: Target[][] = [];
    for (let group = 0; group < 1 + Math.floor(shape.next() * 3); group += 1) {
      groups.push(
        Array.from({ length: 1 + Math.floor(shape.next() * 3) }, (_, member) =>
          targetOf(`g${group}m${member}`, {
            weight: 1 + Math.floor(shape.next() * 3),
            limits: shape.next() < 0.7 ? { concurrency: 1 + Math.floor(shape.next() * 6) } : {},
          }),
        ),
      );
    }
    this.plan = planOf(...groups);
    this.targets = groups.flat();
    for (const [at, group] of groups.entries()) for (const { upstream } of group) this.groupOf.set(upstream, at);
    this.script = (upstream) => this.#scripted(upstream);
    this.onOpen = (_, upstream) => this.#checkBreaker(upstream);
  }

  modeOf(upstream: string): Mode {
    const phase = Math.floor(this.nowMs / 9_000);
    const random = new Seeded(this.#seed * 7_919 + phase * 31 + this.targets.findIndex((target) => target.upstream === upstream));
    random.next();
    return must(MODES[Math.floor(random.next() * MODES.length)], 'a mode');
  }

  #scripted(upstream: string): Script {
    const { random } = this;
    const headMs = Math.floor(random.next() * 40);
    const pieces = 1 + Math.floor(random.next() * 5);
    const pieceMs = Math.floor(random.next() * 60);
    switch (this.modeOf(upstream)) {
      case 'up':
        return { headMs, pieces, pieceMs };
      case 'slow':
        return { headMs: 40 * headMs, pieces, pieceMs: 3 * pieceMs };
      case 'failing':
        return { headMs, status: random.next() < 0.5 ? 500 : 503 };
      case 'refusing':
        return { headMs: 1, fault: 'refused' };
      case 'hanging':
        return { headMs: 5_000, fault: 'first_token_timeout' };
      case 'limiting':
        return random.next() < 0.5 ? { headMs, pieces } : { headMs, status: 429, retryAfterMs: Math.floor(random.next() * 4_000) };
      case 'breaking':
        return { headMs, pieces, pieceMs, breaksAt: Math.floor(random.next() * (pieces + 1)) };
    }
  }

  /** A call at a target whose breaker is not closed is its probe, and the only one since it opened. [U54] */
  #checkBreaker(upstream: string): void {
    const health = this.dispatcher.health().find((one) => one.upstream === upstream);
    const breaker = must(health, 'a target that is called is known').breaker;
    const call = this.seen.length;
    if (breaker === 'open') this.wrongs.push(`call ${call} came to ${upstream}, whose breaker is open`);
    if (breaker !== 'half_open') return;
    const before = this.probes.get(upstream);
    if (before !== undefined && must(this.seen[before], 'a call that came').endedAtMs === undefined)
      this.wrongs.push(`call ${call} came to ${upstream} beside the probe ${before}`);
    this.probes.set(upstream, call);
    this.probeCount += 1;
  }
}

async function simulated(world: TroubledWorld): Promise<Served[]> {
  const { random, time } = world;
  const sent: Promise<Served>[] = [];
  for (let request = 0; request < REQUESTS; request += 1) {
    // Bursts, and rests in which windows and breakers run out.
    await time.sleep(random.next() < 0.02 ? 15_000 : Math.floor(random.next() * 120));
    const cancellation = new CancelSource();
    if (random.next() < 0.1) time.after(Math.floor(random.next() * 3_000), () => cancellation.cancel());
    sent.push(
      world.send(world.plan, {
        cancellation,
        tokensMax: 1 + Math.floor(random.next() * 1_000),
        priority: Math.floor(random.next() * 3),
        mayHedge: random.next() < 0.3,
        ...(random.next() < 0.5 ? { deadlineMs: time.nowMs() + 200 + Math.floor(random.next() * 20_000) } : {}),
        ...(random.next() < 0.3 ? { prefixKey: `prefix ${Math.floor(random.next() * 5)}` } : {}),
      }),
    );
  }
  return Promise.all(sent);
}

describe('thousands of requests over upstreams that hang, fail, slow down, limit and recover', () => {
  it.each(seeds(12))('[U51] [U52] [U54] [U57] [U58] nothing is served twice, leaks or is multiplied (seed %d)', async (seed) => {
    const world = new TroubledWorld(seed);
    const served = await world.run(simulated(world));
    expect(served).toHaveLength(REQUESTS);
    expect(world.wrongs).toEqual([]);
    const callsOf = Map.groupBy(world.seen, ({ request }) => request);

    // [U51] No call of a request begins once a piece of it was passed on.
    for (const { request, pieces, answeredAtMs } of served) {
      const calls = callsOf.get(request) ?? [];
      if (pieces > 0) expect(calls.filter(({ startedAtMs }) => startedAtMs > answeredAtMs)).toEqual([]);
      expect(calls.length).toBeLessThanOrEqual(UPSTREAM_LIMITS.upstreamAttemptsMaxCount);
    }

    // [U52] Retries at a target are a fifth of the calls that are none, one a second, and the reserve.
    const elapsedS = (world.nowMs - 1_000_000) / 1_000;
    for (const { upstream } of world.targets) {
      let [firsts, retries] = [0, 0];
      for (const calls of callsOf.values()) {
        for (const [at, call] of calls.entries()) {
          if (call.upstream !== upstream) continue;
          const isRetry = calls.slice(0, at).some((before) => world.groupOf.get(before.upstream) === world.groupOf.get(upstream));
          if (isRetry) retries += 1;
          else firsts += 1;
        }
      }
      expect(retries, upstream).toBeLessThanOrEqual(UPSTREAM_LIMITS.upstreamRetryReserveCount + elapsedS + 0.2 * firsts);
    }

    // [U57] [U58] All places were kept, and all is given back.
    for (const { upstream, limits } of world.targets) {
      expect(world.peak.get(upstream) ?? 0, upstream).toBeLessThanOrEqual(limits.concurrency ?? Infinity);
      expect(world.outstanding.get(upstream) ?? 0, upstream).toBe(0);
    }
    for (const { outstandingCalls, outstandingTokens } of world.dispatcher.health())
      expect([outstandingCalls, outstandingTokens]).toEqual([0, 0]);
    expect(world.dispatcher.waiting).toBe(0);

    // The troubles came: some requests were tried again, and most were served.
    expect(served.filter(({ result }) => result.ok).length).toBeGreaterThan(REQUESTS / 3);
    expect([...callsOf.values()].some(({ length }) => length > 1)).toBe(true);
  });
});

interface Pending {
  readonly request: number;
  readonly priority: number;
  readonly deadlineMs: number;
  readonly sentAtMs: number;
  isOpen: boolean;
}

const isBetter = (a: Pending, b: Pending): boolean =>
  a.priority > b.priority ||
  (a.priority === b.priority && (a.deadlineMs < b.deadlineMs || (a.deadlineMs === b.deadlineMs && a.request < b.request)));

describe('a waiting line before healthy upstreams', () => {
  it.each(seeds(8))('[U58] is served in order, and leaves no place free (seed %d)', async (seed) => {
    const world = new UpstreamWorld(seed);
    const { random, time } = world;
    const targets = ['a', 'b', 'c']
      .slice(0, 1 + (seed % 3))
      .map((name) => targetOf(name, { limits: { concurrency: 1 + Math.floor(random.next() * 4) } }));
    const placesOf = (upstream: string) => targets.find((target) => target.upstream === upstream)?.limits.concurrency ?? 0;
    const freeOf = (upstream: string) => placesOf(upstream) - (world.outstanding.get(upstream) ?? 0);
    world.script = () => ({ headMs: Math.floor(random.next() * 100), pieces: 2, pieceMs: Math.floor(random.next() * 100) });
    const pending = new Map<number, Pending>();
    const state = { isOver: false };
    const wrongs: string[] = [];
    world.onOpen = (request, upstream) => {
      const opened = must(pending.get(request), 'a request that is pending');
      // One that came in this very moment may have come after the decision.
      const before = [...pending.values()].filter(
        (other) => !other.isOpen && other !== opened && other.sentAtMs < time.nowMs() && isBetter(other, opened),
      );
      if (before.length >= Math.max(1, freeOf(upstream)))
        wrongs.push(`${request} came before ${before.map((one) => one.request).join(', ')}`);
      opened.isOpen = true;
    };
    const watched = async () => {
      let idleSinceMs = Infinity;
      while (!state.isOver) {
        await time.sleep(1);
        const isIdle = [...pending.values()].some(({ isOpen }) => !isOpen) && targets.some(({ upstream }) => freeOf(upstream) > 0);
        idleSinceMs = isIdle ? Math.min(idleSinceMs, time.nowMs()) : Infinity;
        // The first of the line looks every 5 ms; one that a burst has brought there looks a little later.
        if (time.nowMs() - idleSinceMs > 20) wrongs.push(`a place has been free since ${idleSinceMs}`);
      }
    };
    const send = async (request: number) => {
      const priority = Math.floor(random.next() * 3);
      const deadlineMs = random.next() < 0.5 ? time.nowMs() + 600_000 + Math.floor(random.next() * 9_000) : Infinity;
      const one: Pending = { request, priority, deadlineMs, sentAtMs: time.nowMs(), isOpen: false };
      pending.set(request, one);
      const served = await world.send(planOf(targets), { priority, ...(deadlineMs === Infinity ? {} : { deadlineMs }) });
      pending.delete(request);
      return served.end;
    };
    const all = (async () => {
      const sent: Promise<unknown>[] = [];
      for (let request = 0; request < effort(120); request += 1) {
        if (random.next() < 0.4) await time.sleep(Math.floor(random.next() * 100));
        sent.push(send(request));
      }
      const ends = await Promise.all(sent);
      state.isOver = true;
      return ends;
    })();
    const [ends] = await world.run(Promise.all([all, watched()]));
    expect(new Set(ends)).toEqual(new Set(['whole']));
    expect(wrongs).toEqual([]);
  });
});
