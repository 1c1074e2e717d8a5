import type { Refusal } from '../../contract/api/errors.ts';
import { joinedBytes, utf8 } from '../../kernel/bytes.ts';
import type { AnswerNotes } from './answer-notes.ts';
import type { JsonObject } from './json.ts';
import { isObject, parsedObject } from './json.ts';
import type { SseEvent } from './sse-events.ts';
import { SseEvents, sseText } from './sse-events.ts';
import type { Dialect, Seen, StreamTap } from './stream-tap.ts';
import { tapOf } from './stream-tap.ts';
import type { StreamTranslator } from './stream-translator.ts';
import { endOf, writtenEvents } from './stream-translator.ts';
import type { WithoutSecret } from './surface-errors.ts';
import { errorEvent, shownMessage, withShownError } from './surface-errors.ts';
import type { Usage } from './usage.ts';

/** What Sluice says of a call in the event with its usage, as `sluice`. */
export type UsageNote = (usage: Usage) => JsonObject;

interface AnswerStreamParts {
  readonly spoken: Exclude<Dialect, 'plain'>;
  readonly own: Dialect;
  /** The usage was asked for by us alone: its event is taken out. */
  readonly hidesUsage: boolean;
  /** Absent: nothing is added. */
  readonly note?: UsageNote;
  /** Takes what the answer says. */
  readonly notes?: AnswerNotes;
  readonly withoutSecret?: WithoutSecret | undefined;
  /** Absent: the upstream speaks as the caller does. */
  readonly translator: StreamTranslator | undefined;
}

/** Why a stream of an upstream cannot go on. */
export interface StreamProblem {
  readonly kind: 'error' | 'garbage';
  /** What the upstream says. */
  readonly message?: string;
}

export interface Passed {
  /** What is sent to the caller for it. */
  readonly send: Uint8Array | undefined;
  readonly problem?: StreamProblem;
}

export const DONE = '[DONE]';
const NOTHING = new Uint8Array();
const EVENT_END = utf8('\n\n');

/**
 * The stream of an upstream on its way to the caller: whole events as they come, in the dialect of the call. Where nothing has to be changed
 * the bytes that came are the bytes that go. [U30] [U32]
 */
export class AnswerStream {
  readonly #parts: AnswerStreamParts;
  readonly #events = new SseEvents();
  readonly #tap: StreamTap;
  #hasEnded = false;

  constructor(parts: AnswerStreamParts) {
    this.#parts = parts;
    this.#tap = tapOf(parts.spoken);
  }

  /** As the upstream has reported it so far. */
  get usage(): Usage | undefined {
    return this.#tap.usage;
  }

  /** Of the text that has come. */
  get textBytes(): number {
    return this.#tap.textBytes;
  }

  /** Bytes of an event that has not ended. */
  get heldBytes(): number {
    return this.#events.heldBytes;
  }

  /** The whole answer has come: nothing that follows matters. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  push(piece: Uint8Array): Passed {
    const isFresh = this.#events.heldBytes === 0;
    const events = this.#events.push(piece);
    const sent: Uint8Array[] = [];
    let passedWhole = isFresh && this.#events.heldBytes === 0;
    for (const event of events) {
      if (this.#hasEnded) {
        passedWhole = false;
        break;
      }
      const { send, problem } = this.#pass(event);
      if (problem !== undefined) return { send: joined(sent), problem };
      if (send !== event.bytes) passedWhole = false;
      if (send.length > 0) sent.push(send);
    }
    return { send: passedWhole && sent.length > 0 ? piece : joined(sent) };
  }

  /** The upstream has closed the stream. `isWhole`: nothing is missing. */
  end(): Passed & { readonly isWhole: boolean } {
    // Some servers do not end their last event.
    const last = this.#hasEnded || this.#events.heldBytes === 0 ? { send: undefined } : this.push(EVENT_END);
    if (last.problem !== undefined || !this.#tap.isWhole) return { ...last, isWhole: false };
    const tail = this.#hasEnded ? undefined : utf8(this.#endText());
    this.#hasEnded = true;
    return { send: joined([last.send, tail].filter((bytes) => bytes !== undefined)), isWhole: true };
  }

  /** What tells the caller that nothing more comes, after all that was sent. [U36] */
  errorBytes(reason: Refusal, requestId: string): Uint8Array {
    this.#hasEnded = true;
    return utf8(errorEvent(this.#parts.own, reason, requestId));
  }

  #pass(event: SseEvent): { readonly send: Uint8Array; readonly problem?: StreamProblem } {
    const { data, bytes } = event;
    const { translator, hidesUsage, withoutSecret } = this.#parts;
    // Comments keep connections open: they are nothing in any dialect.
    if (data === undefined) return { send: bytes };
    if (data === DONE) return this.#pastEnd(bytes);
    const parsed = parsedObject(data);
    const seen: Seen = parsed === undefined ? { kind: 'garbage' } : this.#tap.see(parsed);
    if (seen.kind === 'error' || seen.kind === 'garbage') {
      return { send: NOTHING, problem: problemOf(seen.kind, seen.message, withoutSecret) };
    }
    if (parsed !== undefined) this.#parts.notes?.seeEvent(this.#parts.spoken, parsed);
    if (translator !== undefined) return this.#translated(translator, parsed, seen);
    if (seen.kind === 'end') this.#hasEnded = true;
    if (seen.kind === 'usage' && hidesUsage) return { send: NOTHING };
    const noted = parsed === undefined ? undefined : this.#noted(withShownError(parsed, withoutSecret));
    return { send: noted === parsed ? bytes : utf8(sseText(JSON.stringify(noted), event.name)) };
  }

  #translated(translator: StreamTranslator, event: JsonObject | undefined, seen: Seen): { readonly send: Uint8Array } {
    const text = event === undefined ? '' : this.#written(translator.push(event));
    if (seen.kind !== 'end') return { send: text === '' ? NOTHING : utf8(text) };
    const end = this.#endText();
    this.#hasEnded = true;
    return { send: utf8(text + end) };
  }

  #pastEnd(bytes: Uint8Array): { readonly send: Uint8Array } {
    this.#tap.finish();
    const { translator } = this.#parts;
    const send = translator === undefined ? bytes : utf8(this.#endText());
    this.#hasEnded = true;
    return { send };
  }

  #endText(): string {
    const { own, translator } = this.#parts;
    return (translator === undefined ? '' : this.#written(translator.end(this.#tap.usage))) + endOf(own);
  }

  #written(events: readonly JsonObject[]): string {
    return writtenEvents(
      this.#parts.own,
      events.map((event) => this.#noted(event)),
    );
  }

  /** The event with the usage that a caller has asked for says what the call costs; any other is as it was. [U78] */
  #noted(event: JsonObject): JsonObject {
    const { own, note, hidesUsage } = this.#parts;
    const usage = this.#tap.usage;
    const isAsked = !hidesUsage && (own === 'chat' || own === 'completions');
    if (!isAsked || note === undefined || usage === undefined || !isObject(event['usage'])) return event;
    return { ...event, sluice: note(usage) };
  }
}

const joined = (pieces: readonly Uint8Array[]): Uint8Array | undefined => (pieces.length === 0 ? undefined : joinedBytes(pieces));

const problemOf = (kind: StreamProblem['kind'], message: string | undefined, withoutSecret: WithoutSecret | undefined): StreamProblem =>
  message === undefined ? { kind } : { kind, message: shownMessage(message, withoutSecret) };
