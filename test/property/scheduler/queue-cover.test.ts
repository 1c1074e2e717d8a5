import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CohortNode } from '../../../src/scheduler/engine/fairness/quota-tree.ts';
import type { Holder } from '../../../src/scheduler/engine/fairness/quota-coverage.ts';
import { byRank, QuotaCoverage } from '../../../src/scheduler/engine/fairness/quota-coverage.ts';
import { bundleToCover, QuotaTree } from '../../../src/scheduler/engine/fairness/quota-tree.ts';
import { UndoLog } from '../../../src/scheduler/engine/model/undo-log.ts';
import { cohort, evictionPolicy } from '../../support/worlds/cell-world.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { jobSpec } from '../../support/fixtures/scheduler-specs.ts';

const limit = (nominal: number) => ({ nominal, borrowingMax: null, lendingMax: null });

const happening = fc.record({
  /** Looks less often than it changes, so that several changes are worked out at once. */
  kind: fc.constantFrom('add' as const, 'add' as const, 'remove' as const, 'look' as const),
  which: fc.nat(20),
  priority: fc.nat(3),
  h100: fc.nat(4),
  cpu: fc.nat(6),
});

/** The jobs that a quota covers, computed from scratch: by rank, each job wholly or not at all. */
function coveredOf(holders: readonly Holder[], quotas: ReadonlyMap<string, number>): Set<Holder> {
  const used = new Map<string, number>();
  const covered = new Set<Holder>();
  for (const holder of holders.toSorted(byRank)) {
    if (holder.bundle.some(({ resource, quantity }) => (used.get(resource) ?? 0) + quantity > (quotas.get(resource) ?? Infinity))) continue;
    for (const { resource, quantity } of holder.bundle) used.set(resource, (used.get(resource) ?? 0) + quantity);
    covered.add(holder);
  }
  return covered;
}

it('[J66] the jobs that a quota covers, kept incrementally, equal those computed from scratch', () => {
  const seen = { covered: 0, uncovered: 0, passed: 0 };
  const check = (lengths: { readonly minLength: number; readonly maxLength: number }, quotaMax: number, numRuns: number): void =>
    fc.assert(
      fc.property(fc.array(happening, lengths), fc.nat(quotaMax), fc.nat(2 * quotaMax), (happenings, h100, cpu) => {
        const spec = { ...cohort('q'), quotas: { H100: limit(h100), cpu: limit(cpu) }, eviction: evictionPolicy() };
        const queue: CohortNode = new QuotaTree([spec], new UndoLog()).node('q');
        const quotas = new Map([...queue.accounts].map(([name, { subtree }]) => [name, subtree]));
        const cover = new QuotaCoverage(queue);
        const holders: Holder[] = [];
        for (const [sequence, { kind, which, priority, ...needs }] of happenings.entries()) {
          const bundle = [
            { resource: 'H100', quantity: needs.h100 },
            { resource: 'cpu', quantity: needs.cpu },
            { resource: 'memory', quantity: 1 },
          ];
          const one: Holder = { jobId: jobSpec(sequence).id, queue, priority, sequence, bundle };
          if (kind === 'add') {
            cover.insert(one);
            holders.push(one);
          } else if (kind === 'remove' && holders.length > 0) {
            cover.delete(holders.splice(which % holders.length, 1)[0]!);
          }
          if (kind !== 'look') continue;
          const covered = coveredOf(holders, quotas);
          expect(cover.holders).toEqual(holders.toSorted(byRank));
          for (const holder of holders) expect(cover.covers(holder)).toBe(covered.has(holder));
          expect(cover.hasUncovered).toBe(covered.size < holders.length);
          const open = holders.filter((holder) => !covered.has(holder)).sort(byRank);
          expect(cover.hasUncoveredBelow(one)).toBe(open.some((holder) => byRank(holder, one) > 0));
          expect(cover.uncovered(null).open).toEqual(open);
          const withOne = coveredOf([...holders, one], quotas);
          expect(cover.wouldCover(one)).toBe(withOne.has(one));
          const openWithOne = [...holders, one].filter((holder) => !withOne.has(holder)).sort(byRank);
          expect(cover.uncovered(one).open).toEqual(openWithOne);
          const used = [...withOne].reduce((sum, holder) => sum + holder.bundle[0]!.quantity, 0);
          expect(cover.uncovered(one).used.get('H100')).toBe(used);
          seen.covered += covered.size;
          seen.uncovered += open.length;
          if (open.some((holder) => [...covered].some((other) => byRank(other, holder) > 0))) seen.passed += 1;
        }
      }),
      { seed: 66, numRuns },
    );
  check({ minLength: 20, maxLength: 60 }, 12, effort(200, 20_000));
  // So many that they are worked out in several blocks.
  check({ minLength: 300, maxLength: 500 }, 300, effort(10, 400));
  check({ minLength: 300, maxLength: 500 }, 0, effort(1));
  for (const [what, count] of Object.entries(seen)) expect(count, `the runs contained ${what}`).toBeGreaterThan(1_000);
});

it('[J280] CPU counts beside accelerators where a cohort above has a quota of it, at any height', () => {
  const bundle = [
    { resource: 'H100', quantity: 1 },
    { resource: 'cpu', quantity: 1 },
  ];
  const covered = (highest: Record<string, ReturnType<typeof limit>>) => {
    const tree = new QuotaTree(
      [
        { ...cohort('root'), quotas: { cpu: { ...limit(99), isMeasure: true }, H100: limit(9) } },
        { ...cohort('team', 'root'), quotas: highest },
        cohort('tenant', 'team'),
        { ...cohort('other', 'tenant'), quotas: { cpu: limit(1) }, eviction: evictionPolicy() },
        { ...cohort('q', 'tenant'), quotas: { H100: limit(1) }, eviction: evictionPolicy() },
      ],
      new UndoLog(),
    );
    return bundleToCover(tree.node('q'), bundle).map(({ resource }) => resource);
  };
  expect([covered({}), covered({ cpu: limit(4) })]).toEqual([['H100'], ['H100', 'cpu']]);
});
