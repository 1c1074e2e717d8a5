import { must } from '../../../kernel/assert.ts';
import { resize, startOn } from '../life/begin-attempt.ts';
import { requestEviction } from '../life/end-attempt.ts';
import type { Cell } from '../machine/cell.ts';
import type { Attempt, JobRecord } from '../machine/job-record.ts';
import { owner, nodesWanted } from '../machine/job-record.ts';
import type { ScalingPolicy } from '../model/job-spec.ts';
import { saveJob } from '../machine/changes.ts';
import { leaveNodes } from '../weights/node-weights.ts';

/** Lets online inference have the nodes that its load asks for. */
export function followLoad(cell: Cell, job: JobRecord, load: Load): void {
  const { scaling } = job.spec;
  if (scaling === null) return;
  wantNodes(cell, job, scaleTo({ nodes: job.nodesWanted ?? 0, fewerSinceMs: job.fewerSinceMs }, load, scaling, cell.nowMs));
}

/** Says how many nodes a job should have: those it has too many it gives up, for more it is looked at, and with none it leaves. */
export function wantNodes(cell: Cell, job: JobRecord, { nodes, fewerSinceMs }: Scale): void {
  if (job.nodesWanted === nodes && job.fewerSinceMs === fewerSinceMs) return;
  const next = { ...job, nodesWanted: nodes, fewerSinceMs };
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

/** What online inference is asked to do. */
export interface Load {
  readonly requestsPerSecondMilli: number;
  /** Requests that wait already. */
  readonly queuedCount: number;
}

/** Nodes as they are wanted, and since when fewer would do; plain data. */
interface Scale {
  readonly nodes: number;
  readonly fewerSinceMs: number | null;
}

/** Follows the load: up at once, down to what it asks for once it has asked for less for long enough, and to none when it asks for nothing. */
export function scaleTo({ nodes, fewerSinceMs }: Scale, load: Load, policy: ScalingPolicy, nowMs: number): Scale {
  const queuedMilli = Math.ceil((load.queuedCount * 1_000_000) / policy.drainMs);
  const needed = Math.ceil((load.requestsPerSecondMilli + queuedMilli) / policy.requestsPerSecondPerNodeMilli);
  if (needed >= nodes) return { nodes: needed, fewerSinceMs: null };
  const sinceMs = fewerSinceMs ?? nowMs;
  return nowMs - sinceMs >= policy.cooldownMs ? { nodes: needed, fewerSinceMs: null } : { nodes, fewerSinceMs: sinceMs };
}
