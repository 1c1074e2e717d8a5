import { effectiveAtMs, grantLease, isLeased, openLeaseBook, renewView } from '../../../src/cache/purge-lease.ts';
import type { LeaseTerms, PurgeView } from '../../../src/cache/purge-lease.ts';
import { PurgeLog } from '../../../src/cache/purge-log.ts';

/** What a wrong protocol would do. */
export interface ModelFaults {
  readonly countsLeaseFromAnswer?: boolean;
  readonly ownerForgetsLeases?: boolean;
  readonly reportsAtOnce?: boolean;
  readonly stampsFillAtItsEnd?: boolean;
  readonly ignoresLease?: boolean;
  readonly missesAcceptance?: boolean;
  readonly judgesByNewestOnly?: boolean;
}

export interface Exploration {
  readonly states: number;
  /** The shortest history that serves a value which a purge removed, although that purge was reported before the request was accepted. */
  readonly violation: readonly string[] | undefined;
  /** The number of histories that served a request, and of those in which a purge had been reported by then. */
  readonly served: number;
  readonly servedAfterReceipt: number;
}

/** An isolate. Times are relative to now, so that the number of states is finite although time is unbounded. */
interface Isolate {
  readonly position: number;
  /** When its lease ends, and the time on its clock, which stands still until a message reaches the isolate. */
  readonly leasedUntil: number;
  readonly clock: number;
  /** Of the watched request: how many purges had been reported when it was accepted; -1: there is none here. */
  readonly accepted: number;
  readonly message: Message | undefined;
}

interface Message {
  readonly sentAt: number;
  readonly since: number;
  /** The log position in the owner's answer; -1: the owner has not answered yet. */
  readonly granted: number;
}

interface State {
  readonly leasedUntil: number;
  /** When each appended purge takes effect; reported ones are removed. */
  readonly effective: readonly number[];
  readonly reported: number;
  readonly isolates: readonly Isolate[];
  /**
   * The watched entry: the position it was stamped with, and how many purges had been appended when its fill began. Once made, it may appear
   * in any level of any isolate at any time, repeatedly: that is more than late or repeated messages, evictions and restarts of caches can
   * cause.
   */
  readonly entry: { readonly stamp: number; readonly begun: number } | undefined;
}

const PURGES_MAX = 2;
const BOUNDS = { predicatesMax: 4, termsMax: 8 };
const LOGS = Array.from({ length: PURGES_MAX + 1 }, (_, n) =>
  Array.from({ length: n }, () => ({ digests: ['x'] })).reduce(
    (log, predicate) => log.append(predicate, 'hard', 0),
    new PurgeLog([], BOUNDS),
  ),
);
const logAt = (position: number): PurgeLog => LOGS[position]!;
const STRANGER: Isolate = { position: 0, leasedUntil: -9, clock: 0, accepted: -1, message: undefined };

/**
 * Every history of two isolates, the owner of a log and one or two purges of one key, over unbounded time and with any number of restarts.
 * A stale answer is one request that gets one entry, so each history watches at most one of each; every choice of them is a history of its
 * own.
 */
export class PurgeModel {
  readonly #purges: number;
  readonly #terms: LeaseTerms;
  readonly #faults: ModelFaults;
  /** Beyond this age, a stopped clock or an expired lease makes no further difference. */
  readonly #past: number;
  /** All states found so far, each with the state that led to it. */
  readonly #found: { readonly state: State; readonly from: number; readonly step: string }[] = [];
  readonly #codes = new Set<number>();
  #served = 0;
  #servedAfterReceipt = 0;

  constructor(purges: 1 | 2, terms: LeaseTerms, faults: ModelFaults = {}) {
    this.#purges = purges;
    this.#terms = terms;
    this.#faults = faults;
    this.#past = terms.leaseMs + 1;
  }

