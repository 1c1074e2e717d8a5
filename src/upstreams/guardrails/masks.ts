import type { SteppedWork } from '../../kernel/stepped-work.ts';
import type { JsonCursor, SaidSpan } from './escaped-text.ts';
import { readDeeply } from './escaped-text.ts';

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

/** How masks are written into a text. `restores`: whether `restored` puts them back. `cursor`: where the text begins, if it is JSON. */
export interface MaskTerms {
  readonly restores: boolean;
  readonly cursor?: JsonCursor | undefined;
}

/**
 * Replaces what was found by masks such as `[EMAIL_1]`, and puts it back into answers. The same text gets the same mask throughout one
 * request, so that a model can tell two people apart. [U115]
 */
export class Masks {
  readonly #maskOf = new Map<string, string>();
  readonly #textOf = new Map<string, string>();
  readonly #counts = new Map<string, number>();
  /** Words that look like masks, and are the caller's own. */
  readonly #taken = new Set<string>();

  /** Callers may write such words themselves, anywhere in a body: what they wrote is never taken for a mask. */
  reserve(body: unknown): void {
    const written = JSON.stringify(body);
    // Of ASCII, as all of a mask is, JSON need escape nothing, but may.
    const read = written.includes('\\u00') ? readDeeply(written) : written;
    for (const [word] of read.matchAll(MASK)) this.#taken.add(word);
  }

  /** Yields where others are due. */
  *masked(text: string, spans: readonly SaidSpan[], terms: MaskTerms, work: SteppedWork): Generator<undefined, string> {
    const { restores, cursor } = terms;
    const written = new Set<string>();
    if (spans.length > 0) {
      for (const [mask] of text.matchAll(MASK)) {
        written.add(mask);
        if (work.spend(UNITS_PER_MASK)) yield;
      }
    }
    let result = '';
    let end = 0;
    for (const { start, end: behind, kind, said } of spans) {
      if (work.spend(UNITS_PER_MASK)) yield;
      const between = text.slice(end, start);
      cursor?.pass(between);
      const mask = yield* this.#mask(said, kind, { restores, written, work });
      result += between + (cursor?.isOutsideString === true ? `"${mask}"` : mask);
      cursor?.pass(text.slice(start, behind));
      end = behind;
    }
    cursor?.pass(text.slice(end));
    return result + text.slice(end);
  }

  /** `isJson`: it is put into a string of JSON. */
  restored(text: string, isJson: boolean): string {
    if (this.#textOf.size === 0) return text;
    return text.replace(MASK, (mask) => {
      const said = this.#textOf.get(mask);
      if (said === undefined) return mask;
      return isJson ? JSON.stringify(said).slice(1, -1) : said;
    });
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
    } while (this.#taken.has(mask) || written.has(mask));
    this.#maskOf.set(key, mask);
    if (restores) this.#textOf.set(mask, found);
    return mask;
  }
}
