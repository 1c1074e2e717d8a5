import type { ShardMatches, ShardQuery } from '../../ann/shard-protocol.ts';
import type { Outcome } from '../../contract/api/outcome.ts';

/** Sends searches to one object in one call, which has an outcome for each. */
export type SendSearches = (queries: readonly ShardQuery[]) => Promise<Outcome<readonly Outcome<ShardMatches>[]>>;

/** One of several searches of a request, as the calls to shards see it. */
export interface BatchPart {
  /** Asks an object, in one call with all others of the batch that ask the same under the same key. */
  ask(key: string, query: ShardQuery, send: SendSearches): Promise<Outcome<ShardMatches>>;
  /** The others do not wait for it: what it asks next may take long, or is asked elsewhere. */
  leave(): void;
}

interface SharedCall {
  readonly send: SendSearches;
  readonly queries: ShardQuery[];
  readonly settle: { readonly resolve: (outcome: Outcome<ShardMatches>) => void; readonly reject: (defect: unknown) => void }[];
}

/**
 * The searches of one request. Each is planned, fanned out and merged as if it were alone; only the calls to objects are shared, and this
 * is where. The first calls wait until every search has either asked or ended, so that an object is called once for all searches that go
 * to it; later ones (a further round, another member) are sent at once, with those that are asked in the same moment.
 */
export class SearchBatch {
  readonly #calls = new Map<string, SharedCall>();
  #awaited: number;
  #isFlushDue = false;

  constructor(count: number) {
    this.#awaited = count;
  }

  /** Does one of the searches. */
  async part<T>(search: (part: BatchPart) => Promise<T>): Promise<T> {
    let isAwaited = true;
    const leave = () => {
      if (isAwaited) this.#awaited -= 1;
      isAwaited = false;
      this.#flushSoon();
    };
    try {
      return await search({
        leave,
        ask: (key, query, send) => {
          const answered = this.#join(key, query, send);
          leave();
          return answered;
        },
      });
    } finally {
      leave();
    }
  }

  #join(key: string, query: ShardQuery, send: SendSearches): Promise<Outcome<ShardMatches>> {
    const call = this.#calls.get(key) ?? { send, queries: [], settle: [] };
    this.#calls.set(key, call);
    call.queries.push(query);
    return new Promise((resolve, reject) => call.settle.push({ resolve, reject }));
  }

  /** After what is asked in the same moment: a search asks all of its shards at once. */
  #flushSoon(): void {
    if (this.#awaited > 0 || this.#isFlushDue || this.#calls.size === 0) return;
    this.#isFlushDue = true;
    void this.#flush();
  }

  async #flush(): Promise<void> {
    await Promise.resolve();
    this.#isFlushDue = false;
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) void sent(call);
  }
}

async function sent({ send, queries, settle }: SharedCall): Promise<void> {
  try {
    const answered = await send(queries);
    for (const [i, { resolve, reject }] of settle.entries()) {
      const outcome = answered.ok ? answered.value[i] : answered;
      if (outcome === undefined) reject(new Error('an object answers every search of a call'));
      else resolve(outcome);
    }
  } catch (defect) {
    for (const { reject } of settle) reject(defect);
  }
}
