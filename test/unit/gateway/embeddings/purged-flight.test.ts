import { expect, it } from 'vitest';

import { DirectWakeUps } from '../../../../src/kernel/wake-ups.ts';
import type { PurgePredicate } from '../../../../src/cache/purge-predicate.ts';
import { EmbeddingCache } from '../../../../src/gateway/embeddings/embedding-cache.ts';
import { Embedder } from '../../../../src/gateway/embeddings/embed.ts';
import { PurgeViews } from '../../../../src/gateway/caches/purge-views.ts';
import { ANY_FRESH } from '../../../../src/cache/cache-directives.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { deferred } from '../../../support/fakes/deferred.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { MemoryCacheWorld, principal, sha256 } from '../../../support/worlds/memory-cache-world.ts';

it.each<[string, (nowMs: number) => PurgePredicate, number]>([
  ['everything', () => ({}), 2],
  ['what is older than a second', (nowMs) => ({ filledBeforeMs: nowMs - 1000 }), 2],
  ['something else', () => ({ tags: ['t'] }), 1],
])('[C6] [C62] a computation in progress is not joined after a purge of %s that matches it', async (_, predicateAt, computations) => {
  const world = new MemoryCacheWorld();
  const purges = new PurgeViews({ logs: world.logs, clock: world.clock, wakeUps: new DirectWakeUps() });
  const cache = new EmbeddingCache({ clock: world.clock, purges, secondLevel: world.secondLevel, wakeUps: new DirectWakeUps() });
  const embedder = new Embedder({ models: world.models, cache, sha256, count: () => {}, countInputs: () => {} });
  const embed = () =>
    embedder.embedInputs({
      principal: principal('tn_one'),
      authority: IN_FORCE,
      model: 'remote',
      inputs: [{ kind: 'text', text: 'a' }],
      directives: ANY_FRESH,
      reserve: async () => ok(undefined),
    });
  const gate = deferred<void>();
  world.modelGate = gate.promise;
  const first = embed();
  // By now the computation has begun.
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  world.nowMs += 5000;
  world.purge(predicateAt(world.nowMs));
  const second = embed();
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  gate.resolve();
  expect((await Promise.all([first, second])).every(({ ok: answered }) => answered)).toBe(true);
  expect(world.computed).toHaveLength(computations);
});
