import type { Outcome } from '../../contract/api/outcome.ts';
import { assert } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { JsonObject } from '../protocol/json.ts';
import { parsedObject } from '../protocol/json.ts';
import type { Dialect } from '../protocol/stream-tap.ts';
import type { AnswerNeed } from './guard.ts';
import { Guard } from './guard.ts';
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

/** The guardrails of one call, from its request to the last piece of its answer. */
export class GuardSession {
  readonly #guard: Guard;
  #stream: GuardedStream | undefined;

  constructor(parts: ConstructorParameters<typeof Guard>[0]) {
    this.#guard = new Guard(parts);
  }

  async request(body: JsonObject): Promise<GuardedRequest> {
    const judged = await this.#guard.request(body);
    const { answerNeed, restores } = this.#guard;
    return { body: judged, answerNeed, restores, records: this.#guard.takeRecords() };
  }

  /** An answer that is no stream: where nothing is changed it stays as the upstream wrote it. */
  async answer(text: string): Promise<GuardedAnswer> {
    const body = parsedObject(text) ?? {};
    const judged = await this.#guard.answer(body);
    const records = this.#guard.takeRecords();
    if (!judged.ok) return { text: judged, records };
    const changed = JSON.stringify(judged.value);
    return { text: ok(changed === JSON.stringify(body) ? text : changed), records };
  }

  /** A text of the answer as another model may read it. Undefined: no model may. */
  shown(text: string): string | undefined {
    return this.#guard.shown(text);
  }

  /** What is sent of the next piece of a stream. */
  push(dialect: Dialect, requestId: string, piece: Uint8Array): GuardedPiece & Recorded {
    this.#stream ??= new GuardedStream(this.#guard, dialect, requestId);
    return { ...this.#stream.push(piece), records: this.#guard.takeRecords() };
  }

  /** What is sent once the stream has ended. */
  async end(): Promise<GuardedPiece & Recorded> {
    assert(this.#stream !== undefined, 'a stream has pieces');
    const last = await this.#stream.end();
    return { ...last, records: this.#guard.takeRecords() };
  }
}
