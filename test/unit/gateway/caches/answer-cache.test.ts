import { setImmediate } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { DirectWakeUps } from '../../../../src/kernel/wake-ups.ts';
import { ANY_FRESH, parseCacheControl } from '../../../../src/cache/cache-directives.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { AnswerCache } from '../../../../src/gateway/caches/answer-cache.ts';
import type { AnswerContract, AnswerTerms } from '../../../../src/gateway/caches/answer-cache.ts';
import { PurgeViews } from '../../../../src/gateway/caches/purge-views.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { deferred } from '../../../support/fakes/deferred.ts';
import { MemoryCacheWorld, sha256 } from '../../../support/worlds/memory-cache-world.ts';

interface Completion {
  readonly kind: 'completion';
  readonly text: string;
  readonly tokens: number;
  readonly weights: string;
}

interface Ranking {
  readonly kind: 'ranking';
  readonly scores: Float32Array<ArrayBuffer>;
  readonly tokens: number;
  readonly weights: string;
}

type Answer = Completion | Ranking;

const CONTRACT: AnswerContract<Answer> = {
  entriesMax: 8,
  bytesMax: 1000,
  entryBytesMax: 200,
  bytesOf: (answer) => (answer.kind === 'completion' ? 2 * answer.text.length : answer.scores.byteLength),
  basisOf: ({ weights }) => weights,
  repeated: (answer) => ({ ...answer, tokens: 0 }),
};

const completion = (text: string, weights = 'w1'): Completion => ({ kind: 'completion', text, tokens: text.length, weights });
const ranking = (scores: number[], weights = 'w1'): Ranking => ({ kind: 'ranking', scores: Float32Array.from(scores), tokens: 3, weights });

interface Asked {
  /** The kind of answer, a colon, and the question. */
  readonly what: string;
  readonly weights?: string;
  readonly tenant?: string;
  readonly terms?: Partial<AnswerTerms>;
  readonly isUnshared?: boolean;
}

/** One isolate; each question brings the function that computes its answer. */
function isolate() {
  const world = new MemoryCacheWorld();
  const purges = new PurgeViews({ logs: world.logs, clock: world.clock, wakeUps: new DirectWakeUps() });
  const cache = new AnswerCache<Answer>({ contract: CONTRACT, clock: world.clock, wakeUps: new DirectWakeUps() });
  const counts = { made: 0 };
  const ask = async (asked: Asked, make: () => Answer | Outcome<Answer> | Promise<Answer | Outcome<Answer>>) => {
    const { what, weights = 'w1', tenant = 'tn_one', terms, isUnshared = false } = asked;
    const [kind = '', question = ''] = what.split(':');
    const tenantId = tenant as TenantId;
    const view = await purges.current(tenantId);
    const of = { ttlMs: 60_000, directives: ANY_FRESH, tags: [], ...terms };
    const digest = `${kind}:${sha256(question)}`;
    const answered = await cache.answer(
      { tenantId, digest, basis: weights, model: 'writer', modelVersion: '2', isUnshared, terms: of, view },
      async () => {
        counts.made += 1;
        const made = await make();
        return 'ok' in made ? made : ok(made);
      },
    );
    if (!answered.ok) return answered.error.code;
    const { answer, report } = answered.value;
    return { said: answer.kind === 'completion' ? answer.text : [...answer.scores], tokens: answer.tokens, source: report.sources[0] };
  };
  return { world, cache, counts, ask };
}

