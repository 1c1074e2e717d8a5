import { describe, expect, it } from 'vitest';

import type { Grant } from '../../../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { AttemptId, FileId, JobId, PoolId, TenantId } from '../../../src/kernel/ids.ts';
import type { AgentId } from '../../../src/pools/agent-lease.ts';
import {
  answered,
  assign,
  ended,
  extended,
  renewed,
  holds,
  leaving,
  placeOf,
  replaced,
  reportOn,
  swept,
} from '../../../src/pools/agent-lease.ts';
import { agentToken, poolId, poolOfToken } from '../../../src/pools/agent-token.ts';

const GRANT: Grant = {
  attemptId: 'att_x_3' as AttemptId,
  jobId: 'job_x' as JobId,
  fence: 3,
  tenantId: 'tn_0000000001_00000001' as TenantId,
  work: { kind: 'batch_embedding', model: 'm', inputFile: 'file_i' as FileId },
  owner: 'team',
  outputFile: 'file_x_3' as FileId,
};
const NOW_MS = 1_000_000;
const PROGRESS = { completed: 1, failed: 0, total: 2 };
const fresh = assign(GRANT, 'agt_a' as AgentId, NOW_MS + JOB_LIMITS.agentLeaseMs);

describe('an agent’s lease', () => {
  it('[P3] ends after silence for its full term, and not a millisecond earlier', () => {
    const end = NOW_MS + JOB_LIMITS.agentLeaseMs;
    expect(swept(fresh, end - 1)).toBe(fresh);
    expect(swept(fresh, end)).toMatchObject({ lost: true });
    const alive = extended(fresh, PROGRESS, NOW_MS + 500);
    expect(swept(alive, end)).toBe(alive);
    expect(swept(alive, end + 500)).toMatchObject({ lost: true });
  });

  it('[P3] begins when the agent is answered, however much longer it would have waited', () => {
    const waiting = assign(GRANT, 'agt_a' as AgentId, NOW_MS + JOB_LIMITS.longPollMsMax);
    const asked = answered(waiting, NOW_MS + 100);
    const end = NOW_MS + 100 + JOB_LIMITS.agentHeartbeatMs + JOB_LIMITS.agentLeaseMs;
    expect([swept(asked, end - 1).lost, swept(asked, end).lost]).toEqual([false, true]);
    // Also where it would have waited less; and a sign of life extends it, as always.
    expect(answered(assign(GRANT, 'agt_a' as AgentId, NOW_MS + 1), NOW_MS + 100).leaseUntilMs).toBe(end);
    expect(extended(asked, PROGRESS, NOW_MS + 9_000).leaseUntilMs).toBe(NOW_MS + 9_000 + JOB_LIMITS.agentLeaseMs);
    expect(extended(asked, PROGRESS, NOW_MS + 200).leaseUntilMs).toBe(end);
    const leaver = leaving(asked, 1_000, NOW_MS);
    expect(answered(leaver, NOW_MS + 5_000).leaseUntilMs).toBe(leaver.leaveUntilMs);
  });

  it('[P3] is not shortened by a clock that is set back', () => {
    expect(extended(fresh, PROGRESS, NOW_MS - 60_000).leaseUntilMs).toBe(fresh.leaseUntilMs);
  });

  it('[P4] is held under its fencing token until it is lost', () => {
    expect(holds(fresh, 3)).toBe(true);
    expect(holds(fresh, 2)).toBe(false);
    expect(holds(fresh, 4)).toBe(false);
    expect(holds({ ...fresh, lost: true }, 3)).toBe(false);
    expect(holds(undefined, 3)).toBe(false);
  });

  it('[P60] is kept by the process that was named first, and by no other', () => {
    const first = renewed(fresh, PROGRESS, 'a', NOW_MS)!;
    expect(first).toMatchObject({ run: 'a', progress: PROGRESS });
    expect(renewed(first, PROGRESS, 'b', NOW_MS)).toBeUndefined();
    expect(renewed(first, PROGRESS, 'a', NOW_MS + 1)).toMatchObject({ leaseUntilMs: first.leaseUntilMs + 1 });
    // An agent that runs its attempts itself names no process.
    expect(renewed(renewed(fresh, PROGRESS, undefined, NOW_MS)!, PROGRESS, undefined, NOW_MS + 1)).toMatchObject({ progress: PROGRESS });
  });

  it('[P80] of a member that is to leave ends after its grace and a lease, whatever the agent says', () => {
    const asked = leaving(fresh, 30_000, NOW_MS);
    const lastMs = NOW_MS + 30_000 + JOB_LIMITS.agentLeaseMs;
    expect(asked.command).toBe('leave');
    const alive = renewed(asked, PROGRESS, undefined, lastMs - 1)!;
    expect(swept(alive, lastMs - 1).lost).toBe(false);
    expect(swept(renewed(alive, PROGRESS, undefined, lastMs - 1)!, lastMs).lost).toBe(true);
  });

  it('[P80] has what the member is now, and reports under its own number', () => {
    const third = { ...fresh, grant: { ...GRANT, attemptId: 'att_x_3_5' as AttemptId, rank: 2, worldSize: 3 } };
    const moved = replaced(third, { version: 4, rank: 1, worldSize: 2 });
    expect(placeOf(moved.grant)).toEqual({ version: 4, rank: 1, worldSize: 2 });
    expect(reportOn(extended(moved, PROGRESS, NOW_MS))).toMatchObject({ rank: 5 });
  });

  it('[P61] is kept while it waits in a queue; once it runs, only its process keeps it', () => {
    const waiting = renewed(fresh, null, undefined, NOW_MS + 500)!;
    expect(waiting.leaseUntilMs).toBe(NOW_MS + 500 + JOB_LIMITS.agentLeaseMs);
    expect(reportOn(waiting)).toBeUndefined();
    const running = renewed(waiting, PROGRESS, 'a', NOW_MS + 600)!;
    expect(renewed(running, null, undefined, NOW_MS + 900)).toBe(running);
  });

  it('[P10] is reported once when it is confirmed or lost', () => {
    expect(reportOn(fresh)).toBeUndefined();
    expect(reportOn(extended(fresh, PROGRESS, NOW_MS))).toEqual({ jobId: 'job_x', fence: 3, kind: 'progress', progress: PROGRESS });
    expect(reportOn({ ...fresh, lost: true })).toMatchObject({ kind: 'failed', reason: 'never_started' });
    expect(reportOn({ ...extended(fresh, PROGRESS, NOW_MS), lost: true })).toMatchObject({ kind: 'failed', reason: 'lease_expired' });
  });

  it('[P1] is reported as its agent ended it', () => {
    const ending = { kind: 'completed', progress: PROGRESS, tokens: 3 } as const;
    expect(reportOn(ended(fresh, ending))).toEqual({ jobId: 'job_x', fence: 3, ...ending });
    expect(holds(ended(fresh, ending), 3)).toBe(false);
  });
});

const bytes = (count: number) => Uint8Array.from({ length: count }, (_, at) => at * 7);

describe('an agent’s token', () => {
  it.each(['0123456789', '0123456789abcdefgh'])('[P8] names its pool, %s', (stem) => {
    const token = agentToken(poolId(stem), bytes(40));
    expect(token).toMatch(new RegExp(`^pt_${stem}_[0-9a-z]{40}$`));
    expect(poolOfToken(token)).toBe(poolId(stem));
  });

  it.each([
    '',
    'pt_',
    'sk_0123456789_x',
    `pt_0123456789_${'a'.repeat(39)}`,
    `pt_0123456789_${'a'.repeat(41)}`,
    `pt_012345678A_${'a'.repeat(40)}`,
  ])('[P8] is not %j', (text) => {
    expect(poolOfToken(text)).toBeUndefined();
  });

  it('[P8] two pools never share one', () => {
    expect(agentToken('pool_0123456789' as PoolId, bytes(40))).not.toBe(agentToken('pool_012345678a' as PoolId, bytes(40)));
  });
});
