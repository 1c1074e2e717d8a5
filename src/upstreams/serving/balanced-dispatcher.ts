import type { Clock } from '../../kernel/clock.ts';
import type { Result } from '../../kernel/result.ts';
import type { Rng } from '../../kernel/rng.ts';
import type { Timer } from '../../kernel/timer.ts';
import type { Dispatched, Dispatcher, DispatchRequest, Undispatched } from '../dispatch.ts';
import type { Plan } from '../target.ts';
import type { UpstreamAdmission } from './admission.ts';
import { ADMIT_ALL } from './admission.ts';
import type { OpenTarget } from './attempt.ts';
import type { DispatchParts } from './dispatch-run.ts';
import { DispatchRun } from './dispatch-run.ts';
import { Places } from './places.ts';
import type { TargetHealth } from './target-state.ts';
import { TargetStates } from './target-state.ts';
import { WaitingLine } from './waiting-line.ts';

interface DispatcherParts {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly rng: Rng;
  readonly admission?: UpstreamAdmission;
}

/** The dispatcher of an isolate (rules U50-U64): its requests share the state of targets as data, which none of them awaits. */
export class BalancedDispatcher implements Dispatcher {
  readonly #parts: DispatchParts;

  constructor({ clock, timer, rng, admission = ADMIT_ALL }: DispatcherParts) {
    const random = (): number => (new Uint32Array(rng.bytes(4).buffer)[0] ?? 0) / 2 ** 32;
    this.#parts = { clock, timer, random, admission, states: new TargetStates(), places: new Places(), line: new WaitingLine() };
  }

  dispatch(plan: Plan, open: OpenTarget, request: DispatchRequest): Promise<Result<Dispatched, Undispatched>> {
    return new DispatchRun(this.#parts, plan, open, request).run();
  }

  /** Of all targets that this isolate has called. */
  health(): readonly TargetHealth[] {
    return this.#parts.states.health(this.#parts.clock.nowMs());
  }

  /** Requests that wait for a place. */
  get waiting(): number {
    return this.#parts.line.length;
  }
}
