import { unreachable } from '../../../kernel/assert.ts';
import { leftNodes, loseReplica } from '../elastic/follow-load.ts';
import { doubt, doubtAfter } from '../life/doubt-nodes.ts';
import { giveUp } from '../life/take-funds.ts';
import { failed, finish, leave, observeRun, requeue } from '../life/end-attempt.ts';
import type { Cell } from '../cell/cell.ts';
import { saveJob } from '../cell/changes.ts';
import type { AttemptNews, CellEvent } from '../cell/event.ts';
import type { Attempt, JobRecord } from '../cell/job-record.ts';
import { HOUR_MS } from '../../../kernel/time-units.ts';

/** Takes news of an attempt, if it is the job's live one and has been handed over; anything else changes nothing. */
export function report(cell: Cell, { jobId, fence, news }: Extract<CellEvent, { kind: 'report' }>): 'accepted' | 'stale' {
  const job = cell.jobs.find(jobId);
  const attempt = job?.attempt;
  if (job === undefined || attempt === null || attempt === undefined || attempt.fence !== fence || attempt.startedAtMs === null)
    return 'stale';
  doubtIfDead(cell, attempt, news);
  take(cell, withLostNode(cell, job, attempt, news), attempt, news);
  return 'accepted';
}

function take(cell: Cell, job: JobRecord, attempt: Attempt, news: AttemptNews): void {
  switch (news.kind) {
    case 'running':
      return begun(cell, job, attempt);
    case 'saved':
      saveJob(cell, { ...job, attempt: { ...attempt, savedAtMs: cell.nowMs } });
      return;
    case 'progress':
      return learn(cell, job, attempt, news);
    case 'completed':
      // A completion counts even after an eviction was requested; but a cancelled job has no result.
      observeRun(cell, job, false);
      if (attempt.leaving?.reason === 'cancelled') finish(cell, job, 'cancelled', 'cancelled');
      else {
        cell.observeDuration(job, cell.nowMs - (attempt.startedAtMs ?? cell.nowMs));
        finish(cell, job, 'succeeded', null);
      }
      return;
    case 'failed':
      if (attempt.leaving !== null) return leave(cell, job, attempt.leaving.reason);
      observeRun(cell, job, false);
      failed(cell, job, news.isPermanent);
      return;
    case 'released':
    case 'unpaid':
      return stopped(cell, job, attempt, news.kind);
    case 'shed':
      return leftNodes(cell, job, attempt, () => true);
    case 'replica_lost':
      return loseReplica(cell, job, attempt, news.nodeId, news.isCounted);
    case 'rejected':
      rejected(cell, job, attempt, news.nodeId);
      return;
    default:
      unreachable(news);
  }
}

/** An attempt that ends since a member fell silent has lost its node. */
function withLostNode(cell: Cell, job: JobRecord, { placement }: Attempt, news: AttemptNews): JobRecord {
  const silent =
    (news.kind === 'failed' || news.kind === 'released') && news.by?.isSilent === true ? placement.slots[news.by.place] : undefined;
  return silent === undefined ? job : { ...job, lost: { nodeId: cell.fleet.node(silent.node).spec.id, atMs: cell.nowMs } };
}

/** One that was given back, or was to leave, says nothing against the nodes of its other members. */
function doubtIfDead(cell: Cell, attempt: Attempt, news: AttemptNews): void {
  if (news.kind === 'replica_lost') {
    const index = cell.fleet.find(news.nodeId)?.index;
    if (news.isSilent === true && index !== undefined) doubt(cell, [index]);
  } else if ((news.kind === 'failed' || news.kind === 'released') && news.by !== undefined) {
    const mayHaveTakenItAlong = news.kind === 'failed' && attempt.leaving === null;
    if (news.by.isSilent || mayHaveTakenItAlong) doubtAfter(cell, attempt, news.by);
  }
}

/** It runs, also if it was asked to stop before it could say so: what it uses is charged. */
function begun(cell: Cell, job: JobRecord, attempt: Attempt): void {
  if (attempt.runningAtMs !== null) return;
  const state = job.state === 'starting' ? 'running' : job.state;
  saveJob(cell, { ...job, state, attempt: { ...attempt, runningAtMs: cell.nowMs } });
}

/** The attempt has ended of its own accord, or because it was asked to. */
function stopped(cell: Cell, job: JobRecord, attempt: Attempt, kind: 'released' | 'unpaid'): void {
  if (attempt.leaving !== null) leave(cell, job, attempt.leaving.reason);
  else if (kind === 'unpaid') giveUp(cell, job);
  else {
    observeRun(cell, job, true);
    requeue(cell, job, 'pending');
  }
}

/** Takes note of how fast jobs of this class are by this option. Nothing is learned from a time of none, or from less work than none. */
function learn(
  cell: Cell,
  { classKey }: JobRecord,
  attempt: Attempt,
  { workMilli, overMs }: Extract<AttemptNews, { kind: 'progress' }>,
): void {
  const nodeMs = overMs * attempt.placement.slots.length;
  if (nodeMs > 0 && workMilli >= 0) cell.throughputs.observe(classKey, attempt.option, (workMilli * HOUR_MS) / nodeMs);
}

/** A node refused the job: it is tried elsewhere, as often as it may fail, and never there again. */
function rejected(cell: Cell, job: JobRecord, attempt: Attempt, nodeId: string): void {
  if (attempt.leaving !== null) return leave(cell, job, attempt.leaving.reason);
  const avoids = [...new Set([...job.avoids, nodeId])].sort();
  failed(cell, job, false, { avoids, classKey: `${job.classKey.split('\n')[0] ?? ''}\n${avoids.join(' ')}` });
}
