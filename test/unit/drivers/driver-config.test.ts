import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { must } from '../../../src/kernel/assert.ts';
import { drive } from '../../../workers/cli/pools/drive.ts';
import type { DriverConfig } from '../../../workers/drivers/driver-config.ts';
import { readDriverConfig } from '../../../workers/drivers/driver-config.ts';
import { makeDrive } from '../../../workers/drivers/make-drive.ts';
import { carriedOut } from '../../support/deployment/carried-out.ts';

const COMMON = {
  pool: 'pool_0123456789',
  gateway: 'http://127.0.0.1:8787/',
  agent_token_file: '/etc/token',
  slots: 4,
  url: 'http://127.0.0.1:6820',
  token_file: '/etc/cluster-token',
};
const CONFIGS = {
  slurm: {
    ...COMMON,
    kind: 'slurm',
    agent_token_file_on_nodes: '/etc/token',
    user: 'sluice',
    slots_per_node: 4,
    time_limit_minutes: 60,
    directory: '/var/tmp',
    runner: ['node', 'run-once.ts'],
  },
  kubernetes: { ...COMMON, kind: 'kubernetes', namespace: 'ml', image: 'sluice', time_limit_s: 60, agent_token_secret: 'token' },
  ray: { ...COMMON, kind: 'ray', token_file: undefined, agent_token_file_on_nodes: '/etc/token', runner: ['node', 'run-once.ts'] },
} as const;

let path: string;

beforeAll(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'sluice-config-')), 'cluster.json');
});

afterAll(() => rm(join(path, '..'), { recursive: true, force: true }));

async function faults(config: object): Promise<readonly string[]> {
  await writeFile(path, JSON.stringify(config));
  const read = await readDriverConfig(path);
  return read.kind === 'faults' ? read.faults : [];
}

async function configOf(config: object): Promise<DriverConfig> {
  await writeFile(path, JSON.stringify(config));
  const read = await readDriverConfig(path);
  return must(read.kind === 'config' ? read.config : undefined, 'a right configuration');
}

it.each(['slurm', 'kubernetes', 'ray'] as const)(
  '[P100] takes a configuration of %s, fills in what it leaves out, and knows its fields',
  async (kind) => {
    expect(await faults({ ...CONFIGS[kind], colour: 'red' })).toEqual([expect.stringContaining('colour')]);
    expect(await configOf(CONFIGS[kind])).toMatchObject({ kind, gateway: 'http://127.0.0.1:8787', poll_ms: 1_000, name: 'driver' });
  },
);

it('[P100] names each fault of a configuration, by its field and the limit', async () => {
  const wrong = { ...CONFIGS.slurm, slots: 1_001, runner: undefined, colour: 'red', capacity: { cpu_milli: -1 } };
  const found = await faults(wrong);
  expect(found).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^slots: .*1000/),
      expect.stringMatching(/^runner: /),
      expect.stringContaining('colour'),
      expect.stringMatching(/^capacity\.cpu_milli: /),
    ]),
  );
  expect(await faults({ ...CONFIGS.slurm, kind: 'pbs' })).toEqual([expect.stringMatching(/^kind: /)]);
  expect(await faults({ ...CONFIGS.ray, runtime_env: { env_vars: { A: 1 } } })).toEqual([
    expect.stringMatching(/^runtime_env\.env_vars\.A: /),
  ]);
  expect(await faults({ ...CONFIGS.kubernetes, namespace: 'A b' })).toEqual([expect.stringMatching(/^namespace: /)]);
});

it('[P100] says of a file that is absent or no JSON what is wrong with it', async () => {
  expect(await readDriverConfig(join(path, 'absent'))).toMatchObject({
    kind: 'faults',
    faults: [expect.stringContaining('cannot be read')],
  });
  await writeFile(path, '{"kind": "slurm",');
  expect(await readDriverConfig(path)).toMatchObject({ kind: 'faults', faults: [expect.stringContaining('is not JSON')] });
});

it('[P100] ends with status 2 and one line for each fault, and starts nothing', async () => {
  await writeFile(path, JSON.stringify({ ...CONFIGS.ray, slots: 0, url: 'ray' }));
  const { status, stdout, stderr } = await carriedOut(drive(), path);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr.split('\n')).toEqual([`error: ${path}:`, expect.stringMatching(/^ {2}slots: /), expect.stringMatching(/^ {2}url: /)]);
});

it('[P76] says when the token of the pool cannot be read', async () => {
  const config = await configOf({ ...CONFIGS.slurm, agent_token_file: join(path, 'absent') });
  await expect(makeDrive(config, () => undefined)).rejects.toThrow('absent');
});
