import type { Place } from './body-strings.ts';
import type { SpanHook } from './compiled-hook.ts';
import type { SaidSpan } from './escaped-text.ts';
import { JsonCursor, spansIn } from './escaped-text.ts';
import type { Guard } from './guard.ts';

/** Characters of a stream that are held back, so that what is looked for is seen whole: longer matches may pass in part. [U114] */
export const GUARD_WINDOW_CHARS = 256;
/** Passed characters that are looked at again: what stands before a match can rule it out. */
const CONTEXT_CHARS = 64;

/** What may be passed on of a text that arrives piece by piece, masked; `blocked`: the hook that blocks it. */
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

  /** `kind`: of one that is `fixed`, what would be masked is blocked. */
  constructor(guard: Guard, counts: FoundCounts = new Map(), kind: Place['kind'] = 'text') {
    this.#guard = guard;
    this.#hooks = guard.streamHooks();
    this.#counts = counts;
    this.#kind = kind;
    this.#cursor = kind === 'json' ? new JsonCursor() : undefined;
  }

  push(piece: string): PassedText {
    this.#held += piece;
    return this.#pass(this.#held.length - GUARD_WINDOW_CHARS);
  }

  /** The text is whole. */
  end(): PassedText {
    return this.#pass(this.#held.length);
  }

  #pass(wanted: number): PassedText {
    if (wanted <= 0) return { text: '' };
    const found = this.#found();
    const blocks = ({ action }: SpanHook['check']): boolean => action === 'block' || (action === 'mask' && this.#kind === 'fixed');
    const blocking = found.find(({ hook }) => blocks(hook.check));
    if (blocking !== undefined) {
      this.#count(blocking.hook);
      return { text: '', blocked: blocking.hook };
    }
    const masked = disjoint(found.filter(({ hook }) => hook.check.action === 'mask'));
    // What reaches beyond the end waits until it is seen whole; nor is a mask or a pair of surrogates cut in two.
    let end = wanted;
    let before: number;
    do {
      before = end;
      for (const span of masked) if (span.start < end && end < span.end) end = span.start;
      // Each of the two may move the end into what the other keeps whole.
      if (end < this.#held.length) end = beforeOpenMask(this.#held, end);
    } while (end !== before);
    if (/[\uD800-\uDBFF]/.test(this.#held[end - 1] ?? '') && end < this.#held.length) end -= 1;
    const text = this.#held.slice(0, end);
    for (const { start, hook } of found) if (start < end) this.#count(hook);
    this.#context = (this.#context + text).slice(-CONTEXT_CHARS);
    this.#held = this.#held.slice(end);
    return {
      text: this.#guard.masked(
        text,
        masked.filter((span) => span.end <= end),
        this.#cursor,
      ),
    };
  }

  #count(hook: SpanHook): void {
    this.#counts.set(hook, (this.#counts.get(hook) ?? 0) + 1);
  }

  /** Places of what is held. */
  #found(): Found[] {
    const offset = this.#context.length;
    return this.#hooks.flatMap((hook) =>
      spansIn(this.#context + this.#held, hook.check.find, this.#kind === 'json')
        .map((span) => ({ ...span, hook, start: span.start - offset, end: span.end - offset }))
        .filter(({ start }) => start >= 0),
    );
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
