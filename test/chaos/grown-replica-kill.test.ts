import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bootstrap } from '../../workers/local/bootstrap.ts';
import { bundle, bundleEntry, bundleVariant } from '../../workers/local/bundle.ts';
import { ROOT } from '../../workers/local/paths.ts';
import { loadSecrets } from '../../workers/local/secrets.ts';
import type { RawWorkerd } from '../bench/raw-workerd.ts';
import { serveRaw } from '../bench/raw-workerd.ts';
import type { ApiAnswer } from '../support/deployment/api-client.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { freePort } from '../support/deployment/free-port.ts';
import { Interruptions } from '../support/deployment/interruptions.ts';
import { revived } from '../support/deployment/kill-workerd.ts';
import type { ReplicaStanding, WatchedIndex } from '../support/deployment/replica-standing.ts';
import { Seeded } from '../../src/kernel/seeded.ts';

const LANES = 3;
const KILLS = 3;
const DIMENSIONS = 4;
const FIRST = 360;
const SHARD_VECTORS_MAX = 200;
const IDS_EACH = 150;
const BATCH = 8;
/** Whether a shard gets a replica depends on its load, and so on the speed of this machine. This bundle gives one to every watched shard. */
const EAGER = 'objects-with-eager-replicas';

const seeds = Array.from({ length: process.env['SLUICE_TEST_FULL'] === '1' ? 50 : 1 }, (_, i) => i + 1);

/** One workerd after another over the same storage, with a Worker beside the gateway that has shards watched. */
class Deployment {
  readonly #stateDir: string;
  #workerd: RawWorkerd | undefined;
  #ports: readonly number[] = [];
  client = new ApiClient('', '');
  tenant = '';

  constructor(stateDir: string) {
    this.#stateDir = stateDir;
  }

  async start(): Promise<void> {
    this.#ports = await Promise.all([freePort(), freePort(), freePort()]);
    const secrets = await this.#serve();
    const url = `http://127.0.0.1:${this.#ports[0]}`;
    const { apiKey, tenant } = await bootstrap(url, secrets.SLUICE_ADMIN_KEY);
    this.client = new ApiClient(url, apiKey);
    this.tenant = tenant;
  }

  /** The states of an index's replicas. A call has its first shard watched, so that it gets a replica some time later. */
  async standings(index: Omit<WatchedIndex, 'tenant'>): Promise<ReplicaStanding[]> {
    const body = JSON.stringify({ tenant: this.tenant, ...index } satisfies WatchedIndex);
    const response = await fetch(`http://127.0.0.1:${this.#ports[2]}`, { method: 'POST', body }).catch(() => undefined);
    return response?.ok === true ? ((await response.json()) as ReplicaStanding[]) : [];
  }

  async kill(): Promise<void> {
    process.kill(this.#workerd!.pid, 'SIGKILL');
    await this.#serve();
    await revived(this.client);
  }

  stop(): Promise<void> {
    return this.#workerd!.stop();
  }

  async #serve() {
    const [gatewayPort, barePort, port] = this.#ports as [number, number, number];
    const secrets = await loadSecrets(this.#stateDir);
    const beside = { bundle: 'grown-replicas', port, upstreamPort: barePort };
    this.#workerd = await serveRaw({
      stateDir: this.#stateDir,
      gatewayPort,
      barePort,
      secrets: { ...secrets },
      beside,
      variants: { objects: EAGER },
    });
    return secrets;
  }
}

let stateDir: string;
let deployment: Deployment;

beforeAll(async () => {
  await bundle();
  await bundleEntry('bare-hono', join(ROOT, 'test/bench/bare-hono.ts'));
  await bundleEntry('grown-replicas', join(ROOT, 'test/workerd/grown-replicas/worker.ts'));
  await bundleVariant(EAGER, 'objects', { './replica-policy.ts': join(ROOT, 'test/support/deployment/eager-replica-policy.ts') });
  stateDir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-chaos-'));
  deployment = new Deployment(stateDir);
  await deployment.start();
});

afterAll(async () => {
  await deployment.stop();
  await rm(stateDir, { recursive: true, force: true });
});

