import { effectiveAtMs, grantLease, isLeased, openLeaseBook, renewView } from '../../../src/cache/purge-lease.ts';
import type { LeaseBook, LeaseGrant, LeaseTerms, PurgeView } from '../../../src/cache/purge-lease.ts';
import { PurgeLog } from '../../../src/cache/purge-log.ts';
import type { PurgePredicate } from '../../../src/cache/purge-predicate.ts';

export const KEYS = ['x', 'y', 'z'];
const BOUNDS = { predicatesMax: 4, termsMax: 8 };
const NOTHING_KNOWN: PurgeView = { log: new PurgeLog([], BOUNDS), leasedUntilMs: -Infinity, knownMs: 0, askedAtMs: 0 };

/** One event of a history; `pick` chooses among the waiting messages. */
export type Happening =
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'accept' | 'beginFill'; readonly isolate: number; readonly key: string }
  | { readonly kind: 'ask' | 'restartIsolate'; readonly isolate: number }
  | { readonly kind: 'answer' | 'deliver' | 'read' | 'finishFill'; readonly pick: number; readonly again: boolean }
  | { readonly kind: 'restartOwner' }
  | { readonly kind: 'purge'; readonly key: string | undefined };

/** Bugs to inject: a test shows that the simulation detects each. */
export interface Faults {
  readonly countsLeaseFromAnswer?: boolean;
  readonly ownerForgetsLeases?: boolean;
  readonly stampsFillAtItsEnd?: boolean;
  readonly ignoresLease?: boolean;
  /** A request that arrives does not set the isolate's clock; only later messages do. */
  readonly missesAcceptance?: boolean;
}

interface Entry {
  readonly begunAt: number;
  readonly position: number;
}

interface Isolate {
  readonly rate: number;
  readonly offsetMs: number;
  epoch: number;
  /** The time on its clock, which stands still between messages. */
  clockMs: number;
  view: PurgeView;
  memory: Map<string, Entry>;
}

interface Ask {
  readonly isolate: number;
  readonly epoch: number;
  readonly sentAtMs: number;
  readonly since: number;
}

/**
 * Isolates, the owner of a purge log and a shared cache level, event by event. Every clock has its own offset and speed, and an isolate's
 * clock stands still until a message reaches it. Messages arrive late, twice, out of order or never; isolates and the owner restart at any
 * moment. `instant` orders all events.
 */
export class PurgeSimulation {
  readonly seen = { receipts: 0, served: 0, servedAfterReceipt: 0, taken: 0, unleased: 0 };
  /** Reads that were answered with a purged value although the purge was reported before the read was accepted. */
  readonly violations: string[] = [];
  readonly #terms: LeaseTerms = { leaseMs: 900, guardMs: 100 };
  readonly #faults: Faults;
  readonly #isolates: Isolate[];
  readonly #shared = new Map<string, Entry>();
  #trueMs = 10_000;
  #instant = 0;
  #log = new PurgeLog([], BOUNDS);
  #leases: LeaseBook;
  #asks: Ask[] = [];
  #answers: (Ask & { readonly grant: LeaseGrant })[] = [];
  #reads: { readonly isolate: number; readonly epoch: number; readonly key: string; readonly acceptedAt: number }[] = [];
  #fills: { readonly isolate: number; readonly epoch: number; readonly key: string; readonly entry: Entry }[] = [];
  #pending: { readonly key: string | undefined; readonly appendedAt: number; readonly effectiveAtMs: number }[] = [];
  #receipts: { readonly key: string | undefined; readonly appendedAt: number; readonly reportedAt: number }[] = [];

