import type { Place } from './body-strings.ts';
import type { SpanHook } from './compiled-hook.ts';
import type { SaidSpan } from './escaped-text.ts';
import { JsonCursor } from './escaped-text.ts';
import type { Guard } from './guard.ts';

/** Of what follows a character, so many are seen before it is passed on: longer matches may pass in part. [U114] */
const SEEN_CHARS = 256;
/** What arrives is looked at when it has come to so many characters: each is looked at some seven times, however short pieces are. */
const STRIDE_CHARS = 64;
/** Characters of a stream that are held back. */
export const GUARD_WINDOW_CHARS = SEEN_CHARS + STRIDE_CHARS;
/** Passed characters that are looked at again: what stands before a match can rule it out. */
const CONTEXT_CHARS = 64;

/** What may be passed on of a text that arrives piece by piece, masked; `blocked`: the hook that blocks it, or that had no time to look. */
export interface PassedText {
  readonly text: string;
  readonly blocked?: SpanHook;
}

/** What the hooks have found in all texts of a stream. */
export type FoundCounts = Map<SpanHook, number>;

interface Found extends SaidSpan {
  readonly hook: SpanHook;
}

/** One text of a stream, such as the content of one choice, as the guard lets it pass. */
export class GuardedText {
  readonly #guard: Guard;
  readonly #hooks: readonly SpanHook[];
  readonly #counts: FoundCounts;
  readonly #kind: Place['kind'];
  /** Where what is held begins, in JSON. */
  readonly #cursor: JsonCursor | undefined;
  /** Passed on already. */
  #context = '';
  #held = '';
  /** In the text that is held, as it was when it was looked at. */
  #found: readonly Found[] = [];
  /** So much of what is held may be passed on by what has been found. */
  #seenChars = 0;

  /** `kind`: of one that is `fixed`, what would be masked is blocked. */
  constructor(guard: Guard, counts: FoundCounts = new Map(), kind: Place['kind'] = 'text') {
    this.#guard = guard;
    this.#hooks = guard.streamHooks();
    this.#counts = counts;
    this.#kind = kind;
    this.#cursor = kind === 'json' ? new JsonCursor() : undefined;
  }

  push(piece: string): Promise<PassedText> {
    this.#held += piece;
    return this.#pass(this.#held.length - GUARD_WINDOW_CHARS, false);
  }

  /** The text is whole. */
  end(): Promise<PassedText> {
    return this.#pass(this.#held.length, true);
  }

  async #pass(wanted: number, isWhole: boolean): Promise<PassedText> {
    if (wanted <= 0) return { text: '' };
    if (isWhole || wanted > this.#seenChars) {
      const late = await this.#look();
      if (late !== undefined) return { text: '', blocked: late };
      this.#seenChars = isWhole ? wanted : this.#held.length - SEEN_CHARS;
    }
    const found = this.#found;
    const blocks = ({ action }: SpanHook['check']): boolean => action === 'block' || (action === 'mask' && this.#kind === 'fixed');
    const blocking = found.find(({ hook }) => blocks(hook.check));
    if (blocking !== undefined) {
      this.#count(blocking.hook);
      return { text: '', blocked: blocking.hook };
    }
    const masked = disjoint(found.filter(({ hook }) => hook.check.action === 'mask'));
    const end = this.#endOf(wanted, masked);
    const text = this.#held.slice(0, end);
    const passed = await this.#guard.masked(
      text,
      masked.filter((span) => span.end <= end),
      { restores: false, cursor: this.#cursor },
    );
    if (passed === undefined) return { text: '', ...(masked[0] === undefined ? {} : { blocked: masked[0].hook }) };
    for (const { start, hook } of found) if (start < end) this.#count(hook);
    this.#context = (this.#context + text).slice(-CONTEXT_CHARS);
    this.#held = this.#held.slice(end);
    this.#seenChars -= end;
    this.#found = found.filter(({ start }) => start >= end).map((span) => ({ ...span, start: span.start - end, end: span.end - end }));
    return { text: passed };
  }

  /** What reaches beyond the end waits until it is seen whole; nor is a mask or a pair of surrogates cut in two. */
  #endOf(wanted: number, masked: readonly Found[]): number {
    let end = wanted;
    let before: number;
    do {
      before = end;
      for (const span of masked) if (span.start < end && end < span.end) end = span.start;
      // Each of the two may move the end into what the other keeps whole.
      if (end < this.#held.length) end = beforeOpenMask(this.#held, end);
    } while (end !== before);
    if (/[\uD800-\uDBFF]/.test(this.#held[end - 1] ?? '') && end < this.#held.length) end -= 1;
    return end;
  }

  #count(hook: SpanHook): void {
    this.#counts.set(hook, (this.#counts.get(hook) ?? 0) + 1);
  }

  /** Finds the places of what is held. Answers the hook that could not. */
  async #look(): Promise<SpanHook | undefined> {
    const offset = this.#context.length;
    const found: Found[] = [];
    for (const hook of this.#hooks) {
      const spans = await this.#guard.find(hook.check, this.#context + this.#held, this.#kind === 'json');
      if (spans === undefined) return hook;
      for (const span of spans) if (span.start >= offset) found.push({ ...span, hook, start: span.start - offset, end: span.end - offset });
    }
    this.#found = found;
    return undefined;
  }
}

/** In the order of the text; of those that overlap the first. */
function disjoint(found: Found[]): Found[] {
  found.sort((a, b) => a.start - b.start);
  let end = 0;
  return found.filter((span) => {
    const isFree = span.start >= end;
    if (isFree) end = span.end;
    return isFree;
  });
}

const MASK_CHARS_MAX = 20;

/** Where a mask begins that ends behind `end`, if one may. */
function beforeOpenMask(text: string, end: number): number {
  const open = text.lastIndexOf('[', end - 1);
  const isOpen = open >= 0 && end - open < MASK_CHARS_MAX && !text.slice(open, end).includes(']');
  return isOpen ? open : end;
}
