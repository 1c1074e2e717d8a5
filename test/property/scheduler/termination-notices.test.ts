import { describe, expect, it } from 'vitest';

import type { AttemptEnding } from '../../../src/contract/jobs/attempt.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { JobId } from '../../../src/kernel/ids.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { poolNode } from '../../support/fixtures/pool-node.ts';
import { POOL, ServedCell } from '../../support/worlds/served-cell.ts';

const [NODES, JOBS] = [60, 90];
/** Of work of a job, and between two of its checkpoints. */
const [WORK_MS, INTERVAL_MS] = [200_000, 60_000];

const SEEDS = Array.from({ length: process.env['SLUICE_TEST_FULL'] === '1' ? 30 : 2 }, (_, n) => n + 1);

const DONE = { kind: 'completed', progress: { completed: 1, failed: 0, total: 1 }, tokens: 1 } as const;
const ALIVE = { kind: 'progress', progress: { completed: 0, failed: 0, total: 1 } } as const;

interface Running {
  readonly jobId: JobId;
  readonly fence: number;
  readonly nodeId: string;
  /** Until when its work is saved. */
  savedAtMs: number;
  /** When what it saves because it was asked to is whole. */
  leavesAtMs: number;
}

/** A pool of which nodes are taken away, each some time after a notice, and what their jobs save. */
class Fleet {
  readonly world = new ServedCell([POOL]);
  readonly goneAtMs = new Map<string, number>();
  readonly doneMs = new Map<JobId, number>();
  readonly running = new Map<string, Running>();
  /** What was lost at once, and whether there was time to save it. */
  readonly losses: { readonly jobId: JobId; readonly lostMs: number; readonly wasInTime: boolean }[] = [];
  /** Attempts that began on nodes of which it was known that they go. */
  lateStarts = 0;
  /** Attempts that were asked to save. */
  saves = 0;
  readonly #random: Seeded;

  constructor(seed: number) {
    this.#random = new Seeded(seed);
    this.join(Array.from({ length: NODES }, (_, n) => `node-${n}`));
    for (let n = 1; n <= JOBS; n += 1) this.doneMs.set(this.world.submit(n, { checkpointIntervalMs: INTERVAL_MS, graceMs: 600_000 }), 0);
    this.#exchange({});
  }

  join(ids: readonly string[]): void {
    this.#exchange({ joined: ids.map((id) => poolNode(id)) });
  }

  between = (least: number, most: number): number => least + Math.floor(this.#random.next() * (most - least));

  notice(nodeId: string, leadMs: number): void {
    this.goneAtMs.set(nodeId, this.world.nowMs + leadMs);
    expect(this.world.cell.operations.notice(POOL, nodeId, leadMs)).toMatchObject({ ok: true });
    this.#exchange({});
  }

  second(): void {
    this.world.nowMs += 1_000;
    this.world.wake();
    const { nowMs } = this.world;
    for (const one of this.running.values()) {
      if (nowMs - one.savedAtMs >= INTERVAL_MS) this.#save(one);
      const done = must(this.doneMs.get(one.jobId), 'a job') + nowMs - one.savedAtMs;
      if (done >= WORK_MS) this.#end(one, 'completed');
      else if (nowMs >= one.leavesAtMs) {
        this.#save(one);
        this.#end(one, 'released');
      } else if (nowMs >= (this.goneAtMs.get(one.nodeId) ?? Infinity)) {
        this.losses.push({ jobId: one.jobId, lostMs: nowMs - one.savedAtMs, wasInTime: one.leavesAtMs <= nowMs });
        this.#end(one, 'lost');
      }
    }
    this.#exchange({});
  }

  #save(one: Running): void {
    const { nowMs } = this.world;
    this.doneMs.set(one.jobId, must(this.doneMs.get(one.jobId), 'a job') + nowMs - one.savedAtMs);
    one.savedAtMs = nowMs;
  }

  #end({ jobId, fence, nodeId }: Running, how: 'completed' | 'released' | 'lost'): void {
    this.running.delete(`${jobId} ${fence}`);
    const left = [{ nodeId, isLost: how === 'lost' }];
    const report: AttemptEnding =
      how === 'completed' ? DONE : { kind: 'failed', reason: how === 'lost' ? 'lease_expired' : 'released', message: how };
    this.#exchange({ reports: [{ jobId, fence, ...report }], left });
    if (how === 'completed') this.doneMs.set(jobId, WORK_MS);
    if (!this.goneAtMs.has(nodeId)) this.join([nodeId]);
  }

  #exchange(news: Parameters<ServedCell['exchange']>[1]): void {
    const { nowMs } = this.world;
    const started: Pick<Running, 'jobId' | 'fence'>[] = [];
    for (const { effect } of this.world.exchange(POOL, news).effects) {
      if (effect.kind === 'start') {
        const { jobId, fence } = effect.grant;
        if (this.goneAtMs.has(effect.nodeId)) this.lateStarts += 1;
        started.push({ jobId, fence });
        this.running.set(`${jobId} ${fence}`, { jobId, fence, nodeId: effect.nodeId, savedAtMs: nowMs, leavesAtMs: Infinity });
      } else if (effect.kind === 'stop') {
        const one = [...this.running.values()].find(({ jobId, fence }) => effect.attemptId === `att_${jobId.slice(4)}_${fence}`);
        if (one !== undefined && one.leavesAtMs === Infinity) {
          this.saves += 1;
          one.leavesAtMs = nowMs + this.between(2_000, 20_000);
        }
      }
    }
    if (started.length > 0) this.#exchange({ reports: started.map((one) => ({ ...one, ...ALIVE })) });
  }
}

describe('[P128] many nodes that are taken away within two minutes', () => {
  it.each(SEEDS)('cost no job more than what it had not saved, and none starts on them (seed %i)', (seed) => {
    const fleet = new Fleet(seed);
    const doomed = Array.from({ length: NODES }, (_, n) => `node-${n}`).filter((_, n) => n % 3 !== 0);
    for (let second = 0; second < 120; second += 1) {
      // Most notices leave two minutes; some less than it takes to save.
      for (const nodeId of doomed.splice(0, second % 3 === 0 ? 1 : 0))
        fleet.notice(nodeId, second % 12 === 0 ? fleet.between(1_000, 15_000) : 120_000);
      if (second % 10 === 0) fleet.join([`spare-${second}`, `spare-${second}-b`]);
      fleet.second();
    }
    for (let second = 0; second < 3_000 && [...fleet.doneMs.values()].some((ms) => ms < WORK_MS); second += 1) fleet.second();
    expect(fleet.lateStarts).toBe(0);
    expect(fleet.losses.filter(({ wasInTime }) => wasInTime)).toEqual([]);
    expect([fleet.saves > 20, fleet.losses.length > 0], 'both happen').toEqual([true, true]);
    for (const jobId of fleet.doneMs.keys()) {
      const lost = fleet.losses.filter((loss) => loss.jobId === jobId);
      expect(lost.reduce((sum, { lostMs }) => sum + lostMs, 0)).toBeLessThan(INTERVAL_MS);
      expect(fleet.world.job(jobId).state, 'each goes on elsewhere').toBe('succeeded');
    }
  });
});
