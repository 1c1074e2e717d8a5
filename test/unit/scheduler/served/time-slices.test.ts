import { describe, expect, it } from 'vitest';

import { QUEUE_LIMITS } from '../../../../src/contract/queues/queue-limits.ts';
import { queueEndpoints, queueSettingsOf, replyOfQueueSettings } from '../../../../src/contract/queues/queues.ts';
import { DEFAULT_QUEUE_SETTINGS } from '../../../../src/scheduler/served/quotas/cohort-tree.ts';
import { leastAttained, runRounds } from '../../../../src/scheduler/simulator/gavel/rounds.ts';
import { readGavel } from '../../../../src/scheduler/simulator/gavel/read-gavel.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { syntheticGavel } from '../../../support/fixtures/synthetic-gavel.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';
import { ServedGavel } from '../../../support/worlds/served-gavel.ts';

const { tenantId: ONE } = jobRequest(0);
const OTHER = 'tn_0000000002_00000001' as typeof ONE;
const RUNNING = { kind: 'progress', progress: { completed: 1, failed: 0, total: 2 } } as const;
const RELEASED = { kind: 'failed', reason: 'released', message: 'as instructed' } as const;

describe('a queue whose jobs take turns', () => {
  it('[J261] [J262] asks one job to stop for another, says so, and goes on after its memory was lost', () => {
    const world = new ServedCell([POOL]);
    expect(world.cell.queues.createQueue(ONE, 'turns', { timeSlice: { roundS: 60, moveS: 0 } }, null).ok).toBe(true);
    const [first, second] = [world.submit(1, { queue: 'turns' }), world.submit(2, { queue: 'turns' })];
    const stranger = world.submit(3, { tenantId: OTHER });
    world.join();
    // Tenants share the agent, whose jobs take turns or not.
    world.cell.act(OTHER, stranger, { kind: 'cancel' });
    world.exchange(POOL);
    expect(world.job(first).state).toBe('starting');
    world.report(first, world.job(first).fence, RUNNING);
    world.nowMs += 20_000;
    expect(world.cell.explain(ONE, second)).toMatchObject({
      value: { explanation: { reason: 'next_round', turn: { roundMs: 60_000, nextRoundMs: 1_020_000, attainedMs: 0, aheadCount: 0 } } },
    });
    world.loseMemory();
    world.exchange(POOL);
    world.wake();
    expect(world.job(first)).toMatchObject({ state: 'stopping', attempt: { stopping: 'time_slice' } });
    expect(world.cell.explain(ONE, first)).toMatchObject({
      value: { explanation: { turn: { attainedMs: 20_000, aheadCount: 1 }, evicted: { reason: 'time_slice', forJob: null } } },
    });
    world.exchange(POOL, { reports: [{ jobId: first, fence: 1, ...RELEASED }] });
    expect([world.job(first).state, world.job(second).state]).toEqual(['pending', 'starting']);
    world.loseMemory();
    expect(world.cell.explain(ONE, first)).toMatchObject({
      value: { explanation: { reason: 'next_round', turn: { attainedMs: 20_000 } } },
    });
    expect(world.cell.explain(OTHER, stranger)).toMatchObject({ value: { explanation: { turn: null } } });
  });

  it('[J261] is one again whose jobs keep their nodes once that is what its tenant wants', () => {
    const world = new ServedCell([POOL]);
    world.cell.queues.changeQueue(ONE, 'default', { timeSlice: { roundS: 60, moveS: 0 } });
    const first = world.submit(1);
    world.submit(2);
    world.join();
    world.report(first, 1, RUNNING);
    world.cell.queues.changeQueue(ONE, 'default', { timeSlice: null });
    world.nowMs += 60_000;
    world.exchange(POOL);
    world.wake();
    expect(world.job(first).state).toBe('running');
    expect(world.cell.explain(ONE, first)).toMatchObject({ value: { explanation: { turn: null } } });
  });

  it('[J184] reads what the API takes, and answers queues that were stored before there were turns', () => {
    const { body } = queueEndpoints.changeQueue;
    const parse = (value: unknown) => body.schema.safeParse({ time_slice: value });
    expect(parse({ round_s: 360 })).toMatchObject({ success: true, data: { time_slice: { round_s: 360, move_s: 0 } } });
    expect(queueSettingsOf({ time_slice: { round_s: 360, move_s: 60 } })).toEqual({ timeSlice: { roundS: 360, moveS: 60 } });
    expect(queueSettingsOf({ time_slice: null })).toEqual({ timeSlice: null });
    for (const wrong of [
      {},
      { round_s: QUEUE_LIMITS.timeSliceRoundMinS - 1 },
      { round_s: QUEUE_LIMITS.timeSliceRoundMaxS + 1 },
      { round_s: 360, move_s: QUEUE_LIMITS.timeSliceMoveMaxS + 1 },
      { round_s: 360, more: 1 },
    ])
      expect(parse(wrong).success, JSON.stringify(wrong)).toBe(false);
    const { timeSlice: _, ...before } = { ...DEFAULT_QUEUE_SETTINGS, timeSlice: undefined };
    expect(replyOfQueueSettings(before)).toMatchObject({ time_slice: null });
  });
});

describe("Gavel's protocol through the served cell", () => {
  it.each([0, 300])('[J264] ends with the average completion time of the simulator; a move costs %i s', (checkpointS) => {
    const files = syntheticGavel(3, 60);
    const trace = readGavel(files.throughputs, files.jobs, ['v100', 'p100', 'k80']);
    if (!trace.ok) throw new Error(trace.error.message);
    const run = { jobsPerHour: 0.6, places: [2, 2, 2], roundS: 1_800, checkpointS, fromId: 10, toId: 30 };
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    const simulated = runRounds(trace.value, run, leastAttained);
    const served = new ServedGavel(trace.value, run).result();
    expect(served.completionS).toHaveLength(20);
    expect(simulated.moves).toBeGreaterThan(30);
    expect(served.moves).toBeGreaterThan(0);
    // The simulator leaves idle until the next round what the served cell uses at once.
    const ratio = mean(served.completionS) / mean(simulated.completionS);
    expect(ratio).toBeLessThan(1.002);
    expect(ratio).toBeGreaterThan(0.95);
  });
});
