import { affordablePools } from '../engine/admission/candidate-plans.ts';
import type { Cell } from '../engine/cell/cell.ts';
import { poolPrice } from '../engine/cell/pool-price.ts';
import type { JobRecord } from '../engine/cell/job-record.ts';
import { isFinished, isWaiting, nodesWanted } from '../engine/cell/job-record.ts';
import { payableOf } from '../engine/cell/payer-holds.ts';
import { attainedMs, milliHeld } from '../engine/life/charge-segment.ts';
import { needMs } from '../engine/life/need-of.ts';
import { WHOLE_MILLI } from '../engine/model/pool-spec.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import type { ScaleReason } from '../../contract/jobs/job-explanation.ts';
import type { Load } from '../engine/cell/event.ts';
import { nodesFor } from '../engine/elastic/follow-load.ts';
import type { ScalingPolicy, JobSpec } from '../engine/model/job-spec.ts';
import type { Job } from './jobs/job.ts';
import { tokensMaxOf } from './jobs/job.ts';

/** How a job stands whose queue has its jobs take turns. Plain data. */
export interface WhyTurn {
  readonly roundMs: number;
  /** Null while no job of the queue has nodes. */
  readonly nextRoundMs: number | null;
  readonly attainedMs: number;
  /** Unfinished jobs of the queue that go before it. */
  readonly aheadCount: number;
}

/** Null of a job that is over, or whose queue has no turns. [J262] */
export function whyTurn(cell: Cell, job: JobRecord, nowMs: number): WhyTurn | null {
  const slice = cell.holdings.queueOf(job.spec).spec.timeSlice;
  if (slice === undefined || isFinished(job)) return null;
  const attained = (one: JobRecord): number => attainedMs(cell, one, slice, { nowMs });
  const own = attained(job);
  let aheadCount = 0;
  for (const other of cell.jobs.all) {
    if (other.spec.queue !== job.spec.queue || isFinished(other) || other === job) continue;
    const lead = other.spec.priority - job.spec.priority || own - attained(other) || job.sequence - other.sequence;
    aheadCount += Number(lead > 0);
  }
  return { roundMs: slice.roundMs, nextRoundMs: cell.queue(job.spec.queue).roundAtMs ?? null, attainedMs: own, aheadCount };
}

/** What a job that waits for money needs, in what it is charged for, and what its payer has left. Plain data. */
export interface WhyUnpaid {
  readonly atMs: number;
  /** To its end, as far as that is known; else to begin. */
  readonly acceleratorMs: number;
  readonly accelerator: string | null;
  /** Where that costs least; null where nothing is sold, or no pool is in question. */
  readonly priceId: string | null;
  readonly tokens: number;
  /** Nano-dollars, when its payer was last asked; null: nothing, or what is lacking is not money. */
  readonly leftNano: number | null;
}

/** By the first of its options. Null of a job whose payer was not refused. [J267] */
export function whyUnpaid(cell: Cell, job: Job, record: JobRecord, { atMs }: { readonly atMs: number }): WhyUnpaid | null {
  const hold = isWaiting(record) ? cell.payers.of(payableOf(record)) : undefined;
  const [option] = record.spec.options;
  if (hold === undefined || option === undefined) return null;
  const slots = Array.from({ length: option.nodes.min }, (_, node) => ({ node, mask: 0 }));
  const milli = milliHeld(option.accelerator, { demand: option.perNode, slots });
  const forMs = needMs(cell, record) ?? JOB_LIMITS.jobFundsLeastMs;
  const acceleratorMs = Math.ceil((milli * forMs) / WHOLE_MILLI);
  const pools = affordablePools(cell, record.spec, 0);
  const [cheapest] = 'kind' in pools ? [] : pools;
  const price = cheapest && poolPrice(cell, cheapest.pool.spec.id, option.accelerator);
  const needed = { acceleratorMs, accelerator: option.accelerator, priceId: price?.id ?? null, tokens: tokensMaxOf(job) };
  return { atMs, ...needed, leftNano: hold.leftNano ?? null };
}

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

/** The weights that a job works with, and on how many nodes they are. Plain data. */
export interface HeldModel {
  readonly model: string;
  readonly memoryMib: number;
  /** What loading them takes on a node that has not measured it. */
  readonly loadMs: number;
  readonly nodes: number;
}

/** How many of these nodes hold the weights of a job now; of all nodes where none are named. Null: it needs no weights. */
export function weightsHeld({ fleet }: Cell, { weights }: JobSpec, nodeIds?: readonly string[]): HeldModel | null {
  if (weights === null) return null;
  const holders = new Set([...fleet.pools].flatMap(({ spec }) => fleet.nodesWithWeights(spec.id, weights.model)));
  const nodes = nodeIds === undefined ? holders.size : nodeIds.filter((id) => holders.has(fleet.find(id)?.index ?? -1)).length;
  return { ...weights, nodes };
}
