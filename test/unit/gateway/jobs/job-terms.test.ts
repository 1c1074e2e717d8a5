import { expect, it } from 'vitest';

import { jobEndpoints } from '../../../../src/contract/jobs/jobs.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { termsOf } from '../../../../src/gateway/jobs/job-terms.ts';
import { ANY_NODE, DEFAULT_TERMS } from '../../../../src/scheduler/served/jobs/job.ts';

const WORK = { kind: 'batch_embedding', model: 'm', input_file: `file_${'0'.repeat(26)}` };
const read = (terms: object) => parse(jobEndpoints.createJob.body.schema, { ...WORK, ...terms });

function accepted(terms: object) {
  const body = read(terms);
  expect(body, JSON.stringify(body)).toMatchObject({ ok: true });
  return body.ok ? termsOf(body.value) : undefined;
}

it('[J90] a request that names only its work is read as before, and gets the defaults', () => {
  expect(read({ owner: 'team' })).toEqual({ ok: true, value: { ...WORK, owner: 'team', priority: 'normal', max_attempts: 3 } });
  expect(accepted({})).toEqual({ ...DEFAULT_TERMS, priority: 'normal', attemptsMax: 3 });
});

it('[J90] all that a request asks for reaches the scheduler, in its units', () => {
  const terms = {
    name: 'nightly run',
    labels: { 'team/area': 'Search' },
    queue: 'default',
    priority: 70,
    resources: [
      {
        accelerator: 'h100',
        accelerators_per_node: 8,
        cpu_milli: 96_000,
        memory_mib: 800_000,
        nodes: { min: 2, max: 6, step: 2 },
        throughput: 3.5,
      },
      { accelerator: 'l4', accelerator_milli: 250, markets: ['spot'], regions: ['here'], topology: { level: 'rack' } },
      {},
    ],
    deadline_at: 2_000_000_000,
    max_runtime_s: 3600,
    checkpoint_interval_s: 60,
    grace_s: 30,
    max_cost_usd: '12.5',
    max_usd_per_hour: '0.000000001',
    max_attempts: 5,
    depends_on: [`job_${'1'.repeat(26)}`],
  };
  expect(accepted(terms)).toEqual({
    name: 'nightly run',
    labels: { 'team/area': 'Search' },
    batch: null,
    queue: 'default',
    priority: 70,
    attemptsMax: 5,
    options: [
      {
        ...ANY_NODE,
        accelerator: 'h100',
        perNode: { cpuMilli: 96_000, memoryMib: 800_000, acceleratorCount: 8, milliEach: 1_000 },
        nodes: { min: 2, max: 6, step: 2 },
        throughputHintMilli: 3_500,
      },
      {
        ...ANY_NODE,
        accelerator: 'l4',
        perNode: { cpuMilli: 1_000, memoryMib: 1_024, acceleratorCount: 1, milliEach: 250 },
        markets: ['spot'],
        regions: ['here'],
        topology: { level: 'rack', mode: 'required', block: false },
      },
      ANY_NODE,
    ],
    deadlineAtMs: 2_000_000_000_000,
    runtimeMaxMs: 3_600_000,
    checkpointIntervalMs: 60_000,
    graceMs: 30_000,
    costMaxNanoDollars: 12_500_000_000,
    priceMaxNanoDollarsPerHour: 1,
    dependsOn: [`job_${'1'.repeat(26)}`],
  });
});

it.each([
  [{ priority: 101 }, 'limit_exceeded', ['priority'], 100],
  [{ priority: 'urgent' }, 'invalid_value', ['priority'], undefined],
  [{ resources: [] }, 'invalid_value', ['resources'], undefined],
  [{ resources: Array.from({ length: 9 }, () => ({})) }, 'limit_exceeded', ['resources'], 8],
  [{ resources: [{}, { accelerator: 'An abacus' }] }, 'invalid_value', ['resources', 1, 'accelerator'], undefined],
  [{ resources: [{ accelerators_per_node: 1 }] }, 'invalid_value', ['resources', 0, 'accelerators_per_node'], undefined],
  [{ resources: [{ accelerator: 'l4', accelerators_per_node: 17 }] }, 'limit_exceeded', ['resources', 0, 'accelerators_per_node'], 16],
  [
    { resources: [{ accelerator: 'l4', accelerators_per_node: 1, accelerator_milli: 5 }] },
    'invalid_value',
    ['resources', 0, 'accelerator_milli'],
    undefined,
  ],
  [{ resources: [{ nodes: { min: 1, max: 4, step: 2 } }] }, 'invalid_value', ['resources', 0, 'nodes'], undefined],
  [{ resources: [{ nodes: 2_000 }] }, 'limit_exceeded', ['resources', 0, 'nodes'], 1_024],
  [{ max_runtime_s: 1e9 }, 'limit_exceeded', ['max_runtime_s'], 2_592_000],
  [{ grace_s: 601 }, 'limit_exceeded', ['grace_s'], 600],
  [{ max_cost_usd: '-1' }, 'invalid_value', ['max_cost_usd'], undefined],
  [{ depends_on: ['job_1'] }, 'invalid_value', ['depends_on', 0], undefined],
  [{ retries: 3 }, 'invalid_value', ['retries'], undefined],
])('[J91] %j is refused, naming the field', (terms, code, path, bound) => {
  const refused = read(terms);
  expect(refused).toMatchObject({ ok: false, error: { code, path, ...(bound === undefined ? {} : { limit: { bound } }) } });
});
