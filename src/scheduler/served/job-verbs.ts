import { refusal } from '../../contract/api/errors.ts';
import type { Priority } from '../../contract/jobs/job-facts.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { unreachable } from '../../kernel/assert.ts';
import { err, ok } from '../../kernel/result.ts';
import type { CellEvent } from '../engine/cell/event.ts';
import type { JobRecord } from '../engine/cell/job-record.ts';
import type { NodeRange } from '../engine/model/job-spec.ts';
import type { Job } from './jobs/job.ts';
import { isFinished, priorityNumber } from './jobs/job.ts';

/** What the owner of a job can have done to it. */
export type JobVerb =
  | { readonly kind: 'cancel' }
  /** Lets it wait: a running one is asked to stop first. */
  | { readonly kind: 'suspend' }
  | { readonly kind: 'resume' }
  /** Takes its nodes, after its grace; it waits again. With a fence: those of that attempt only, so that a repetition changes nothing. */
  | { readonly kind: 'preempt'; readonly fence: number | null }
  /** Lets an elastic job have so many nodes. */
  | { readonly kind: 'resize'; readonly nodes: number }
  | { readonly kind: 'reprioritise'; readonly priority: Priority }
  /** A call has come to replicas: a job that has given them all back gets one. [J338] */
  | { readonly kind: 'wake' };

/**
 * The event that does it; null when all is as wanted already, so that a repetition changes nothing (J95). Refuses with `state_conflict` what a
 * job that is over, or is being cancelled, cannot do any more, and a number of nodes that it cannot have.
 */
export function eventFor(job: Job, record: JobRecord | undefined, verb: JobVerb): Outcome<CellEvent | null> {
  if (record !== undefined && !isFinished(job) && job.state !== 'cancelling') return eventOfOpen(record, verb);
  return verb.kind === 'cancel' ? ok(null) : refuse('state_conflict', `the job is ${job.state}`);
}

function eventOfOpen(record: JobRecord, verb: JobVerb): Outcome<CellEvent | null> {
  const jobId = record.spec.id;
  switch (verb.kind) {
    case 'cancel':
      return ok({ kind: 'cancel', jobId });
    case 'suspend':
    case 'resume': {
      const isHeld = verb.kind === 'suspend';
      return ok(record.isHeld === isHeld ? null : { kind: 'hold', jobId, isHeld });
    }
    case 'preempt':
      return ok(isStoppable(record, verb.fence) ? { kind: 'preempt', jobId } : null);
    case 'wake':
      return ok(record.nodesWanted === 0 ? { kind: 'load', jobId, load: { outstandingMilli: 1 } } : null);
    case 'resize':
      return resize(record, verb.nodes);
    case 'reprioritise': {
      const priority = priorityNumber(verb.priority);
      return ok(priority === record.spec.priority ? null : { kind: 'reprioritise', jobId, priority });
    }
    default:
      return unreachable(verb);
  }
}

/** The job as its owner has asked for it, before the scheduler does anything about it. */
export function asked(job: Job, verb: JobVerb, nowMs: number): Job {
  if (verb.kind === 'reprioritise') return { ...job, priority: verb.priority };
  return verb.kind === 'cancel' ? { ...job, cancelAskedAtMs: nowMs } : job;
}

/** Whether the attempt under way is the one that is meant, and was not asked to stop yet. */
const isStoppable = ({ attempt }: JobRecord, fence: number | null): boolean =>
  attempt !== null && attempt.leaving === null && (fence === null || fence === attempt.fence);

/** A job has a number of nodes that the option it runs by allows; while it waits, one that any of its options does. */
function resize({ spec, attempt, nodesWanted }: JobRecord, nodes: number): Outcome<CellEvent | null> {
  if (spec.scaling !== null)
    return refuse('state_conflict', 'the load of the job decides: submit it without `scaling` to resize it', 'nodes');
  const ranges = spec.options.filter((_, option) => attempt === null || attempt.option === option).map((option) => option.nodes);
  if (!ranges.some((range) => isIn(range, nodes))) {
    const bound = Math.max(...ranges.map(({ max }) => max));
    const message = `is ${nodes}; the job can have ${ranges.map(rangeText).join(', or ')}`;
    return nodes > bound
      ? err({ ...refusal('limit_exceeded', message, 'nodes'), limit: { bound }, value: nodes })
      : refuse('invalid_value', message, 'nodes');
  }
  return ok(nodes === nodesWanted ? null : { kind: 'scale', jobId: spec.id, nodes });
}

const isIn = ({ min, max, step }: NodeRange, nodes: number): boolean => nodes >= min && nodes <= max && (nodes - min) % step === 0;

const rangeText = ({ min, max, step }: NodeRange): string =>
  min === max ? `${min}` : `${min} to ${max}${step === 1 ? '' : ` in steps of ${step}`}`;
