import { UPSTREAM_LIMITS } from '../../contract/upstreams/upstream-limits.ts';
import type { UpstreamAnswer } from '../../contract/api/upstream-answer.ts';
import type { BreakerState } from '../../contract/routes/route-conditions.ts';
import type { Target } from '../target.ts';
import { targetId } from '../target.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { FirstTokenTimes } from './first-token-times.ts';
import { RetryBudget } from './retry-budget.ts';

/** Work given to a target counts for half after so long, beside what is outstanding: so that targets at rest share by weight too. */
const RECENT_HALF_LIFE_MS = 5_000;
/** A first token that takes no time would make any load nothing. */
const FIRST_TOKEN_MIN_MS = 1;

/** A replica that has been in no plan for so long is taken to be gone: another has taken its place at another address. */
const REPLICA_GONE_MS = 60_000;

/** How attempts at a target have ended, since the isolate started. */
export const ATTEMPT_ENDS = ['served', 'rejected', 'failed', 'paused', 'broke_off', 'cancelled'] as const;
export type AttemptEndKind = (typeof ATTEMPT_ENDS)[number];

/** A target as health reports and metrics show it. */
export interface TargetHealth {
  readonly upstreamId: string;
  readonly upstream: string;
  readonly model: string;
  /** Where it is, of a replica. */
  readonly replicaUrl?: string;
  readonly breaker: BreakerState;
  /** Null: too few calls of late. */
  readonly failureShare: number | null;
  /** Null: it asked for no pause. */
  readonly pausedUntilMs: number | null;
  readonly outstandingCalls: number;
  readonly outstandingTokens: number;
  readonly firstTokenP95Ms: number | null;
  readonly attempts: Readonly<Record<AttemptEndKind, number>>;
}

interface Outstanding {
  readonly tokens: number;
  readonly untilMs: number;
}

/** The state of one target in an isolate: plain data, which no request awaits. */
export class TargetState {
  readonly breaker = new CircuitBreaker();
  readonly times = new FirstTokenTimes();
  readonly retries: RetryBudget;
  readonly attempts: Record<AttemptEndKind, number> = { served: 0, rejected: 0, failed: 0, paused: 0, broke_off: 0, cancelled: 0 };
  #pausedUntilMs = 0;
  /** What the target has answered that asked for the pause. */
  #pausedBy: UpstreamAnswer | undefined;
  /** Calls under way, the oldest first. */
  readonly #outstanding = new Set<Outstanding>();
  #outstandingTokens = 0;
  #recentTokens = 0;
  #recentAtMs: number;

  constructor(nowMs: number) {
    this.retries = new RetryBudget(nowMs);
    this.#recentAtMs = nowMs;
  }

  get outstandingCalls(): number {
    return this.#outstanding.size;
  }

  get outstandingTokens(): number {
    return this.#outstandingTokens;
  }

  get pausedUntilMs(): number {
    return this.#pausedUntilMs;
  }

  /** What the target has answered that asked for the pause, without what is of one call alone; undefined: its settings ask for it. */
  get pausedBy(): UpstreamAnswer | undefined {
    return this.#pausedBy;
  }

  /** `by`: the target asked for it, with this answer. */
  pauseUntil(untilMs: number, by?: UpstreamAnswer): void {
    if (untilMs < this.#pausedUntilMs) return;
    this.#pausedUntilMs = untilMs;
    // Other callers read it, too.
    const { param: _, rateHeaders: __, ...common } = by ?? {};
    this.#pausedBy = by === undefined ? undefined : ({ ...common } as UpstreamAnswer);
  }

  /** Answers how to end it. A call that its request has left without a word counts until `untilMs`. */
  begin(tokens: number, nowMs: number, untilMs: number): () => void {
    for (const call of this.#outstanding) {
      if (call.untilMs > nowMs) break;
      this.#end(call);
    }
    const call = { tokens, untilMs };
    this.#outstanding.add(call);
    this.#outstandingTokens += tokens;
    this.#recentTokens = this.#recent(nowMs) + tokens;
    this.#recentAtMs = nowMs;
    return () => this.#end(call);
  }

  #end(call: Outstanding): void {
    if (this.#outstanding.delete(call)) this.#outstandingTokens -= call.tokens;
  }

  /** What a request of `tokens` would wait for here, relative to other targets: work by weight, dearer where answers begin late. */
  cost(tokens: number, weight: number, nowMs: number): number {
    const work = this.#outstandingTokens + this.#recent(nowMs) + tokens;
    return (work / weight) * Math.max(FIRST_TOKEN_MIN_MS, this.times.averageMs(nowMs));
  }

  health({ upstreamId, upstream, model, replica }: Target, nowMs: number): TargetHealth {
    return {
      upstreamId,
      upstream,
      model: model.name,
      ...(replica === undefined ? {} : { replicaUrl: replica.url }),
      breaker: this.breaker.state(nowMs),
      failureShare: this.breaker.failureShare(nowMs) ?? null,
      pausedUntilMs: this.#pausedUntilMs > nowMs ? this.#pausedUntilMs : null,
      outstandingCalls: this.#outstanding.size,
      outstandingTokens: this.#outstandingTokens,
      firstTokenP95Ms: this.times.p95Ms() ?? null,
      attempts: { ...this.attempts },
    };
  }

  #recent(nowMs: number): number {
    return this.#recentTokens * 0.5 ** (Math.max(0, nowMs - this.#recentAtMs) / RECENT_HALF_LIFE_MS);
  }
}

/**
 * The breaker of a model of an upstream, by the health of all targets: of several replicas the one that lets most through. One that was never called
 * has none yet, and where no replica is ready there is nothing to call.
 */
export function breakerOf({ upstreamId, model, replicas }: Target, health: readonly TargetHealth[]): BreakerState {
  if (replicas?.length === 0) return 'open';
  const ready = new Set(replicas?.map(({ url }) => url));
  const known = health.filter(
    (one) => one.upstreamId === upstreamId && one.model === model.name && (one.replicaUrl === undefined || ready.has(one.replicaUrl)),
  );
  if (known.length < (replicas?.length ?? 1)) return 'closed';
  return (['closed', 'half_open'] as const).find((state) => known.some(({ breaker }) => breaker === state)) ?? 'open';
}

/** The states of all targets that an isolate has called; of many, those that were called last. */
export class TargetStates {
  readonly #known = new Map<string, { readonly target: Target; readonly state: TargetState; readonly atMs: number }>();

  of(target: Target, nowMs: number): TargetState {
    const key = targetId(target);
    const known = this.#known.get(key);
    this.#known.delete(key);
    const state = known?.state ?? new TargetState(nowMs);
    this.#known.set(key, { target, state, atMs: nowMs });
    if (known === undefined) this.#forget();
    return state;
  }

  health(nowMs: number): TargetHealth[] {
    const known = [...this.#known.values()].filter(({ target, atMs }) => target.replica === undefined || nowMs - atMs < REPLICA_GONE_MS);
    return known.map(({ target, state }) => state.health(target, nowMs));
  }

  #forget(): void {
    if (this.#known.size <= UPSTREAM_LIMITS.upstreamTargetsKnownMaxCount) return;
    // A target with calls under way keeps its state: they are counted in it.
    for (const [key, { state }] of this.#known) {
      if (state.outstandingCalls > 0) continue;
      this.#known.delete(key);
      return;
    }
  }
}
