import type { JobExplanationReply, RemedyStepReply } from '../../../../src/contract/jobs/job-explanation.ts';
import { capacityReply } from '../../../../src/contract/jobs/node-capacity.ts';
import { unreachable } from '../../../../src/kernel/assert.ts';
import type { JobRemedy, JobRemedyStep } from '../../../../src/scheduler/served/owner-remedies.ts';
import type { QuotaOwner } from '../../../../src/scheduler/served/remedy-ways.ts';
import { seconds } from '../wire.ts';
import { usdOrNull } from './job-reply.ts';

/** What would start a job, as the API shows it; `jobId`: in the calls that name it. */
export const remedyReply = ({ steps, evicts }: JobRemedy, jobId: string): JobExplanationReply['remedies'][number] => ({
  steps: steps.map((step) => stepReply(step, jobId)),
  evicts: { jobs: [...evicts.jobIds], others: evicts.otherCount },
});

const AGAIN = { who: 'tenant', call: 'POST /v1/jobs' } as const;

function stepReply(step: JobRemedyStep, jobId: string): RemedyStepReply {
  if (isAgain(step)) return againReply(step);
  if (isLift(step)) return liftReply(step, jobId);
  switch (step.kind) {
    case 'more_quota':
      return { kind: 'more_quota', ...callFor(step.owner), option: step.option, resource: step.resource, amount: step.by / 1_000 };
    case 'more_nodes': {
      const { option, poolId, by, node, domains, runs } = step;
      const call = `POST /v1/pools/${poolId}/agents`;
      return {
        kind: 'more_nodes',
        who: 'operator',
        call,
        option,
        pool: poolId,
        by,
        node: capacityReply(node),
        domains: { ...domains },
        runs,
      };
    }
    case 'uncordon': {
      const call = `POST /v1/pools/${step.poolId}/nodes/{node}/uncordon`;
      return { kind: 'uncordon', who: 'operator', call, option: step.option, pool: step.poolId, nodes: [...step.nodeIds] };
    }
    case 'end_reservation': {
      const { option, reservation } = step;
      const who = reservation === null ? 'operator' : 'tenant';
      return { kind: 'end_reservation', who, call: `DELETE /v1/reservations/${reservation ?? '{reservation}'}`, option, reservation };
    }
    case 'higher_priority':
      return { kind: 'higher_priority', who: 'tenant', call: `POST /v1/jobs/${jobId}/reprioritise`, priority: step.priority };
    case 'allow_eviction':
      return { kind: 'allow_eviction', who: 'tenant', call: `PATCH /v1/queues/${step.queue}`, queue: step.queue, of: step.of };
    case 'suspend_job':
      return { kind: 'suspend_job', who: 'tenant', call: `POST /v1/jobs/${step.jobId}/suspend`, job: step.jobId };
    default:
      return unreachable(step);
  }
}

type Again = Extract<JobRemedyStep, { readonly kind: 'higher_price_limit' | 'shorter_duration' | 'accept_more_pools' | 'smaller_demand' }>;

const AGAIN_KINDS: ReadonlySet<JobRemedyStep['kind']> = new Set<Again['kind']>([
  'higher_price_limit',
  'shorter_duration',
  'accept_more_pools',
  'smaller_demand',
]);
const isAgain = (step: JobRemedyStep): step is Again => AGAIN_KINDS.has(step.kind);

/** The job is cancelled, and submitted again with one term changed. */
function againReply(step: Again): RemedyStepReply {
  switch (step.kind) {
    case 'higher_price_limit':
      return { kind: 'higher_price_limit', ...AGAIN, option: step.option, max_usd_per_hour: usdOrNull(step.nanoDollarsPerHour) };
    case 'shorter_duration':
      return { kind: 'shorter_runtime', ...AGAIN, option: step.option, max_runtime_s: seconds(step.durationMaxMs) };
    case 'accept_more_pools':
      return { kind: 'accept_more_pools', ...AGAIN, option: step.option, market: step.market, region: step.region };
    case 'smaller_demand':
      return { kind: 'smaller_demand', ...AGAIN, option: step.option, nodes: step.nodes, node: capacityReply(step.perNode) };
    default:
      return unreachable(step);
  }
}

type Lift = Extract<JobRemedyStep, { readonly kind: 'resume' | 'start_queue' | 'lift_suspension' | 'more_budget' | 'finish_dependencies' }>;

const LIFT_KINDS: ReadonlySet<JobRemedyStep['kind']> = new Set<Lift['kind']>([
  'resume',
  'start_queue',
  'lift_suspension',
  'more_budget',
  'finish_dependencies',
]);
const isLift = (step: JobRemedyStep): step is Lift => LIFT_KINDS.has(step.kind);

/** What keeps a job from being looked at is lifted. */
function liftReply(step: Lift, jobId: string): RemedyStepReply {
  switch (step.kind) {
    case 'resume':
      return { kind: 'resume', who: 'tenant', call: `POST /v1/jobs/${jobId}/resume` };
    case 'start_queue':
      return { kind: 'start_queue', who: 'tenant', call: `PATCH /v1/queues/${step.queue}`, queue: step.queue };
    case 'lift_suspension':
      return { kind: 'lift_suspension', who: 'operator', call: 'POST /v1/tenants/{tenant}/resume' };
    case 'more_budget':
      return { kind: 'more_budget', who: 'operator', call: 'PUT /v1/quotas' };
    case 'finish_dependencies':
      return { kind: 'finish_dependencies', who: 'tenant', call: 'GET /v1/jobs/{job}', jobs: [...step.jobs] };
    default:
      return unreachable(step);
  }
}

function callFor(owner: QuotaOwner): { readonly who: 'tenant' | 'operator'; readonly call: string } {
  if ('queue' in owner) return { who: 'tenant', call: `PATCH /v1/queues/${owner.queue}` };
  return { who: 'operator', call: 'cohort' in owner ? `PATCH /v1/cohorts/${owner.cohort}` : 'POST /v1/cohorts' };
}
