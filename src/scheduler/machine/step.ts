import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import { unreachable } from '../../kernel/unreachable.ts';
import { schedule } from '../admission/schedule.ts';
import { finish } from '../life/end-attempt.ts';
import { tellToLeave } from '../life/tell-to-leave.ts';
import type { Cell } from './cell.ts';
import type { CellDecision } from './decision.ts';
import type { CellEvent } from './event.ts';
import type { JobRecord } from './job-record.ts';
import { isFinished } from './job-record.ts';
import { addNodes, drain, dropEmpty, nodeLost, provisionFailed } from './node-events.ts';
import { report } from './report.ts';
import { submit } from './submit.ts';
import { tick } from './tick.ts';

/** What one event led to. */
export interface CellStep {
  readonly decisions: readonly CellDecision[];
  /** The job in question, if there is one; or why the event changed nothing. */
  readonly outcome: Outcome<JobRecord | undefined>;
  /** Whether there is more to do at once: the next step, whatever it is, goes on with it. */
  readonly isCutShort: boolean;
}

/** Jobs that one step looks at because their time has come. */
const TIMERS_A_STEP = 1_000;

/** The scheduler: what follows from `event` at `nowMs`. The same cell and event give the same decisions. */
export function step(cell: Cell, event: CellEvent, nowMs: number): CellStep {
  // A clock that was set back must not make time negative.
  cell.nowMs = Math.max(cell.nowMs, nowMs);
  const outcome = apply(cell, event);
  tick(cell, TIMERS_A_STEP);
  const isCutShort = schedule(cell);
  dropEmpty(cell);
  return { decisions: cell.takeDecisions(), outcome, isCutShort };
}

function apply(cell: Cell, event: CellEvent): CellStep['outcome'] {
  switch (event.kind) {
    case 'submit':
      return submit(cell, event.spec);
    case 'cancel':
      return cancel(cell, event);
    case 'report':
      if (report(cell, event) === 'stale') return refuse('stale_fence', `attempt ${event.fence} of ${event.jobId} is not live`, 'fence');
      break;
    case 'want':
      return want(cell, event);
    case 'suspend':
      return suspend(cell, event);
    case 'add_nodes':
      addNodes(cell, event.nodes);
      break;
    case 'drain':
      drain(cell, event.nodeId, 'node_drain');
      break;
    case 'spot_notice':
      drain(cell, event.nodeId, 'spot_notice', event.goneAtMs);
      break;
    case 'node_lost':
      nodeLost(cell, event.nodeId);
      break;
    case 'price':
      cell.savePrice(event.row);
      cell.pending.wake(() => true);
      break;
    case 'provision_failed':
      provisionFailed(cell, event.poolId, event.count);
      break;
    case 'tick':
      break;
    default:
      return unreachable(event);
  }
  return ok(undefined);
}

function cancel(cell: Cell, { jobId }: { readonly jobId: JobRecord['spec']['id'] }): CellStep['outcome'] {
  const job = cell.find(jobId);
  if (job === undefined) return refuse('job_not_found', `no job ${jobId}`, 'job');
  if (!isFinished(job)) {
    if (job.attempt === null) finish(cell, job, 'cancelled', 'cancelled');
    else tellToLeave(cell, job, { reason: 'cancelled' });
  }
  return ok(cell.job(jobId));
}

function want(cell: Cell, { jobId, nodes }: { readonly jobId: JobRecord['spec']['id']; readonly nodes: number }): CellStep['outcome'] {
  const job = cell.find(jobId);
  if (job === undefined) return refuse('job_not_found', `no job ${jobId}`, 'job');
  if (!isFinished(job) && job.nodesWanted !== nodes) cell.save({ ...job, nodesWanted: nodes });
  return ok(cell.job(jobId));
}

/** A suspended queue gives nobody a place; what it has running is told to leave. */
function suspend(cell: Cell, { queue: name, isSuspended }: { readonly queue: string; readonly isSuspended: boolean }): CellStep['outcome'] {
  const queue = cell.tree.queue(name);
  if (queue === undefined) return refuse('invalid_value', `there is no queue ${name}`, 'queue');
  cell.saveQueue({ ...cell.queue(name), isSuspended });
  if (isSuspended) {
    for (const id of cell.placed) {
      const job = cell.job(id);
      if (job.spec.queue === name) tellToLeave(cell, job, { reason: 'tenant_suspended' });
    }
  } else cell.pending.wake((pending) => pending.queue === queue);
  return ok(undefined);
}
