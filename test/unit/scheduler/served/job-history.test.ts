import { describe, expect, it } from 'vitest';

import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import { jobCostNano, jobCostOf } from '../../../../src/gateway/jobs/job-cost.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { segmentAfter } from '../../../../src/scheduler/served/jobs/job.ts';
import type { JobFilter } from '../../../../src/scheduler/served/jobs/sqlite-job-index.ts';
import { amountNano, editionAt, priceOf } from '../../../../src/tenancy/usage/price-book.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { POOL, ServedCell } from '../../../support/worlds/served-cell.ts';

const DONE = { kind: 'completed', progress: { completed: 2, failed: 0, total: 2 }, tokens: 1_234_567 } as const;
const RELEASED = { kind: 'failed', reason: 'released', message: '' } as const;
const PROGRESS = { kind: 'progress', progress: { completed: 1, failed: 0, total: 2 } } as const;
const TENANT = jobRequest(1).tenantId;

describe('cost', () => {
  /** A job that ran for two attempts, over days, with segments that nothing divides evenly. */
  function ran(): ServedCell {
    const world = new ServedCell();
    world.nowMs = Date.UTC(2026, 5, 1, 23, 0, 0, 17);
    const id = world.submit(1);
    world.join();
    world.report(id, 1, PROGRESS);
    for (let step = 0; step < 20; step++) {
      world.nowMs += 600_000 + step;
      world.report(id, 1, PROGRESS);
      world.cell.wake();
    }
    world.end(id, 1, RELEASED);
    world.nowMs += 12_345;
    world.join();
    world.report(id, 2, PROGRESS);
    world.nowMs += 7;
    world.end(id, 2, DONE);
    return world;
  }

  it('[J97] the segments and the tokens of a job add up to what the ledger was charged, to the nano-dollar', () => {
    const world = ran();
    const job = world.job(jobRequest(1).id);
    const segments = world.cell.history.segments(job.id, JOB_LIMITS.jobSegmentsMaxCount);
    const cost = jobCostOf(job, segments);
    const sum = (meter: string) => world.charges.filter((one) => one.meter === meter).reduce((total, one) => total + one.quantity, 0);
    expect(segments.reduce((total, one) => total + one.acceleratorMs, 0)).toBe(sum('accelerator_ms'));
    const { prices } = editionAt(world.nowMs);
    const days = new Map<number, number>();
    for (const { meter, quantity, atMs } of world.charges)
      if (meter === 'accelerator_ms') days.set(Math.floor(atMs / 86_400_000), (days.get(Math.floor(atMs / 86_400_000)) ?? 0) + quantity);
    expect(segments.length).toBeGreaterThan(2);
    const billed = [...days.values()].reduce((total, ms) => total + amountNano(ms, prices.accelerator_ms), 0n);
    expect(cost.totalNano).toBe(billed + amountNano(sum('job_tokens'), prices.job_tokens));
    expect(cost.segments.reduce((total, one) => total + one.amountNano, cost.tokensNano)).toBe(cost.totalNano);
    expect(cost.earlierNano).toBe(0n);
    expect(jobCostNano(job)).toBe(cost.totalNano);
  });

  it('[J97] what a list of segments leaves out is summed', () => {
    const world = ran();
    const job = world.job(jobRequest(1).id);
    const segments = world.cell.history.segments(job.id, JOB_LIMITS.jobSegmentsMaxCount);
    expect([...new Set(segments.map(({ fence }) => fence))]).toEqual([1, 2]);
    const [all, last] = [jobCostOf(job, segments), jobCostOf(job, segments.slice(-1))];
    expect(last.totalNano).toBe(all.totalNano);
    expect(last.earlierNano + last.segments[0]!.amountNano + last.tokensNano).toBe(last.totalNano);
  });

  it('[J97] a segment goes on while it has the same nodes and the same prices', () => {
    const held = {
      id: '',
      jobId: jobRequest(1).id,
      poolId: POOL,
      nodes: 2,
      accelerator: null,
      quantity: 0,
      nanoDollarsPerHour: 0,
      amountNanoDollars: 0,
      grant: null,
    };
    const first = segmentAfter(null, { ...held, fence: 1, fromMs: 0, untilMs: 10 }, 20, 10);
    const second = { ...held, fence: 1, fromMs: 10, untilMs: 30 };
    expect(segmentAfter(first, second, 40, 30)).toEqual({ ...first, untilMs: 30, acceleratorMs: 60 });
    for (const [other, atMs] of [
      [{ ...second, nodes: 3 }, 30],
      [{ ...second, fence: 2 }, 30],
      [{ ...second, fromMs: 11 }, 30],
      [second, 86_400_000],
    ] as const)
      expect(segmentAfter(first, other, 40, atMs)).toMatchObject({ sequence: 2, acceleratorMs: 40 });
  });

  it('[J97] a type of accelerator has its own price', () => {
    const job = { ...ran().job(jobRequest(1).id), tokens: 0, charged: [{ accelerator: 'h100', day: 20_605, acceleratorMs: 3_600_000 }] };
    expect(jobCostOf(job, []).totalNano).toBe(BigInt(priceOf(editionAt(0), 'accelerator_ms', 'h100').nano));
  });
});