it.each(seeds)(
  '[RT19] kill -9 while replicas catch up: a read with an LSN gets its exact state (seed %i)',
  async (seed) => {
    const random = new Seeded(seed);
    const { client } = deployment;
    const name = `replicated-${seed}`;
    const index = `/v1/indexes/${name}`;
    const created = { name, dimensions: DIMENSIONS, metric: 'l2', owner: 'chaos', shard_vectors_max: SHARD_VECTORS_MAX };
    const { body: manifest } = await client.post('/v1/indexes', created);
    // By lane: the serial number of the last write of each existing id.
    const truth = Array.from({ length: LANES }, () => new Map<string, number>());
    const counts = { serial: 0, lsn: 0, readBack: 0 };
    const calls = new Interruptions();

    const acknowledged = async (call: () => Promise<ApiAnswer>): Promise<ApiAnswer> => {
      const answer = await calls.call(call);
      expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
      counts.lsn = Math.max(counts.lsn, answer.body.lsn ?? 0);
      return answer;
    };
    const write = async (lane: number, numbers: readonly number[]): Promise<number> => {
      const vectors = [...new Set(numbers)].map((n) => {
        counts.serial += 1;
        return { id: `${lane}-${n}`, values: Array.from({ length: DIMENSIONS }, () => random.next()), metadata: { serial: counts.serial } };
      });
      const key = { 'idempotency-key': `${name}-${vectors[0]!.metadata.serial}` };
      const { body } = await acknowledged(() => client.post(`${index}/upsert`, { vectors }, key));
      for (const { id, metadata } of vectors) truth[lane]!.set(id, metadata.serial);
      return body.lsn;
    };
    /** Everything that a read at `lsn` finds; each id once. */
    const found = async (lsn: number): Promise<Map<string, number>> => {
      for (;;) {
        const query = { vector: [0, 0, 0, 0], top_k: 1000, exact: true, consistency: { min_lsn: lsn } };
        const { body } = await acknowledged(() => client.post(`${index}/query`, query));
        // A shard was dying: ask again.
        if (body.partial === true) continue;
        const states = body.matches.map((match: { id: string; metadata: { serial: number } }) => [match.id, match.metadata.serial]);
        expect(states.length).toBe(new Set(states.map(([id]: [string]) => id)).size);
        return new Map(states);
      }
    };
    const lane = async (number: number): Promise<void> => {
      while (calls.count < KILLS) {
        const numbers = Array.from({ length: BATCH }, () => Math.floor(random.next() * IDS_EACH));
        const ids = [...new Set(numbers)].map((n) => `${number}-${n}`);
        let lsn: number;
        if (random.next() < 0.3) {
          lsn = (await acknowledged(() => client.post(`${index}/delete`, { ids }))).body.lsn;
          for (const id of ids) truth[number]!.delete(id);
        } else lsn = await write(number, numbers);
        if (random.next() < 0.5) continue;
        const own = [...(await found(lsn))].filter(([id]) => id.startsWith(`${number}-`));
        expect(new Map(own), `lane ${number} from ${lsn} on`).toEqual(truth[number]);
        counts.readBack += 1;
      }
    };
    const watched = { name, indexId: manifest.id };
    /** Kills while a replica lags behind an LSN that was acknowledged earlier, and after a read at an LSN has been answered. */
    const killer = async (): Promise<void> => {
      for (let readBack = 0; calls.count < KILLS; readBack = counts.readBack) {
        const isBehind = async (): Promise<boolean> => {
          const lsn = counts.lsn;
          const standings = await deployment.standings(watched);
          return standings.some(({ completeLsn }) => (completeLsn ?? 0) < lsn);
        };
        await expect.poll(async () => counts.readBack > readBack && (await isBehind()), { timeout: 180_000, interval: 1 }).toBe(true);
        await calls.kill(1 + Math.floor(random.next() * 3), () => deployment.kill());
      }
    };

    for (let from = 0; from < FIRST / LANES; from += 60) {
      for (let i = 0; i < LANES; i += 1)
        await write(
          i,
          Array.from({ length: 60 }, (_, n) => from + n),
        );
    }
    await expect.poll(async () => (await client.get(`${index}/stats`)).body.shards, { timeout: 180_000 }).toBeGreaterThan(1);
    await expect.poll(() => deployment.standings(watched), { timeout: 180_000, interval: 100 }).not.toEqual([]);
    await Promise.all([killer(), ...truth.map((_, number) => lane(number))]);

    const all = new Map(truth.flatMap((states) => [...states]));
    for (let look = 0; look < 6; look += 1) {
      expect(await found(counts.lsn)).toEqual(all);
      expect((await acknowledged(() => client.get(`${index}/stats`))).body.vectors).toBe(all.size);
      if (look === 2) await deployment.kill();
      // Waits until replicas have advanced or have everything. A replica whose shard had none of the last writes may not advance, and reads are
      // right in any case, so the wait is bounded and asserts nothing.
      const before = JSON.stringify(await deployment.standings(watched));
      const hasGoneOn = async (): Promise<boolean> => {
        const standings = await deployment.standings(watched);
        return JSON.stringify(standings) !== before || standings.every(({ completeLsn }) => (completeLsn ?? 0) >= counts.lsn);
      };
      for (let polls = 0; polls < 100 && !(await hasGoneOn()); polls += 1) await sleep(10);
    }
    // Replicas answer some of these reads.
    const answered = async (): Promise<number> => {
      await found(counts.lsn);
      return Math.max(0, ...(await deployment.standings(watched)).map(({ sharable }) => sharable));
    };
    await expect.poll(answered, { timeout: 180_000, interval: 10 }).toBeGreaterThan(0);
    await acknowledged(() => client.delete(index));
  },
  600_000,
);
