import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleEntry } from '../../workers/local/bundle.ts';
import { ROOT } from '../../workers/local/paths.ts';
import type { BatchResult, BatchTask } from '../support/worlds/cache-batch.ts';
import { freePort } from '../support/deployment/free-port.ts';
import { Seeded } from '../../src/kernel/seeded.ts';
import { serveObjects } from './raw-workerd.ts';
import type { RawWorkerd } from './raw-workerd.ts';

export interface CacheL2Options {
  /** Uses a million entries instead of 100,000. */
  readonly full?: boolean | undefined;
}

interface Row {
  readonly batch: string;
  readonly inputs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
  readonly cpuUsPerInput: number;
}

const SHARDS = 16;
const SHARDS_AFTER = 24;
const DIMENSIONS = 384;
const PUT_INPUTS = 500;

/** The second cache level over 16 objects in workerd, called as a gateway calls it: latency and CPU of batches, then 16 to 24 objects. */
export async function cacheL2Bench({ full = false }: CacheL2Options): Promise<void> {
  const entries = full ? 1_000_000 : 100_000;
  await bundleEntry('cache-bench', join(ROOT, 'test/workerd/cache-bench/worker.ts'));
  const stateDir = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-bench-'));
  const port = await freePort();
  const workerd = await serveObjects('cache-bench', { EMBEDDING_CACHE: 'EmbeddingCacheObject' }, stateDir, port);
  try {
    const bench = new Bench(workerd, `http://127.0.0.1:${port}`, entries);
    console.log(`${entries} entries of ${DIMENSIONS} numbers over ${SHARDS} objects, load ${loadavg()[0]?.toFixed(1)}`);
    const filled = await bench.fill();
    const rows: Row[] = [];
    for (const inputs of [1, 16, 128, 1024]) rows.push(await bench.measure('get, all there', inputs, 0));
    rows.push(await bench.measure('get, none there', 128, entries), await bench.measure('nothing', 0, 0));
    console.table(rows);
    const resharded = await bench.reshard();
    console.table([filled, resharded]);
    console.log(JSON.stringify({ bench: 'cache-l2', entries, load: loadavg(), filled, rows, resharded }));
  } finally {
    await workerd.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
}

class Bench {
  readonly #workerd: RawWorkerd;
  readonly #url: string;
  readonly #entries: number;
  readonly #seeded = new Seeded(1);

  constructor(workerd: RawWorkerd, url: string, entries: number) {
    this.#workerd = workerd;
    this.#url = url;
    this.#entries = entries;
  }

  async fill(): Promise<object> {
    const [startedMs, cpuS] = [performance.now(), await this.#workerd.cpuS()];
    for (let from = 0; from < this.#entries; from += PUT_INPUTS) await this.#batch('put', range(from, PUT_INPUTS));
    const cpuUs = ((await this.#workerd.cpuS()) - cpuS) * 1e6;
    return {
      what: 'put',
      entries: this.#entries,
      s: round((performance.now() - startedMs) / 1000),
      'cpu us/entry': round(cpuUs / this.#entries),
    };
  }

  /** Batches of random entries, one at a time; `from` beyond the last entry requests entries that do not exist. */
  async measure(batch: string, inputs: number, from: number): Promise<Row> {
    const count = Math.max(50, Math.min(400, Math.round(40_000 / Math.max(1, inputs))));
    const pick = (): number[] => Array.from({ length: inputs }, () => from + Math.floor(this.#seeded.next() * this.#entries));
    for (let i = 0; i < 20; i += 1) await this.#batch(inputs === 0 ? 'nothing' : 'get', pick());
    const cpuS = await this.#workerd.cpuS();
    const ms: number[] = [];
    for (let i = 0; i < count; i += 1) {
      const asked = pick();
      const startedMs = performance.now();
      const { found } = await this.#batch(inputs === 0 ? 'nothing' : 'get', asked);
      ms.push(performance.now() - startedMs);
      if (found !== (from === 0 ? inputs : 0)) throw new Error(`${found} of ${inputs} found`);
    }
    const cpuMs = (((await this.#workerd.cpuS()) - cpuS) * 1000) / count;
    ms.sort((a, b) => a - b);
    const cpuUsPerInput = inputs === 0 ? 0 : round((cpuMs * 1000) / inputs);
    return {
      batch,
      inputs,
      p50Ms: round(ms[count >> 1] ?? 0),
      p99Ms: round(ms[Math.floor(count * 0.99)] ?? 0),
      cpuMs: round(cpuMs),
      cpuUsPerInput,
    };
  }

  /** Requests every entry while 16 objects become 24, and again when the old objects are no longer asked. */
  async reshard(): Promise<object> {
    let [foundMoving, foundSettled] = [0, 0];
    for (let from = 0; from < this.#entries; from += PUT_INPUTS) {
      foundMoving += (await this.#batch('get', range(from, PUT_INPUTS), String(SHARDS_AFTER), String(SHARDS))).found;
    }
    for (let from = 0; from < this.#entries; from += PUT_INPUTS) {
      foundSettled += (await this.#batch('get', range(from, PUT_INPUTS), String(SHARDS_AFTER))).found;
    }
    let moved = 0;
    for (const shard of range(SHARDS, SHARDS_AFTER - SHARDS)) {
      const counted = (await (await fetch(`${this.#url}/${shard}`, { method: 'POST' })).json()) as { entries: number };
      moved += counted.entries;
    }
    const lost = { 'lost, moving': this.#entries - foundMoving, 'lost, moved': this.#entries - foundSettled };
    return { what: `${SHARDS} to ${SHARDS_AFTER}`, entries: this.#entries, 'moved %': round((100 * moved) / this.#entries), ...lost };
  }

  async #batch(kind: BatchTask['kind'], at: readonly number[], shards = String(SHARDS), before = ''): Promise<BatchResult> {
    const task: BatchTask = { kind, at, dimensions: DIMENSIONS, shards, before };
    const response = await fetch(`${this.#url}/batch`, { method: 'POST', body: JSON.stringify(task) });
    if (!response.ok) throw new Error(await response.text());
    const result = (await response.json()) as BatchResult;
    if (result.wrong > 0 || result.failures > 0) throw new Error(JSON.stringify(result));
    return result;
  }
}

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);
const round = (value: number): number => Math.round(value * 100) / 100;
