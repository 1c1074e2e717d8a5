import { joinedBytes, utf8 } from '../../kernel/bytes.ts';
import type { JsonObject } from '../../upstreams/protocol/json.ts';
import { isObject, exactObject, textAt } from '../../upstreams/protocol/json.ts';
import type { SseEvent } from '../../upstreams/protocol/sse-events.ts';
import { SseEvents, sseText } from '../../upstreams/protocol/sse-events.ts';
import { ChatRecord } from '../../upstreams/stored/chat-record.ts';
import type { StoredKind } from '../../upstreams/stored/stored-answer.ts';
import type { AnswerPieces } from './answer-pieces.ts';

interface StoredStreamParts {
  readonly kind: StoredKind;
  /** An answer, or a piece of one, as the caller sees it while it comes. */
  readonly shown: (answer: JsonObject) => JsonObject;
  /** Stores a whole answer; resolves to it as the caller sees it. */
  readonly keep: (answer: JsonObject) => Promise<JsonObject>;
}

const LAST_EVENTS: ReadonlySet<unknown> = new Set(['response.completed', 'response.incomplete']);

/**
 * A stream whose answer is stored before its last event is passed on: who has all of it finds it stored. Its pieces are whole events. One that
 * breaks off is not stored. [U249]
 */
export class StoredStream implements AnswerPieces {
  readonly #pieces: AnswerPieces;
  readonly #parts: StoredStreamParts;
  readonly #events = new SseEvents();
  readonly #chat = new ChatRecord();

  constructor(pieces: AnswerPieces, parts: StoredStreamParts) {
    this.#pieces = pieces;
    this.#parts = parts;
  }

  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const piece = await this.#pieces.next();
      if (piece === undefined) return undefined;
      const sent: Uint8Array[] = [];
      for (const event of this.#events.push(piece)) sent.push(await this.#sent(event));
      if (sent.length > 0) return joinedBytes(sent);
    }
  }

  cancel(): void {
    this.#pieces.cancel();
  }

  async #sent({ bytes, name, data }: SseEvent): Promise<Uint8Array> {
    if (data === undefined) return bytes;
    if (data === '[DONE]') {
      const whole = this.#chat.whole();
      if (whole !== undefined) await this.#parts.keep(whole);
      return bytes;
    }
    const event = exactObject(data);
    const changed = event === undefined ? undefined : await this.#changed(event);
    return changed === undefined ? bytes : utf8(sseText(JSON.stringify(changed), name));
  }

  /** Undefined: nothing of the event names the answer. */
  async #changed(event: JsonObject): Promise<JsonObject | undefined> {
    const { kind, shown, keep } = this.#parts;
    if (kind === 'chat') {
      if (textAt(event, 'id') === undefined) return undefined;
      this.#chat.push(event);
      return shown(event);
    }
    const { response } = event;
    if (!isObject(response)) return undefined;
    return { ...event, response: LAST_EVENTS.has(event['type']) ? await keep(response) : shown(response) };
  }
}
