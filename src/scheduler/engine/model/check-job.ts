import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { ok } from '../../../kernel/result.ts';
import { NODE_ACCELERATORS_MAX } from './cluster-state.ts';
import type { JobSpec, NodeRange, ResourceOption } from './job-spec.ts';
import type { AcceleratorType } from './pool-spec.ts';
import { WHOLE_MILLI } from './pool-spec.ts';

const isCount = (value: number, min: number, max = Number.MAX_SAFE_INTEGER): boolean =>
  Number.isSafeInteger(value) && value >= min && value <= max;

/** Whether `min`, `min + step` and so on end with `max`. */
const isRange = ({ min, max, step }: NodeRange): boolean =>
  isCount(min, 1) && isCount(step, 1) && isCount(max, min) && (max - min) % step === 0;

/** Refuses a job that could not run on any machine there may ever be. */
export function checkJob(job: JobSpec, types: ReadonlyMap<string, AcceleratorType>): Outcome<JobSpec> {
  if (job.options.length === 0) return refuse('invalid_value', 'has to name at least one', 'options');
  if (!isCount(job.priority, 0)) return refuse('invalid_value', `has to be a whole number from 0 on, not ${job.priority}`, 'priority');
  if (!isCount(job.retry.attemptsMax, 1)) return refuse('invalid_value', 'has to be at least 1', ['retry', 'attemptsMax']);
  if (job.dependsOn.includes(job.id)) return refuse('invalid_value', 'a job cannot wait for itself', 'dependsOn');
  const fault = weightsFault(job);
  if (fault !== undefined) return refuse('invalid_value', fault, 'weights');
  for (const [index, option] of job.options.entries()) {
    const optionFault = faultOf(option, types);
    if (optionFault !== undefined) return refuse('invalid_value', optionFault, ['options', index]);
  }
  return ok(job);
}

/** Weights lie in memory that the job has asked for. */
function weightsFault({ weights, options }: JobSpec): string | undefined {
  if (weights === null) return undefined;
  const { memoryMib, loadMs } = weights;
  if (!isCount(memoryMib, 1) || !isCount(loadMs, 0)) return 'weights take at least a MiB, and whole milliseconds to load';
  const least = Math.min(...options.map(({ perNode }) => perNode.memoryMib));
  return memoryMib > least ? `weights of ${memoryMib} MiB are more than the ${least} MiB that the job asks for on a node` : undefined;
}

function faultOf({ accelerator, perNode, nodes }: ResourceOption, types: ReadonlyMap<string, AcceleratorType>): string | undefined {
  const { acceleratorCount, milliEach } = perNode;
  if (!isCount(perNode.cpuMilli, 0) || !isCount(perNode.memoryMib, 0)) return 'CPU and memory are whole numbers from 0 on';
  if (!isRange(nodes)) return `nodes go from min to max in steps: not from ${nodes.min} to ${nodes.max} by ${nodes.step}`;
  if (accelerator === null) return acceleratorCount === 0 ? undefined : 'accelerators have a type';
  const type = types.get(accelerator);
  if (type === undefined) return `there is no accelerator ${accelerator}`;
  if (!isCount(acceleratorCount, 1, NODE_ACCELERATORS_MAX)) {
    return `a node has 1 to ${NODE_ACCELERATORS_MAX} accelerators, not ${acceleratorCount}`;
  }
  if (!isCount(milliEach, 1, WHOLE_MILLI)) return `of an accelerator 1 to ${WHOLE_MILLI} thousandths, not ${milliEach}`;
  return milliEach < WHOLE_MILLI && type.sharing === 'whole' ? `${accelerator} cannot be shared` : undefined;
}
