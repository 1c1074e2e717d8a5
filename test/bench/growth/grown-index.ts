import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../../src/kernel/assert.ts';
import type { ApiAnswer, ApiClient } from '../../support/deployment/api-client.ts';
import { BulkStream } from '../../support/deployment/bulk-stream.ts';
import type { Vectors } from '../ann/vectors.ts';
import { vectorAt } from '../ann/vectors.ts';
import type { RawWorkerd } from '../raw-workerd.ts';

const LINES_AT_ONCE = 200;
/** CPU seconds a second: an idle server uses less. */
const IDLE_CPU_S = 0.05;
const QUIET_SECONDS = 4;

export interface Answered {
  readonly rows: readonly number[];
  readonly ms: number;
  readonly shardsAsked: number;
  /** Lists read from storage during the search; all shards of an isolate share the memory for lists. */
  readonly listsPagedIn: number;
}

/** An index that is filled and searched over HTTP, as users do. Ids are row numbers. */
export class GrownIndex {
  readonly #client: ApiClient;
  readonly #path: string;

  constructor(client: ApiClient, name: string) {
    this.#client = client;
    this.#path = `/v1/indexes/${name}`;
  }

  static async create(client: ApiClient, name: string, options: object): Promise<GrownIndex> {
    fine(await client.post('/v1/indexes', { name, owner: 'bench', ...options }));
    return new GrownIndex(client, name);
  }

  /** Resolves when all of the rows are acknowledged. `columnsOf`: what a row has besides its values. */
  async import(vectors: Vectors, from: number, until: number, columnsOf?: (row: number) => object): Promise<void> {
    const stream = new BulkStream(this.#client, `${this.#path}/import`);
    const told = stream.read();
    for (let row = from; row < until; row += LINES_AT_ONCE) {
      let lines = '';
      for (let at = row; at < Math.min(row + LINES_AT_ONCE, until); at += 1) {
        lines += `${JSON.stringify({ id: String(at), values: Array.from(vectorAt(vectors, at)), ...columnsOf?.(at) })}\n`;
      }
      await stream.send(lines);
    }
    stream.end();
    await told;
    assert(stream.last?.status === 'done', `the import is done, not ${JSON.stringify(stream.last)}`);
  }

  /** Waits until all splits, trainings and moves are finished. */
  async settle(workerd: Pick<RawWorkerd, 'cpuS'>): Promise<void> {
    for (let quiet = 0; quiet < QUIET_SECONDS;) {
      const before = await workerd.cpuS();
      await sleep(1_000);
      quiet = (await workerd.cpuS()) - before < IDLE_CPU_S ? quiet + 1 : 0;
    }
  }

  async stats(): Promise<{
    readonly vectors: number;
    readonly shards: number;
    readonly storage_bytes: number;
    readonly memory_bytes: number;
  }> {
    return fine(await this.#client.get(`${this.#path}/stats`)).body;
  }

  async search(query: Float32Array, topK: number, explain = false): Promise<Answered> {
    const startedMs = performance.now();
    const { body } = fine(
      await this.#client.post(
        `${this.#path}/query`,
        { vector: Array.from(query), top_k: topK, include_metadata: false, explain },
        DEADLINE,
      ),
    );
    const ms = performance.now() - startedMs;
    assert(body.partial !== true, 'every shard that was asked has answered');
    const rows = (body.matches as { id: string }[]).map(({ id }) => Number(id));
    const { shards_asked: shardsAsked = 0, lists_paged_in: listsPagedIn = 0 } = explain ? body.explanation : {};
    return { rows, ms, shardsAsked, listsPagedIn };
  }
}

/** Long, because all shards share one thread of this machine and wait for each other. */
const DEADLINE = { 'x-sluice-deadline-ms': '10000' };

function fine(answer: ApiAnswer): ApiAnswer {
  assert(answer.status < 300, `${answer.status} ${JSON.stringify(answer.body)}`);
  return answer;
}
