import { afterEach, describe, expect, it, vi } from 'vitest';

import type * as leasesModule from '../../../src/cache/purge-lease.ts';
import type * as logModule from '../../../src/cache/purge-log.ts';
import type { LoggedPredicate, Purgeable } from '../../../src/cache/purge-predicate.ts';
import { isEverything } from '../../../src/cache/purge-predicate.ts';
import { effort } from '../../support/fixtures/effort.ts';

type Leases = typeof leasesModule;
type Log = typeof logModule;

const PURGES = 60;

/** Runs worlds of `PURGES` purges each; returns what happened in them and the first violation. */
async function worlds(count: number, firstSeed: number) {
  const { PurgeWorld } = await import('../../support/worlds/purge-world.ts');
  const seen: Record<string, number> = {};
  for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
    const world = new PurgeWorld(seed);
    await world.run(PURGES);
    for (const [what, times] of Object.entries(world.seen)) seen[what] = (seen[what] ?? 0) + times;
    if (world.violations.length > 0) return { seen, violation: `seed ${seed}: ${world.violations[0]}` };
  }
  return { seen, violation: undefined };
}

describe('the cache of several isolates on a faulty network', () => {
  afterEach(() => {
    vi.doUnmock('../../../src/cache/purge-lease.ts');
    vi.doUnmock('../../../src/cache/purge-log.ts');
    vi.resetModules();
  });

  it('[C7] [C13] [C60] [C61] [C62] no request accepted after a purge was reported gets a purged entry', async () => {
    const runs = effort(10);
    const { seen, violation } = await worlds(runs, 1);
    expect(violation).toBeUndefined();
    expect(seen['purges']).toBe(runs * PURGES);
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(runs);
  });

  it.each<[string, (leases: Leases) => object]>([
    ['served without a lease', () => ({ isLeased: () => true })],
    [
      'counted a lease from after its request',
      ({ renewView }) => ({ renewView: (view, grant, atMs) => renewView(view, grant, atMs + 900) }) satisfies Partial<Leases>,
    ],
    ['forgot its leases in a restart', () => ({ openLeaseBook: () => ({ leasedUntilMs: 0 }) })],
    ['forgot a lease it granted', () => ({ grantLease: (book) => book }) satisfies Partial<Leases>],
    [
      'stamped fills with a future purge',
      ({ stampOf }) => ({ stampOf: (view) => ({ ...stampOf(view), position: view.log.position + 1 }) }) satisfies Partial<Leases>,
    ],
    [
      'stamped fills with a future time',
      ({ stampOf }) => ({ stampOf: (view) => ({ ...stampOf(view), knownMs: view.knownMs + 5000 }) }) satisfies Partial<Leases>,
    ],
  ])('[C7] fails this test if something %s', async (_, mutation) => {
    vi.resetModules();
    vi.doMock('../../../src/cache/purge-lease.ts', async (original) => {
      const leases = await original<Leases>();
      return { ...leases, ...mutation(leases) };
    });
    expect((await worlds(20, 1)).violation).toBeDefined();
  });

  it.each<[string, (purge: LoggedPredicate, entry: Purgeable) => boolean]>([
    ['tags', ({ predicate }) => predicate.tags === undefined],
    ['prefixes', ({ predicate }) => predicate.tagPrefix === undefined],
    ['ages', ({ predicate }) => predicate.filledBeforeMs === undefined],
    ['models', ({ predicate }) => predicate.model === undefined],
    ['soft purges', ({ mode }) => mode === 'hard'],
    ['purges of everything', ({ predicate }) => !isEverything(predicate)],
    ['all but the next purge', ({ position }, entry) => position === entry.position + 1],
  ])('[C60] fails this test if something ignored %s', async (_, sees) => {
    vi.resetModules();
    vi.doMock('../../../src/cache/purge-log.ts', async (original) => {
      const module = await original<Log>();
      const { prototype } = module.PurgeMatcher;
      const matching = Object.getOwnPropertyDescriptor(prototype, 'matching')?.value as typeof prototype.matching;
      // On the prototype: the log makes its matchers in the same module.
      prototype.matching = function* blind(entry) {
        for (const purge of matching.call(this, entry)) if (sees(purge, entry)) yield purge;
      };
      return module;
    });
    expect((await worlds(20, 1)).violation).toBeDefined();
  });
});
