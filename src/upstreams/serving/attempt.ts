import type { Refusal } from '../../contract/api/errors.ts';
import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import { UPSTREAM_LIMITS } from '../../contract/upstreams/upstream-limits.ts';
import { assert, must } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Timer } from '../../kernel/timer.ts';
import { inTime } from '../../kernel/timer.ts';
import { bodyText } from '../body-text.ts';
import { refusalBy } from '../protocol/upstream-error.ts';
import type { Target } from '../target.ts';
import type { BodyReader, Cancellation, Opened, TransportFault } from '../transport.ts';
import type { Admission } from './admission.ts';
import { CancelSource } from './cancel-source.ts';
import type { Passage } from './circuit-breaker.ts';
import { meaningOf } from '../upstream-status.ts';
import type { Judgement } from './judge-answer.ts';
import { judgeAnswer } from './judge-answer.ts';
import type { Place } from './places.ts';
import { lostAtMs } from './places.ts';
import type { AttemptEndKind, TargetState } from './target-state.ts';

export type OpenTarget = (target: Target, cancellation: Cancellation) => Promise<Opened | TransportFault>;
export type FinishedAs = 'whole' | 'cancelled' | TransportFault;

/** How an attempt came out: with an answer that begins, or without. */
export type AttemptResult =
  | { readonly kind: 'answered'; readonly opened: Opened }
  | {
      readonly kind: 'failed';
      readonly status?: number;
      readonly fault?: TransportFault['fault'];
      /** What the call is refused with if no other attempt is answered; absent: the target has not answered. */
      readonly refusal?: Refusal;
    };

interface AttemptParts {
  readonly target: Target;
  readonly state: TargetState;
  readonly place: Place;
  readonly passage: Passage;
  readonly tokensMax: number;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly outer: Cancellation;
  readonly accepts?: (target: Target, opened: Opened, firstPiece: Uint8Array) => boolean;
}

const CANCELLED: TransportFault = { kind: 'fault', fault: 'cancelled' };
const GARBAGE: TransportFault = { kind: 'fault', fault: 'garbage' };

/**
 * One exchange with a target. It holds the target's place and passage from its construction, and gives back all that it holds exactly once:
 * when it fails, is cancelled, or when `finish` is called. [U57]
 */
export class Attempt {
  readonly target: Target;
  readonly startedAtMs: number;
  readonly #parts: AttemptParts;
  readonly #cancel: CancelSource;
  readonly #endCall: () => void;
  #isFinished = false;

  constructor(parts: AttemptParts) {
    this.#parts = parts;
    this.target = parts.target;
    this.startedAtMs = parts.clock.nowMs();
    this.#cancel = new CancelSource(parts.outer);
    this.#endCall = parts.state.begin(parts.tokensMax, this.startedAtMs, lostAtMs(parts.target, this.startedAtMs));
  }

  /** Until the first piece of the answer is there. */
  async run(open: OpenTarget): Promise<AttemptResult> {
    try {
      return await this.#exchange(open);
    } catch (defect) {
      this.#end('failed', (passage, nowMs) => passage.failed(nowMs, true));
      throw defect;
    }
  }

  /** Gives it up, and the connection with it. */
  cancel(): void {
    this.#cancel.cancel();
  }

  /** The body is over. Only the first call counts. */
  finish(end: FinishedAs, isRejection: boolean, tokensUsed?: number): void {
    if (end === 'whole') this.#end(isRejection ? 'rejected' : 'served', () => undefined, tokensUsed);
    else if (end === 'cancelled' || end.fault === 'cancelled') this.#end('cancelled', (passage) => passage.abandoned(), tokensUsed);
    else this.#end('broke_off', (passage, nowMs) => passage.failed(nowMs, true), tokensUsed);
  }

