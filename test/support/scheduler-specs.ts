import type { JobId, PoolId } from '../../src/kernel/ids.ts';
import type { AcceleratorType } from '../../src/scheduler/model/accelerator-type.ts';
import type { JobSpec } from '../../src/scheduler/model/job-spec.ts';
import type { NodeSpec } from '../../src/scheduler/model/node-spec.ts';
import type { NodeDemand } from '../../src/scheduler/model/node-demand.ts';
import type { PoolSpec } from '../../src/scheduler/model/pool-spec.ts';
import type { ResourceOption } from '../../src/scheduler/model/resource-option.ts';

const POOL = 'pool_aaaaaaaaaa' as PoolId;

const accelerator = (name: string, overrides: Partial<AcceleratorType> = {}): [string, AcceleratorType] => [
  name,
  { name, kind: 'gpu', memoryMib: 81_920, sharing: 'fractional', ...overrides },
];

/** Types of accelerators by name. */
export const ACCELERATORS: ReadonlyMap<string, AcceleratorType> = new Map([
  accelerator('H100'),
  accelerator('A100'),
  accelerator('TPU', { kind: 'tpu', sharing: 'whole' }),
]);

export const poolSpec = (overrides: Partial<PoolSpec> = {}): PoolSpec => ({
  id: POOL,
  region: 'eu',
  backend: 'agent',
  market: 'reserved',
  elasticity: null,
  ...overrides,
});

/** A node with 8 accelerators, 64 cores and 256 GiB. */
export const nodeSpec = (n: number, overrides: Partial<NodeSpec> = {}): NodeSpec => ({
  id: `node-${n}`,
  poolId: POOL,
  accelerator: 'H100',
  acceleratorCount: 8,
  cpuMilli: 64_000,
  memoryMib: 262_144,
  domains: {},
  ordinal: n,
  ...overrides,
});

export const demand = (acceleratorCount: number, overrides: Partial<NodeDemand> = {}): NodeDemand => ({
  cpuMilli: 1_000,
  memoryMib: 1_024,
  acceleratorCount,
  milliEach: 1_000,
  ...overrides,
});

export const option = (acceleratorCount: number, overrides: Partial<ResourceOption> = {}): ResourceOption => ({
  accelerator: 'H100',
  perNode: demand(acceleratorCount),
  nodes: { min: 1, max: 1, step: 1 },
  markets: ['reserved', 'on_demand', 'spot'],
  regions: null,
  topology: null,
  throughputHintMilli: 1_000,
  ...overrides,
});

/** A preemptible training job for one accelerator, without limits. */
export const jobSpec = (n: number, overrides: Partial<JobSpec> = {}): JobSpec => ({
  id: `job_${String(n).padStart(26, '0')}` as JobId,
  queue: 'a',
  kind: 'training',
  priority: 50,
  preemptible: true,
  options: [option(1)],
  limits: { deadlineAtMs: null, durationMaxMs: null, costMaxNanoDollars: null, priceMaxNanoDollarsPerHour: null },
  checkpoint: { intervalMs: null, graceMs: 0, restartMs: 0 },
  retry: { attemptsMax: 3 },
  dependsOn: [],
  dataRegions: [],
  scaling: null,
  weights: null,
  ...overrides,
});
