import type { Refusal } from '../../contract/api/errors.ts';
import { joinedBytes, utf8 } from '../../kernel/bytes.ts';
import type { CountableText } from '../money/countable-text.ts';
import type { MediaCounts } from '../money/model-price.ts';
import type { AnswerNotes } from './answer-notes.ts';
import type { JsonObject } from './json.ts';
import { isObject, listAt, parsedObject } from './json.ts';
import type { SseEvent } from './sse-events.ts';
import { SseEvents, sseText } from './sse-events.ts';
import type { Dialect, Seen, StreamTap } from './stream-tap.ts';
import { tapOf } from './stream-tap.ts';
import type { StreamTranslator } from './stream-translator.ts';
import { endOf, writtenEvents } from './stream-translator.ts';
import type { WithoutSecret } from './shown-message.ts';
import { errorEvent, withShownError } from './surface-errors.ts';
import type { SaidError } from './upstream-error.ts';
import { saidError } from './upstream-error.ts';
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
  /** What the upstream says of its error. */
  readonly said?: SaidError;
}

export interface Passed {
  /** What is sent to the caller for it. */
  readonly send: Uint8Array | undefined;
  readonly problem?: StreamProblem;
}

export const DONE = '[DONE]';
const EVENT_END = utf8('\n\n');

/**
 * The stream of an upstream on its way to the caller: whole events as they come, in the dialect of the call. Where nothing has to be changed
 * the bytes that came are the bytes that go. [U30] [U32]
 */
export class AnswerStream {
  readonly #parts: AnswerStreamParts;
  readonly #events = new SseEvents();
  readonly #tap: StreamTap;
  /** An event with the usage, which says what the call costs if no other follows. */
  #held: { readonly event: JsonObject; readonly bytes: Uint8Array } | undefined;
  #hasEnded = false;

  constructor(parts: AnswerStreamParts) {
    this.#parts = parts;
    this.#tap = tapOf(parts.spoken);
  }

  /** As the upstream has reported it so far. */
  get usage(): Usage | undefined {
    return this.#tap.usage;
  }

  /** What has come, to count its tokens; undefined: the usage is that of the whole answer. [U193] */
  get uncounted(): CountableText | undefined {
    return this.#tap.isAccounted ? undefined : this.#tap.text;
  }

  /** What came that has a price of its own. */
  get units(): MediaCounts | undefined {
    return this.#tap.units;
  }

