import { assert } from '../../../../src/kernel/assert.ts';
import type { Clock } from '../../../../src/kernel/clock.ts';
import type { Timer } from '../../../../src/kernel/timer.ts';
import { WaitLimit } from '../../../../src/kernel/wait-limit.ts';
import type { Cancellation, FaultKind, TransportFault } from '../../../../src/upstreams/transport.ts';

/** How long a step may take, and what it is if it takes longer. */
export type StepTime = readonly [limitMs: number, late: FaultKind];

const UNSET = (): void => undefined;

/** One exchange and what may end it: the time that it has, the time of the step that it is at, and its owner. */
export class TimedExchange {
  readonly #waits: WaitLimit;
  readonly #controller = new AbortController();
  #leave: () => void = UNSET;
  #ended: TransportFault | undefined;
  #onEnd: ((why: TransportFault) => void) | undefined;

  constructor(timer: Timer, clock: Clock, cancellation: Cancellation, totalMs: number) {
    this.#waits = new WaitLimit(timer, clock);
    this.#waits.limitAll(totalMs, () => this.end('total_timeout'));
    this.#leave = cancellation.onCancel(() => this.end('cancelled'));
    if (cancellation.isCancelled) this.end('cancelled');
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why it has ended before its time. */
  get fault(): TransportFault | undefined {
    return this.#ended;
  }

  /** Runs once when it ends before its time, which only an exchange at no step can be asked for. */
  whenEnded(run: () => void): void {
    assert(this.#onEnd === undefined, 'an exchange is at no step');
    this.#onEnd = run;
  }

  /** Ends it once so much time has passed; to be called again when something has come before. */
  restFor([limitMs, late]: StepTime): void {
    if (this.#ended === undefined) this.#waits.begin(limitMs, () => this.end(late));
  }

  /** What `work` answers, or why the exchange has ended before; `failed`: why, where `work` fails by itself. */
  step<T>([limitMs, late]: StepTime, work: Promise<T>, failed: FaultKind): Promise<T | TransportFault> {
    if (this.#ended !== undefined) {
      work.catch(UNSET);
      return Promise.resolve(this.#ended);
    }
    assert(this.#onEnd === undefined, 'an exchange is at one step at a time');
    return new Promise((resolve) => {
      this.#waits.begin(limitMs, () => this.end(late));
      const settle = (value: T | TransportFault): void => {
        this.#waits.over();
        this.#onEnd = undefined;
        resolve(value);
      };
      this.#onEnd = settle;
      work.then(settle, () => this.end(failed));
    });
  }

  /** Ends it; what ended it first is why. */
  end(fault: FaultKind): TransportFault {
    if (this.#ended !== undefined) return this.#ended;
    this.#ended = { kind: 'fault', fault };
    this.release();
    this.#controller.abort();
    this.#onEnd?.(this.#ended);
    return this.#ended;
  }

  /** It is over, and its connection may serve another. */
  release(): void {
    this.#waits.release();
    this.#leave();
  }
}
