import { describe, expect, it } from 'vitest';
import type { AcceleratorType } from '../../../../../src/scheduler/engine/model/pool-spec.ts';
import { acceptsPool } from '../../../../../src/scheduler/engine/model/job-spec.ts';
import { checkJob } from '../../../../../src/scheduler/engine/model/check-job.ts';
import { equivalenceKey } from '../../../../../src/scheduler/engine/cell/shared-specs.ts';
import type { JobSpec } from '../../../../../src/scheduler/engine/model/job-spec.ts';
import { ACCELERATORS, demand, jobSpec, option, poolSpec } from '../../../../support/fixtures/scheduler-specs.ts';
import { faultOf } from '../../../../support/fixtures/fault-of.ts';

describe('[J24] a job that no machine could run is refused, with the field that is wrong', () => {
  const types: ReadonlyMap<string, AcceleratorType> = ACCELERATORS;
  const faults: [string, Partial<JobSpec>, string][] = [
    ['without options', { options: [] }, 'options'],
    ['with a broken priority', { priority: -1 }, 'priority'],
    ['without attempts', { retry: { attemptsMax: 0 } }, 'retry.attemptsMax'],
    ['that waits for itself', { dependsOn: [jobSpec(1).id] }, 'dependsOn'],
    ['for an unknown type', { options: [option(1), option(1, { accelerator: 'H900' })] }, 'options[1]'],
    ['for more devices than a node has', { options: [option(17)] }, 'options[0]'],
    ['for no device of a type', { options: [option(0)] }, 'options[0]'],
    ['for devices of no type', { options: [option(1, { accelerator: null })] }, 'options[0]'],
    ['for more than all of a device', { options: [option(1, { perNode: demand(1, { milliEach: 1_001 }) })] }, 'options[0]'],
    [
      'for a part of what cannot be shared',
      { options: [option(1, { accelerator: 'TPU', perNode: demand(1, { milliEach: 5 }) })] },
      'options[0]',
    ],
    ['for half a core of nothing', { options: [option(1, { perNode: demand(1, { cpuMilli: 0.5 }) })] }, 'options[0]'],
    ['with steps that miss the end', { options: [option(1, { nodes: { min: 1, max: 4, step: 2 } })] }, 'options[0]'],
    ['with an empty range', { options: [option(1, { nodes: { min: 3, max: 2, step: 1 } })] }, 'options[0]'],
  ];
  it.each(faults)('%s', (_, overrides, param) => {
    const outcome = checkJob(jobSpec(1, overrides), types);
    expect(faultOf(outcome)).toMatchObject({ code: 'invalid_value', param });
  });

  it('and one that some could run is not', () => {
    const options = [option(8), option(1, { perNode: demand(1, { milliEach: 100 }) }), option(0, { accelerator: null })];
    expect(checkJob(jobSpec(1, { options }), types)).toMatchObject({ ok: true });
  });
});

it('[J24] weights must lie in the memory that a job asks for on each node', () => {
  const weights = { model: 'm', memoryMib: 1_024, loadMs: 0 };
  expect(checkJob(jobSpec(1, { weights }), ACCELERATORS).ok).toBe(true);
  for (const fault of [{ memoryMib: 1_025 }, { memoryMib: 0.5 }, { memoryMib: 0 }, { loadMs: -1 }]) {
    const refused = checkJob(jobSpec(1, { weights: { ...weights, ...fault } }), ACCELERATORS);
    expect(refused).toMatchObject({ ok: false, error: { code: 'invalid_value', path: ['weights'] } });
  }
});

describe('[J25] jobs are equivalent', () => {
  const key = equivalenceKey(jobSpec(1));

  it('when they differ in name, retries, dependencies and deadline only', () => {
    const other = jobSpec(2, { retry: { attemptsMax: 1 }, dependsOn: [jobSpec(1).id], kind: 'command' });
    expect(equivalenceKey({ ...other, limits: { ...other.limits, deadlineAtMs: 5 } })).toBe(key);
    expect(equivalenceKey(jobSpec(2, { dataRegions: ['a', 'b'] }))).toBe(equivalenceKey(jobSpec(3, { dataRegions: ['b', 'a'] })));
  });

  it.each<[string, Partial<JobSpec>]>([
    ['queue', { queue: 'b' }],
    ['priority', { priority: 51 }],
    ['preemptible', { preemptible: false }],
    ['demand', { options: [option(2)] }],
    ['size', { options: [option(1, { nodes: { min: 1, max: 2, step: 1 } })] }],
    ['market', { options: [option(1, { markets: ['spot'] })] }],
    ['region', { options: [option(1, { regions: ['us'] })] }],
    ['topology', { options: [option(1, { topology: { level: 'rack', mode: 'required', block: false } })] }],
    ['duration', { limits: { ...jobSpec(1).limits, durationMaxMs: 5 } }],
    ['price limit', { limits: { ...jobSpec(1).limits, priceMaxNanoDollarsPerHour: 5 } }],
    ['grace', { checkpoint: { intervalMs: null, graceMs: 5, restartMs: 0 } }],
    ['data', { dataRegions: ['eu'] }],
    ['weights', { weights: { model: 'm', memoryMib: 5, loadMs: 5 } }],
  ])('but not with another %s', (_, overrides) => {
    expect(equivalenceKey(jobSpec(1, overrides))).not.toBe(key);
  });
});

it('[J26] a job accepts pools by market and region', () => {
  const spot = option(1, { markets: ['spot'], regions: ['eu', 'us'] });
  expect(acceptsPool(spot, poolSpec({ market: 'spot' }))).toBe(true);
  expect(acceptsPool(spot, poolSpec({ market: 'on_demand' }))).toBe(false);
  expect(acceptsPool(spot, poolSpec({ market: 'spot', region: 'asia' }))).toBe(false);
  expect(acceptsPool(option(1), poolSpec({ region: 'asia' }))).toBe(true);
});
