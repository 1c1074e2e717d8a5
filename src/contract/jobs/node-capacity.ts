import * as z from 'zod';

import { onlyWith } from '../api/presence.ts';
import { about } from '../api/api-text.ts';
import { name } from '../api/common.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { JOB_LIMITS } from './job-limits.ts';

/** The name of a type of accelerator, as agents, jobs and prices call it. */
export const acceleratorName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/, 'must be lower-case letters, digits and inner - . _')
  .max(API_LIMITS.nameCharsMax)
  .meta(about('A type of accelerator.', 'h100'));

/** What a machine has. */
export const nodeCapacity = onlyWith(
  z.strictObject({
    accelerator: acceleratorName.optional().meta(about('The type of its accelerators; none if absent.')),
    accelerators: z
      .int()
      .min(1)
      .max(JOB_LIMITS.nodeAcceleratorsMaxCount)
      .optional()
      .meta(about('How many of them; 1 if absent. Needs `accelerator`.')),
    cpu_milli: z.int().min(1).max(JOB_LIMITS.nodeCpuMilliMax).meta(about('Thousandths of a core.')),
    memory_mib: z.int().min(1).max(JOB_LIMITS.nodeMemoryMibMax),
  }),
  'accelerators',
  'accelerator',
  { path: ['accelerators'], message: 'needs an accelerator' },
).meta({ id: 'NodeCapacity' });

/** Where a machine lies, by level: jobs may ask for nodes in one domain of a level. */
export const nodeDomains = z
  .record(name, z.string().min(1).max(API_LIMITS.nameCharsMax))
  .meta({ maxProperties: JOB_LIMITS.nodeDomainsMaxCount })
  .refine(
    (domains) => Object.keys(domains).length <= JOB_LIMITS.nodeDomainsMaxCount,
    `the limit is ${JOB_LIMITS.nodeDomainsMaxCount} levels`,
  )
  .meta(about('Where the machine lies, by level: a job may ask for nodes in one domain of a level.', { rack: 'r7', zone: 'a' }));

/** Weights of a model that lie in the memory of a machine. */
export const residentWeights = z.strictObject({
  model: z.string().min(1).max(API_LIMITS.nameCharsMax),
  memory_mib: z.int().min(1).max(JOB_LIMITS.nodeMemoryMibMax),
  load_ms: z.int().min(0).max(JOB_LIMITS.weightsLoadMsMax).meta(about('How long it takes to load them.')),
});

/** All that a machine holds of weights. */
export const heldWeights = z
  .array(residentWeights.extend({ in_use: z.boolean().optional().meta(about('Whether an attempt works with them; false if absent.')) }))
  .max(JOB_LIMITS.nodeWeightsMaxCount)
  .refine((weights) => new Set(weights.map(({ model }) => model)).size === weights.length, 'names a model twice');

/** Capacity as it is handed on. Plain data. */
export interface Capacity {
  readonly accelerator: string | null;
  readonly acceleratorCount: number;
  readonly cpuMilli: number;
  readonly memoryMib: number;
}

export const capacityOf = ({ accelerator, accelerators, cpu_milli, memory_mib }: z.output<typeof nodeCapacity>): Capacity => ({
  accelerator: accelerator ?? null,
  acceleratorCount: accelerator === undefined ? 0 : (accelerators ?? 1),
  cpuMilli: cpu_milli,
  memoryMib: memory_mib,
});

export const capacityReply = ({ accelerator, acceleratorCount, cpuMilli, memoryMib }: Capacity): z.input<typeof nodeCapacity> => ({
  ...(accelerator === null ? {} : { accelerator, accelerators: acceleratorCount }),
  cpu_milli: cpuMilli,
  memory_mib: memoryMib,
});