  async #exchange(open: OpenTarget): Promise<AttemptResult> {
    const { target, state, clock } = this.#parts;
    const opened = await this.#unlessCancelled(open(target, this.#cancel), (late) => late.kind === 'opened' && late.body.cancel());
    if (opened.kind === 'fault') return this.#failed(opened);
    const judgement = judgeAnswer(opened);
    if (judgement.kind !== 'answer') return this.#refused(opened, judgement);
    const piece = await this.#unlessCancelled(opened.body.read(), () => undefined);
    if (piece !== undefined && 'kind' in piece) {
      opened.body.cancel();
      return this.#failed(piece);
    }
    // What refuses the request need not be as what answers it would be.
    const isAnswer = opened.status >= 400 || (this.#parts.accepts?.(target, opened, piece ?? new Uint8Array(0)) ?? true);
    if (!isAnswer) {
      opened.body.cancel();
      return this.#failed(GARBAGE);
    }
    const nowMs = clock.nowMs();
    state.times.observe(nowMs - this.startedAtMs, nowMs);
    this.#parts.passage.succeeded(nowMs);
    return { kind: 'answered', opened: { ...opened, body: startingWith(piece, opened.body) } };
  }

  /** A transport that does not hear of the cancellation holds nothing up: what it brings later goes to `late`. */
  #unlessCancelled<T>(work: Promise<T>, late: (value: T) => void): Promise<T | TransportFault> {
    return new Promise((resolve, reject) => {
      let isCancelled = false;
      const leave = this.#cancel.onCancel(() => {
        isCancelled = true;
        resolve(CANCELLED);
      });
      const settle = (value: T): void => {
        leave();
        if (isCancelled) late(value);
        else resolve(value);
      };
      work.then(settle, reject);
    });
  }

  #failed({ fault }: TransportFault): AttemptResult {
    if (fault === 'cancelled') this.#end('cancelled', (passage) => passage.abandoned());
    else this.#end('failed', (passage, nowMs) => passage.failed(nowMs, true));
    return { kind: 'failed', fault };
  }

  async #refused(opened: Opened, { kind, pauseMs }: Exclude<Judgement, { readonly kind: 'answer' }>): Promise<AttemptResult> {
    const { target, state, clock } = this.#parts;
    const { status } = opened;
    const untilMs = clock.nowMs() + pauseMs;
    // Others know of it at once, and what was said of it when that is there.
    if (pauseMs > 0) state.pauseUntil(untilMs, refusalBy(target, { ...opened, body: '' }).upstream);
    const said = await this.#said(opened);
    if (typeof said !== 'string') return this.#failed(said);
    const refusal = refusalBy(target, { ...opened, body: said });
    if (pauseMs > 0) state.pauseUntil(untilMs, refusal.upstream);
    // A target that asks for a pause is up: a probe that meets one ends without a verdict.
    if (kind === 'pause') this.#end('paused', (passage) => passage.abandoned());
    else this.#end('failed', (passage, nowMs) => passage.failed(nowMs, false));
    return { kind: 'failed', status, refusal };
  }

  /** What an answer that serves nothing says, as far as it comes in time; a fault: the attempt was called off. */
  async #said({ status, body }: Opened): Promise<string | TransportFault> {
    if (meaningOf(status) === 'misconfigured') {
      body.cancel();
      return '';
    }
    const { timer } = this.#parts;
    const read = inTime(bodyText(body, COMPLETION_LIMITS.upstreamErrorBytesMax), UPSTREAM_LIMITS.upstreamErrorReadMs, timer);
    const text = await this.#unlessCancelled(read, () => undefined);
    if (text === undefined || text === CANCELLED) body.cancel();
    return text === CANCELLED || typeof text === 'string' ? text : '';
  }

  #end(as: AttemptEndKind, verdict: (passage: Passage, nowMs: number) => void, tokensUsed?: number): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    const { state, place, passage, admission, clock } = this.#parts;
    this.#cancel.close();
    place.release();
    admission.end(tokensUsed);
    this.#endCall();
    state.attempts[as] += 1;
    verdict(passage, clock.nowMs());
  }
}

/** The body with the piece that was read already. */
function startingWith(first: Uint8Array | undefined, body: BodyReader): BodyReader {
  let isRead = false;
  const passes = body.pass !== undefined;
  return {
    read: () => {
      if (isRead) return body.read();
      isRead = true;
      return Promise.resolve(first);
    },
    cancel: () => body.cancel(),
    ...(passes
      ? {
          pass: (lead, copy) => {
            assert(isRead, 'the piece that was read is part of the lead');
            return must(body.pass?.(lead, copy), 'a body that passes once may pass');
          },
        }
      : {}),
  };
}
