import { GUARDRAIL_LIMITS } from '../../contract/guardrails/guardrail-limits.ts';
import type { Refusal } from '../../contract/api/errors.ts';
import { refusal } from '../../contract/api/errors.ts';
import { must } from '../../kernel/assert.ts';
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
import { tooLong } from './guard.ts';
import type { FoundCounts, PassedText } from './guarded-text.ts';
import { GuardedText } from './guarded-text.ts';
import { textsOf, withTexts } from './message-texts.ts';
import type { HasEnded } from './stream-texts.ts';
import { changedPieces, endedBy, isFailure, isPiecesOnly, isSaid, onlyOf } from './stream-texts.ts';

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

  async push(piece: Uint8Array): Promise<GuardedPiece> {
    const sent: Uint8Array[] = [];
    for (const event of this.#events.push(piece)) {
      const isLooked =
        (await this.#guard.pass(UNITS_PER_EVENT + event.bytes.length)) && (await this.#guard.spend(this.#open.size * UNITS_PER_OPEN_TEXT));
      if (!isLooked) return this.#refused(this.#guard.exhausted('answer').error, this.#isHeld ? [] : sent);
      await this.#pass(event, sent);
      if (this.#blocking !== undefined) return this.#blockedBy(this.#blocking, sent);
      if (this.#open.size > GUARDRAIL_LIMITS.guardrailOpenTextsMaxCount) return this.#refused(tooMany(), this.#isHeld ? [] : sent);
    }
    if (!this.#isHeld || this.#hasFailed) return { send: joinedBytes(sent), isBlocked: false };
    this.#held.push(...sent);
    this.#heldBytes = sent.reduce((sum, { length }) => sum + length, this.#heldBytes);
    if (this.#heldBytes <= GUARDRAIL_LIMITS.guardrailHeldBytesMax) return { send: NOTHING, isBlocked: false };
    this.#held = [];
    return this.#refused(tooLong().error, []);
  }

  /** The stream has ended. */
  async end(): Promise<GuardedPiece> {
    const sent: Uint8Array[] = [];
    await this.#flush(() => true, sent);
    if (this.#blocking !== undefined) return this.#blockedBy(this.#blocking, sent);
    if (!(await this.#guard.spend(0))) return this.#refused(this.#guard.exhausted('answer').error, this.#isHeld ? [] : sent);
    this.#note();
    if (!this.#isHeld || this.#hasFailed) return { send: joinedBytes(sent), isBlocked: false };
    const judged = await this.#guard.texts([...this.#texts].map(([key, text]) => ({ text, isSaid: isSaid(key) })));
    return judged.ok ? { send: joinedBytes([...this.#held, ...sent]), isBlocked: false } : this.#refused(judged.error, []);
  }

  async #pass(event: SseEvent, sent: Uint8Array[]): Promise<void> {
    const parsed = event.data === undefined ? undefined : parsedObject(event.data);
    if (parsed === undefined) {
      // A comment, or the end of the stream.
      if (event.data !== undefined) await this.#flush(() => true, sent);
      sent.push(event.bytes);
      return;
    }
    if (isFailure(parsed)) this.#fail(sent);
    const hasEnded = endedBy(this.#dialect, parsed);
    const pieces = piecesIn(this.#dialect, parsed);
    const passed = await this.#passAll(pieces, parsed, hasEnded);
    // It is blocked, or has too many texts.
    if (passed === undefined) return;
    const inEvent = new Set(pieces.map(([key]) => key));
    await this.#flush((key) => hasEnded(key) && !inEvent.has(key), sent);
    if (this.#blocking !== undefined) return;
    if (inEvent.size === 0) {
      const whole = await this.#whole(parsed);
      if (this.#blocking === undefined) sent.push(JSON.stringify(whole) === JSON.stringify(parsed) ? event.bytes : this.#written(whole));
    } else if (pieces.every(([, piece], at) => passed[at] === piece)) sent.push(event.bytes);
    else if (!isPiecesOnly(this.#dialect, parsed) || pieces.some(([, piece], at) => passed[at] !== '' || piece === '')) {
      let at = 0;
      sent.push(this.#written(changedPieces(this.#dialect, parsed, () => must(passed[at++], 'a piece is changed once'))));
    }
  }

  /** What each piece of an event becomes. Undefined: the stream goes no further. */
  async #passAll(pieces: readonly Piece[], event: JsonObject, hasEnded: HasEnded): Promise<string[] | undefined> {
    const passed: string[] = [];
    for (const [key, piece] of pieces) {
      passed.push(await this.#passed(key, piece, event, hasEnded(key)));
      if (this.#blocking !== undefined || this.#open.size > GUARDRAIL_LIMITS.guardrailOpenTextsMaxCount) return undefined;
    }
    return passed;
  }

  /** What may be sent now of a text after one more piece of it. */
  async #passed(key: string, piece: string, template: JsonObject, isLast: boolean): Promise<string> {
    const known = this.#open.get(key);
    const text = known ?? { guarded: new GuardedText(this.#guard, this.#counts), template };
    text.template = template;
    this.#open.set(key, text);
    const pushed = this.#taken(key, await text.guarded.push(piece));
    return isLast ? pushed + (await this.#ended(key, text)) : pushed;
  }

  async #ended(key: string, { guarded }: OpenText): Promise<string> {
    this.#open.delete(key);
    return this.#taken(key, await guarded.end());
  }

  #taken(key: string, { text, blocked: hook }: PassedText): string {
    this.#blocking ??= hook;
    if (this.#isHeld) this.#texts.set(key, (this.#texts.get(key) ?? '') + text);
    return this.#guard.restored(text);
  }

  /** What is held of the texts that have ended goes out, each in an event of its own. */
  async #flush(hasEnded: HasEnded, sent: Uint8Array[]): Promise<void> {
    for (const [key, text] of this.#open) {
      if (!hasEnded(key)) continue;
      const rest = await this.#ended(key, text);
      if (this.#blocking !== undefined) return;
      if (rest === '') continue;
      const written = this.#written(changedPieces(this.#dialect, onlyOf(text.template, key), (of) => (of === key ? rest : '')));
      sent.push(written);
      if (!(await this.#guard.spend(written.length))) return;
    }
  }

  /** An event that says texts whole, as those do that sum up what came in pieces. */
  async #whole(event: JsonObject): Promise<JsonObject> {
    const passed: string[] = [];
    for (const text of textsOf(event)) {
      const guarded = new GuardedText(this.#guard);
      const pieces = [await guarded.push(text), await guarded.end()];
      for (const { blocked: hook } of pieces) this.#blocking ??= hook;
      if (this.#blocking !== undefined) return event;
      passed.push(this.#guard.restored(pieces.map((piece) => piece.text).join('')));
    }
    let at = 0;
    return withTexts(event, () => must(passed[at++], 'a text is changed once'));
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
    return this.#refused(this.#guard.refused(hook, 'answer').error, this.#isHeld ? [] : sent);
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

type Piece = readonly [key: string, text: string];

const NOTHING = new Uint8Array();
/** To read an event, and to write it again. */
const UNITS_PER_EVENT = 2_500;
/** Each event asks of each open text whether it has ended. */
const UNITS_PER_OPEN_TEXT = 5;

/** The pieces of texts in an event, in the order in which `changedPieces` changes them. */
function piecesIn(dialect: Dialect, event: JsonObject): Piece[] {
  const pieces: Piece[] = [];
  changedPieces(dialect, event, (key, piece) => {
    pieces.push([key, piece]);
    return piece;
  });
  return pieces;
}

/** Each event looks at all texts that are open. [U199] */
function tooMany(): Refusal {
  const countMax = `${GUARDRAIL_LIMITS.guardrailOpenTextsMaxCount} (guardrailOpenTextsMaxCount)`;
  return refusal(
    'guardrail_blocked',
    `the answer has more choices, items or tool calls open at once than the ${countMax} that guardrails judge`,
  );
}
