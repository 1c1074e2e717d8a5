import { assert, must } from '../kernel/assert.ts';
import type { Err } from '../kernel/result.ts';
import type { Flight } from '../kernel/shared-work.ts';
import { SharedWork } from '../kernel/shared-work.ts';
import { DirectWakeUps } from '../kernel/wake-ups.ts';
import { planBatch } from './batch-plan.ts';
import type { CachedGetEmbedding, CacheStats, Embedded, GetEmbedding, WrapOptions } from './embedding-function.ts';
import { VectorCache } from './vector-cache.ts';

/** What decides whether an entry may answer. */
export interface JudgedEntry {
  /** The generation in which its fill began. */
  readonly generation: number;
  readonly expiresAtMs: number;
}

/** `stale`: it may answer while a new one is computed. */
export type Verdict = 'fresh' | 'stale' | 'miss';

/** An entry is never served at or after `staleMs` past its end, nor once a newer generation has begun. */
export function judgeEntry(entry: JudgedEntry | undefined, generation: number, staleMs: number, nowMs: number): Verdict {
  if (entry === undefined || entry.generation < generation) return 'miss';
  if (nowMs < entry.expiresAtMs) return 'fresh';
  return nowMs < entry.expiresAtMs + staleMs ? 'stale' : 'miss';
}

type Answer<E> = Float32Array<ArrayBuffer> | Err<E>;
type Rows<E> = readonly Answer<E>[];

/** `failure` stands for the vector, which is empty then. */
interface Meta<E> {
  readonly generation: number;
  readonly failure: Err<E> | undefined;
}

/** A distinct input of a batch. */
interface Wanted {
  readonly key: string;
  readonly input: string;
  /** The flight that later callers of the same computation look up. Undefined: it cannot be joined. */
  flightKey: string | undefined;
  /** The answer of the tier, if there is one. */
  fence: number | undefined;
}

const NO_NUMBERS = new Float32Array(0);

/** The caller decides how long an embedding may take: nothing ends early here. */
const BOUNDS = { leaderMaxMs: Infinity, waitMaxMs: Infinity, waitersMaxCount: Infinity, keysMaxCount: Infinity };

/** The machine behind `wrap`. */
export class CachedEmbedding<E> {
  readonly #getEmbedding: GetEmbedding<E>;
  readonly #options: WrapOptions<E>;
  readonly #staleMs: number;
  readonly #entries: VectorCache<Meta<E>>;
  /** The key under which a flight is found by callers that may join it. */
  readonly #flights: SharedWork<Rows<E>>;
  /** The same by key: whose rows are kept when they land. */
  readonly #fills = new Map<string, Flight<Rows<E>>>();
  readonly #counts = { fresh: 0, stale: 0, tier: 0, joined: 0, computed: 0 };
  #generation = 0;

  constructor(getEmbedding: GetEmbedding<E>, options: WrapOptions<E>) {
    const { entriesMax = 100_000, bytesMax = 256 * 1024 * 1024, staleMs = 0, admission = 'all' } = options;
    this.#getEmbedding = getEmbedding;
    this.#options = options;
    this.#staleMs = staleMs;
    this.#flights = new SharedWork({ clock: options.clock, wakeUps: options.wakeUps ?? new DirectWakeUps(), bounds: BOUNDS });
    this.#entries = new VectorCache({ entriesMax, bytesMax }, { staleMs, admission });
  }

