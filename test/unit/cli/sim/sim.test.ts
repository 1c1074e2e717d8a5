import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gavel } from '../../../../workers/cli/sim/gavel.ts';
import { load, philly } from '../../../../workers/cli/sim/jobs.ts';
import { openb, seedsOf } from '../../../../workers/cli/sim/openb.ts';
import { carriedOut } from '../../../support/deployment/carried-out.ts';
import { syntheticGavel } from '../../../support/fixtures/synthetic-gavel.ts';
import { syntheticOpenb } from '../../../support/fixtures/synthetic-openb.ts';

let folder = '';
const path = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-sim-'));
  const { nodes, pods } = syntheticOpenb(11, 320, 0.4);
  await writeFile(path('nodes.csv'), nodes.text);
  await writeFile(path('openb_pod_list_default.csv'), pods.text);
  const { throughputs, jobs } = syntheticGavel(5, 120);
  await writeFile(path('throughputs.json'), throughputs.text);
  await writeFile(path('jobs.csv'), jobs.text);
  await writeFile(path('broken.csv'), pods.text.replace('pod-0002,', 'pod-0002,x'));
});
afterAll(() => rm(folder, { recursive: true }));

async function printed(command: () => Command, ...args: string[]): Promise<string> {
  const { status, stdout } = await carriedOut(command(), ...args);
  expect(status).toBe(0);
  return stdout;
}

