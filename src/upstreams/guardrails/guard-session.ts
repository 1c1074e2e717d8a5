import type { Outcome } from '../../contract/api/outcome.ts';
import { GUARDRAIL_LIMITS } from '../../contract/guardrails/guardrail-limits.ts';
import { assert } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { Turn, WorkBounds } from '../../kernel/stepped-work.ts';
import { SteppedWork } from '../../kernel/stepped-work.ts';
import type { JsonObject } from '../protocol/json.ts';
import { parsedObject } from '../protocol/json.ts';
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
  readonly body: Outcome<JsonObject>;
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

  async request(body: JsonObject): Promise<GuardedRequest> {
    const judged = await this.#guard.request(body);
    const { answerNeed, restores } = this.#guard;
    return { body: judged, answerNeed, restores, records: this.#guard.takeRecords() };
  }

  /** An answer that is no stream: where nothing is changed it stays as the upstream wrote it. */
  async answer(text: string): Promise<GuardedAnswer> {
    // Each reading of it is a step of its own.
    if (text.length > GUARDRAIL_LIMITS.guardrailHeldBytesMax) return { text: tooLong(), records: [] };
    await this.#guard.pass(text.length);
    const body = parsedObject(text) ?? {};
    await this.#guard.pass(text.length);
    const judged = await this.#guard.answer(body);
    const records = this.#guard.takeRecords();
    if (!judged.ok) return { text: judged, records };
    const changed = JSON.stringify(judged.value);
    return { text: ok(changed === JSON.stringify(body) ? text : changed), records };
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
