import type { CohortReply } from '../../../src/contract/cohorts.ts';
import type { QueueReply } from '../../../src/contract/queues.ts';
import { replyOfQueueSettings } from '../../../src/contract/queues.ts';
import { quotasReply } from '../../../src/contract/queue-terms.ts';
import type { CohortView } from '../../../src/scheduler/served/quotas/cohort-operations.ts';
import type { QueueView } from '../../../src/scheduler/served/quotas/queue-operations.ts';
import type { QueueStatus, ResourceUsage } from '../../../src/scheduler/served/quotas/queue-status.ts';
import type { Handlers } from '../serve.ts';
import { pageOf, replied, seconds } from './wire.ts';

export const queueHandlers = {
  createQueue: ({ gateway, principal, body, idempotencyKey }) =>
    replied(gateway.heavy.queues.createQueue(principal, body, idempotencyKey), queueReply),
  listQueues: ({ gateway, principal, query }) =>
    replied(gateway.heavy.queues.queues(principal, query.limit, query.after), pageOf(queueReply)),
  getQueue: ({ gateway, principal, params }) => replied(gateway.heavy.queues.queue(principal, params.queue), queueReply),
  changeQueue: ({ gateway, principal, params, body }) =>
    replied(gateway.heavy.queues.changeQueue(principal, params.queue, body), queueReply),
  deleteQueue: ({ gateway, principal, params }) =>
    replied(gateway.heavy.queues.removeQueue(principal, params.queue), () => ({
      name: params.queue,
      object: 'queue.deleted',
      deleted: true,
    })),
} satisfies Partial<Handlers>;

export const cohortHandlers = {
  createCohort: ({ gateway, principal, body, idempotencyKey }) =>
    replied(gateway.heavy.queues.createCohort(principal, body, idempotencyKey), cohortReply),
  listCohorts: ({ gateway, query }) => replied(gateway.heavy.queues.cohorts(query.limit, query.after), pageOf(cohortReply)),
  getCohort: ({ gateway, params }) => replied(gateway.heavy.queues.cohort(params.cohort), cohortReply),
  changeCohort: ({ gateway, params, body }) => replied(gateway.heavy.queues.changeCohort(params.cohort, body), cohortReply),
  deleteCohort: ({ gateway, params }) =>
    replied(gateway.heavy.queues.removeCohort(params.cohort), () => ({ name: params.cohort, object: 'cohort.deleted', deleted: true })),
} satisfies Partial<Handlers>;

const queueReply = ({ queue, status }: QueueView): QueueReply => ({
  object: 'queue',
  name: queue.name,
  ...replyOfQueueSettings(queue.settings),
  created_at: queue.createdAtMs === null ? null : seconds(queue.createdAtMs),
  ...statusReply(status),
});

const cohortReply = ({ cohort, status }: CohortView): CohortReply => ({
  object: 'cohort',
  name: cohort.name,
  parent: cohort.settings.parent,
  weight: cohort.settings.weight,
  quotas: quotasReply(cohort.settings.quotas),
  tenant: cohort.tenantId,
  organisation: cohort.organisationId,
  created_at: cohort.createdAtMs === null ? null : seconds(cohort.createdAtMs),
  ...statusReply(status),
});

const PPM = 1_000_000;

const statusReply = ({ pending, admitted, usage, sharePpm, recentPpm, fairPpm }: QueueStatus) => ({
  pending,
  admitted,
  usage: usage.map(usageReply),
  share: { now: sharePpm / PPM, recent: recentPpm / PPM, fair: fairPpm / PPM },
});

/** Memory is counted in MiB, everything else in thousandths. */
function usageReply({ resource, used, nominal, available }: ResourceUsage) {
  const unit = resource === 'memory' ? 1 : 1_000;
  return { resource, used: used / unit, nominal: nominal / unit, available: available === null ? null : available / unit };
}
