import type { JobExplanationReply, JobPlanReply } from '../../../../src/contract/jobs/job-explanation.ts';
import type { PlannedJob } from '../../../../src/gateway/jobs/plan-cost.ts';
import { unreachable } from '../../../../src/kernel/assert.ts';
import type { Lack } from '../../../../src/scheduler/engine/cell/offer.ts';
import type { OptionBlocker, JobExplanation, WhyWaiting } from '../../../../src/scheduler/served/explain-job.ts';
import type { WhyScaled, WhyTurn, WhyUnpaid, HeldModel } from '../../../../src/scheduler/served/job-standing.ts';
import type { Job } from '../../../../src/scheduler/served/jobs/job.ts';
import { costNanoMax, editionAt, usd } from '../../../../src/tenancy/usage/price-book.ts';
import { forecastReply, outlookReply } from './deadline-reply.ts';
import { secondsOrNull, usdOrNull } from './job-reply.ts';
import { remedyReply } from './remedy-reply.ts';
import { seconds } from '../wire.ts';

export const explanationReply = ({ id, state }: Job, explanation: JobExplanation): JobExplanationReply => ({
  job: id,
  object: 'job_explanation',
  state,
  ...waitingReply(explanation, id),
  reserved: explanation.reserved.map((one) => ({ resource: one.resource, until: seconds(one.untilMs), reservation: one.id })),
  weights: heldReply(explanation.weights),
  scaling: explanation.scaling && scalingReply(explanation.scaling),
  time_slice: explanation.turn && turnReply(explanation.turn),
  deadline: explanation.outlook && outlookReply(explanation.outlook),
  lost_node: explanation.lost && { node: explanation.lost.nodeId, at: seconds(explanation.lost.atMs) },
  budget: explanation.budget && budgetReply(explanation.budget),
  evicted: explanation.evicted && { reason: explanation.evicted.reason, for_job: explanation.evicted.forJob },
});

export const planReply = ({ plan: { placement, evicted, waiting, outlook }, cost }: PlannedJob): JobPlanReply => ({
  object: 'job_plan',
  outcome: waiting === null ? 'starts' : 'waits',
  placement:
    placement === null || cost === null
      ? null
      : {
          option: placement.option,
          pool: placement.poolId,
          nodes: placement.nodeIds.length,
          start_at: secondsOrNull(placement.startMs),
          usd_per_hour: usd(cost.nanoPerHour),
          price: placement.price?.id ?? null,
          weights: heldReply(placement.weights),
          max_cost_usd: cost.attemptMaxNano === null ? null : usd(cost.attemptMaxNano),
        },
  evicts: { jobs: [...evicted.jobIds], others: evicted.otherCount },
  waiting: waiting === null ? null : waitingReply(waiting, '{job}'),
  deadline: outlook && outlookReply(outlook),
});

const heldReply = (held: HeldModel | null) =>
  held && { model: held.model, memory_mib: held.memoryMib, load_ms: held.loadMs, nodes: held.nodes };

const scalingReply = (why: WhyScaled): NonNullable<JobExplanationReply['scaling']> => ({
  replicas: why.replicas,
  wanted: why.wanted,
  outstanding: why.outstandingMilli === null ? null : why.outstandingMilli / 1_000,
  outstanding_per_replica: why.outstandingPerReplicaMilli / 1_000,
  reason: why.reason,
  fewer_at: secondsOrNull(why.fewerAtMs),
});

const budgetReply = ({ atMs, acceleratorMs, tokens, leftNano, ...terms }: WhyUnpaid): NonNullable<JobExplanationReply['budget']> => ({
  needs_usd: usd(costNanoMax({ accelerator_ms: acceleratorMs, job_tokens: tokens }, editionAt(atMs), terms)),
  left_usd: leftNano === null ? null : usd(leftNano),
});

const turnReply = ({ roundMs, nextRoundMs, attainedMs, aheadCount }: WhyTurn): NonNullable<JobExplanationReply['time_slice']> => ({
  round_s: roundMs / 1_000,
  next_round_at: secondsOrNull(nextRoundMs),
  attained_s: attainedMs / 1_000,
  ahead: aheadCount,
});

type Waiting = Omit<
  JobExplanationReply,
  'job' | 'object' | 'state' | 'budget' | 'evicted' | 'reserved' | 'weights' | 'scaling' | 'time_slice' | 'deadline' | 'lost_node'
>;

/** Why a job waits, as the API shows it. */
const waitingReply = (why: WhyWaiting, jobId: string): Waiting => ({
  reason: why.reason,
  options: why.blockers.map(blockerReply),
  position: why.position,
  ahead: [...why.ahead],
  waiting_elsewhere: why.waitingElsewhereCount,
  waits_for: [...why.waitsFor],
  retry_at: secondsOrNull(why.retryAtMs),
  room_at: secondsOrNull(why.roomAtMs),
  starts_between: why.forecast && forecastReply(why.forecast),
  agents_lacking: why.agentsLacking,
  remedies: why.remedies.map((remedy) => remedyReply(remedy, jobId)),
});

function blockerReply(blocker: OptionBlocker): JobExplanationReply['options'][number] {
  const { option } = blocker;
  switch (blocker.kind) {
    case 'no_pool':
    case 'exceeds_capacity':
      return { option, reason: blocker.kind };
    case 'too_late':
      return { option, reason: 'too_late', runtime_s: blocker.runMs / 1_000 };
    case 'price':
      return { option, reason: 'price', usd_per_hour: usdOrNull(blocker.nanoDollarsPerHour), max_usd_per_hour: usdOrNull(blocker.limit) };
    case 'exceeds_quota':
    case 'quota': {
      const { resource, needed, available } = blocker;
      return { option, reason: blocker.kind, resource, needed, available };
    }
    case 'no_room':
      return { option, reason: 'no_room', ...lackReply(blocker.lack) };
    case 'reserved': {
      const { reservation, fromMs, untilMs } = blocker;
      return { option, reason: 'reserved', reservation, from: seconds(fromMs), until: seconds(untilMs) };
    }
    case 'held':
      return { option, reason: 'held', for_job: blocker.forJob };
    default:
      return unreachable(blocker);
  }
}

const lackReply = (lack: Lack | null) => ({
  pool: lack?.poolId ?? null,
  lacking: lack?.dimension ?? null,
  nodes_free: lack?.nodesFree ?? null,
  nodes_needed: lack?.nodesNeeded ?? null,
});
