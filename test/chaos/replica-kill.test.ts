import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleEntry } from '../../workers/local/bundle.ts';
import { ROOT } from '../../workers/local/paths.ts';
import { serveObjects } from '../bench/raw-workerd.ts';
import type { RawWorkerd } from '../bench/raw-workerd.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { effort } from '../support/fixtures/effort.ts';
import { freePort } from '../support/deployment/free-port.ts';
import { Interruptions } from '../support/deployment/interruptions.ts';
import type { ReplicaTask } from '../support/fakes/replica-task.ts';
import { Seeded } from '../../src/kernel/seeded.ts';

const VECTORS = 8_000;
const KILLS = 6;
const CHUNK = 1_000;
const WRITERS = 2;
const OWN = VECTORS / WRITERS;
const WRITE_MAX = 200;
// A quarter of the runs of other properties: each seed starts workerd seven times.
const SEEDS = Math.ceil(effort(10) / 4);

let stateDir: string;

beforeAll(async () => {
  await bundleEntry('replicas-bench', join(ROOT, 'test/workerd/replicas-bench/worker.ts'));
  stateDir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-chaos-'));
});

afterAll(() => rm(stateDir, { recursive: true, force: true }));

/** One workerd after another over the same storage. */
class Process {
  readonly #folder: string;
  #workerd: RawWorkerd | undefined;
  #client = new ApiClient('', '');
  readonly calls = new Interruptions();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async start(): Promise<void> {
    const port = await freePort();
    this.#client = new ApiClient(`http://127.0.0.1:${port}`, '');
    this.#workerd = await serveObjects('replicas-bench', { SHARD: 'ShardObject', REPLICA: 'ReplicaObject' }, this.#folder, port);
  }

  async kill(): Promise<void> {
    process.kill(this.#workerd!.pid, 'SIGKILL');
    await this.start();
  }

  stop(): Promise<void> {
    return this.#workerd!.stop();
  }

  /** Repeats the call until it is answered, as clients do. */
  async call<T>(task: Omit<ReplicaTask, 'dimensions'>): Promise<T> {
    return (await this.calls.call(() => this.#client.post('/', { dimensions: 4, ...task }))).body as T;
  }
}

type Written = { readonly ok: true; readonly value: { readonly lsn: number } };

it(
  '[F20][F21] a replica killed while it copies or catches up has exactly what its primary has',
  async () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const random = new Seeded(seed);
      const folder = await mkdtemp(join(stateDir, 'seed-'));
      const workerd = new Process(folder);
      await workerd.start();
      const model = new Map<string, number>();
      let lsn = 0;
      const write = async (from: number, count: number, round: number): Promise<void> => {
        const { value } = await workerd.call<Written>({ kind: 'fill', from, count, round });
        lsn = Math.max(lsn, value.lsn);
        for (let i = from; i < from + count; i += 1) model.set(`v${i}`, round);
      };
      const remove = async (from: number, count: number): Promise<void> => {
        const { value } = await workerd.call<Written>({ kind: 'remove', count, from });
        lsn = Math.max(lsn, value.lsn);
        for (let i = from; i < from + count; i += 1) model.delete(`v${i}`);
      };
      for (let from = 0; from < VECTORS; from += CHUNK) await write(from, CHUNK, 0);

      let [round, replica] = [0, 0];
      const over = new AbortController();
      const completeLsn = async (): Promise<number | null> =>
        (await workerd.call<{ completeLsn: number | null }>({ kind: 'state', count: 0, replica })).completeLsn;
      /** Kills in the middle of a copy: the copy is unfinished before and after. */
      const killMidCopy = async (): Promise<void> => {
        let acknowledgements = 1 + Math.floor(random.next() * 3);
        do {
          replica += 1;
          await workerd.call({ kind: 'copy', count: 0, replica });
          await workerd.calls.kill(acknowledgements, () => workerd.kill());
          acknowledgements = Math.max(0, acknowledgements - 1);
        } while ((await completeLsn()) !== null);
      };
      /** Kills a replica that has its copy but lags behind an LSN that was acknowledged earlier. */
      const killBehind = async (): Promise<void> => {
        const isBehind = async (): Promise<boolean> => {
          const acknowledgedLsn = lsn;
          const complete = await completeLsn();
          return complete !== null && complete < acknowledgedLsn;
        };
        await expect.poll(isBehind, { timeout: 60_000, interval: 1 }).toBe(true);
        await workerd.calls.kill(1, () => workerd.kill());
      };
      // Each writer has its own ids: while one is acknowledged, the other's write is under way.
      const writer = async (number: number): Promise<void> => {
        while (!over.signal.aborted) {
          round += 1;
          const count = 1 + Math.floor(random.next() * WRITE_MAX);
          const from = number * OWN + Math.floor(random.next() * (OWN - count));
          await (random.next() < 0.6 ? write(from, count, round) : remove(from, count));
        }
      };
      const killer = async (): Promise<void> => {
        for (let kill = 0; kill < KILLS; kill += 2) {
          await killMidCopy();
          await killBehind();
        }
        over.abort();
      };
      await Promise.all([killer(), ...Array.from({ length: WRITERS }, (_, number) => writer(number))]);

      const held = new Map<string, number>();
      for (let from = 0; from < VECTORS; from += CHUNK) {
        type Fetched = { readonly ids?: string[]; readonly metadata: string[]; readonly refused?: string };
        let found = await workerd.call<Fetched>({ kind: 'fetch', count: CHUNK, from, replica, lsn });
        while (found.ids === undefined) {
          expect(found.refused).toBe('unavailable');
          await sleep(25);
          found = await workerd.call<Fetched>({ kind: 'fetch', count: CHUNK, from, replica, lsn });
        }
        for (const [i, id] of found.ids.entries()) held.set(id, (JSON.parse(found.metadata[i]!) as { round: number }).round);
      }
      expect(held, `seed ${seed}`).toEqual(model);
      await workerd.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
  SEEDS * 300_000,
);
