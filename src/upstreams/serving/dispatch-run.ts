import type { Refusal } from '../../contract/api/errors.ts';
import { refusal } from '../../contract/api/errors.ts';
import type { UpstreamAnswer } from '../../contract/api/upstream-answer.ts';
import { UPSTREAM_LIMITS } from '../../contract/upstreams/upstream-limits.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { must } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Timer } from '../../kernel/timer.ts';
import type { AttemptRecord, Dispatched, DispatchRequest, Undispatched } from '../dispatch.ts';
import type { Plan, Target } from '../target.ts';
import type { Admission, UpstreamAdmission } from './admission.ts';
import type { AttemptResult, OpenTarget } from './attempt.ts';
import { Attempt } from './attempt.ts';
import { CancelSource } from './cancel-source.ts';
import { chooseTarget } from './choose-target.ts';
import type { GivenUp } from './dispatch-refusal.ts';
import { dispatchRefusal } from './dispatch-refusal.ts';
import { hedged } from './hedge.ts';
import type { Candidate, NextStep, Standing } from './next-step.ts';
import { nextStep } from './next-step.ts';
import { outliers } from './outliers.ts';
import type { Places } from './places.ts';
import type { TargetState, TargetStates } from './target-state.ts';
import type { Waiter, WaitingLine } from './waiting-line.ts';

export interface DispatchParts {
  readonly states: TargetStates;
  readonly places: Places;
  readonly line: WaitingLine;
  readonly admission: UpstreamAdmission;
  readonly clock: Clock;
  readonly timer: Timer;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** A target of the plan, and what became of this request there. */
interface Tried {
  readonly target: Target;
  readonly state: TargetState;
  tries: number;
  notBeforeMs: number;
}

/** Others look for the pause's end too: they do not all come at once. */
const PAUSE_SPREAD_MS = 100;

/** One request on its way to a target: looks for one, waits, tries, and falls back, step by step as `nextStep` decides. */
export class DispatchRun {
  readonly #parts: DispatchParts;
  readonly #open: OpenTarget;
  readonly #request: DispatchRequest;
  readonly #groups: readonly (readonly Tried[])[];
  readonly #attempts: AttemptRecord[] = [];
  readonly #waitUntilMs: number;
  readonly #refusals: Refusal[] = [];
  #waiter: Waiter | undefined;
  /** The tokens a minute of an upstream that takes fewer than this request alone. */
  #beyond: number | undefined;

  constructor(parts: DispatchParts, plan: Plan, open: OpenTarget, request: DispatchRequest) {
    this.#parts = parts;
    this.#open = open;
    this.#request = request;
    const nowMs = parts.clock.nowMs();
    this.#waitUntilMs = nowMs + UPSTREAM_LIMITS.upstreamWaitMaxMs;
    const known = new Map<TargetState, Tried>();
    this.#groups = plan.groups.map((group) =>
      group.map((target) => {
        const state = parts.states.of(target, nowMs);
        // A target that is in two groups is tried as one.
        const tried = known.get(state) ?? { target, state, tries: 0, notBeforeMs: 0 };
        known.set(state, tried);
        return tried;
      }),
    );
  }

