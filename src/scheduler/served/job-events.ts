import type { JobEventKind } from '../../contract/job-events.ts';
import type { StopReason } from '../../contract/jobs.ts';
import type { EndedAttempt, Job, LiveAttempt } from './job.ts';

/** What happened to a job: its state after that, and what else has changed. Plain data. */
export interface JobEvent {
  /** 1 is the first of the job. */
  readonly sequence: number;
  readonly atMs: number;
  readonly kind: JobEventKind;
  readonly state: Job['state'];
  readonly priority: Job['priority'];
  readonly attempt: Pick<LiveAttempt, 'fence' | 'poolId' | 'nodes'> | null;
  readonly stopping: StopReason | null;
  /** The attempt that ended with this. */
  readonly ended: EndedAttempt | null;
  readonly error: Job['error'];
}

/** The event of a change of a job that its owner can see; undefined: nothing but progress (J96). */
export function eventOf(before: Job | undefined, after: Job, atMs: number): JobEvent | undefined {
  const kind = kindOf(before, after);
  if (kind === undefined) return undefined;
  const { attempt, state, priority, error } = after;
  const ended = after.ended.at(-1);
  return {
    sequence: after.eventCount + 1,
    atMs,
    kind,
    state,
    priority,
    attempt: attempt === null ? null : { fence: attempt.fence, poolId: attempt.poolId, nodes: attempt.nodes },
    stopping: attempt?.stopping ?? null,
    ended: ended !== undefined && ended.fence !== before?.ended.at(-1)?.fence ? ended : null,
    error,
  };
}

function kindOf(before: Job | undefined, after: Job): JobEventKind | undefined {
  if (before === undefined) return 'submitted';
  if (before.state !== after.state) return 'state';
  if (before.attempt?.fence !== after.attempt?.fence || before.attempt?.stopping !== after.attempt?.stopping) return 'attempt';
  if (before.priority !== after.priority) return 'reprioritised';
  return before.attempt?.nodes === after.attempt?.nodes && before.nodesWanted === after.nodesWanted ? undefined : 'resized';
}
