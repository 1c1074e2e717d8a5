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
import { tooLong } from './guard.ts';
import type { Place } from './body-strings.ts';
import { notedStrings, withStrings } from './body-strings.ts';
import type { FoundCounts, PassedText } from './guarded-text.ts';
import { GuardedText } from './guarded-text.ts';
import type { HasEnded, Piece } from './stream-texts.ts';
import { endedBy, isFailure, pieceAt, saysNothing } from './stream-texts.ts';
import { hasSound, SOUND } from './unreadable.ts';

/** What is sent for a piece of a stream. `isBlocked`: it ends with an error, and nothing follows. */
export interface GuardedPiece {
  readonly send: Uint8Array;
  readonly isBlocked: boolean;
}

/** One text of the stream while it comes. */
interface OpenText {
  readonly guarded: GuardedText;
  /** What is held is sent as its last piece was. */
  last: Piece;
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
  readonly #texts = new Map<string, { readonly isSaid: boolean; text: string }>();
  /** The same of what came whole. */
  readonly #wholes = new Set<string>();
  readonly #counts: FoundCounts = new Map();
  /** In what came whole, and may sum up what came in pieces. */
  readonly #wholeCounts: FoundCounts = new Map();
  #held: Uint8Array[] = [];
  #heldBytes = 0;
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
      const unheard = await this.#pass(event, sent);
      if (this.#blocking !== undefined) return this.#blockedBy(this.#blocking, sent);
      if (this.#open.size > GUARDRAIL_LIMITS.guardrailOpenTextsMaxCount) return this.#refused(tooMany(), this.#isHeld ? [] : sent);
      if (unheard !== undefined) return this.#refused(unheard, this.#isHeld ? [] : sent);
    }
    if (!this.#isHeld) return { send: joinedBytes(sent), isBlocked: false };
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
    if (!this.#isHeld) return { send: joinedBytes(sent), isBlocked: false };
    const judged = await this.#guard.texts(this.#judgedTexts());
    return judged.ok ? { send: joinedBytes([...this.#held, ...sent]), isBlocked: false } : this.#refused(judged.error, []);
  }

  /** Answers why it goes no further, if that is not for a hook. */
  async #pass(event: SseEvent, sent: Uint8Array[]): Promise<Refusal | undefined> {
    const parsed = event.data === undefined ? undefined : parsedObject(event.data);
    if (parsed === undefined) {
      // A comment, of which callers need no word, or the end of the stream.
      if (event.data !== undefined) await this.#flush(() => true, sent);
      sent.push(event.data === undefined ? COMMENT : event.bytes);
      return undefined;
    }
    if (this.#guard.stops('answer') && hasSound(parsed)) return refusal('guardrail_blocked', SOUND);
    if (isFailure(parsed)) this.#fail(sent);
    const hasEnded = endedBy(this.#dialect, parsed);
    const { inEvent, isEmpty, changed } = await this.#judged(parsed, hasEnded);
    await this.#flush((key) => hasEnded(key) && !inEvent.has(key), sent);
    if (this.#blocking !== undefined) return undefined;
    if (changed === parsed) sent.push(isPlain(event) ? event.bytes : this.#written(parsed));
    else if (inEvent.size === 0 || !isEmpty || !saysNothing(this.#dialect, changed)) sent.push(this.#written(changed));
    return undefined;
  }

  /** An event as it may be sent, the texts of which it has pieces, and whether all of those are empty now. */
  async #judged(event: JsonObject, hasEnded: HasEnded) {
    const shown = { side: 'answer', tokens: this.#guard.stops('answer') ? 'out' : 'shown' } as const;
    const strings = notedStrings(event, shown, (text, place) => ({ text, kind: place.kind, piece: pieceAt(this.#dialect, event, place) }));
    const inEvent = new Set<string>();
    const passed: string[] = [];
    let isEmpty = true;
    for (const { text, kind, piece } of strings) {
      const sent = await (piece === undefined ? this.#whole(text, kind) : this.#passed(piece, text, hasEnded(piece.key)));
      passed.push(sent);
      if (this.#isOver) return { inEvent, isEmpty, changed: event };
      if (piece === undefined) continue;
      inEvent.add(piece.key);
      if (sent !== '' || text === '') isEmpty = false;
    }
    return { inEvent, isEmpty, changed: withStrings(event, shown, passed) };
  }

  /** What may be sent now of a text after one more piece of it. */
  async #passed(piece: Piece, said: string, isLast: boolean): Promise<string> {
    const { key, kind } = piece;
    const text = this.#open.get(key) ?? { guarded: new GuardedText(this.#guard, this.#counts, kind), last: piece };
    text.last = piece;
    this.#open.set(key, text);
    const pushed = this.#taken(piece, await text.guarded.push(said));
    return isLast ? pushed + (await this.#ended(text)) : pushed;
  }

  async #ended({ guarded, last }: OpenText): Promise<string> {
    this.#open.delete(last.key);
    return this.#taken(last, await guarded.end());
  }

  #taken({ key, kind, isSaid }: Piece, { text, blocked: hook }: PassedText): string {
    this.#blocking ??= hook;
    if (this.#isHeld) this.#texts.set(key, { isSaid, text: (this.#texts.get(key)?.text ?? '') + text });
    return kind === 'fixed' ? text : this.#guard.restored(text, kind === 'json');
  }

  /** What is held of the texts that have ended goes out, each in an event of its own. */
  async #flush(hasEnded: HasEnded, sent: Uint8Array[]): Promise<void> {
    for (const [key, text] of this.#open) {
      if (!hasEnded(key)) continue;
      const rest = await this.#ended(text);
      if (this.#blocking !== undefined) return;
      if (rest === '') continue;
      const written = this.#written(text.last.alone(rest));
      sent.push(written);
      if (!(await this.#guard.spend(written.length))) return;
    }
  }

  /** A text that an event says whole, as those do that sum up what came in pieces. */
  async #whole(said: string, kind: Place['kind']): Promise<string> {
    const guarded = new GuardedText(this.#guard, this.#wholeCounts, kind);
    const pieces = [await guarded.push(said), await guarded.end()];
    for (const { blocked: hook } of pieces) this.#blocking ??= hook;
    const text = pieces.map((passed) => passed.text).join('');
    if (this.#isHeld) this.#wholes.add(text);
    return kind === 'fixed' ? text : this.#guard.restored(text, kind === 'json');
  }

  /** What came in pieces, and whatever else did: once, though events sum it up. */
  #judgedTexts(): { readonly text: string; readonly isSaid: boolean }[] {
    const texts = [...this.#texts.values()];
    const known = new Set(texts.map(({ text }) => text));
    const rest = [...this.#wholes].filter((text) => text !== '' && !known.has(text));
    return rest.length === 0 ? texts : [...texts, { text: rest.join('\n'), isSaid: false }];
  }

  /** The upstream has broken off: nothing of what was held is sent, nor judged; what it says of that is. */
  #fail(sent: Uint8Array[]): void {
    if (!this.#isHeld) return;
    this.#held = [];
    this.#open.clear();
    this.#texts.clear();
    this.#wholes.clear();
    sent.length = 0;
  }

  /** Nothing more is looked at. */
  get #isOver(): boolean {
    return this.#blocking !== undefined || this.#open.size > GUARDRAIL_LIMITS.guardrailOpenTextsMaxCount;
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
    for (const hook of this.#guard.streamHooks()) this.#guard.note(hook, this.#counts.get(hook) ?? this.#wholeCounts.get(hook) ?? 0);
  }

  #written(event: JsonObject): Uint8Array {
    return utf8(writtenEvents(this.#dialect, [event]));
  }
}

const NOTHING = new Uint8Array();
/** To read an event, and to write it again. */
const UNITS_PER_EVENT = 2_500;
/** Each event asks of each open text whether it has ended. */
const UNITS_PER_OPEN_TEXT = 5;

const COMMENT = utf8(':\n\n');
const PLAIN = /^(?:event: ?[a-z._]+\n)?data: ?[^\r\n]*\n\n$/;
const decoder = new TextDecoder();

/** Nothing but its data, and perhaps a name of the protocol: comments and ids would pass unseen. */
const isPlain = ({ bytes }: SseEvent): boolean => PLAIN.test(decoder.decode(bytes));

/** Each event looks at all texts that are open. [U199] */
function tooMany(): Refusal {
  const countMax = `${GUARDRAIL_LIMITS.guardrailOpenTextsMaxCount} (guardrailOpenTextsMaxCount)`;
  return refusal(
    'guardrail_blocked',
    `the answer has more choices, items or tool calls open at once than the ${countMax} that guardrails judge`,
  );
}
