import type { Load } from '../cell/event.ts';
import { must } from '../../../kernel/assert.ts';
import { resize, startOn } from '../life/begin-attempt.ts';
import { requestEviction, failed } from '../life/end-attempt.ts';
import type { Cell } from '../cell/cell.ts';
import type { Attempt, FewerNodes, JobRecord } from '../cell/job-record.ts';
import { owner, nodesWanted } from '../cell/job-record.ts';
import type { ScalingPolicy } from '../model/job-spec.ts';
import { saveJob } from '../cell/changes.ts';
import { leaveNodes } from '../life/node-weights.ts';

/** Lets online inference have the nodes that its load asks for. */
export function followLoad(cell: Cell, job: JobRecord, load: Load): void {
  const { scaling } = job.spec;
  if (scaling !== null) wantNodes(cell, job, scaleTo(scaleOf(job), load, scaling, cell.nowMs));
}

/** Its load has asked for fewer nodes for long enough. */
export const followFewer = (cell: Cell, job: JobRecord): void => wantNodes(cell, job, lowered(scaleOf(job), cell.nowMs));

const scaleOf = ({ nodesWanted: nodes, fewerSinceMs, fewerNodes }: JobRecord): Scale => ({
  nodes: nodes ?? 0,
  fewerSinceMs,
  fewerNodes: fewerNodes ?? null,
});

/** Says how many nodes a job should have: those it has too many it gives up, for more it is looked at, and with none it leaves. */
export function wantNodes(cell: Cell, job: JobRecord, { nodes, fewerSinceMs, fewerNodes }: Scale): void {
  const isKnown = job.fewerNodes?.most === fewerNodes?.most && job.fewerNodes?.latest === fewerNodes?.latest;
  if (job.nodesWanted === nodes && job.fewerSinceMs === fewerSinceMs && isKnown) return;
  const next = { ...job, nodesWanted: nodes, fewerSinceMs, fewerNodes };
  saveJob(cell, next);
  if (owner(next) !== null && nodes === 0) return requestEviction(cell, next, { reason: 'scaled_to_zero' });
  giveUpSurplus(cell, next);
}

/**
 * Lets a job give up the nodes that it has beyond what is wanted. One that is giving up nodes already does so first: it is looked at again
 * once it has left them, whatever was wanted meanwhile (J210).
 */
export function giveUpSurplus(cell: Cell, job: JobRecord): void {
  const attempt = owner(job);
  if (attempt === null || attempt.shedding.length > 0) return;
  const { slots } = attempt.placement;
  const wanted = nodesWanted(job, must(job.spec.options[attempt.option], 'the option exists'));
  if (wanted < slots.length) resize(cell, job, attempt, slots.slice(0, wanted));
}

/** The job has left nodes that it was giving up: others start there, and it gives up what it should have no longer. */
export function leftNodes(cell: Cell, job: JobRecord, attempt: Attempt, isLeft: (node: number) => boolean): void {
  const left = attempt.shedding.map(({ node }) => node).filter(isLeft);
  if (left.length === 0) return;
  saveJob(cell, { ...job, attempt: { ...attempt, shedding: attempt.shedding.filter(({ node }) => !isLeft(node)) } });
  leaveNodes(cell, job, left);
  startOn(cell, left);
  giveUpSurplus(cell, cell.jobs.get(job.spec.id));
}

/** Nodes as they are wanted, since when fewer would do, and how many; plain data. */
interface Scale {
  readonly nodes: number;
  readonly fewerSinceMs: number | null;
  readonly fewerNodes: FewerNodes | null;
}

/** So many nodes, and no fewer for now. */
export const steady = (nodes: number): Scale => ({ nodes, fewerSinceMs: null, fewerNodes: null });

/** How many nodes a load asks for, within and without the bounds of its job. */
export function nodesFor({ outstandingMilli }: Load, policy: ScalingPolicy): { readonly asked: number; readonly allowed: number } {
  const asked = Math.ceil(outstandingMilli / policy.outstandingPerNodeMilli);
  return { asked, allowed: Math.max(policy.nodesMin, Math.min(policy.nodesMax, asked)) };
}

/**
 * Follows the load: up at once; down once it has asked for fewer for the whole of the cooldown, and then to the most that it has asked for in
 * that time, so that a lull, or a load that comes and goes, moves nothing. [J62]
 */
export function scaleTo({ nodes, fewerSinceMs, fewerNodes }: Scale, load: Load, policy: ScalingPolicy, nowMs: number): Scale {
  const { allowed } = nodesFor(load, policy);
  if (allowed >= nodes) return steady(allowed);
  const most = fewerSinceMs === null ? allowed : Math.max(allowed, fewerNodes?.most ?? allowed);
  const scale = { nodes, fewerSinceMs: fewerSinceMs ?? nowMs, fewerNodes: { most, latest: allowed } };
  return nowMs - scale.fewerSinceMs >= policy.cooldownMs ? lowered(scale, nowMs) : scale;
}

/** Once the cooldown is over. What the load asks for at last may be fewer still: for that, another begins. */
function lowered({ nodes, fewerNodes }: Scale, nowMs: number): Scale {
  const { most, latest } = fewerNodes ?? { most: nodes, latest: nodes };
  return latest < most ? { nodes: most, fewerSinceMs: nowMs, fewerNodes: { most: latest, latest } } : steady(most);
}

// Replicas of online inference do not need each other: a group goes on with those that it has, and gets others for those that it lost. [J213]

/** Lets a group go on without a node: one that it has left already, or has to leave. False where that is no group, or leaves nothing of it. */
export function goOnWithout(cell: Cell, job: JobRecord, node: number, isLeft: boolean): boolean {
  const attempt = owner(job);
  if (job.spec.kind !== 'online_inference' || attempt === null || attempt.startedAtMs === null) return false;
  const others = attempt.placement.slots.filter((slot) => slot.node !== node);
  if (others.length === 0 || others.length === attempt.placement.slots.length) return false;
  resize(cell, job, attempt, others);
  const now = cell.jobs.get(job.spec.id);
  if (isLeft && now.attempt !== null) leftNodes(cell, now, now.attempt, (index) => index === node);
  return true;
}

/** One replica has ended. As often as attempts may fail, that was the job's fault; then the job has failed, as it has without any replica left. */
export function loseReplica(cell: Cell, job: JobRecord, attempt: Attempt, nodeId: string, isCounted: boolean): void {
  const node = cell.fleet.find(nodeId);
  const isThere = node !== undefined && attempt.placement.slots.some((slot) => slot.node === node.index);
  if (!isThere) return;
  const failures = job.failures + Number(isCounted);
  if (isCounted && failures >= job.spec.retry.attemptsMax) return failed(cell, job, false);
  const counted = { ...job, failures };
  saveJob(cell, counted);
  goOnWithout(cell, counted, node.index, true);
}
