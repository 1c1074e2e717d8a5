import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { assert } from '../../src/kernel/assert.ts';
import { ROOT } from '../../workers/local/paths.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { freePort } from '../support/deployment/free-port.ts';
import { Clusters } from '../support/fixtures/clusters.ts';
import { vectorAt, vectorsOf } from './ann/vectors.ts';
import type { Vectors } from './ann/vectors.ts';
import { GrownIndex } from './growth/grown-index.ts';

const DIMENSIONS = 100;
const COUNT = 100_000;
const QUICK_COUNT = 10_000;
const SEARCHES = 2_000;
const IDLE_S = 30;
const TICKS_PER_S = 100;

interface Process {
  readonly pid: number;
  readonly command: string;
  readonly rssMb: number;
  /** A page that n processes share counts 1/n in each. */
  readonly pssMb: number;
}

/** The memory of all processes of `npm start`: as it starts, with an index of 100,000 vectors that was searched, and after half a minute's rest. */
export async function memoryBench({ quick = false }: { readonly quick?: boolean | undefined }): Promise<void> {
  const stateDir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-memory-'));
  const port = await freePort();
  const vectors = clustered(quick ? QUICK_COUNT : COUNT);
  const npm = spawn('npm', ['start'], {
    cwd: ROOT,
    env: { ...process.env, PORT: String(port), SLUICE_STATE_DIR: stateDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const apiKey = await keyPrinted(npm);
    const client = new ApiClient(`http://127.0.0.1:${port}`, apiKey);
    const rows = [...(await memoryOf(npm, 'started'))];
    const index = await GrownIndex.create(client, 'memory', { dimensions: DIMENSIONS, metric: 'cosine' });
    await index.import(vectors, 0, vectors.count);
    rows.push(...(await memoryOf(npm, 'imported')));
    await index.settle({ cpuS: () => cpuS(npm) });
    rows.push(...(await memoryOf(npm, 'indexed')));
    for (let at = 0; at < SEARCHES; at += 1) await index.search(vectorAt(vectors, (at * 7_919) % vectors.count), 10);
    rows.push(...(await memoryOf(npm, 'searched')));
    await sleep(IDLE_S * 1_000);
    rows.push(...(await memoryOf(npm, 'idle')));
    console.log(`${vectors.count} x ${DIMENSIONS}, ${SEARCHES} searches, load ${loadavg()[0]?.toFixed(1)}`, await index.stats());
    console.table(rows);
  } finally {
    npm.kill('SIGTERM');
    await new Promise((resolve) => npm.once('exit', resolve));
    await rm(stateDir, { recursive: true, force: true });
  }
}

function clustered(count: number): Vectors {
  const source = new Clusters({ dimensions: DIMENSIONS, count: 1_000, spread: 0.6, seed: 1 });
  const values = new Float32Array(count * DIMENSIONS);
  for (let row = 0; row < count; row += 1) values.set(source.next(), row * DIMENSIONS);
  return vectorsOf(DIMENSIONS, values);
}

async function keyPrinted(npm: ChildProcess): Promise<string> {
  let printed = '';
  assert(npm.stdout !== null, 'its output is read');
  for await (const chunk of npm.stdout) {
    printed += String(chunk);
    const key = /\n +key +(\S+)\n[^]*Stop: Ctrl-C/.exec(printed)?.[1];
    if (key !== undefined) return key;
  }
  throw new Error(`npm start ended before it printed a key:\n${printed}`);
}

async function treeOf(npm: ChildProcess): Promise<{ pid: number; ticks: number }[]> {
  const known = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(statOf));
  const tree = new Set([npm.pid]);
  // A child has a higher pid than its parent, unless pids have wrapped.
  return known.filter((stat) => stat !== undefined).filter(({ pid, parent }) => tree.has(pid) || (tree.has(parent) && tree.add(pid)));
}

async function statOf(pid: string): Promise<{ pid: number; parent: number; ticks: number } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const fields = text?.slice(text.lastIndexOf(') ') + 2).split(' ');
  return fields && { pid: Number(pid), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
}

async function cpuS(npm: ChildProcess): Promise<number> {
  return (await treeOf(npm)).reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_S;
}

async function memoryOf(npm: ChildProcess, when: string): Promise<object[]> {
  const processes: Process[] = [];
  for (const { pid } of await treeOf(npm)) {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
    const mb = (name: string): number => Math.round(Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0) / 1_024);
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0').slice(0, 3).join(' ');
    processes.push({ pid, command: command.replaceAll(`${ROOT}/`, '').slice(-60), rssMb: mb('Rss'), pssMb: mb('Pss') });
  }
  const sum = (field: 'rssMb' | 'pssMb'): number => processes.reduce((total, one) => total + one[field], 0);
  return [
    ...processes.map(({ command, rssMb, pssMb }) => ({ when, process: command, 'RSS, MB': rssMb, 'PSS, MB': pssMb })),
    { when, process: 'all', 'RSS, MB': sum('rssMb'), 'PSS, MB': sum('pssMb') },
  ];
}
