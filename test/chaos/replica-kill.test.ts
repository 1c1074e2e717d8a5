import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { bundleEntry } from '../../workers/local/bundle.ts';
import { ROOT } from '../../workers/local/paths.ts';
import { serveObjects } from '../bench/raw-workerd.ts';
import type { RawWorkerd } from '../bench/raw-workerd.ts';
import { effort } from '../support/effort.ts';
import { freePort } from '../support/free-port.ts';
import type { ReplicaTask } from '../support/replica-task.ts';
import { Seeded } from '../../src/kernel/seeded.ts';

const VECTORS = 8_000;
const KILLS = 6;
const CHUNK = 1_000;
// A quarter of what `npm run test:full` runs of other properties: each seed starts workerd seven times.
const SEEDS = Math.ceil(effort(10) / 4);

let stateDir: string;

beforeAll(async () => {
  await bundleEntry('replicas-bench', join(ROOT, 'test/workerd/replicas-bench/worker.ts'));
  stateDir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-chaos-'));
}, 120_000);

afterAll(() => rm(stateDir, { recursive: true, force: true }));

/** One workerd after the other over the same storage. */
class Process {
  readonly #folder: string;
  #workerd: RawWorkerd | undefined;
  #url = '';
  cutOff = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async start(): Promise<void> {
    const port = await freePort();
    this.#url = `http://127.0.0.1:${port}`;
    this.#workerd = await serveObjects('replicas-bench', { SHARD: 'ShardObject', REPLICA: 'ReplicaObject' }, this.#folder, port);
  }

  async kill(): Promise<void> {
    process.kill(this.#workerd!.pid, 'SIGKILL');
    await this.start();
  }

  stop(): Promise<void> {
    return this.#workerd!.stop();
  }

  /** Until it is answered, as a client that repeats itself. */
  async call<T>(task: Omit<ReplicaTask, 'dimensions'>): Promise<T> {
    for (;;) {
      const body = JSON.stringify({ dimensions: 4, ...task });
      const response = await fetch(this.#url, { method: 'POST', body }).catch(() => undefined);
      if (response?.ok === true) return (await response.json()) as T;
      this.cutOff += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

type Written = { readonly ok: true; readonly value: { readonly lsn: number } };

it(
  '[F20][F21] a replica whose process is killed while it copies or catches up has exactly what its primary has',
  async () => {
    let [midCopy, cutOff] = [0, 0];
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const random = new Seeded(seed);
      const folder = await mkdtemp(join(stateDir, 'seed-'));
      const workerd = new Process(folder);
      await workerd.start();
      const model = new Map<string, number>();
      let lsn = 0;
      const write = async (from: number, count: number, round: number): Promise<void> => {
        ({ lsn } = (await workerd.call<Written>({ kind: 'fill', from, count, round })).value);
        for (let i = from; i < from + count; i += 1) model.set(`v${i}`, round);
      };
      const remove = async (from: number, count: number): Promise<void> => {
        ({ lsn } = (await workerd.call<Written>({ kind: 'remove', count, from })).value);
        for (let i = from; i < from + count; i += 1) model.delete(`v${i}`);
      };
      for (let from = 0; from < VECTORS; from += CHUNK) await write(from, CHUNK, 0);
      await workerd.call({ kind: 'copy', count: 0, replica: 1 });

      let round = 0;
      const over = new AbortController();
      const writer = async (): Promise<void> => {
        while (!over.signal.aborted) {
          round += 1;
          const from = Math.floor(random.next() * VECTORS);
          const count = 1 + Math.floor(random.next() * 200);
          await (random.next() < 0.6 ? write(from, count, round) : remove(from, count));
        }
      };
      const killer = async (): Promise<void> => {
        for (let kill = 0; kill < KILLS; kill += 1) {
          await new Promise((resolve) => setTimeout(resolve, 10 + random.next() * 250));
          await workerd.kill();
          if ((await workerd.call<{ completeLsn: number | null }>({ kind: 'state', count: 0, replica: 1 })).completeLsn === null)
            midCopy += 1;
        }
        over.abort();
      };
      await Promise.all([writer(), killer()]);
      cutOff += workerd.cutOff;

      const held = new Map<string, number>();
      for (let from = 0; from < VECTORS + 200; from += CHUNK) {
        type Fetched = { readonly ids?: string[]; readonly metadata: string[]; readonly refused?: string };
        let found = await workerd.call<Fetched>({ kind: 'fetch', count: CHUNK, from, replica: 1, lsn });
        for (let tries = 0; found.ids === undefined && tries < 400; tries += 1) {
          expect(found.refused).toBe('unavailable');
          await new Promise((resolve) => setTimeout(resolve, 25));
          found = await workerd.call<Fetched>({ kind: 'fetch', count: CHUNK, from, replica: 1, lsn });
        }
        for (const [i, id] of found.ids!.entries()) held.set(id, (JSON.parse(found.metadata[i]!) as { round: number }).round);
      }
      expect(held, `seed ${seed}`).toEqual(model);
      await workerd.stop();
      await rm(folder, { recursive: true, force: true });
    }
    expect(midCopy, 'kills in the middle of a copy').toBeGreaterThan(0);
    expect(cutOff, 'calls that were cut off').toBeGreaterThan(0);
  },
  SEEDS * 60_000,
);