  async run(): Promise<Result<Dispatched, Undispatched>> {
    const cancel = new CancelSource(this.#request.cancellation);
    const { deadlineMs } = this.#request;
    const { clock, timer } = this.#parts;
    const disarm = deadlineMs === undefined ? undefined : timer.after(Math.max(0, deadlineMs - clock.nowMs()), () => cancel.cancel());
    let isAnswered = false;
    try {
      const dispatched = await this.#steps(cancel);
      isAnswered = dispatched.ok;
      return dispatched;
    } finally {
      // The caller's own cancellation still reaches the body of an answer that has begun; the deadline does not.
      if (!isAnswered) cancel.close();
      disarm?.();
      this.#leaveLine();
    }
  }

  async #steps(cancel: CancelSource): Promise<Result<Dispatched, Undispatched>> {
    for (;;) {
      const nowMs = this.#parts.clock.nowMs();
      if (cancel.isCancelled || nowMs >= (this.#request.deadlineMs ?? Infinity)) return this.#refuse('stopped', undefined);
      const step = nextStep(this.#candidates(nowMs), nowMs);
      switch (step.kind) {
        case 'attempt': {
          const dispatched = await this.#attempt(step, cancel);
          if (dispatched !== undefined) return ok(dispatched);
          break;
        }
        case 'queue':
          if (!this.#standInLine(step, nowMs)) return this.#refuse('busy', undefined);
          await this.#sleep(this.#parts.line.lookAfterMs(must(this.#waiter, 'the request stands in line')), cancel);
          break;
        case 'pause':
          this.#leaveLine();
          if (nowMs >= this.#waitUntilMs) return this.#refuse('busy', step.untilMs);
          await this.#sleep(step.untilMs - nowMs + (step.isShared ? Math.floor(this.#parts.random() * PAUSE_SPREAD_MS) : 0), cancel);
          break;
        case 'give_up':
          return this.#refuse(step.isPaused ? 'paused' : 'given_up', step.retryAtMs);
      }
    }
  }

  #candidates(nowMs: number): Candidate[][] {
    return this.#groups.map((group) => {
      const avoided = outliers(group.map(({ state }) => state.breaker.failureShare(nowMs)));
      return group.map(({ state, target, tries, notBeforeMs }, member) => ({
        standing: this.#standing(target, state, nowMs),
        tries,
        notBeforeMs,
        mayRetry: state.retries.hasOne(nowMs),
        isOutlier: avoided.has(member),
      }));
    });
  }

  #standing(target: Target, state: TargetState, nowMs: number): Standing {
    const { places, line } = this.#parts;
    const admitsAtMs = state.breaker.admitsAtMs(nowMs);
    if (admitsAtMs > nowMs) return { kind: 'down', untilMs: admitsAtMs };
    if (state.pausedUntilMs > nowMs) return { kind: 'paused', untilMs: state.pausedUntilMs };
    const free = places.free(target, nowMs);
    return line.isTurnOf(this.#waiter, target.upstreamId, free, nowMs) ? { kind: 'ready' } : { kind: 'busy' };
  }

  async #attempt(step: Extract<NextStep, { kind: 'attempt' }>, cancel: CancelSource): Promise<Dispatched | undefined> {
    const { clock, random } = this.#parts;
    const group = must(this.#groups[step.group], 'a group of the plan');
    const from = step.members.map((member) => must(group[member], 'a member of the group'));
    const chosen = chooseTarget(from, this.#request, random, clock.nowMs());
    const attempt = await this.#begin(chosen, step.isRetry, cancel);
    if (attempt === undefined) return undefined;
    const { mayHedge } = this.#request;
    const others = mayHedge ? () => this.#hedge(step.group, cancel) : undefined;
    // A percentile sorts all times that are kept: only for those that use it.
    const { won, result } = await hedged(attempt, mayHedge ? chosen.state.times.p95Ms() : undefined, others, {
      run: (one) => this.#run(one),
      timer: this.#parts.timer,
    });
    if (result.kind === 'failed') return undefined;
    const { opened } = result;
    return {
      target: won.target,
      opened,
      attempts: this.#attempts,
      finish: (end, tokensUsed) => {
        won.finish(end, opened.status >= 400, tokensUsed);
        cancel.close();
      },
    };
  }

  /** A second target for a request whose first one is slow: one that is free at once, and has a retry left. */
  async #hedge(groupAt: number, cancel: CancelSource): Promise<Attempt | undefined> {
    const nowMs = this.#parts.clock.nowMs();
    const group = must(this.#groups[groupAt], 'a group of the plan');
    const free = group.filter(
      ({ target, state, tries }) => tries === 0 && state.retries.hasOne(nowMs) && this.#standing(target, state, nowMs).kind === 'ready',
    );
    if (free.length === 0 || this.#attempts.length + 2 > UPSTREAM_LIMITS.upstreamAttemptsMaxCount) return undefined;
    return this.#begin(chooseTarget(free, this.#request, this.#parts.random, nowMs), true, cancel);
  }

  /** Takes all that a call needs: between the decision and this nothing else runs, so that it is still there. */
  async #begin(tried: Tried, isRetry: boolean, cancel: CancelSource): Promise<Attempt | undefined> {
    const { clock, timer, places } = this.#parts;
    const { target, state } = tried;
    const { tokensMax, accepts } = this.#request;
    const nowMs = clock.nowMs();
    const passage = must(state.breaker.admit(nowMs), 'the breaker lets a ready target be called');
    const place = places.take(target, nowMs);
    const admission = await this.#admit(tried);
    if (admission === undefined || cancel.isCancelled) {
      admission?.end(0);
      place.release();
      passage.abandoned();
      return undefined;
    }
    this.#leaveLine();
    tried.tries += 1;
    if (isRetry) state.retries.withdraw();
    else state.retries.deposit();
    return new Attempt({
      target,
      state,
      place,
      passage,
      // A call is work also where nothing is known of its tokens.
      tokensMax: Math.max(1, tokensMax),
      admission,
      clock,
      timer,
      outer: cancel,
      ...(accepts === undefined ? {} : { accepts }),
    });
  }

  /** Undefined: not now; the request, or the isolate, does not ask again until something may have changed. */
  async #admit(tried: Tried): Promise<Admission | undefined> {
    const { admission, clock, places } = this.#parts;
    const { target, state } = tried;
    const admitted = await admission.admit(target, this.#request.tokensMax);
    if (admitted.kind === 'admitted') return admitted.admission;
    if (admitted.kind === 'never') {
      this.#beyond = admitted.tokensMax;
      tried.notBeforeMs = Infinity;
      return undefined;
    }
    const untilMs = clock.nowMs() + admitted.retryAfterMs;
    if (admitted.of === 'concurrency') places.busyUntil(target.upstreamId, untilMs);
    else if (admitted.of === 'requests') state.pauseUntil(untilMs);
    // A smaller request may still have room.
    else tried.notBeforeMs = untilMs;
    return undefined;
  }

  async #run(attempt: Attempt): Promise<AttemptResult> {
    const result = await attempt.run(this.#open);
    const { target, startedAtMs } = attempt;
    const nowMs = this.#parts.clock.nowMs();
    this.#attempts.push({
      upstream: target.upstream,
      model: target.model.name,
      ...(result.kind === 'answered' ? { status: result.opened.status } : {}),
      ...(result.kind === 'failed' && result.status !== undefined ? { status: result.status } : {}),
      ...(result.kind === 'failed' && result.fault !== undefined ? { fault: result.fault } : {}),
      elapsedMs: nowMs - startedAtMs,
    });
    if (result.kind === 'failed' && result.refusal !== undefined) this.#refusals.push(result.refusal);
    if (result.kind === 'failed' && result.fault !== 'cancelled') this.#failed(target, nowMs);
    return result;
  }

  #failed(target: Target, nowMs: number): void {
    const tried = must(
      this.#groups.flat().find((one) => one.target === target),
      'a target of the plan',
    );
    const latestMs = Math.min(UPSTREAM_LIMITS.upstreamRetryLastMs, UPSTREAM_LIMITS.upstreamRetryFirstMs * 2 ** (tried.tries - 1));
    tried.notBeforeMs = nowMs + Math.floor(this.#parts.random() * latestMs);
  }

  /** False: the line is full, or the request has stood in it for as long as it may. */
  #standInLine({ places }: Extract<NextStep, { kind: 'queue' }>, nowMs: number): boolean {
    const { owner = '', priority, deadlineMs = Infinity } = this.#request;
    if (nowMs >= this.#waitUntilMs) return false;
    this.#waiter ??= this.#parts.line.join(owner, priority, deadlineMs, nowMs);
    if (this.#waiter === undefined || this.#waiter.isPutOut) return false;
    this.#waiter.lookedAtMs = nowMs;
    this.#waiter.accepts = new Set(
      places.map(({ group, member }) => must(this.#groups[group]?.[member], 'a member of a group').target.upstreamId),
    );
    return true;
  }

  #leaveLine(): void {
    if (this.#waiter !== undefined) this.#parts.line.leave(this.#waiter);
    this.#waiter = undefined;
  }

  #sleep(delayMs: number, cancel: CancelSource): Promise<void> {
    return new Promise((resolve) => {
      const disarm = this.#parts.timer.after(Math.max(1, delayMs), () => {
        leave();
        resolve();
      });
      const leave = cancel.onCancel(() => {
        disarm();
        resolve();
      });
    });
  }

