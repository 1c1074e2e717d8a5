import { GUARDRAIL_LIMITS } from '../../contract/guardrails/guardrail-limits.ts';
import type { Refusal } from '../../contract/api/errors.ts';
import { refusal } from '../../contract/api/errors.ts';
import { joinedBytes, utf8 } from '../../kernel/bytes.ts';
import type { JsonObject } from '../protocol/json.ts';
import { parsedObject } from '../protocol/json.ts';
import type { SseEvent } from '../protocol/sse-events.ts';
import { SseEvents } from '../protocol/sse-events.ts';
import type { Dialect } from '../protocol/stream-tap.ts';
import { writtenEvents } from '../protocol/stream-translator.ts';
import { errorEvent } from '../protocol/surface-errors.ts';
import type { SpanHook } from './compiled-hook.ts';
import type { Guard } from './guard.ts';
import { blocked } from './guard.ts';
import type { FoundCounts } from './guarded-text.ts';
import { GuardedText } from './guarded-text.ts';
import { withTexts } from './message-texts.ts';
import type { HasEnded } from './stream-texts.ts';
import { changedPieces, endedBy, isFailure, isPiecesOnly, isSaid } from './stream-texts.ts';

/** What is sent for a piece of a stream. `isBlocked`: it ends with an error, and nothing follows. */
export interface GuardedPiece {
  readonly send: Uint8Array;
  readonly isBlocked: boolean;
}

/** One text of the stream while it comes. */
interface OpenText {
  readonly guarded: GuardedText;
  /** The last event with a piece of it: what is held is sent in one of the same form. */
  template: JsonObject;
}

/**
 * The events of an answer as the guard lets them pass. Hooks that find places see a window of each text; where a hook has to judge the whole,
 * nothing is sent before the end. A block is an error event of the dialect. [U114] [U118]
 */
export class GuardedStream {
  readonly #guard: Guard;
  readonly #dialect: Dialect;
  readonly #requestId: string;
  readonly #isHeld: boolean;
  readonly #events = new SseEvents();
  readonly #open = new Map<string, OpenText>();
  /** What is judged at the end, masked, by its key. */
  readonly #texts = new Map<string, string>();
  readonly #counts: FoundCounts = new Map();
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #hasFailed = false;
  /** The hook that lets it pass no further. */
  #blocking: SpanHook | undefined;

  constructor(guard: Guard, dialect: Dialect, requestId: string) {
    this.#guard = guard;
    this.#dialect = dialect;
    this.#requestId = requestId;
    this.#isHeld = guard.answerNeed === 'whole';
  }