describe('answers of any kind', () => {
  it('[C99] are returned again without tokens, and different kinds never mix', async () => {
    const { ask } = isolate();
    expect(await ask({ what: 'completion:q' }, () => completion('sluice'))).toEqual({ said: 'sluice', tokens: 6, source: 'computed' });
    expect(await ask({ what: 'ranking:q' }, () => ranking([0.5, 0.25]))).toEqual({ said: [0.5, 0.25], tokens: 3, source: 'computed' });
    expect(await ask({ what: 'completion:q' }, () => completion('x'))).toEqual({ said: 'sluice', tokens: 0, source: 'memory' });
    expect(await ask({ what: 'ranking:q' }, () => ranking([1]))).toEqual({ said: [0.5, 0.25], tokens: 0, source: 'memory' });
  });

  it('[C99] are separate for each tenant and for the weights that made them', async () => {
    const { ask } = isolate();
    await ask({ what: 'completion:q' }, () => completion('one'));
    expect(await ask({ what: 'completion:q', tenant: 'tn_two' }, () => completion('two'))).toMatchObject({ said: 'two' });
    expect(await ask({ what: 'completion:q', weights: 'w2' }, () => completion('three', 'w2'))).toMatchObject({ said: 'three' });
    expect(await ask({ what: 'completion:q' }, () => completion('four'))).toMatchObject({ said: 'one', source: 'memory' });
    // Asked under the old weights, computed with the new ones: it is cached for the new ones only.
    expect(await ask({ what: 'ranking:r' }, () => ranking([1], 'w2'))).toMatchObject({ source: 'computed' });
    expect(await ask({ what: 'ranking:r' }, () => ranking([2]))).toMatchObject({ said: [2], source: 'computed' });
    expect(await ask({ what: 'ranking:r', weights: 'w2' }, () => ranking([3], 'w2'))).toMatchObject({ said: [1], source: 'memory' });
  });

  it('[C100] that were refused or failed are computed again', async () => {
    const { ask, counts } = isolate();
    expect(await ask({ what: 'completion:q' }, () => refuse('unavailable', 'no'))).toBe('unavailable');
    await expect(ask({ what: 'completion:q' }, () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    expect(await ask({ what: 'completion:q' }, () => completion('there'))).toMatchObject({ said: 'there', source: 'computed' });
    expect(counts.made).toBe(3);
  });

  it('[C95] refused for the quota or deadline of the leader are computed by its waiters', async () => {
    for (const code of ['rate_limit_exceeded', 'insufficient_quota', 'deadline_exceeded'] as const) {
      const { ask, counts } = isolate();
      const gate = deferred<Outcome<Answer>>();
      const first = ask({ what: 'completion:q' }, () => gate.promise);
      await setImmediate();
      const second = ask({ what: 'completion:q' }, () => completion('mine'));
      await setImmediate();
      gate.resolve(refuse(code, 'not for you'));
      expect(await first).toBe(code);
      expect(await second).toMatchObject({ said: 'mine', source: 'computed' });
      expect(counts.made).toBe(2);
    }
  });

  it('[C100] in progress also answer other callers with the same question', async () => {
    const { ask, counts } = isolate();
    const gate = deferred<void>();
    const make = async () => {
      await gate.promise;
      return completion('once');
    };
    const all = Array.from({ length: 20 }, () => ask({ what: 'completion:q' }, make));
    await setImmediate();
    gate.resolve();
    const sources = (await Promise.all(all)).map((answer) => (typeof answer === 'string' ? answer : [answer.source, answer.tokens].join()));
    expect(sources.toSorted()).toEqual(['computed,4', ...Array.from({ length: 19 }, () => 'joined,0')]);
    expect(counts.made).toBe(1);
  });

  it('[C16] [C100] begun before a purge are given to no later caller', async () => {
    const { ask, world } = isolate();
    const gate = deferred<void>();
    const early = ask({ what: 'completion:q' }, async () => {
      await gate.promise;
      return completion('old');
    });
    await setImmediate();
    world.purge({ model: 'writer' });
    const late = ask({ what: 'completion:q' }, () => completion('new'));
    await setImmediate();
    gate.resolve();
    expect(await early).toMatchObject({ said: 'old' });
    expect(await late).toMatchObject({ said: 'new', source: 'computed' });
    // The earlier computation ends last, but does not replace the newer answer.
    expect(await ask({ what: 'completion:q' }, () => completion('newest'))).toMatchObject({ said: 'new', source: 'memory' });
  });

  it('[C100] obey cache-control, tags, soft purges and bounds, as vectors do', async () => {
    const { ask, cache, world } = isolate();
    const asked = (header: string, tags: string[] = []) => ({
      what: 'completion:q',
      terms: { directives: parseCacheControl(header), tags },
    });
    expect(await ask(asked('only-if-cached'), () => completion('a'))).toBe('not_cached');
    expect(await ask(asked('no-store'), () => completion('b'))).toMatchObject({ said: 'b' });
    expect(await ask(asked('', ['docs']), () => completion('c'))).toMatchObject({ said: 'c', source: 'computed' });
    expect(await ask(asked('', ['docs', 'more']), () => completion('d'))).toMatchObject({ said: 'd', source: 'computed' });
    expect(await ask(asked('no-cache'), () => completion('e'))).toMatchObject({ said: 'e' });
    world.purge({}, 'soft');
    expect(await ask(asked('max-stale'), () => completion('f'))).toMatchObject({ said: 'e', source: 'memory' });
    expect(await ask(asked(''), () => completion('f'))).toMatchObject({ said: 'f', source: 'computed' });
    expect(await ask({ what: 'completion:q', isUnshared: true }, () => completion('g'))).toMatchObject({ said: 'g' });
    for (let i = 0; i < 20; i += 1) {
      await ask({ what: `completion:${i}` }, () => completion('x'.repeat(100)));
      await ask({ what: `completion:large ${i}` }, () => completion('x'.repeat(101)));
      expect(cache.held.bytes).toBeLessThanOrEqual(CONTRACT.bytesMax);
    }
    expect(cache.held.entries).toBe(5);
    expect(cache.read('tn_one' as TenantId)).toEqual({ entries: 5, bytes: cache.held.bytes, evicted: 16 });
    expect(cache.read('tn_one' as TenantId).evicted).toBe(0);
  });

  it('[C96] are counted for the tenant that holds them, and shown to no other', async () => {
    const { cache, ask } = isolate();
    expect(cache.read('tn_two' as TenantId)).toEqual({ entries: 0, bytes: 0, evicted: 0 });
    for (let i = 0; i < 3; i += 1) await ask({ what: `completion:${i}` }, () => completion('x'.repeat(100)));
    await ask({ what: 'completion:0', tenant: 'tn_two' }, () => completion('y'.repeat(50)));
    expect(cache.read('tn_one' as TenantId)).toMatchObject({ entries: 3, evicted: 0 });
    expect(cache.read('tn_two' as TenantId)).toMatchObject({ entries: 1, evicted: 0 });
    const [one, two] = ['tn_one', 'tn_two'].map((tenant) => cache.read(tenant as TenantId).bytes);
    expect([one! > two!, one! + two!]).toEqual([true, cache.held.bytes]);
  });
});
