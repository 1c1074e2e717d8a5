import type { CohortReply } from '../../../src/contract/cohorts.ts';
import type { QueueReply } from '../../../src/contract/queues.ts';
import { replyOfQueueSettings } from '../../../src/contract/queues.ts';
import { quotasReply } from '../../../src/contract/queue-terms.ts';
import type { CohortView } from '../../../src/scheduler/served/quotas/cohort-operations.ts';
import type { QueueView } from '../../../src/scheduler/served/quotas/queue-operations.ts';
import type { QueueStatus, ResourceUsage } from '../../../src/scheduler/served/quotas/queue-status.ts';
import type { Handlers } from '../serve.ts';
import { pageReply, seconds } from './wire.ts';

export const queueHandlers = {
  createQueue: async ({ gateway, principal, body, idempotencyKey }) => {
    const created = await gateway.heavy.queues.createQueue(principal, body, idempotencyKey);
    return created.ok ? { ok: true, reply: queueReply(created.value), used: {} } : created;
  },
  listQueues: async ({ gateway, principal, query }) => {
    const page = await gateway.heavy.queues.queues(principal, query.limit, query.after);
    return page.ok ? { ok: true, reply: pageReply(page.value, queueReply), used: {} } : page;
  },
  getQueue: async ({ gateway, principal, params }) => {
    const found = await gateway.heavy.queues.queue(principal, params.queue);
    return found.ok ? { ok: true, reply: queueReply(found.value), used: {} } : found;
  },
  changeQueue: async ({ gateway, principal, params, body }) => {
    const changed = await gateway.heavy.queues.changeQueue(principal, params.queue, body);
    return changed.ok ? { ok: true, reply: queueReply(changed.value), used: {} } : changed;
  },
  deleteQueue: async ({ gateway, principal, params }) => {
    const removed = await gateway.heavy.queues.removeQueue(principal, params.queue);
    return removed.ok ? { ok: true, reply: { name: params.queue, object: 'queue.deleted', deleted: true }, used: {} } : removed;
  },
} satisfies Partial<Handlers>;

export const cohortHandlers = {
  createCohort: async ({ gateway, principal, body, idempotencyKey }) => {
    const created = await gateway.heavy.queues.createCohort(principal, body, idempotencyKey);
    return created.ok ? { ok: true, reply: cohortReply(created.value), used: {} } : created;
  },
  listCohorts: async ({ gateway, query }) => {
    const page = await gateway.heavy.queues.cohorts(query.limit, query.after);
    return page.ok ? { ok: true, reply: pageReply(page.value, cohortReply), used: {} } : page;
  },
  getCohort: async ({ gateway, params }) => {
    const found = await gateway.heavy.queues.cohort(params.cohort);
    return found.ok ? { ok: true, reply: cohortReply(found.value), used: {} } : found;
  },
  changeCohort: async ({ gateway, params, body }) => {
    const changed = await gateway.heavy.queues.changeCohort(params.cohort, body);
    return changed.ok ? { ok: true, reply: cohortReply(changed.value), used: {} } : changed;
  },
  deleteCohort: async ({ gateway, params }) => {
    const removed = await gateway.heavy.queues.removeCohort(params.cohort);
    return removed.ok ? { ok: true, reply: { name: params.cohort, object: 'cohort.deleted', deleted: true }, used: {} } : removed;
  },
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
