import type { CohortReply } from '../../../../src/contract/queues/cohorts.ts';
import { cohortSettingsOf } from '../../../../src/contract/queues/cohorts.ts';
import type { QueueReply } from '../../../../src/contract/queues/queues.ts';
import { queueSettingsOf, replyOfQueueSettings } from '../../../../src/contract/queues/queues.ts';
import { quotasReply } from '../../../../src/contract/queues/queue-terms.ts';
import type { CohortView } from '../../../../src/scheduler/served/quotas/cohort-operations.ts';
import type { QueueView } from '../../../../src/scheduler/served/quotas/queue-operations.ts';
import type { QueueStatus, ResourceUsage } from '../../../../src/scheduler/served/quotas/queue-status.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { pageReply, seconds, replied } from '../wire.ts';

export const queueHandlers = {
  createQueue: async ({ gateway, principal, body, idempotencyKey }) =>
    replied(await gateway.heavy.queues.createQueue(principal, body, idempotencyKey), queueReply),
  listQueues: async ({ gateway, principal, query }) =>
    replied(await gateway.heavy.queues.queues(principal, query.limit, query.after), (page) => pageReply(page, queueReply)),
  getQueue: async ({ gateway, principal, params }) =>
    replied(await gateway.heavy.cell.operate('queue', principal.tenantId, params.queue), queueReply),
  changeQueue: async ({ gateway, principal, params, body }) =>
    replied(await gateway.heavy.cell.operate('changeQueue', principal.tenantId, params.queue, queueSettingsOf(body)), queueReply),
  deleteQueue: async ({ gateway, principal, params }) =>
    replied(await gateway.heavy.cell.operate('removeQueue', principal.tenantId, params.queue), () => ({
      name: params.queue,
      object: 'queue.deleted',
      deleted: true,
    })),
} satisfies Partial<Handlers>;

export const cohortHandlers = {
  createCohort: async ({ gateway, principal, body, idempotencyKey }) =>
    replied(await gateway.heavy.queues.createCohort(principal, body, idempotencyKey), cohortReply),
  listCohorts: async ({ gateway, query }) =>
    replied(await gateway.heavy.queues.cohorts(query.limit, query.after), (page) => pageReply(page, cohortReply)),
  getCohort: async ({ gateway, params }) => replied(await gateway.heavy.cell.operate('cohort', params.cohort), cohortReply),
  changeCohort: async ({ gateway, params, body }) =>
    replied(await gateway.heavy.cell.operate('changeCohort', params.cohort, cohortSettingsOf(body)), cohortReply),
  deleteCohort: async ({ gateway, params }) =>
    replied(await gateway.heavy.cell.operate('removeCohort', params.cohort), () => ({
      name: params.cohort,
      object: 'cohort.deleted',
      deleted: true,
    })),
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
