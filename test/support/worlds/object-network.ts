import type { Cell } from '../../../src/index/routing/shard-route.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import { NodeSql } from '../fakes/node-sql.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

/** Faults to inject: chances per call, and the longest durations. */
export interface Faults {
  readonly killChance: number;
  readonly repeatChance: number;
  readonly delayMsMax: number;
  /** The longest delay of a repeated message. */
  readonly repeatMsMax: number;
}

export const NO_FAULTS: Faults = { killChance: 0, repeatChance: 0, delayMsMax: 5, repeatMsMax: 0 };

// The methods of an object by name; each kind of object in the world has its own.
type Methods = Readonly<Record<string, (...args: never[]) => unknown>>;

/** A Durable Object: its storage outlives its incarnations, which may end between any two steps. */
export interface Actor {
  readonly name: string;
  readonly sql: NodeSql;
  readonly cells: Map<string, unknown>;
  alarmMs: number | undefined;
  incarnation: number;
  live: { readonly methods: Methods; readonly alarm: () => Promise<void> } | undefined;
  /** Called when the incarnation ends. */
  readonly deaths: Set<() => void>;
}

export class MemoryCell<T> implements Cell<T> {
  readonly #actor: Actor;
  readonly #key: string;
  readonly #incarnation: number;
  constructor(actor: Actor, key: string) {
    this.#actor = actor;
    this.#key = key;
    this.#incarnation = actor.incarnation;
  }
  get(): T | undefined {
    this.#expectAlive();
    return structuredClone(this.#actor.cells.get(this.#key)) as T | undefined;
  }
  put(value: T): void {
    this.#expectAlive();
    this.#actor.cells.set(this.#key, structuredClone(value));
  }

  /** Stops the code of an object that has died. */
  #expectAlive(): void {
    if (this.#actor.incarnation !== this.#incarnation) throw new Unreachable('the object died');
  }
}

/** Thrown in an object when a call to another one fails. */
export class Unreachable extends Error {}

/** Objects in virtual time, from a seed: calls take time, are lost when an object dies, or arrive twice. */
export abstract class ObjectNetwork {
  readonly random: Seeded;
  faults: Faults;
  nowMs = 1_000_000;
  readonly counts = { kills: 0, repeats: 0, stale: 0, resumed: 0, refused: 0 };
  protected readonly actors = new Map<string, Actor>();
  readonly #events: { readonly atMs: number; readonly order: number; readonly run: () => void }[] = [];
  #order = 0;
  /** An unexpected error thrown by an object. */
  #defect: unknown;

  constructor(seed: number, faults: Faults) {
    this.random = new Seeded(seed);
    this.faults = faults;
  }

  /** Starts an incarnation. */
  protected abstract start(actor: Actor): NonNullable<Actor['live']>;

  kill(name: string): void {
    const actor = this.actors.get(name);
    if (actor === undefined) return;
    actor.incarnation += 1;
    actor.live = undefined;
    this.counts.kills += 1;
    for (const die of actor.deaths) die();
    actor.deaths.clear();
  }

  /** Ends all incarnations at once, as when the process dies. */
  killAll(): void {
    for (const name of this.actors.keys()) this.kill(name);
  }

