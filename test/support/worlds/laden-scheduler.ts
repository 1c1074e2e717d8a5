import { vi } from 'vitest';

import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { PoolMessage } from '../../../src/contract/pools/pool-exchange.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { Seeded } from '../../../src/kernel/seeded.ts';
import type { CellSettings } from '../../../src/scheduler/engine/cell/cell-settings.ts';
import type { ServedParts } from '../../bench/served/stub-agents.ts';
import type { NodeSql } from '../fakes/node-sql.ts';
import { LadenThread } from './laden-thread.ts';
import { ObjectStorage, objectClasses } from './objects-in-node.ts';
import { VirtualTime } from './virtual-time.ts';

/** What happens to the messages of callers: chances of each, and the longest delay. */
interface Weather {
  readonly random: Seeded;
  readonly lost: number;
  readonly doubled: number;
  readonly delayMsMax: number;
}

interface LadenSchedulerParts {
  readonly settings: CellSettings;
  /** Whether all objects share a thread, as on one machine, or have one each. */
  readonly isOneThread: boolean;
  readonly weather?: Weather;
}

type Methods = Readonly<Record<string, (...args: unknown[]) => unknown>>;

/** Of what one message costs an object of its thread, in milliseconds: measured where a cell ends 280 short jobs a second at full load. */
const COSTS_MS: Readonly<Record<string, number>> = {
  submit: 0.7,
  lease: 0.4,
  heartbeat: 0.25,
  end: 0.3,
  exchange: 0.3,
  report: 0.5,
  alarm: 0.2,
  timer: 0.02,
  answer: 0.05,
};
const OTHERS_MS = 0.1;

/** A caller without an answer asks again after so long, beyond the wait that it asked for. */
const ANSWER_MS_MAX = 2_000;

const costOf = (method: string, [first, second]: readonly unknown[]): number => {
  const costMs = COSTS_MS[method] ?? OTHERS_MS;
  if (method === 'exchange') return costMs + (first as PoolMessage).reports.length * COSTS_MS['report']!;
  return method === 'lease' && second === 0 ? costMs * 2 : costMs;
};

/**
 * The objects of the scheduler and of pools as they are served, in virtual time, on threads whose messages cost time: what one of them costs the
 * others is seen as on a machine that is too slow. Nothing is charged.
 */
export class LadenScheduler {
  readonly time = new VirtualTime();
  readonly #parts: LadenSchedulerParts;
  readonly #threads = new Map<string, LadenThread>();
  readonly #objects = new Map<string, LadenObject>();
  /** So many messages of a method had their turn. */
  readonly counts = new Map<string, number>();
  slowness = 1;
  #classes: Awaited<ReturnType<typeof objectClasses>> | undefined;

  constructor(parts: LadenSchedulerParts) {
    this.#parts = parts;
  }

  /** Runs work with the clock and timers of all code being virtual. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    // Loading them takes real time.
    this.#classes ??= await objectClasses();
    vi.spyOn(Date, 'now').mockImplementation(() => Math.floor(this.time.nowMs()));
    vi.stubGlobal('scheduler', { wait: (ms: number) => this.#pause(ms) });
    vi.stubGlobal('setTimeout', (run: () => void, ms: number) =>
      this.time.after(ms, () => void this.#timers.turn(COSTS_MS['timer']!).then(run)),
    );
    vi.stubGlobal('clearTimeout', (cancel: () => void) => cancel());
    try {
      return await this.time.run(work());
    } finally {
      vi.unstubAllGlobals();
      vi.restoreAllMocks();
    }
  }

  /** The thread of timers: which object has set one is not known, so where each has a thread, the busiest counts. */
  get #timers(): LadenThread {
    const all = [...this.#threads.values()];
    return all.reduce((a, b) => (b.freeAtMs > a.freeAtMs ? b : a), all[0] ?? this.threadOf('scheduler'));
  }