/** What a command says of arguments that it refuses. */
async function refusal(command: () => Command, args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await carriedOut(command(), ...args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  return stderr;
}

describe('seeds', () => {
  it('are ranges and lists', () => {
    expect(seedsOf('42..45')).toEqual([42, 43, 44, 45]);
    expect(seedsOf('7')).toEqual([7]);
    expect(seedsOf('1,5..6,3')).toEqual([1, 5, 6, 3]);
  });

  it.each(['', 'a', '5..1', '1..', '-1', '1..2..3', '1,,2', '0..1000', '0..999,7'])('%j are refused', (text) => {
    expect(() => seedsOf(text)).toThrow(InvalidArgumentError);
  });
});

describe('sluice sim openb', () => {
  const files = () => ['--nodes', path('nodes.csv'), '--pods', path('openb_pod_list_default.csv')];

  it('[PL20] prints rows with the published one, the same each time', async () => {
    const text = await printed(openb, ...files(), '--seeds', '1..2');
    expect(text).toContain('default: 38 nodes, 212 accelerators, 320 jobs');
    for (const line of [/Sluice +\d\d\.\d\d \(/, /FGD, replica +\d\d/, /FGD, published +94\.91 +95\.23 +95\.39/, /leads +\d of 2/]) {
      expect(text).toMatch(line);
    }
    const json = async () => JSON.parse(await printed(openb, ...files(), '--seeds', '1..2', '--json'));
    const first = await json();
    expect(first.results).toHaveLength(4);
    expect(first.published_fgd).toEqual({ 95: 94.91, 100: 95.23, 130: 95.39 });
    expect({ ...first, cpuMsPerReplay: 0 }).toEqual({ ...(await json()), cpuMsPerReplay: 0 });
  });

  it.each([
    [['--pods', 'openb_pod_list_default.csv'], "'--nodes <csv>' not specified"],
    [['--nodes', 'nodes.csv'], "'--pods <csv>' not specified"],
    [['--nodes', 'absent.csv', '--pods', 'openb_pod_list_default.csv'], '--nodes: cannot read'],
    [['--nodes', 'nodes.csv', '--pods', 'broken.csv'], 'invalid_value: broken.csv line 4 column cpu_milli: "x'],
    [['--nodes', 'nodes.csv', '--pods', 'nodes.csv'], 'invalid_value: nodes.csv line 1: there is no column name'],
  ])('[PL21] %j is refused: %s', async (args, message) => {
    expect(
      await refusal(
        openb,
        args.map((arg) => (arg.endsWith('.csv') ? path(arg) : arg)),
      ),
    ).toContain(message);
  });
});

describe('sluice sim gavel', () => {
  const files = () => ['--throughputs', path('throughputs.json'), '--jobs', path('jobs.csv'), '--cluster', 'v100=2,p100=2,k80=2'];
  const all = () => [...files(), '--measure', '50..100', '--rate', '0.3,5.6'];

  it('[PL20] prints rows with the published ones, the same each time', async () => {
    const text = await printed(gavel, ...all());
    expect(text).toContain('jobs.csv: 120 jobs, of which 50 to 99 are measured');
    for (const line of [/Sluice +\d+\.\d\d/, /Sluice, a move costs 60 s +\d+\.\d\d/, /FIFO.*replica +\d/, /Gavel, published +28\.96/]) {
      expect(text).toMatch(line);
    }
    const json = async () => JSON.parse(await printed(gavel, ...all(), '--json'));
    const first = await json();
    expect(first.rows.map(({ policy, jobsPerHour }: Record<string, unknown>) => [policy, jobsPerHour])).toEqual([
      ['sluice', 0.3],
      ['sluice', 0.3],
      ['fifo', 0.3],
      ['sluice', 5.6],
      ['sluice', 5.6],
      ['fifo', 5.6],
    ]);
    expect({ ...first, cpuMs: 0 }).toEqual({ ...(await json()), cpuMs: 0 });
  });

  it.each([
    [['--rate', '0'], 'It must be a number above 0'],
    [['--rate', 'fast'], '--rate'],
    [['--cluster', 'v100'], '"v100" is not a type'],
    [['--cluster', 'v100=1,v100=2'], '--cluster'],
    [['--cluster', 'v100=0'], '--cluster'],
    [['--cluster', 'h100=4'], 'throughputs.json: there is no type h100'],
    [['--measure', '9..9'], '--measure'],
    [['--measure', '500..600'], '--measure: jobs.csv has no job 500..600'],
    [['--jobs', 'absent.csv'], '--jobs: cannot read'],
  ])('[PL21] refuses %j: %s', async (args, message) => {
    expect(await refusal(gavel, [...files(), ...args])).toContain(message);
  });
});

describe('sluice sim philly and load', () => {
  it('[PL20] [PL27] replay a trace, compressed or not, and write a picture', async () => {
    const text = 'timestamp,duration,num_gpus,gpu_time,cluster\n2017-10-09 07:00:00,7200,4,1,a\n2017-10-09 07:00:00,3600,8,1,b\n';
    await writeFile(path('philly.csv'), text);
    await writeFile(path('philly.csv.gz'), gzipSync(text));
    const plain = await printed(philly, '--jobs', path('philly.csv'), '--nodes', '1', '--svg', path('philly.svg'));
    expect(plain).toContain('philly.csv: 2 jobs of 2 owners on 1 nodes of 8');
    expect(plain).toContain('completion time   mean 2.50 h; the last ends after 3.00 h');
    const packed = JSON.parse(await printed(philly, '--jobs', path('philly.csv.gz'), '--nodes', '1', '--json'));
    expect(packed).toMatchObject({ finished: 2, makespanMs: 10_800_000, meanWaitMs: 3_600_000 });
    const first = JSON.parse(await printed(philly, '--jobs', path('philly.csv'), '--first', '1', '--json'));
    expect(first).toMatchObject({ jobs: 1, makespanMs: 7_200_000 });
    const svg = await readFile(path('philly.svg'), 'utf8');
    expect(svg.match(/<rect /g), 'one for each accelerator').toHaveLength(1 + 4 + 8);
  });

  it('[PL20] make up a load, the same for the same seed', async () => {
    const json = async (seed: string) => JSON.parse(await printed(load, '--jobs', '50', '--nodes', '4', '--seed', seed, '--json'));
    const one = await json('1');
    expect(one).toMatchObject({ jobs: 50, finished: 50, cluster: { nodes: 4, acceleratorsPerNode: 8 } });
    expect({ ...(await json('1')), cpuMs: 0 }).toEqual({ ...one, cpuMs: 0 });
    expect((await json('2')).makespanMs).not.toBe(one.makespanMs);
  });

  it('[PL29] draw what gavel and openb show', async () => {
    const pods = [
      '--nodes',
      path('nodes.csv'),
      '--pods',
      path('openb_pod_list_default.csv'),
      '--seeds',
      '1..2',
      '--svg',
      path('openb.svg'),
    ];
    await printed(openb, ...pods);
    expect((await readFile(path('openb.svg'), 'utf8')).match(/<polyline /g), 'a curve for each policy').toHaveLength(2);
    const jobs = [
      '--throughputs',
      path('throughputs.json'),
      '--jobs',
      path('jobs.csv'),
      '--cluster',
      'v100=2,p100=2,k80=2',
      '--measure',
      '0..50',
    ];
    await printed(gavel, ...jobs, '--rate', '0.3', '--svg', path('gavel.svg'));
    const svg = await readFile(path('gavel.svg'), 'utf8');
    expect(svg.match(/<rect /g)!.length).toBeGreaterThan(50);
    expect(svg).toContain('job 7 on ');
  });

  it.each([
    [philly, [], "'--jobs <csv>' not specified"],
    [philly, ['--jobs', 'nodes.csv'], 'nodes.csv line 1: there is no column timestamp'],
    [philly, ['--jobs', 'nodes.csv', '--nodes', '0'], "'--nodes <n>' argument '0' is invalid. It must be a whole number from 1"],
    [load, ['--per-node', '17'], '--per-node'],
    [load, ['--load', '0'], '--load'],
    [load, ['--jobs', 'many'], "'--jobs <n>' argument 'many' is invalid"],
    [load, ['--seed', '-1'], '--seed'],
  ] as const)('[PL21] %# is refused: %s %s', async (command, args, message) => {
    expect(
      await refusal(
        command,
        args.map((arg) => (arg.endsWith('.csv') ? path(arg) : arg)),
      ),
    ).toContain(message);
  });
});
