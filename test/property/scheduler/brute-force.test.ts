import { expect, it } from 'vitest';
import { tryOption } from '../../../src/scheduler/engine/admission/try-option.ts';
import { chooseVictims } from '../../../src/scheduler/engine/preemption/choose-victims.ts';
import { mayEvict } from '../../../src/scheduler/engine/preemption/may-evict.ts';
import type { Victim } from '../../../src/scheduler/engine/preemption/may-evict.ts';
import { CellWorld, cohort, queue } from '../../support/worlds/cell-world.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { demand, nodeSpec, option } from '../../support/fixtures/scheduler-specs.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

it('[J48] the victims chosen suffice exactly when some set does, and cost nearly the least of every set', () => {
  let [found, best, regret, byReclaim, acrossCohorts] = [0, 0, 0, 0, 0];
  for (let seed = 1; seed <= effort(600); seed++) {
    const rng = new Seeded(seed);
    const below = (count: number) => Math.floor(rng.next() * count);
    const eviction = { preemptWithinQueue: false, reclaimWithinCohort: false };
    const isNested = seed % 2 === 0;
    const parent = isNested ? 'lab' : 'all';
    const cohorts = [
      cohort('all'),
      ...(isNested ? [cohort('lab', 'all')] : []),
      queue('a', 2 + below(4), { parent, eviction }),
      queue('b', 2 + below(3), { parent, eviction }),
      ...(isNested ? [queue('c', 1 + below(3), { eviction, limits: { lendingMax: below(2) === 0 ? 1_000 : null } })] : []),
    ];
    const names = cohorts.filter((spec) => spec.eviction !== null).map(({ name }) => name);
    const world = new CellWorld(
      { cohorts, headPatienceMs: 1_000_000_000 },
      Array.from({ length: 1 + below(3) }, (_, n) => nodeSpec(n, { acceleratorCount: 2 + below(3) })),
    );
    for (let n = 0; n < 8; n++) {
      world.wait(below(10_000));
      const size = 1 + below(2);
      const checkpoint = { intervalMs: null, graceMs: 0, restartMs: below(20_000) };
      world.submit(n, {
        queue: names[below(names.length)]!,
        priority: below(2),
        options: [option(size, { perNode: demand(size) })],
        checkpoint,
      });
    }
    world.wait(5_000);
    const size = 1 + below(3);
    const nodes = { min: 1 + below(2), max: 2, step: 1 };
    const id = world.submit(99, { queue: 'a', priority: 3, options: [option(size, { perNode: demand(size), nodes })] });
    if (world.job(id).attempt !== null) continue;
    const { cell } = world;
    const policy = cell.tree.node('a').spec.eviction!;
    Object.assign(policy, { preemptWithinQueue: true, reclaimWithinCohort: true });
    const legal = mayEvict(cell, cell.holdings.holderOf(world.job(id), 0));
    const isEnough = (victims: readonly Victim[]) =>
      cell.undo.trial(() => {
        for (const { job } of victims) cell.holdings.supposeGone(job, job.attempt!);
        return 'offer' in tryOption(cell, world.job(id), 0, 'brief');
      });
    const cost = (victims: readonly Victim[]) => victims.reduce((sum, victim) => sum + victim.cost, 0);
    const sets = Array.from({ length: 1 << legal.length }, (_, mask) => legal.filter((__, n) => (mask >> n) & 1)).filter(isEnough);
    const chosen = legal.length === 0 ? undefined : chooseVictims(cell, world.job(id), 0, legal)?.victims;
    expect(chosen !== undefined, `seed ${seed}`).toBe(sets.length > 0);
    if (chosen === undefined) continue;
    expect(isEnough(chosen)).toBe(true);
    for (const victim of chosen) expect(isEnough(chosen.filter((other) => other !== victim)), 'each is needed').toBe(false);
    const least = Math.min(...sets.map(cost));
    found += 1;
    if (cost(chosen) === least) best += 1;
    if (chosen.some(({ reason }) => reason === 'reclaim')) byReclaim += 1;
    if (chosen.some(({ job }) => job.spec.queue === 'c')) acrossCohorts += 1;
    regret += cost(chosen) / Math.max(1, least) - 1;
  }
  expect(found).toBeGreaterThan(80);
  expect(byReclaim).toBeGreaterThan(10);
  expect(acrossCohorts, 'victims under another cohort').toBeGreaterThan(10);
  expect(best / found, 'mostly the least').toBeGreaterThan(0.9);
  expect(regret / found).toBeLessThan(0.05);
});

it('[J49] in fair order queues get what progressive filling of the weighted dominant share gives them', () => {
  for (let seed = 1; seed <= effort(60); seed++) {
    const rng = new Seeded(seed);
    const below = (count: number) => Math.floor(rng.next() * count);
    const kinds = Array.from({ length: 3 }, (_, n) => ({
      name: `q${n}`,
      weightMilli: 1_000 * (1 + below(3)),
      milli: 1_000 * (1 + below(2)),
      cpuMilli: 1_000 * (1 + below(6)),
    }));
    const common = (nominal: number) => ({ nominal, borrowingMax: null, lendingMax: null });
    const total = { H100: 24_000, cpu: 60_000 };
    const cohorts = [
      { ...cohort('all'), quotas: { H100: common(total.H100), cpu: common(total.cpu) } },
      ...kinds.map(({ name, weightMilli }) => queue(name, 0, { weightMilli, quotas: {} })),
    ];
    // All jobs are submitted before the first node comes.
    const world = new CellWorld({ cohorts, headPatienceMs: 1_000_000_000, agingMs: 1_000_000_000 }, []);
    let n = 0;
    for (let round = 0; round < 30; round++) {
      for (const { name, milli, cpuMilli } of kinds) {
        const perNode = demand(milli / 1_000, { cpuMilli, memoryMib: 0 });
        world.submit((n += 1), { queue: name, preemptible: false, options: [option(milli / 1_000, { perNode })] });
      }
    }
    world.do({ kind: 'add_nodes', nodes: Array.from({ length: 6 }, (_, index) => nodeSpec(index, { cpuMilli: 1_000_000 })) });
    const counts = kinds.map(
      ({ name }) => [...world.cell.jobs.all].filter(({ spec, attempt }) => spec.queue === name && attempt !== null).length,
    );

    // Progressive filling: the queue that would have the smallest share with one more job gets one, until none fits.
    const filled = kinds.map(() => 0);
    const used = { H100: 0, cpu: 0 };
    const open = new Set(kinds.keys());
    while (open.size > 0) {
      const share = (index: number) => {
        const { milli, cpuMilli, weightMilli } = kinds[index]!;
        const jobs = filled[index]! + 1;
        const part = Math.max(Math.floor((jobs * milli * 1_000_000) / total.H100), Math.floor((jobs * cpuMilli * 1_000_000) / total.cpu));
        return Math.floor((part * 1_000) / weightMilli);
      };
      // Of equal shares, whose next job was submitted first.
      const comesBefore = (a: number, b: number) => share(a) - share(b) || filled[a]! - filled[b]! || a - b;
      const next = [...open].reduce((least, index) => (comesBefore(index, least) < 0 ? index : least));
      const { milli, cpuMilli } = kinds[next]!;
      if (used.H100 + milli > total.H100 || used.cpu + cpuMilli > total.cpu || filled[next] === 30) open.delete(next);
      else {
        used.H100 += milli;
        used.cpu += cpuMilli;
        filled[next]! += 1;
      }
    }
    expect(counts, `seed ${seed} ${JSON.stringify(kinds)}`).toEqual(filled);
  }
});
