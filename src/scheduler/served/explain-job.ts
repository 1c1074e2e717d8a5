import type { WaitReason } from '../../contract/jobs.ts';
import { unreachable } from '../../kernel/assert.ts';
import type { JobId } from '../../kernel/ids.ts';
import type { Blocker } from '../engine/admission/offer.ts';
import type { Explanation } from '../engine/explain/explain.ts';
import { explain } from '../engine/explain/explain.ts';
import type { Cell } from '../engine/machine/cell.ts';
import type { JobRecord } from '../engine/machine/job-record.ts';
import { isOffered } from './offered-kinds.ts';

/** Why a job waits, as its owner is told: of jobs of other tenants, their number alone. Plain data. */
export interface JobExplanation {
  readonly jobId: JobId;
  readonly reason: WaitReason;
  /** Among the waiting jobs of its tenant: 1 is the first. Null when it does not wait. */
  readonly position: number | null;
  /** The next few of its tenant before it, first to last. */
  readonly ahead: readonly JobId[];
  readonly waitingElsewhereCount: number;
  /** How many agents more would bring it closer to a start; null when none would. */
  readonly agentsLacking: number | null;
}

/** A job that is placed or over waits for nothing. */
export const NOT_WAITING = { reason: 'not_waiting', position: null, ahead: [], waitingElsewhereCount: 0, agentsLacking: null } as const;

/** Why a job waits, in the state as it is. */
export function explained(cell: Cell, job: JobRecord): JobExplanation {
  const explanation = explain(cell, job);
  const found = reasonOf(explanation);
  const reason = LACKING.has(found) && !isOffered(cell, job.spec) ? 'kind_not_offered' : found;
  const jobId = job.spec.id;
  if (reason === 'not_waiting') return { jobId, ...NOT_WAITING };
  let waitingElsewhereCount = 0;
  for (const { queue, jobs } of cell.pending.all) if (queue.spec.name !== job.spec.queue) waitingElsewhereCount += jobs.size;
  const { position, ahead } = explanation;
  return { jobId, reason, position, ahead, waitingElsewhereCount, agentsLacking: reason === 'no_free_agent' ? 1 : null };
}

/** Reasons behind which may be that no agent runs jobs of this kind. */
const LACKING: ReadonlySet<WaitReason> = new Set(['no_pool', 'no_free_agent']);

function reasonOf({ why, blockers }: Explanation): WaitReason {
  switch (why.kind) {
    case 'not_waiting':
    case 'scaled_to_zero':
    case 'suspended':
      return 'not_waiting';
    case 'queue_suspended':
      return 'tenant_suspended';
    case 'payer_refused':
      return 'budget_exhausted';
    case 'dependencies':
    case 'others_first':
      return 'others_first';
    case 'blocked':
      return blockers[0] === undefined ? 'others_first' : reasonOfBlocker(blockers[0]);
    default:
      return unreachable(why);
  }
}

/** A served job has one option: an agent, of whatever pool, at whatever price. */
function reasonOfBlocker({ kind }: Blocker): WaitReason {
  switch (kind) {
    case 'no_pool':
    case 'price':
      return 'no_pool';
    case 'no_room':
    case 'exceeds_capacity':
      return 'no_free_agent';
    case 'quota':
    case 'exceeds_quota':
      return 'cell_full';
    case 'held':
      return 'others_first';
    default:
      return unreachable(kind);
  }
}
