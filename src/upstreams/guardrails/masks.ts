import type { JsonCursor, SaidSpan } from './escaped-text.ts';
import { readDeeply } from './escaped-text.ts';

const MASK = /\[([A-Z]+)_(\d{1,6})\]/g;

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

  /** `restores`: whether `restored` puts these back. `cursor`: where the text begins, if it is JSON. */
  masked(text: string, spans: readonly SaidSpan[], restores: boolean, cursor?: JsonCursor): string {
    const written = new Set(text.match(MASK));
    let result = '';
    let end = 0;
    for (const { start, end: behind, kind, said } of spans) {
      const between = text.slice(end, start);
      cursor?.pass(between);
      const mask = this.#mask(said, kind, restores, written);
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

  #mask(found: string, kind: string, restores: boolean, written: ReadonlySet<string>): string {
    const key = `${kind}\n${found}`;
    const known = this.#maskOf.get(key);
    if (known !== undefined) return known;
    let mask: string;
    do {
      const count = (this.#counts.get(kind) ?? 0) + 1;
      this.#counts.set(kind, count);
      mask = `[${kind.toUpperCase()}_${count}]`;
    } while (this.#taken.has(mask) || written.has(mask));
    this.#maskOf.set(key, mask);
    if (restores) this.#textOf.set(mask, found);
    return mask;
  }
}