  explore(): Exploration {
    const { leasedUntilMs } = openLeaseBook(this.#terms, 0);
    this.#find({ leasedUntil: leasedUntilMs, effective: [], reported: 0, isolates: [STRANGER, STRANGER], entry: undefined }, -1, 'start');
    for (let at = 0; at < this.#found.length; at += 1) {
      const { state } = this.#found[at]!;
      const lie = this.#lie(state);
      if (lie !== undefined) return this.#result([...this.#historyOf(at), lie]);
      for (const [step, next] of this.#steps(state)) this.#find(next, at, step);
    }
    return this.#result(undefined);
  }

  #find(next: State, from: number, step: string): void {
    const state = this.#normal(next);
    const code = codeOf(state);
    if (this.#codes.has(code)) return;
    this.#codes.add(code);
    this.#found.push({ state, from, step });
  }

  /** A read that this state allows although it is stale. A read changes nothing, so all reads of a state are tried at once. */
  #lie({ isolates, entry }: State): string | undefined {
    if (entry === undefined) return undefined;
    for (const { position, leasedUntil, clock, accepted } of isolates) {
      if (accepted < 0 || !(isLeased(viewOf(position, leasedUntil), clock) || this.#faults.ignoresLease === true)) continue;
      const { stamp, begun } = entry;
      if (this.#takes(position, stamp)) continue;
      this.#served += 1;
      if (accepted > 0) this.#servedAfterReceipt += 1;
      if (begun < accepted)
        return `serve an entry begun after ${begun} purges, stamped ${stamp}, to a request accepted after ${accepted} receipts`;
    }
    return undefined;
  }

  #takes(position: number, stamp: number): boolean {
    if (this.#faults.judgesByNewestOnly === true) return stamp < position - 1;
    return (
      logAt(position).verdictOf({ digest: 'x', position: stamp, knownMs: 0, model: 'm', modelVersion: '1', tags: [] }).kind === 'purged'
    );
  }

  *#steps(state: State): Generator<[string, State]> {
    const { effective, isolates } = state;
    yield ['a moment passes', later(state)];
    if (effective.length < this.#purges) {
      const at = effectiveAtMs({ leasedUntilMs: state.leasedUntil }, 0);
      yield ['purge', { ...state, effective: [...effective, this.#faults.reportsAtOnce === true ? 0 : at] }];
    }
    yield [
      'the owner restarts',
      { ...state, leasedUntil: this.#faults.ownerForgetsLeases === true ? 0 : openLeaseBook(this.#terms, 0).leasedUntilMs },
    ];
    for (const [i, isolate] of isolates.entries()) {
      for (const [step, next, more] of this.#stepsOf(isolate, state)) {
        yield [`${step} ${i}`, { ...state, ...more, isolates: isolates.map((other, j) => (j === i ? next : other)) }];
      }
    }
  }

  *#stepsOf(isolate: Isolate, state: State): Generator<[string, Isolate, Partial<State>?]> {
    const { message, position, accepted, clock } = isolate;
    const appended = state.effective.length;
    if (accepted < 0) yield ['restart', STRANGER];
    yield ['something reaches', { ...isolate, clock: 0 }];
    if (state.isolates.every((other) => other.accepted < 0)) {
      yield ['accept at', { ...isolate, accepted: state.reported, clock: this.#faults.missesAcceptance === true ? clock : 0 }];
    }
    if (state.entry === undefined) yield ['fill at', isolate, { entry: { stamp: position, begun: appended } }];
    // A fill that began earlier and is stamped now.
    else if (this.#faults.stampsFillAtItsEnd === true) yield ['end the fill at', isolate, { entry: { ...state.entry, stamp: position } }];
    if (message === undefined) yield ['ask', { ...isolate, message: { sentAt: clock, since: position, granted: -1 } }];
    else yield ['lose the message of', { ...isolate, message: undefined }];
    if (message?.granted === -1) {
      const { leasedUntilMs } = grantLease({ leasedUntilMs: state.leasedUntil }, this.#terms, 0);
      yield ['grant to', { ...isolate, message: { ...message, granted: appended } }, { leasedUntil: leasedUntilMs }];
    }
    if (message !== undefined && message.granted >= 0) {
      const sentAt = this.#faults.countsLeaseFromAnswer === true ? 0 : message.sentAt;
      const tail = logAt(message.granted).since(message.since);
      const grant = { since: message.since, tail, leaseMs: this.#terms.leaseMs, grantedAtMs: 0 };
      const view = renewView(viewOf(position, isolate.leasedUntil), grant, sentAt);
      const heard = { ...isolate, position: view.log.position, leasedUntil: view.leasedUntilMs, clock: 0 };
      yield ['deliver to', { ...heard, message: undefined }];
      // The message stays, to be delivered again later.
      yield ['deliver a copy to', heard];
    }
  }

  /** One representative for all states whose differences have no effect. */
  #normal(state: State): State {
    const isolates = state.isolates.map((isolate) => {
      const clock = Math.max(isolate.clock, -this.#past);
      // A stopped clock must not change whether the lease is over by that clock.
      const leasedUntil = isolate.leasedUntil > isolate.clock ? Math.max(isolate.leasedUntil, clock + 1) : clock;
      const { message } = isolate;
      return { ...isolate, clock, leasedUntil, message: message && { ...message, sentAt: Math.max(message.sentAt, -this.#past) } };
    });
    const effective = state.effective.map((at) => Math.max(at, 0));
    return {
      leasedUntil: Math.max(state.leasedUntil, 0),
      effective,
      // A purge is reported as soon as it takes effect: every request accepted from here on counts.
      reported: effective.filter((at) => at === 0).length,
      // Exchanging the isolates makes no difference.
      isolates: codeOfIsolate(isolates[0]!) <= codeOfIsolate(isolates[1]!) ? isolates : isolates.toReversed(),
      entry: state.entry,
    };
  }

  #result(violation: readonly string[] | undefined): Exploration {
    return { states: this.#found.length, violation, served: this.#served, servedAfterReceipt: this.#servedAfterReceipt };
  }

  #historyOf(last: number): string[] {
    const steps: string[] = [];
    for (let at = last; at >= 0; at = this.#found[at]!.from) steps.unshift(this.#found[at]!.step);
    return steps;
  }
}

/** Encodes integers from -3 up, each below its `size`, as one number; distinct while the product of the sizes is below 2^53. */
function codeOfAll(...numbers: readonly (readonly [number: number, size: number])[]): number {
  return numbers.reduce((code, [number, size]) => code * (size + 3) + number + 3, 0);
}

const NO_MESSAGE: Message = { sentAt: 1, since: 0, granted: 0 };

/** An upper bound of what `codeOfIsolate` returns. */
const ISOLATE_CODES = 6 * 4 * 6 * 6 * 5 * 6 * 6;

const codeOfIsolate = ({ position, clock, leasedUntil, accepted, message = NO_MESSAGE }: Isolate): number =>
  codeOfAll([position, 3], [clock, 1], [leasedUntil, 3], [accepted, 3], [message.sentAt, 2], [message.since, 3], [message.granted, 3]);

function codeOf({ leasedUntil, effective: [first = -1, second = -1], isolates, entry }: State): number {
  const watched = entry === undefined ? 9 : entry.stamp * 3 + entry.begun;
  return isolates.reduce(
    (code, isolate) => code * ISOLATE_CODES + codeOfIsolate(isolate),
    codeOfAll([leasedUntil, 4], [first, 4], [second, 4], [watched, 10]),
  );
}

const viewOf = (position: number, leasedUntilMs: number): PurgeView => ({ log: logAt(position), leasedUntilMs, knownMs: 0, askedAtMs: 0 });

function later(state: State): State {
  const isolates = state.isolates.map((isolate) => {
    const message = isolate.message && { ...isolate.message, sentAt: isolate.message.sentAt - 1 };
    return { ...isolate, leasedUntil: isolate.leasedUntil - 1, clock: isolate.clock - 1, message };
  });
  return { ...state, leasedUntil: state.leasedUntil - 1, effective: state.effective.map((at) => at - 1), isolates };
}
