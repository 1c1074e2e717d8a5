import type { SteppedWork } from '../../kernel/stepped-work.ts';
import type { Span } from './find-pii.ts';

const MASK = /\[([A-Z]+)_(\d{1,6})\]/g;

/** What one takes in units of `SteppedWork`: it is looked for among those that were made. */
const UNITS_PER_MASK = 100;
const UNITS_PER_TRY = 10;

interface Masking {
  readonly restores: boolean;
  /** What looks like a mask in the text itself. */
  readonly written: ReadonlySet<string>;
  readonly work: SteppedWork;
}

/**
 * Replaces what was found by masks such as `[EMAIL_1]`, and puts it back into answers. The same text gets the same mask throughout one
 * request, so that a model can tell two people apart.
 */
export class Masks {
  readonly #maskOf = new Map<string, string>();
  readonly #textOf = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  /** `restores`: whether `restored` puts these back. Yields where others are due. */
  *masked(text: string, spans: readonly Span[], restores: boolean, work: SteppedWork): Generator<undefined, string> {
    if (spans.length === 0) return text;
    const written = new Set<string>();
    for (const [mask] of text.matchAll(MASK)) {
      written.add(mask);
      if (work.spend(UNITS_PER_MASK)) yield;
    }
    let result = '';
    let end = 0;
    for (const span of spans) {
      if (work.spend(UNITS_PER_MASK)) yield;
      const mask = yield* this.#mask(text.slice(span.start, span.end), span.kind, { restores, written, work });
      result += text.slice(end, span.start) + mask;
      end = span.end;
    }
    return result + text.slice(end);
  }

  restored(text: string): string {
    return this.#textOf.size === 0 ? text : text.replace(MASK, (mask) => this.#textOf.get(mask) ?? mask);
  }

  /** Whether any text would be put back. */
  get restores(): boolean {
    return this.#textOf.size > 0;
  }

  *#mask(found: string, kind: string, { restores, written, work }: Masking): Generator<undefined, string> {
    const key = `${kind}\n${found}`;
    const known = this.#maskOf.get(key);
    if (known !== undefined) return known;
    let mask: string;
    do {
      if (work.spend(UNITS_PER_TRY)) yield;
      const count = (this.#counts.get(kind) ?? 0) + 1;
      this.#counts.set(kind, count);
      mask = `[${kind.toUpperCase()}_${count}]`;
      // Callers may write such words themselves: what they wrote is never taken for a mask.
    } while (written.has(mask));
    this.#maskOf.set(key, mask);
    if (restores) this.#textOf.set(mask, found);
    return mask;
  }
}