  after(delayMs: number, run: () => void): () => void {
    this.#order += 1;
    const event = { atMs: this.nowMs + delayMs, order: this.#order, run };
    this.#events.push(event);
    return () => {
      const at = this.#events.indexOf(event);
      if (at >= 0) this.#events.splice(at, 1);
    };
  }

  /** Lets time pass until `done` returns true, for at most `forMs`. */
  async run(forMs: number, done: () => boolean = () => false): Promise<void> {
    const endMs = this.nowMs + forMs;
    await settled();
    while (!done()) {
      if (this.#defect !== undefined) throw this.#defect;
      if (this.#fireAlarms()) await settled();
      const next = this.#takeNext(endMs);
      if (next === undefined) {
        this.nowMs = Math.max(this.nowMs, endMs);
        return;
      }
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
      await settled();
    }
  }

  /** Lets time pass until the work is done. */
  async during<T>(work: Promise<T>, forMs = 600_000): Promise<T> {
    let settledAs: { readonly value: T } | { readonly defect: unknown } | undefined;
    void work.then(
      (value) => (settledAs = { value }),
      (defect: unknown) => (settledAs = { defect }),
    );
    await this.run(forMs, () => settledAs !== undefined);
    if (settledAs === undefined) throw new Error(`not done after ${forMs} ms`);
    if ('defect' in settledAs) throw settledAs.defect;
    return settledAs.value;
  }

  /** A call over the network; `unavailable` when the callee dies before it answers. A caller that died gets no answer. */
  call<T>(caller: Actor | undefined, callee: string, method: string, args: readonly unknown[]): Promise<Outcome<T>> {
    const incarnation = caller?.incarnation;
    const sent = structuredClone(args);
    return new Promise((resolve) => {
      const answer = (outcome: Outcome<T>) =>
        this.after(this.#delay(), () => {
          if (caller === undefined || caller.incarnation === incarnation) resolve(structuredClone(outcome));
        });
      this.after(this.#delay(), () => void this.#perform<T>(callee, method, sent).then(answer));
      if (REPEATABLE.has(method) && this.random.next() < this.faults.repeatChance) {
        this.counts.repeats += 1;
        this.after(this.random.next() * this.faults.repeatMsMax, () => void this.#perform(callee, method, structuredClone(sent)));
      }
    });
  }

  async #perform<T>(name: string, method: string, args: readonly unknown[]): Promise<Outcome<T>> {
    const actor = this.#actor(name);
    if (this.random.next() < this.faults.killChance) this.kill(name);
    const live = (actor.live ??= this.start(actor));
    const work = (async () => (live.methods[method] as (...given: readonly unknown[]) => unknown)(...args))() as Promise<Outcome<T>>;
    const outcome = await this.#unlessItDies(actor, work.catch(this.#thrown), DIED);
    // The object may also die after its work and before its answer.
    if (this.random.next() < this.faults.killChance) {
      this.kill(name);
      return DIED;
    }
    if (!outcome.ok) {
      this.counts.refused += 1;
      if (outcome.error.code === 'stale_route') this.counts.stale += 1;
    }
    return outcome;
  }

  /** A call that threw looks to its caller like one without an answer. */
  readonly #thrown = (error: unknown): Outcome<never> => {
    if (!(error instanceof Unreachable)) this.#defect ??= error;
    return DIED;
  };

  #delay(): number {
    return this.random.next() * this.faults.delayMsMax;
  }

  #actor(name: string): Actor {
    const known = this.actors.get(name);
    if (known !== undefined) return known;
    const actor: Actor = {
      name,
      sql: new NodeSql(),
      cells: new Map(),
      alarmMs: undefined,
      incarnation: 0,
      live: undefined,
      deaths: new Set(),
    };
    this.actors.set(name, actor);
    return actor;
  }

  #takeNext(endMs: number): { readonly atMs: number; readonly run: () => void } | undefined {
    let best = -1;
    for (const [i, event] of this.#events.entries()) {
      const first = this.#events[best];
      if (first === undefined || event.atMs < first.atMs || (event.atMs === first.atMs && event.order < first.order)) best = i;
    }
    const alarms = [...this.actors.values()].flatMap(({ alarmMs }) => alarmMs ?? []);
    const soonestAlarm = Math.min(Infinity, ...alarms);
    const next = this.#events[best];
    if (next !== undefined && next.atMs <= Math.min(soonestAlarm, endMs)) {
      this.#events.splice(best, 1);
      return next;
    }
    return soonestAlarm <= endMs ? { atMs: soonestAlarm, run: () => undefined } : undefined;
  }

  #fireAlarms(): boolean {
    let hasFired = false;
    for (const actor of this.actors.values()) {
      if (actor.alarmMs === undefined || actor.alarmMs > this.nowMs) continue;
      actor.alarmMs = undefined;
      hasFired = true;
      const live = (actor.live ??= this.start(actor));
      void this.#watchAlarm(actor, live.alarm());
    }
    return hasFired;
  }

  /** The platform runs an alarm again if its object died. */
  async #watchAlarm(actor: Actor, alarm: Promise<void>): Promise<void> {
    const isDone = await this.#unlessItDies(
      actor,
      alarm.then(() => true),
      false,
    );
    if (!isDone) actor.alarmMs = Math.min(actor.alarmMs ?? Infinity, this.nowMs);
  }

  async #unlessItDies<T>(actor: Actor, work: Promise<T>, otherwise: T): Promise<T> {
    let die = () => {};
    const death = new Promise<T>((resolve) => {
      die = () => resolve(otherwise);
    });
    actor.deaths.add(die);
    try {
      return await Promise.race([work, death]);
    } finally {
      actor.deaths.delete(die);
    }
  }
}

/** Calls between objects, which may arrive twice. Calls of clients may not: they have Idempotency-Keys. */
const REPEATABLE = new Set([
  'putRows',
  'removeRows',
  'clearRows',
  'move',
  'depart',
  'adopt',
  'drain',
  'export',
  'drained',
  'exported',
  'spread',
  'open',
  'merge',
  'split',
]);

const DIED = refuse('unavailable', 'the object died');

/** Resolves when all code that can continue without time passing has done so. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