  /** Bytes of an event that has not ended, and what a translation holds back. */
  get heldBytes(): number {
    return this.#events.heldBytes + (this.#parts.translator?.heldChars ?? 0);
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
      if (send.length !== 1 || send[0] !== event.bytes) passedWhole = false;
      for (const bytes of send) sent.push(bytes);
    }
    return { send: passedWhole && sent.length > 0 ? piece : joined(sent) };
  }

  /** The upstream has closed the stream. `isWhole`: nothing is missing. */
  end(): Passed & { readonly isWhole: boolean } {
    // Some servers do not end their last event.
    const last = this.#hasEnded || this.#events.heldBytes === 0 ? { send: undefined } : this.push(EVENT_END);
    if (last.problem !== undefined || !this.#tap.isWhole) return { ...last, isWhole: false };
    const tail = this.#hasEnded ? [] : this.#endBytes();
    this.#hasEnded = true;
    return { send: joined([...(last.send === undefined ? [] : [last.send]), ...tail]), isWhole: true };
  }

  /** What tells the caller that nothing more comes, after all that was sent. [U36] */
  errorBytes(reason: Refusal, requestId: string): Uint8Array {
    this.#hasEnded = true;
    return joinedBytes([...this.#settled(), utf8(errorEvent(this.#parts.own, reason, requestId))]);
  }

  #pass(event: SseEvent): { readonly send: readonly Uint8Array[]; readonly problem?: StreamProblem } {
    const { data, bytes } = event;
    const { translator, hidesUsage, withoutSecret } = this.#parts;
    // Comments keep connections open: they are nothing in any dialect.
    if (data === undefined) return { send: [bytes] };
    if (data === DONE) return { send: this.#pastEnd(bytes) };
    const parsed = parsedObject(data);
    const seen: Seen = parsed === undefined ? { kind: 'garbage' } : this.#tap.see(parsed);
    if (parsed === undefined || seen.kind === 'error' || seen.kind === 'garbage') {
      return { send: [], problem: problemOf(parsed, seen, withoutSecret) };
    }
    this.#parts.notes?.seeEvent(this.#parts.spoken, parsed);
    if (translator !== undefined) return { send: this.#translated(translator, parsed, seen) };
    if (seen.kind === 'end') this.#hasEnded = true;
    if (seen.kind === 'usage' && hidesUsage) return { send: [] };
    // What fails at its end says why.
    const shown = withShownError(parsed, withoutSecret);
    return { send: this.#offered(shown, shown === parsed ? bytes : utf8(sseText(JSON.stringify(shown), event.name))) };
  }

  #translated(translator: StreamTranslator, event: JsonObject, seen: Seen): readonly Uint8Array[] {
    const sent = this.#written(translator.push(event));
    if (seen.kind !== 'end') return sent;
    const end = this.#endBytes();
    this.#hasEnded = true;
    return [...sent, ...end];
  }

  #pastEnd(bytes: Uint8Array): readonly Uint8Array[] {
    this.#tap.finish();
    const send = this.#parts.translator === undefined ? [...this.#settled(), bytes] : this.#endBytes();
    this.#hasEnded = true;
    return send;
  }

  #endBytes(): readonly Uint8Array[] {
    const { own, translator } = this.#parts;
    const last = translator === undefined ? [] : this.#written(translator.end(this.#tap.usage));
    const end = endOf(own);
    return [...last, ...this.#settled(), ...(end === '' ? [] : [utf8(end)])];
  }

  #written(events: readonly JsonObject[]): readonly Uint8Array[] {
    return events.flatMap((event) => this.#offered(event, utf8(writtenEvents(this.#parts.own, [event]))));
  }

  /**
   * What is sent for an event. The event with the usage that a caller has asked for says what the call costs, which is known once no other can follow:
   * it goes out with what ends the stream. [U78] [U193]
   */
  #offered(event: JsonObject, bytes: Uint8Array): readonly Uint8Array[] {
    const held = this.#held;
    if (held === undefined && !this.#saysCost(event)) return [bytes];
    const before = held === undefined ? [] : [held.bytes];
    this.#held = this.#saysCost(event) ? { event, bytes } : undefined;
    return this.#held === undefined ? [...before, bytes] : before;
  }

  #saysCost(event: JsonObject): boolean {
    if (!isObject(event['usage'])) return false;
    const { own, note, hidesUsage } = this.#parts;
    const isAsked = !hidesUsage && note !== undefined && (own === 'chat' || own === 'completions');
    return isAsked && (this.#tap.isWhole || listAt(event, 'choices').length === 0);
  }

  /** What was held, now that nothing more comes. */
  #settled(): readonly Uint8Array[] {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return [];
    const { own, note } = this.#parts;
    const { usage, isAccounted } = this.#tap;
    if (note === undefined || usage === undefined || !isAccounted) return [held.bytes];
    return [utf8(writtenEvents(own, [{ ...held.event, sluice: note(usage) }]))];
  }
}

const joined = (pieces: readonly Uint8Array[]): Uint8Array | undefined => (pieces.length === 0 ? undefined : joinedBytes(pieces));

const problemOf = (event: JsonObject | undefined, { kind }: Seen, withoutSecret: WithoutSecret | undefined): StreamProblem =>
  event === undefined || kind !== 'error' ? { kind: 'garbage' } : { kind, said: saidError(event, withoutSecret) };
