import type { Outcome } from '../../contract/api/outcome.ts';
import { GUARDRAIL_LIMITS } from '../../contract/guardrails/guardrail-limits.ts';
import { assert } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { Turn, WorkBounds } from '../../kernel/stepped-work.ts';
import { SteppedWork } from '../../kernel/stepped-work.ts';
import { parseExactJson } from '../../kernel/exact-json.ts';
import type { Dialect } from '../protocol/stream-tap.ts';
import type { AnswerNeed } from './guard.ts';
import { Guard, tooLong } from './guard.ts';
import type { GuardedPiece } from './guarded-stream.ts';
import { GuardedStream } from './guarded-stream.ts';
import type { HookRecord } from './guardrail-policy.ts';

/** With what the hooks have done since the last answer. */
interface Recorded {
  readonly records: readonly HookRecord[];
}

export interface GuardedRequest extends Recorded {
  readonly body: Outcome<string>;
  readonly answerNeed: AnswerNeed;
  readonly restores: boolean;
}

export interface GuardedAnswer extends Recorded {
  readonly text: Outcome<string>;
}

interface GuardSessionParts extends Omit<ConstructorParameters<typeof Guard>[0], 'work'> {
  readonly turn: Turn;
  /** Absent: `GUARD_WORK`. */
  readonly bounds?: WorkBounds;
}

/** What the hooks do for one call. [U198] */
export const GUARD_WORK: WorkBounds = {
  stepUnitsMax: GUARDRAIL_LIMITS.guardrailStepUnitsMax,
  unitsMax: GUARDRAIL_LIMITS.guardrailUnitsMax,
};

/** The guardrails of one call, from its request to the last piece of its answer. */
export class GuardSession {
  readonly #guard: Guard;
  readonly #work: SteppedWork;
  #stream: GuardedStream | undefined;

  constructor({ turn, bounds = GUARD_WORK, ...parts }: GuardSessionParts) {
    this.#work = new SteppedWork(bounds, turn);
    this.#guard = new Guard({ ...parts, work: this.#work });
  }

  /** The call has gone: what is under way ends with its step. */
  stop(): void {
    this.#work.stop();
  }

  /** The body of a request, as JSON: numbers that no double holds cross no boundary between Workers otherwise. */
  async requestText(text: string): Promise<GuardedRequest> {
    const judged = await judgedText(text, (body) => this.#guard.request(body));
    const { answerNeed, restores } = this.#guard;
    return { body: judged, answerNeed, restores, records: this.#guard.takeRecords() };
  }

  /** An answer that is no stream: where nothing is changed it stays as the upstream wrote it. */
  async answer(text: string): Promise<GuardedAnswer> {
    // Each reading of it is a step of its own.
    if (text.length > GUARDRAIL_LIMITS.guardrailHeldBytesMax) return { text: tooLong(), records: [] };
    await this.#guard.pass(text.length);
    const judged = await judgedText(text, async (body) => {
      await this.#guard.pass(text.length);
      return this.#guard.answer(body);
    });
    return { text: judged, records: this.#guard.takeRecords() };
  }

  /** A text of the answer as another model may read it. Undefined: no model may. */
  shown(text: string): Promise<string | undefined> {
    return this.#guard.shown(text);
  }

  /** What is sent of the next piece of a stream. */
  async push(dialect: Dialect, requestId: string, piece: Uint8Array): Promise<GuardedPiece & Recorded> {
    this.#stream ??= new GuardedStream(this.#guard, dialect, requestId);
    const passed = await this.#stream.push(piece);
    return { ...passed, records: this.#guard.takeRecords() };
  }

  /** What is sent once the stream has ended. */
  async end(): Promise<GuardedPiece & Recorded> {
    assert(this.#stream !== undefined, 'a stream has pieces');
    const last = await this.#stream.end();
    return { ...last, records: this.#guard.takeRecords() };
  }
}

/** What becomes of a body: as it was written, unless a hook has changed it. */
async function judgedText(text: string, judge: (body: unknown) => Promise<Outcome<unknown>>): Promise<Outcome<string>> {
  const body = parseExactJson(text);
  const judged = await judge(body);
  return judged.ok ? ok(judged.value === body ? text : JSON.stringify(judged.value)) : judged;
}
