import { JsonEnd } from './json-end.ts';
import type { JsonObject } from './json.ts';
import { countAt, listAt, objectAt, textAt } from './json.ts';

/** A part of an answer: what the model says, or one call of a tool. */
export type Part = { readonly kind: 'text' } | { readonly kind: 'call'; readonly id: string; readonly name: string };

/** One part after the other: each is begun, said in pieces and ended before the next begins. */
export type PartStep =
  | { readonly kind: 'begin'; readonly part: Part }
  | { readonly kind: 'piece'; readonly text: string }
  | { readonly kind: 'end' };

interface HeldPart {
  readonly kind: Part['kind'];
  id: string;
  name: string;
  held: string;
  readonly json: JsonEnd;
}

/**
 * The parts of a chat completion's stream in sequence. Servers number the calls of tools and may send their pieces in any order, with text between
 * them; in other protocols a part ends before the next begins. The part that came first is passed on as it comes, and what comes of later ones is held
 * until it has ended: a text once a call begins, a call once its arguments are a whole JSON object, and both when the stream ends. [U230]
 */
export class SequentialParts {
  #open: HeldPart | undefined;
  /** Parts that have begun to come since, in the order of their first pieces. */
  readonly #waiting: HeldPart[] = [];
  readonly #calls = new Map<number, HeldPart>();
  /** Of a server that does not number its calls. */
  #lastCall: HeldPart | undefined;
  #heldChars = 0;

  get heldChars(): number {
    return this.#heldChars;
  }

  push(delta: JsonObject): PartStep[] {
    const steps: PartStep[] = [];
    const text = textAt(delta, 'content') || textAt(delta, 'refusal') || '';
    if (text !== '') steps.push(...this.#say(this.#textPart(), text));
    for (const piece of listAt(delta, 'tool_calls')) {
      const call = this.#callOf(piece);
      const called = objectAt(piece, 'function');
      call.id ||= textAt(piece, 'id') ?? '';
      call.name ||= textAt(called, 'name') ?? '';
      steps.push(...this.#say(call, textAt(called, 'arguments') ?? ''));
    }
    return steps;
  }

  /** All that is held: the stream has ended. */
  end(): PartStep[] {
    const steps: PartStep[] = [];
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) steps.push(...this.#begin(next));
    if (this.#open !== undefined) steps.push({ kind: 'end' });
    this.#open = undefined;
    return steps;
  }

  #say(part: HeldPart, text: string): PartStep[] {
    if (part.kind === 'call') part.json.push(text);
    if (part === this.#open) return text === '' ? [] : [{ kind: 'piece', text }];
    // What follows the JSON of a call that has ended can only be blank.
    if (!this.#waiting.includes(part)) return [];
    part.held += text;
    this.#heldChars += text.length;
    return this.#advance();
  }

  #advance(): PartStep[] {
    const steps: PartStep[] = [];
    for (;;) {
      const [next] = this.#waiting;
      const mayEnd = this.#open === undefined || this.#open.kind === 'text' || this.#open.json.hasEnded;
      // A call begins with its name.
      if (next === undefined || !mayEnd || (next.kind === 'call' && next.name === '')) return steps;
      this.#waiting.shift();
      steps.push(...this.#begin(next));
    }
  }

  #begin(next: HeldPart): PartStep[] {
    const { kind, id, name, held } = next;
    const ended: PartStep[] = this.#open === undefined ? [] : [{ kind: 'end' }];
    this.#open = next;
    this.#heldChars -= held.length;
    next.held = '';
    const part: Part = kind === 'text' ? { kind } : { kind, id, name };
    return [...ended, { kind: 'begin', part }, ...(held === '' ? [] : [{ kind: 'piece', text: held } as const])];
  }

  #textPart(): HeldPart {
    const last = this.#waiting.at(-1) ?? this.#open;
    return last?.kind === 'text' ? last : this.#added('text');
  }

  /**
   * The call that a piece belongs to. Servers number the calls; in the pieces of one that does not, each new id begins a call. So does a new id with a
   * name under a known number, as servers send it that give all calls one number.
   */
  #callOf(piece: unknown): HeldPart {
    const index = countAt(piece, 'index');
    const known = index === undefined ? this.#lastCall : this.#calls.get(index);
    const id = textAt(piece, 'id') ?? '';
    const isOther = id !== '' && known !== undefined && known.id !== '' && id !== known.id;
    const begins = known === undefined || (isOther && (index === undefined || (textAt(objectAt(piece, 'function'), 'name') ?? '') !== ''));
    const call = begins ? this.#added('call') : known;
    this.#lastCall = call;
    if (index !== undefined) this.#calls.set(index, call);
    return call;
  }

  #added(kind: Part['kind']): HeldPart {
    const part: HeldPart = { kind, id: '', name: '', held: '', json: new JsonEnd() };
    this.#waiting.push(part);
    return part;
  }
}
