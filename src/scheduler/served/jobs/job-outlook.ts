import type { DeadlineOutlook, OptionStart } from '../../engine/explain/deadline-outlook.ts';
import { deadlineOutlook } from '../../engine/explain/deadline-outlook.ts';
import type { Job } from './job.ts';
import { isFinished } from './job.ts';

/**
 * Whether a job will be done by its deadline, by what its owner says: on the nodes that it has; before it has some, as if it had started when it was
 * submitted, or when that became too late. Null without a deadline, and of a job that is over. [J324]
 */
export function jobOutlook(job: Job): DeadlineOutlook | null {
  if (isFinished(job)) return null;
  const { options, workMs = null, runtimeMaxMs, deadlineAtMs } = job;
  return deadlineOutlook({ options, workMs, durationMaxMs: runtimeMaxMs, deadlineAtMs }, startsOf(job));
}

function startsOf({ attempt, options, lateAtMs, createdAtMs }: Job): readonly OptionStart[] {
  if (attempt !== null) return [{ option: attempt.option, nodes: attempt.nodes, earliestMs: attempt.startedAtMs }];
  return options.map(({ nodes }, option) => ({ option, nodes: nodes.max, earliestMs: lateAtMs ?? createdAtMs }));
}