  async answer(inputs: readonly string[]): Promise<Embedded<E>[]> {
    const plan = planBatch(inputs.map((input) => this.#keyOf(input)));
    const wanted = plan.distinct.map((key, slot): Wanted => {
      const input = must(inputs[plan.inputOf[slot] ?? -1], 'a distinct key has an input');
      return { key, input, flightKey: key, fence: undefined };
    });
    const answers: (Answer<E> | undefined)[] = this.#readMemory(wanted);
    if (this.#options.tier !== undefined) await this.#readTier(wanted, answers);
    await this.#complete(wanted, answers);
    // Each input gets a copy of its own, to do with as its caller likes.
    return Array.from(plan.slotOf, (slot, input) => {
      const answer = must(answers[slot], 'every distinct key was answered');
      return (plan.inputOf[slot] === input ? answer : copyOf(answer)) as Embedded<E>;
    });
  }

  async forget(inputs: readonly string[]): Promise<boolean> {
    const keys = inputs.map((input) => this.#keyOf(input));
    for (const key of keys) {
      this.#entries.delete(key);
      this.#flights.drop(key);
      this.#fills.delete(key);
    }
    return this.#options.tier?.forget(keys) ?? true;
  }

  async forgetAll(): Promise<boolean> {
    this.#generation += 1;
    return this.#options.tier?.forgetAll() ?? true;
  }

  stats(): CacheStats {
    const { size: entries, bytes, counts } = this.#entries;
    return { entries, bytes, evicted: counts.evicted, ...this.#counts };
  }

  #keyOf(input: string): string {
    return this.#options.keyOf?.(input) ?? input;
  }

  #readMemory(wanted: readonly Wanted[]): (Answer<E> | undefined)[] {
    const nowMs = this.#options.clock.nowMs();
    const stale: Wanted[] = [];
    const answers = wanted.map((one) => {
      const found = this.#entries.getStale(one.key, nowMs);
      if (found === undefined) return undefined;
      const { generation, failure } = found.meta;
      // A failure whose time is up is worth another try, not another showing.
      const staleMs = failure === undefined ? this.#staleMs : 0;
      const verdict = judgeEntry({ generation, expiresAtMs: found.expiresAtMs }, this.#generation, staleMs, nowMs);
      if (verdict === 'miss') return undefined;
      this.#counts[verdict] += 1;
      if (verdict === 'stale' && this.#flightOf(one) === undefined) stale.push(one);
      return failure ?? found.vector;
    });
    if (stale.length > 0) this.#fly(stale).catch((reason: unknown) => this.#options.onRenewalFailed?.(reason));
    return answers;
  }

  async #readTier(wanted: readonly Wanted[], answers: (Answer<E> | undefined)[]): Promise<void> {
    const slots = [...wanted.keys()].filter((slot) => answers[slot] === undefined);
    const asked = slots.map((slot) => must(wanted[slot], 'a slot of the plan'));
    const held = await this.#options.tier?.get(asked.map(({ key }) => key));
    asked.forEach((one, i) => {
      const { vector, fence } = must(held?.[i], 'a tier answers every key');
      answers[must(slots[i], 'asked')] = vector;
      one.fence = fence;
      // A flight from before the key was forgotten does not serve later callers.
      one.flightKey = fence === undefined ? undefined : `${fence}:${one.key}`;
      if (vector !== undefined) this.#counts.tier += 1;
    });
  }

  /** A computation under way that may answer. */
  #flightOf({ flightKey }: Wanted) {
    const entry = flightKey === undefined ? undefined : this.#flights.find(flightKey);
    return entry === undefined || entry.flight.mark < this.#generation ? undefined : entry;
  }

  /** Computes what is missing, together with other batches where they are at the same. */
  async #complete(wanted: readonly Wanted[], answers: (Answer<E> | undefined)[]): Promise<void> {
    const own: number[] = [];
    const joined = new Map<Flight<Rows<E>>, { slot: number; row: number }[]>();
    wanted.forEach((one, slot) => {
      if (answers[slot] !== undefined) return;
      const entry = this.#flightOf(one);
      if (entry === undefined) return void own.push(slot);
      this.#counts.joined += 1;
      const slots = joined.get(entry.flight) ?? [];
      joined.set(entry.flight, slots);
      slots.push({ slot, row: entry.row });
    });
    // Callers that share a flight share its rows.
    const take = (slot: number, rows: Rows<E>, row: number): void => {
      answers[slot] = copyOf(must(rows[row], 'a flight answers its keys'));
    };
    const waits = [...joined].map(async ([flight, slots]) => {
      const rows = await this.#rowsOf(flight);
      for (const { slot, row } of slots) take(slot, rows, row);
    });
    if (own.length > 0) {
      const rows = this.#fly(own.map((slot) => must(wanted[slot], 'a slot of the plan')));
      waits.push(rows.then((all) => own.forEach((slot, row) => take(slot, all, row))));
    }
    await Promise.all(waits);
  }

  async #rowsOf(flight: Flight<Rows<E>>): Promise<Rows<E>> {
    const joined = await this.#flights.join(flight, this.#flights.waitBudget());
    if (joined.kind === 'done') return joined.value;
    throw joined.kind === 'failed' ? joined.thrown : new Error(`the vectors are not there: ${joined.kind}`);
  }

  #fly(batch: readonly Wanted[]): Promise<Rows<E>> {
    const flightKeys = batch.map(({ key, flightKey }, i) => flightKey ?? `${i}?${key}`);
    return this.#flights.lead(flightKeys, (flight) => this.#compute(batch, flight), this.#generation);
  }

