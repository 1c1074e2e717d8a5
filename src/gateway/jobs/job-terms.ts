import type { ResourceOptionRequest } from '../../contract/jobs/job-terms.ts';
import type { CreateJob } from '../../contract/jobs/jobs.ts';
import type { JobId } from '../../kernel/ids.ts';
import type { ResourceOption } from '../../scheduler/engine/model/job-spec.ts';
import { WHOLE_MILLI } from '../../scheduler/engine/model/pool-spec.ts';
import { DEFAULT_TERMS } from '../../scheduler/served/jobs/job.ts';
import type { JobRequest, JobTerms } from '../../scheduler/served/jobs/job.ts';

/** What a request asks of the scheduler, with what holds where it says nothing. */
export const termsOf = (body: CreateJob): JobTerms & Pick<JobRequest, 'name' | 'labels' | 'batch'> => ({
  ...DEFAULT_TERMS,
  ...given('name', body.name),
  ...given('labels', body.labels),
  ...given('queue', body.queue),
  priority: body.priority,
  attemptsMax: body.max_attempts,
  ...given('options', body.resources?.map(optionOf)),
  ...given('deadlineAtMs', inMs(body.deadline_at)),
  ...given('workMs', inMs(body.work_s)),
  ...given('isBestEffort', body.deadline_policy === 'best_effort' ? true : undefined),
  ...given('runtimeMaxMs', inMs(body.max_runtime_s)),
  ...given('checkpointIntervalMs', inMs(body.checkpoint_interval_s)),
  ...given('graceMs', inMs(body.grace_s)),
  ...given('costMaxNanoDollars', body.max_cost_usd),
  ...given('priceMaxNanoDollarsPerHour', body.max_usd_per_hour),
  ...given('dependsOn', body.depends_on as readonly JobId[] | undefined),
});

const inMs = (seconds: number | undefined): number | undefined => (seconds === undefined ? undefined : seconds * 1_000);

/** A field, unless it has no value. */
const given = <const Name extends string, T>(name: Name, value: T | undefined): { readonly [N in Name]?: T } =>
  value === undefined ? {} : ({ [name]: value } as { readonly [N in Name]: T });

function optionOf(option: ResourceOptionRequest): ResourceOption {
  const { nodes, topology, accelerator = null } = option;
  return {
    accelerator,
    perNode: {
      cpuMilli: option.cpu_milli,
      memoryMib: option.memory_mib,
      acceleratorCount: accelerator === null ? 0 : (option.accelerators_per_node ?? 1),
      milliEach: accelerator === null ? 0 : (option.accelerator_milli ?? WHOLE_MILLI),
    },
    nodes: typeof nodes === 'number' ? { min: nodes, max: nodes, step: 1 } : nodes,
    markets: option.markets,
    regions: option.regions ?? null,
    topology: topology ?? null,
    throughputHintMilli: Math.round(option.throughput * 1_000),
  };
}
