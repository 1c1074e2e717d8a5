import type { ScaleReason } from '../../contract/job-explanation.ts';
import type { Load } from '../engine/cell/event.ts';
import { nodesFor } from '../engine/elastic/follow-load.ts';
import type { JobRecord } from '../engine/cell/job-record.ts';
import { isFinished, nodesWanted } from '../engine/cell/job-record.ts';
import type { ScalingPolicy } from '../engine/model/job-spec.ts';
import type { Job } from './job.ts';

/** Why a job whose replicas follow its load has so many of them. Plain data. */
export interface WhyScaled {
  readonly replicas: number;
  readonly wanted: number;
  /** Null: not measured. */
  readonly outstandingMilli: number | null;
  readonly outstandingPerReplicaMilli: number;
  readonly reason: ScaleReason;
  readonly fewerAtMs: number | null;
}

/** Null of a job that is over, or whose number of nodes does not follow its load. [J219] */
export function whyScaled({ attempt }: Job, record: JobRecord): WhyScaled | null {
  const { scaling, options } = record.spec;
  const option = options[record.attempt?.option ?? 0];
  if (scaling === null || option === undefined || isFinished(record)) return null;
  const outstandingMilli = attempt?.group?.outstandingMilli ?? null;
  const replicas = record.attempt?.placement.slots.length ?? 0;
  const wanted = nodesWanted(record, option);
  return {
    replicas,
    wanted,
    outstandingMilli,
    outstandingPerReplicaMilli: scaling.outstandingPerNodeMilli,
    reason: replicas < wanted ? 'no_more_nodes' : reasonOf(record, outstandingMilli, scaling),
    fewerAtMs: record.fewerSinceMs === null ? null : record.fewerSinceMs + scaling.cooldownMs,
  };
}

function reasonOf({ fewerSinceMs }: JobRecord, outstandingMilli: Load['outstandingMilli'] | null, scaling: ScalingPolicy): ScaleReason {
  if (outstandingMilli === null) return 'not_measured';
  if (fewerSinceMs !== null) return 'scale_down_delay';
  const { asked } = nodesFor({ outstandingMilli }, scaling);
  if (asked > scaling.nodesMax) return 'most';
  return asked < scaling.nodesMin ? 'least' : 'load';
}