  /** A timer of an object, which has its turn among the messages. */
  async #pause(ms: number): Promise<void> {
    await this.time.sleep(ms);
    await this.#timers.turn(COSTS_MS['timer']!);
  }

  /** The scheduler and pools as callers reach them. */
  get served(): ServedParts {
    return {
      scheduler: this.#callers('scheduler') as unknown as ServedParts['scheduler'],
      pool: (id) => this.#callers(id) as unknown as ReturnType<ServedParts['pool']>,
      nowMs: () => this.time.nowMs(),
      sleep: (ms) => this.time.sleep(ms),
    };
  }

  /** How far each thread is behind at most, since this was last asked. */
  takeWaitedMsMax(): number {
    const waited = Math.max(0, ...[...this.#threads.values()].map(({ waitedMsMax }) => waitedMsMax));
    for (const thread of this.#threads.values()) thread.waitedMsMax = 0;
    return waited;
  }

  threadOf(name: string): LadenThread {
    const id = this.#parts.isOneThread ? '' : name;
    const known = this.#threads.get(id);
    const thread = known ?? new LadenThread(this.time);
    if (known === undefined) this.#threads.set(id, thread);
    thread.slowness = this.slowness;
    return thread;
  }

  storageOf = (name: string): NodeSql => this.#object(name).storage;

  /** The object as others of it see it: they are not lost, but take their turn. */
  #between(name: string): Methods {
    return stubOf((method, args) => this.#handled(name, method, args));
  }

  /** As callers outside see it, who ask again until they are answered. */
  #callers(name: string): Methods {
    return stubOf((method, args) => this.#answered(name, method, args));
  }

  async #answered(name: string, method: string, args: readonly unknown[]): Promise<unknown> {
    const { weather } = this.#parts;
    if (weather === undefined) return this.#handled(name, method, args);
    const waitMs = method === 'lease' ? (args[1] as number) : 0;
    // What is lost twice in a row is an agent that is silent.
    for (let lost = weather.lost; ; lost = lost === 0 ? weather.lost : 0) {
      const answer = await this.#sent(name, method, args, waitMs + ANSWER_MS_MAX, { ...weather, lost });
      if (answer !== undefined) return answer.value;
    }
  }

  /** One message, and what answers it in time. */
  #sent(name: string, method: string, args: readonly unknown[], limitMs: number, { random, lost, doubled, delayMsMax }: Weather) {
    return new Promise<{ readonly value: unknown } | undefined>((resolve, reject) => {
      const delay = () => this.time.sleep(random.next() * delayMsMax);
      const once = async (): Promise<void> => {
        await delay();
        const value = await this.#handled(name, method, args);
        if (random.next() < lost) return;
        await delay();
        resolve({ value });
      };
      for (let count = random.next() < doubled ? 2 : 1; count > 0; count--) if (random.next() >= lost) once().catch(reject);
      this.time.after(limitMs + 2 * delayMsMax, () => resolve(undefined));
    });
  }

  async #handled(name: string, method: string, args: readonly unknown[]): Promise<unknown> {
    const sent = structuredClone(args);
    const { object } = this.#object(name);
    const thread = this.threadOf(name);
    await thread.turn(method === 'submit' ? OTHERS_MS : costOf(method, sent));
    this.counts.set(method, (this.counts.get(method) ?? 0) + 1);
    const answer = await object[method]!(...sent);
    // A refusal is cheap.
    const isTaken = method === 'submit' && (answer as Outcome<unknown>).ok;
    await thread.turn(COSTS_MS[isTaken ? 'submit' : 'answer']!);
    return structuredClone(answer);
  }

  #object(name: string): LadenObject {
    const known = this.#objects.get(name);
    if (known !== undefined) return known;
    const made = this.#made(name);
    this.#objects.set(name, made);
    return made;
  }

  #made(name: string): LadenObject {
    const { Pool, Scheduler } = must(this.#classes, 'objects are called while time passes');
    const storage = new LadenStorage(this.time, async () => {
      await this.threadOf(name).turn(COSTS_MS['alarm']!);
      await object.alarm!();
    });
    const context = { storage, waitUntil: (work: Promise<unknown>) => void work.catch(() => undefined), id: name };
    const namespace = (fixed?: string) => ({
      idFromName: (id: string) => fixed ?? id,
      get: (id: string) => this.#between(id),
    });
    const env = { SCHEDULER: namespace('scheduler'), POOL: namespace(), BILLING: { idFromName: String, get: () => LEDGER } };
    const object: Methods = name === 'scheduler' ? new Scheduler(context, env, this.#parts.settings) : new Pool(context, env);
    return { object, storage };
  }
}

interface LadenObject {
  readonly object: Methods;
  readonly storage: NodeSql;
}

/** A ledger that takes all. */
const LEDGER = { record: async () => ({ ok: true, value: {} }) };

/** Storage whose alarm rings in virtual time. */
class LadenStorage extends ObjectStorage {
  readonly #time: VirtualTime;
  readonly #ring: () => Promise<void>;
  #cancel: (() => void) | undefined;

  constructor(time: VirtualTime, ring: () => Promise<void>) {
    super();
    this.#time = time;
    this.#ring = ring;
  }

  override async setAlarm(atMs: number): Promise<void> {
    this.#cancel?.();
    this.#cancel = this.#time.after(atMs - this.#time.nowMs(), () => void this.#ring());
  }

  async deleteAlarm(): Promise<void> {
    this.#cancel?.();
  }
}

/** An object of which every property is a method that `call` answers. */
const stubOf = (call: (method: string, args: readonly unknown[]) => Promise<unknown>): Methods =>
  new Proxy({}, { get: (_, method) => (method === 'then' ? undefined : (...args: unknown[]) => call(String(method), args)) });