  constructor(rates: readonly number[], faults: Faults) {
    this.#faults = faults;
    this.#isolates = rates.map((rate, i) => ({
      rate,
      offsetMs: i * 5_000_000,
      clockMs: 0,
      epoch: 0,
      view: NOTHING_KNOWN,
      memory: new Map(),
    }));
    this.#leases = openLeaseBook(this.#terms, this.#trueMs);
  }

  happen(event: Happening): void {
    this.#instant += 1;
    this.#report();
    switch (event.kind) {
      case 'pass':
        this.#trueMs += event.ms;
        return;
      case 'ask':
        return this.#ask(event.isolate);
      case 'answer':
        return this.#answer(event.pick, event.again);
      case 'deliver':
        return this.#deliver(event.pick, event.again);
      case 'accept':
        if (this.#faults.missesAcceptance !== true) this.#hear(event.isolate);
        this.#reads.push({ isolate: event.isolate, epoch: this.#isolate(event.isolate).epoch, key: event.key, acceptedAt: this.#instant });
        return;
      case 'read':
        return this.#read(event.pick);
      case 'beginFill':
        return this.#beginFill(event.isolate, event.key);
      case 'finishFill':
        return this.#finishFill(event.pick, event.again);
      case 'restartIsolate':
        Object.assign(this.#isolate(event.isolate), { epoch: this.#instant, view: NOTHING_KNOWN, memory: new Map() });
        return;
      case 'restartOwner':
        this.#leases = this.#faults.ownerForgetsLeases === true ? { leasedUntilMs: 0 } : openLeaseBook(this.#terms, this.#trueMs);
        return;
      case 'purge':
        return this.#purge(event.key);
    }
  }

  #purge(key: string | undefined): void {
    const predicate: PurgePredicate = key === undefined ? {} : { digests: [key] };
    this.#log = this.#log.append(predicate, 'hard', this.#trueMs);
    this.#pending.push({ key, appendedAt: this.#instant, effectiveAtMs: effectiveAtMs(this.#leases, this.#trueMs) });
  }

  #report(): void {
    for (const purge of this.#pending.filter(({ effectiveAtMs: atMs }) => atMs <= this.#trueMs)) {
      this.#receipts.push({ ...purge, reportedAt: this.#instant });
      this.seen.receipts += 1;
    }
    this.#pending = this.#pending.filter(({ effectiveAtMs: atMs }) => atMs > this.#trueMs);
  }

  #ask(isolate: number): void {
    const { epoch, view } = this.#isolate(isolate);
    this.#asks.push({ isolate, epoch, sentAtMs: this.#isolate(isolate).clockMs, since: view.log.position });
  }

  #answer(pick: number, again: boolean): void {
    const ask = take(this.#asks, pick, again);
    if (ask === undefined) return;
    this.#leases = grantLease(this.#leases, this.#terms, this.#trueMs);
    const { leaseMs } = this.#terms;
    this.#answers.push({ ...ask, grant: { since: ask.since, tail: this.#log.since(ask.since), leaseMs, grantedAtMs: this.#trueMs } });
  }

  #deliver(pick: number, again: boolean): void {
    const answer = take(this.#answers, pick, again);
    if (answer === undefined) return;
    const isolate = this.#isolate(answer.isolate);
    if (isolate.epoch !== answer.epoch) return;
    this.#hear(answer.isolate);
    const fromMs = this.#faults.countsLeaseFromAnswer === true ? isolate.clockMs : answer.sentAtMs;
    isolate.view = renewView(isolate.view, answer.grant, fromMs);
  }

  #read(pick: number): void {
    const read = take(this.#reads, pick, false);
    if (read === undefined) return;
    const { view, memory, epoch, clockMs } = this.#isolate(read.isolate);
    if (epoch !== read.epoch) return;
    if (!isLeased(view, clockMs) && this.#faults.ignoresLease !== true) {
      this.seen.unleased += 1;
      return;
    }
    for (const level of [memory, this.#shared]) {
      const entry = level.get(read.key);
      if (entry === undefined) continue;
      const verdict = view.log.verdictOf({
        digest: read.key,
        position: entry.position,
        knownMs: 0,
        model: 'm',
        modelVersion: '1',
        tags: [],
      });
      if (verdict.kind === 'valid') return this.#serve(read, entry);
      this.seen.taken += 1;
    }
  }

  #serve(read: { readonly key: string; readonly acceptedAt: number }, entry: Entry): void {
    this.seen.served += 1;
    const before = this.#receipts.filter(({ key, reportedAt }) => reportedAt <= read.acceptedAt && (key === undefined || key === read.key));
    if (before.length > 0) this.seen.servedAfterReceipt += 1;
    const lied = before.find(({ appendedAt }) => entry.begunAt < appendedAt);
    if (lied !== undefined) this.violations.push(`begun ${entry.begunAt}, purged ${lied.appendedAt}, accepted ${read.acceptedAt}`);
  }

  #beginFill(isolate: number, key: string): void {
    const { epoch, view } = this.#isolate(isolate);
    this.#fills.push({ isolate, epoch, key, entry: { begunAt: this.#instant, position: view.log.position } });
  }

  #finishFill(pick: number, again: boolean): void {
    const fill = take(this.#fills, pick, again);
    if (fill === undefined) return;
    const { memory, view, epoch } = this.#isolate(fill.isolate);
    const entry = this.#faults.stampsFillAtItsEnd === true ? { ...fill.entry, position: view.log.position } : fill.entry;
    for (const level of epoch === fill.epoch ? [memory, this.#shared] : [this.#shared]) {
      if ((level.get(fill.key)?.position ?? 0) <= entry.position) level.set(fill.key, entry);
    }
  }

  #isolate(i: number): Isolate {
    return this.#isolates[i % this.#isolates.length]!;
  }

  /** A message reaches an isolate: its clock moves on. */
  #hear(i: number): void {
    const isolate = this.#isolate(i);
    isolate.clockMs = isolate.offsetMs + this.#trueMs * isolate.rate;
  }
}

/** Takes one of the waiting messages; `again` leaves it there, to be delivered again. */
function take<T>(waiting: T[], pick: number, again: boolean): T | undefined {
  if (waiting.length === 0) return undefined;
  const at = pick % waiting.length;
  return again ? waiting[at] : waiting.splice(at, 1)[0];
}
