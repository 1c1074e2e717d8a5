import { describe, expect, it } from 'vitest';

import { POOL_LIMITS } from '../../../../src/contract/pools/pool-limits.ts';
import type { AttemptId } from '../../../../src/kernel/ids.ts';
import type { ClusterJob, ClusterPhase } from '../../../../src/pools/clusters/cluster.ts';
import type { DrivenAttempt } from '../../../../src/pools/clusters/driven-attempt.ts';
import { actionsFor, hasToHear, listed, newAttempt } from '../../../../src/pools/clusters/driven-attempt.ts';

const ID = `att_${'0'.repeat(26)}_1` as AttemptId;
const TASK = { attemptId: ID, environment: {} };
const NOW_MS = 1_000;
const attempt = (over: Partial<DrivenAttempt> = {}): DrivenAttempt => ({ ...newAttempt(ID, 1, TASK), ...over });
const job = (id: string, kind: 'queued' | 'running' = 'queued'): ClusterJob => ({ id, attemptId: ID, phase: { kind } });
const over = (how: Extract<ClusterPhase, { kind: 'ended' }>['how']): ClusterJob => ({
  id: '1',
  attemptId: ID,
  phase: { kind: 'ended', how, detail: 'why' },
});
const kinds = (one: DrivenAttempt, nowMs = NOW_MS) => actionsFor(one, nowMs).map(({ kind }) => kind);

describe('what a driver does for an attempt', () => {
  it('[P63] repeats a submission only after a listing that was asked for later', () => {
    const asked = attempt({ submission: { kind: 'asked', atMs: 100 }, submitCount: 1 });
    expect(kinds(listed(asked, [], 100, 200))).toEqual([]);
    expect(kinds(listed(asked, [], 101, 200))).toEqual(['submit']);
    expect(kinds(listed(asked, [job('1')], 101, 200))).toEqual([]);
    expect(kinds(listed({ ...asked, submitCount: POOL_LIMITS.clusterSubmitsMaxCount }, [], 101, 200))).toEqual(['end']);
  });

  it('[P66] takes no job for gone by a listing that is older than its submission', () => {
    const accepted = attempt({ submission: { kind: 'accepted', atMs: 100 } });
    const early = listed(accepted, [], 99, 150);
    expect(kinds({ ...early, heardAtMs: 160 })).toEqual([]);
    const late = listed(accepted, [], 101, 150);
    expect([hasToHear(late), kinds(late)]).toEqual([true, []]);
    expect(kinds({ ...late, heardAtMs: 150 })).toEqual(['end']);
    expect(kinds({ ...late, heardAtMs: 150, run: 'p' })).toEqual([]);
  });

  it('[P66] asks the pool again before it reports an end that the cluster shows', () => {
    const ended = listed(attempt({ heardAtMs: 140 }), [over('failed')], 100, 150);
    expect([hasToHear(ended), kinds(ended)]).toEqual([true, []]);
    expect(kinds({ ...ended, heardAtMs: 150 })).toEqual(['end']);
    expect(kinds({ ...ended, heardAtMs: 150, isHeld: false })).toEqual(['forget']);
  });

  it('[P67] waits for the report of a process whose job succeeded', () => {
    const done = listed(attempt({ run: 'p' }), [over('succeeded')], 100, 150);
    expect(kinds({ ...done, heardAtMs: 150 })).toEqual([]);
    expect(kinds({ ...done, heardAtMs: 150, run: null })).toEqual(['end']);
  });

  it('[P64] keeps the job that runs, or the first that waits', () => {
    const cancelled = (...jobs: readonly ClusterJob[]) =>
      actionsFor(listed(attempt(), jobs, 100, 150), NOW_MS).map((action) => (action.kind === 'cancel' ? action.job.id : action.kind));
    expect(cancelled(job('1'), job('2'), job('3'))).toEqual(['2', '3']);
    expect(cancelled(job('1'), job('2', 'running'))).toEqual(['1']);
    expect(cancelled(job('1', 'running'), job('2', 'running'))).toEqual([]);
  });

  it('[P65] leaves an instruction to the process that has the attempt', () => {
    const running = listed(attempt({ command: 'cancel', run: 'p' }), [job('1', 'running')], 100, 150);
    expect(kinds(running)).toEqual([]);
    expect(kinds({ ...running, run: null })).toEqual(['cancel']);
    expect(actionsFor({ ...running, run: null, jobs: [] }, NOW_MS)).toMatchObject([{ kind: 'end', reason: 'cancelled' }]);
    expect(actionsFor({ ...running, run: null, jobs: [], command: 'stop' }, NOW_MS)).toMatchObject([{ kind: 'end', reason: 'released' }]);
  });

  it('[P72] gives a job that runs its time to report', () => {
    const running = listed(attempt(), [job('1', 'running')], 100, 150);
    expect(kinds(running, 150 + POOL_LIMITS.clusterStartMsMax)).toEqual([]);
    expect(kinds(running, 151 + POOL_LIMITS.clusterStartMsMax)).toEqual(['end']);
    expect(kinds({ ...running, run: 'p' }, 151 + POOL_LIMITS.clusterStartMsMax)).toEqual([]);
  });
});