  async #compute(batch: readonly Wanted[], flight: Flight<Rows<E>>): Promise<Rows<E>> {
    for (const { key } of batch) this.#fills.set(key, flight);
    try {
      const rows = await this.#embed(batch);
      await this.#store(batch, rows, flight);
      return rows;
    } finally {
      for (const { key } of batch) if (this.#fills.get(key) === flight) this.#fills.delete(key);
    }
  }

  async #embed(batch: readonly Wanted[]): Promise<Rows<E>> {
    const answered = await this.#getEmbedding(batch.map(({ input }) => input));
    assert(answered.length === batch.length, `getEmbedding was given ${batch.length} inputs and answered ${answered.length}`);
    this.#counts.computed += batch.length;
    return answered.map((row): Answer<E> => ('ok' in row ? row : Float32Array.from(row)));
  }

  async #store(batch: readonly Wanted[], rows: Rows<E>, flight: Flight<Rows<E>>): Promise<void> {
    const generation = flight.mark;
    const ofTier = batch.flatMap(({ key, input, fence }, row) => {
      // Once forgotten, or in a newer generation, the rows answer only the callers that already wait for them.
      if (generation !== this.#generation || this.#fills.get(key) !== flight) return [];
      const answer = must(rows[row], 'a row of the batch');
      const ttlMs = this.#ttlMs(input, answer);
      // Failures are not shared: whether one repeats may depend on the caller.
      if (!(answer instanceof Float32Array) || this.#options.tier === undefined) this.#remember(key, answer, generation, ttlMs);
      else if (fence !== undefined) return [{ key, vector: answer, ttlMs, fence }];
      return [];
    });
    if (ofTier.length > 0) await this.#options.tier?.set(ofTier);
  }

  /** Undefined: until it is evicted. */
  #ttlMs(input: string, answer: Answer<E>): number | undefined {
    const { ttlMs, failureTtlMs } = this.#options;
    if (!(answer instanceof Float32Array)) return failureTtlMs?.(answer.error) ?? 0;
    return typeof ttlMs === 'function' ? ttlMs(input) : ttlMs;
  }

  #remember(key: string, answer: Answer<E>, generation: number, ttlMs: number | undefined): void {
    if (ttlMs !== undefined && ttlMs <= 0) return;
    const expiresAtMs = ttlMs === undefined ? undefined : this.#options.clock.nowMs() + ttlMs;
    const [numbers, failure] = answer instanceof Float32Array ? [answer, undefined] : [NO_NUMBERS, answer];
    this.#entries.set(key, numbers, { generation, failure }, expiresAtMs);
  }
}

const copyOf = <E>(answer: Answer<E>): Answer<E> => (answer instanceof Float32Array ? answer.slice() : answer);

/**
 * Puts a cache before an embedding function, in one line: `const embed = wrap(getEmbedding, { clock: { nowMs: Date.now } })`.
 * A batch computes only what is missing, each distinct input once, concurrent batches together.
 */
export function wrap<E = never>(getEmbedding: GetEmbedding<E>, options: WrapOptions<E>): CachedGetEmbedding<E> {
  const cached = new CachedEmbedding(getEmbedding, options);
  return Object.assign((inputs: readonly string[]) => cached.answer(inputs), {
    forget: (inputs: readonly string[]) => cached.forget(inputs),
    forgetAll: () => cached.forgetAll(),
    stats: () => cached.stats(),
  });
}