  push(piece: Uint8Array): GuardedPiece {
    const sent: Uint8Array[] = [];
    for (const event of this.#events.push(piece)) {
      this.#pass(event, sent);
      if (this.#blocking !== undefined) return this.#blockedBy(this.#blocking, sent);
    }
    if (!this.#isHeld || this.#hasFailed) return { send: joinedBytes(sent), isBlocked: false };
    this.#held.push(...sent);
    this.#heldBytes = sent.reduce((sum, { length }) => sum + length, this.#heldBytes);
    if (this.#heldBytes <= GUARDRAIL_LIMITS.guardrailHeldBytesMax) return { send: NOTHING, isBlocked: false };
    this.#held = [];
    const bytesMax = `${GUARDRAIL_LIMITS.guardrailHeldBytesMax} (guardrailHeldBytesMax)`;
    return this.#refused(refusal('guardrail_blocked', `the answer is longer than the ${bytesMax} bytes that guardrails judge whole`), []);
  }

  /** The stream has ended. */
  async end(): Promise<GuardedPiece> {
    const sent: Uint8Array[] = [];
    this.#flush(() => true, sent);
    if (this.#blocking !== undefined) return this.#blockedBy(this.#blocking, sent);
    this.#note();
    if (!this.#isHeld || this.#hasFailed) return { send: joinedBytes(sent), isBlocked: false };
    const judged = await this.#guard.texts([...this.#texts].map(([key, text]) => ({ text, isSaid: isSaid(key) })));
    return judged.ok ? { send: joinedBytes([...this.#held, ...sent]), isBlocked: false } : this.#refused(judged.error, []);
  }

  #pass(event: SseEvent, sent: Uint8Array[]): void {
    const parsed = event.data === undefined ? undefined : parsedObject(event.data);
    if (parsed === undefined) {
      // A comment, or the end of the stream.
      if (event.data !== undefined) this.#flush(() => true, sent);
      sent.push(event.bytes);
      return;
    }
    if (isFailure(parsed)) this.#fail(sent);
    const hasEnded = endedBy(this.#dialect, parsed);
    const inEvent = new Set<string>();
    let isChanged = false;
    let isEmpty = true;
    const changed = changedPieces(this.#dialect, parsed, (key, piece) => {
      inEvent.add(key);
      const passed = this.#passed(key, piece, parsed, hasEnded(key));
      if (passed !== piece) isChanged = true;
      if (passed !== '' || piece === '') isEmpty = false;
      return passed;
    });
    this.#flush((key) => hasEnded(key) && !inEvent.has(key), sent);
    if (this.#blocking !== undefined) return;
    if (inEvent.size === 0) {
      const whole = withTexts(parsed, (text) => this.#whole(text));
      if (this.#blocking === undefined) sent.push(JSON.stringify(whole) === JSON.stringify(parsed) ? event.bytes : this.#written(whole));
    } else if (!isChanged) sent.push(event.bytes);
    else if (!isEmpty || !isPiecesOnly(this.#dialect, parsed)) sent.push(this.#written(changed));
  }

  /** What may be sent now of a text after one more piece of it. */
  #passed(key: string, piece: string, template: JsonObject, isLast: boolean): string {
    const known = this.#open.get(key);
    const text = known ?? { guarded: new GuardedText(this.#guard, this.#counts), template };
    text.template = template;
    this.#open.set(key, text);
    const pushed = this.#taken(key, text.guarded.push(piece));
    return isLast ? pushed + this.#ended(key, text) : pushed;
  }

  #ended(key: string, { guarded }: OpenText): string {
    this.#open.delete(key);
    return this.#taken(key, guarded.end());
  }

  #taken(key: string, { text, blocked: hook }: ReturnType<GuardedText['push']>): string {
    this.#blocking ??= hook;
    if (this.#isHeld) this.#texts.set(key, (this.#texts.get(key) ?? '') + text);
    return this.#guard.restored(text);
  }

  /** What is held of the texts that have ended goes out, each in an event of its own. */
  #flush(hasEnded: HasEnded, sent: Uint8Array[]): void {
    for (const [key, text] of this.#open) {
      if (!hasEnded(key)) continue;
      const rest = this.#ended(key, text);
      if (rest === '') continue;
      sent.push(this.#written(changedPieces(this.#dialect, text.template, (of) => (of === key ? rest : ''))));
    }
  }

  /** A text that an event says whole, as those do that sum up what came in pieces. */
  #whole(text: string): string {
    const guarded = new GuardedText(this.#guard);
    const pieces = [guarded.push(text), guarded.end()];
    for (const { blocked: hook } of pieces) this.#blocking ??= hook;
    return this.#guard.restored(pieces.map((passed) => passed.text).join(''));
  }

  /** The upstream has broken off: nothing is judged whole, and nothing of what was held is sent. */
  #fail(sent: Uint8Array[]): void {
    this.#hasFailed = true;
    if (!this.#isHeld) return;
    this.#held = [];
    this.#open.clear();
    sent.length = 0;
  }

  #blockedBy(hook: SpanHook, sent: readonly Uint8Array[]): GuardedPiece {
    this.#counts.set(hook, Math.max(1, this.#counts.get(hook) ?? 0));
    this.#note();
    return this.#refused(blocked(hook, 'answer').error, this.#isHeld ? [] : sent);
  }

  #refused(reason: Refusal, sent: readonly Uint8Array[]): GuardedPiece {
    return { send: joinedBytes([...sent, utf8(errorEvent(this.#dialect, reason, this.#requestId))]), isBlocked: true };
  }

  #note(): void {
    for (const hook of this.#guard.streamHooks()) this.#guard.note(hook, this.#counts.get(hook) ?? 0);
  }

  #written(event: JsonObject): Uint8Array {
    return utf8(writtenEvents(this.#dialect, [event]));
  }
}

const NOTHING = new Uint8Array();