describe('events', () => {
  it('[J96] every change that the owner of a job can see is in its history, in order', () => {
    const world = new ServedCell();
    const id = world.submit(1);
    world.cell.act(TENANT, id, { kind: 'reprioritise', priority: 70 });
    world.loseMemory();
    world.join();
    world.report(id, 1, PROGRESS);
    world.report(id, 1, { kind: 'progress', progress: { completed: 2, failed: 0, total: 2 } });
    world.cell.act(TENANT, id, { kind: 'suspend' });
    world.loseMemory();
    world.end(id, 1, RELEASED);
    world.cell.act(TENANT, id, { kind: 'resume' });
    world.cell.act(TENANT, id, { kind: 'cancel' });
    const events = world.cell.history.events(id, 0);
    expect(events.map(({ sequence, kind, state }) => [sequence, kind, state])).toEqual([
      [1, 'submitted', 'pending'],
      [2, 'reprioritised', 'pending'],
      [3, 'state', 'starting'],
      [4, 'state', 'running'],
      [5, 'state', 'stopping'],
      [6, 'state', 'suspended'],
      [7, 'state', 'pending'],
      [8, 'state', 'cancelled'],
    ]);
    expect(events[5]).toMatchObject({ attempt: null, ended: { fence: 1, outcome: 'released', stoppedFor: 'suspended' } });
    expect(world.cell.history.events(id, 6)).toEqual(events.slice(6));
  });

  it('[J96] the oldest events are forgotten beyond the limit', () => {
    const world = new ServedCell();
    const id = world.submit(1);
    for (let n = 0; n < JOB_LIMITS.jobEventsKeptCount; n++) world.cell.act(TENANT, id, { kind: n % 2 === 0 ? 'suspend' : 'resume' });
    const events = world.cell.history.events(id, 0);
    expect(events).toHaveLength(JOB_LIMITS.jobEventsKeptCount);
    expect(events.at(-1)!.sequence).toBe(JOB_LIMITS.jobEventsKeptCount + 1);
  });
});

describe('lists', () => {
  it('[J94] every filter, alone and with others, finds exactly the jobs that it means, page by page', () => {
    const world = new ServedCell();
    for (let n = 1; n <= 120; n++) {
      world.nowMs += 1_000;
      const labels = { ...(n % 3 === 0 ? { team: 'search' } : {}), ...(n % 5 === 0 ? { run: `r=${n % 2}` } : {}) };
      world.submit(n, { labels, ...(n % 11 === 0 ? { tenantId: 'tn_other' as TenantId } : {}) });
      if (n % 7 === 0) world.cell.act(n % 11 === 0 ? ('tn_other' as TenantId) : TENANT, jobRequest(n).id, { kind: 'cancel' });
    }
    const all = Array.from({ length: 120 }, (_, n) => world.job(jobRequest(n + 1).id)).filter(({ tenantId }) => tenantId === TENANT);
    const filters: readonly JobFilter[] = [
      {},
      { state: 'cancelled' },
      { label: { name: 'team', value: 'search' } },
      { label: { name: 'run', value: 'r=1' }, state: 'pending' },
      { label: { name: 'team', value: 'search' }, state: 'cancelled', kind: 'batch_embedding', queue: 'default' },
      { createdFromMs: all[40]!.createdAtMs, createdUntilMs: all[60]!.createdAtMs },
      { createdFromMs: all[40]!.createdAtMs + 1, label: { name: 'team', value: 'search' } },
      { createdUntilMs: all[0]!.createdAtMs },
      { queue: 'another' },
    ];
    for (const filter of filters) {
      const expected = all
        .filter((job) => filter.state === undefined || job.state === filter.state)
        .filter((job) => filter.queue === undefined || job.queue === filter.queue)
        .filter(({ labels }) => filter.label === undefined || labels[filter.label.name] === filter.label.value)
        .filter(({ createdAtMs }) => createdAtMs >= (filter.createdFromMs ?? 0) && createdAtMs < (filter.createdUntilMs ?? Infinity))
        .map(({ id }) => id)
        .reverse();
      const found: string[] = [];
      for (let before = Infinity, pages = 0; pages < 200; pages++) {
        const { jobs, next } = world.cell.index.page(TENANT, filter, before, 7);
        found.push(...jobs.map(({ id }) => id));
        if (next === null) break;
        before = world.job(next).sequence;
      }
      expect(found, JSON.stringify(filter)).toEqual(expected);
    }
  });

  it('[J94] a page of rare jobs ends at its limit of looks, and the next goes on there', () => {
    const world = new ServedCell();
    const even = { name: 'half', value: 'even' };
    const count = 1_200;
    for (let n = 1; n <= count; n++)
      world.submit(n, { labels: { half: n % 2 === 0 ? 'even' : 'odd', ...(n % 2 === 1 || n === 2 ? { rare: 'x' } : {}) } });
    world.cell.act(TENANT, jobRequest(2).id, { kind: 'suspend' });
    let pages = 0;
    const found: string[] = [];
    for (let before = Infinity; ; pages++) {
      const { jobs, next } = world.cell.index.page(TENANT, { label: even, state: 'suspended', kind: 'batch_embedding' }, before, 5);
      found.push(...jobs.map(({ id }) => id));
      if (next === null) break;
      before = world.job(next).sequence;
    }
    expect(found).toEqual([jobRequest(2).id]);
    expect(pages).toBeLessThan(5);
  });

  it('[J84] erasing a tenant takes its tags, segments and events along', () => {
    const world = new ServedCell();
    const id = world.submit(1, { labels: { team: 'x' } });
    world.join();
    world.report(id, 1, PROGRESS);
    world.nowMs += 5_000;
    world.end(id, 1, DONE);
    const rows = () =>
      ['job_tags', 'job_segments', 'job_events'].map(
        (table) => world.storage.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${table}`).one().n,
      );
    expect(rows().every((count) => count > 0)).toBe(true);
    expect(world.cell.eraseTenant(TENANT)).toBe(0);
    expect(rows()).toEqual([0, 0, 0]);
  });
});
