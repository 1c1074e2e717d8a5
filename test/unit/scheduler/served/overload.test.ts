import { describe, expect, it } from 'vitest';

import type { Grant } from '../../../../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import { LARGE_SCALE } from '../../../bench/scheduler/kueue-suite.ts';
import { runOverload } from '../../../bench/served/overload-run.ts';
import { accepted } from '../../../bench/served/stub-agents.ts';
import { poolOf, requestOf, suiteAgent, suiteSettings } from '../../../bench/served/suite-cell.ts';
import { runSuite } from '../../../bench/served/suite-run.ts';
import { unpaid } from '../../../bench/served/suite-world.ts';
import { workloadsOf } from '../../../bench/scheduler/kueue-suite.ts';
import { effort } from '../../../support/fixtures/effort.ts';
import { LadenScheduler } from '../../../support/worlds/laden-scheduler.ts';

/** Runs so many jobs of the large suite, which come at once, on so many agents: the statements a job of the scheduler and its pools, by what they read or write. */
async function statementsOf(jobs: number, agentsPerPool: number): Promise<{ readonly perJob: number; readonly plans: readonly string[] }> {
  const set = { size: 'small', count: jobs / 10, everyMs: 0, runtimeMs: 50, priority: 50, units: 1 } as const;
  const suite = { ...LARGE_SCALE, cohorts: 2, queues: 5, sets: [set] };
  const world = new LadenScheduler({ settings: unpaid(suiteSettings(suite)), isOneThread: true });
  const queries = new Set<string>();
  let [count, looks] = [0, 0];
  const plans: string[] = [];
  const result = await world.run(() => {
    for (const name of ['scheduler', poolOf(0), poolOf(1)]) {
      const { sql } = world.storageOf(name);
      const exec = sql.exec.bind(sql);
      sql.exec = (query, ...bindings) => {
        // Agents register once.
        if (!/ agents (WHERE seen_at_ms|\(id, name)|count FROM agents/.test(query)) count += 1;
        if (query.startsWith('SELECT body FROM leases WHERE agent_id = ?')) looks += 1;
        if (!queries.has(query) && /^(SELECT|UPDATE|DELETE)/.test(query)) {
          queries.add(query);
          const steps = exec<{ detail: string }>(`EXPLAIN QUERY PLAN ${query}`, ...bindings).toArray();
          plans.push(...steps.map(({ detail }) => `${detail} of ${query}`));
        }
        return exec(query, ...bindings);
      };
    }
    return runSuite({ ...world.served, suite, agentsPerPool, limitMs: 3_600_000 });
  });
  expect(result).toMatchObject({ done: jobs, dropped: 0 });
  // A poll that is answered at once looks once for what the agent holds, one that has waited twice.
  const polls = world.counts.get('lease')!;
  expect(looks).toBeGreaterThan(polls);
  expect(looks).toBeLessThan(2 * polls);
  return { perJob: count / jobs, plans };
}

/** Of the large suite, whose jobs come within a second. */
const BURST = { ...LARGE_SCALE, cohorts: 2, queues: 5, sets: LARGE_SCALE.sets.map((set) => ({ ...set, count: Math.ceil(set.count / 3) })) };
const PROGRESS = { completed: 0, failed: 0, total: 1 };

const laden = (slowness: number) => {
  const world = new LadenScheduler({ settings: unpaid(suiteSettings(BURST)), isOneThread: true });
  world.slowness = slowness;
  return world;
};

describe('a scheduler and pools on one thread that is too slow for them', () => {
  it('[P120] [P122] [J292] lose no attempt of a burst of jobs, and store of each what they store of one', async () => {
    const world = laden(400);
    const result = await world.run(() => runSuite({ ...world.served, suite: BURST, agentsPerPool: 10, limitMs: 3_600_000 }));
    expect(result).toMatchObject({ workloads: 180, done: 180, dropped: 0 });
    // The thread was behind by more than agents have to come again, and to give their first sign of life.
    expect(world.takeWaitedMsMax()).toBeGreaterThan(JOB_LIMITS.agentReturnMs);
    // Nothing was started in vain.
    expect(world.counts.get('end')).toBe(180);
    const { sql } = world.storageOf('scheduler');
    const rows = (table: string) => sql.exec<{ count: number }>(`SELECT count(*) AS count FROM ${table}`).one().count / result.workloads;
    expect(['jobs', 'job_tags', 'job_segments'].map(rows)).toEqual([1, 2, 1]);
    expect(rows('job_events')).toBeLessThanOrEqual(4);
    // A step for each message: submissions, and those of pools, at least.
    expect(rows('cell_events')).toBeLessThan((world.counts.get('submit')! + world.counts.get('exchange')!) / result.workloads);
    // What stays is of nodes, queues, pools and classes of jobs.
    expect(['effects', "cell_records WHERE kind = 'jobs'"].map(rows)).toEqual([0, 0]);
  });

  it('[J291] [P123] do all that they accept of three times too much, and are as before a minute later', async () => {
    const world = laden(100);
    const stormMs = effort(30_000, 600_000);
    const times = { calmMs: 10_000, underWayMax: 24, stormMs, times: 3, afterMs: 60_000 };
    const result = await world.run(() => runOverload({ ...world.served, ...times, suite: BURST, agentsPerPool: 5, runtimeMs: 3_000 }));
    expect(result.offered).toBeGreaterThan((3 * result.capacity * stormMs) / 1_000);
    expect(result.refused).toBeGreaterThan(0);
    expect(result).toMatchObject({ done: result.accepted, dropped: 0 });
    expect(result.doneByThen).toBeGreaterThanOrEqual(result.accepted - 1);
    expect(result.stormBeatP99Ms).toBeLessThan(JOB_LIMITS.agentHeartbeatMs);
    expect(result.after.startMs).toBeLessThan(2 * result.before.startMs);
  });

  it('[J377] [P140] take no more statements a job with more agents and waiting jobs, and scan nothing', async () => {
    const few = await statementsOf(40, 4);
    const moreWait = await statementsOf(160, 4);
    const moreAgents = await statementsOf(160, 40);
    for (const more of [moreWait, moreAgents]) expect(more.perJob).toBeLessThan(few.perJob);
    const tables = /^SCAN (effects|jobs|job_tags|job_events|cell_records|cell_events|grants|outbox|leases|agents)\b/;
    // What is small, or read from its one end.
    const isOnce = /agents_by_weights| FROM cell_events ORDER BY sequence DESC LIMIT 1| count FROM agents| LIMIT 1$|min\(/;
    expect(moreAgents.plans.filter((plan) => tables.test(plan) && !isOnce.test(plan))).toEqual([]);
    expect(moreAgents.plans.filter((plan) => plan.includes('count(*) AS count FROM effects'))).toEqual([
      expect.stringContaining('effects_about_nodes (pool_id=? AND fence=?)'),
    ]);
  });

  it.each([1, 2_000, 6_000, 15_000])('[P120] find an agent that fell silent though they are %i ms behind', async (behindMs) => {
    const world = laden(1);
    const { scheduler, pool, nowMs } = world.served;
    const foundMs = await world.run(async () => {
      accepted(await scheduler.addPool({ id: poolOf(0), name: 'one', owner: 'team', createdAtMs: nowMs() }));
      const desk = pool(poolOf(0));
      await desk.create(poolOf(0), 'mac');
      const takes = async (name: string): Promise<Grant> => {
        const agent = accepted(await desk.register(suiteAgent(name, 1)));
        for (;;) {
          const { grant } = accepted(await desk.lease(agent, JOB_LIMITS.longPollMsMax));
          if (grant !== null) return grant;
        }
      };
      const silent = takes('silent');
      accepted(await scheduler.submit(requestOf([...workloadsOf(BURST)][0]!)));
      const { attemptId, fence } = await silent;
      accepted(await desk.heartbeat(attemptId, fence, PROGRESS));
      const since = nowMs();
      const again = await world.whileBehind(behindMs, () => takes('other'));
      expect(again.fence).toBe(2);
      return nowMs() - since;
    });
    const { agentLeaseMs, agentHeartbeatMs, poolSyncMs } = JOB_LIMITS;
    expect(foundMs).toBeGreaterThanOrEqual(agentLeaseMs);
    // The lease, the rhythm in which leases are looked at, and a dozen messages and timers that are late one after another, up to the answer to the other agent.
    expect(foundMs).toBeLessThan(agentLeaseMs + agentHeartbeatMs + 2 * poolSyncMs + 12 * behindMs);
  });
});
