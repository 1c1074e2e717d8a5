import type { CompiledHook, SpanHook } from './compiled-hook.ts';
import type { Span } from './find-pii.ts';
import type { Guard } from './guard.ts';

/** Characters of a stream that are held back, so that what is looked for is seen whole: longer matches may pass in part. [U114] */
export const GUARD_WINDOW_CHARS = 256;
/** Passed characters that are looked at again: what stands before a match can rule it out. */
const CONTEXT_CHARS = 64;

type StreamHook = CompiledHook & { readonly check: SpanHook };

/** What may be passed on of a text that arrives piece by piece; `blocked`: the hook that blocks it. */
export type Passed = { readonly text: string; readonly blocked?: undefined } | { readonly text: string; readonly blocked: StreamHook };

/** One text of a stream, such as the content of one choice, as the guard lets it pass. */
export class GuardedText {
  readonly #guard: Guard;
  readonly #hooks: readonly StreamHook[];
  /** Passed on already. */
  #context = '';
  #held = '';

  constructor(guard: Guard) {
    this.#guard = guard;
    this.#hooks = guard.streamHooks();
  }

  push(piece: string): Passed {
    this.#held += piece;
    return this.#pass(this.#held.length - GUARD_WINDOW_CHARS);
  }

  /** The text is whole. */
  end(): Passed {
    return this.#pass(this.#held.length);
  }

  #pass(wanted: number): Passed {
    if (wanted <= 0) return { text: '' };
    const found = this.#found();
    if ('blocked' in found) return { text: '', blocked: found.blocked };
    // What reaches beyond the end waits until it is seen whole; nor is a mask or a pair of surrogates cut in two.
    let end = wanted;
    for (const { start, end: spanEnd } of found.spans) if (start < end && end < spanEnd) end = start;
    if (end < this.#held.length) end = beforeOpenMask(this.#held, end);
    if (/[\uD800-\uDBFF]/.test(this.#held[end - 1] ?? '') && end < this.#held.length) end -= 1;
    const text = this.#held.slice(0, end);
    const spans = found.spans.filter((span) => span.end <= end);
    this.#context = (this.#context + text).slice(-CONTEXT_CHARS);
    this.#held = this.#held.slice(end);
    return { text: this.#guard.passed(text, spans) };
  }

  /** Places of what is held that are to be masked, or the hook that blocks. */
  #found(): { readonly spans: readonly Span[] } | { readonly blocked: StreamHook } {
    const masked: Span[] = [];
    const offset = this.#context.length;
    for (const hook of this.#hooks) {
      const spans = hook.check
        .find(this.#context + this.#held)
        .map((span) => ({ ...span, start: span.start - offset, end: span.end - offset }))
        .filter(({ start }) => start >= 0);
      if (spans.length === 0) continue;
      if (hook.check.action === 'block') return { blocked: hook };
      if (hook.check.action === 'mask') masked.push(...spans);
    }
    masked.sort((a, b) => a.start - b.start);
    return { spans: masked.filter(({ start }, at) => start >= Math.max(0, ...masked.slice(0, at).map(({ end }) => end))) };
  }
}

const MASK_CHARS_MAX = 20;

/** Where a mask begins that ends behind `end`, if one may. */
function beforeOpenMask(text: string, end: number): number {
  const open = text.lastIndexOf('[', end - 1);
  const isOpen = open >= 0 && end - open < MASK_CHARS_MAX && !text.slice(open, end).includes(']');
  return isOpen ? open : end;
}