  #refuse(why: GivenUp, retryAtMs: number | undefined): Result<never, Undispatched> {
    const nowMs = this.#parts.clock.nowMs();
    const isLate = nowMs >= (this.#request.deadlineMs ?? Infinity);
    if (why === 'stopped' && isLate) {
      const late = refusal(
        'deadline_exceeded',
        `no upstream has begun to answer before the deadline, in ${this.#attempts.length} attempts`,
      );
      return err({ refusal: late, attempts: this.#attempts });
    }
    if (why === 'given_up' && this.#beyond !== undefined && this.#attempts.length === 0) {
      const what = `the request may take ${this.#request.tokensMax} tokens, and the upstreams of the model are sent fewer in a minute`;
      return err({ refusal: refuseBeyond({ limit: { bound: this.#beyond }, value: this.#request.tokensMax, what }).error, attempts: [] });
    }
    const retryAfterMs = retryAtMs === undefined ? undefined : Math.max(1, retryAtMs - nowMs);
    const [attempts, refusals, pausedBy] = [this.#attempts, this.#refusals, this.#pausedBy(nowMs)];
    return err({ refusal: dispatchRefusal({ why, attempts, refusals, pausedBy, retryAfterMs }), attempts });
  }

  /** What the target has answered whose pause ends first. */
  #pausedBy(nowMs: number): UpstreamAnswer | undefined {
    const paused = this.#groups.flat().filter(({ state }) => state.pausedUntilMs > nowMs);
    const first = paused.toSorted((one, other) => one.state.pausedUntilMs - other.state.pausedUntilMs)[0];
    return first?.state.pausedBy;
  }
}
