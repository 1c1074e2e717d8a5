import { unreachable } from '../../../kernel/unreachable.ts';
import type { Blocker } from '../admission/blocker.ts';
import { resourceClass } from '../admission/resource-class.ts';
import { rootOf } from '../fairness/cohort-node.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import type { Remedy } from './explanation.ts';

/** What would take a blocker away, where something would. */
export function remedyFor(cell: Cell, job: JobRecord, blocker: Blocker): Remedy | undefined {
  const { option } = blocker;
  switch (blocker.kind) {
    case 'no_pool':
      return { kind: 'accept_more_pools', option };
    case 'price':
      return blocker.nanoDollarsPerHour === null
        ? undefined
        : { kind: 'higher_price_limit', option, nanoDollarsPerHour: blocker.nanoDollarsPerHour };
    case 'exceeds_quota':
    case 'quota':
      return { kind: 'more_quota', option, resource: blocker.resource, by: blocker.needed - blocker.available };
    case 'exceeds_capacity':
      return { kind: 'smaller_demand', option };
    case 'no_room':
      return blocker.lack === null
        ? undefined
        : { kind: 'more_nodes', option, poolId: blocker.lack.poolId, by: Math.max(1, blocker.lack.nodesNeeded - blocker.lack.nodesFree) };
    case 'held': {
      const root = rootOf(cell.holdings.queueOf(job.spec)).spec.name;
      const startMs = cell.reservations.of(root, resourceClass(job, option))?.startMs ?? null;
      return startMs === null ? undefined : { kind: 'shorter_duration', option, durationMaxMs: startMs - cell.nowMs };
    }
    default:
      return unreachable(blocker);
  }
}
