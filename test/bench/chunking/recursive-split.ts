import type { Span } from '../../../src/documents/blocks/block.ts';
import { trimmed } from '../../../src/documents/blocks/parts.ts';

const SEPARATORS = ['\n\n', '\n', ' ', ''] as const;

interface Part extends Span {
  readonly tokens: number;
}

/**
 * LangChain's `RecursiveCharacterTextSplitter`: a text is divided at the first separator that it has, which stays with what follows; parts that are too long are
 * divided at the next one, and the others are joined as long as they fit.
 */
export class RecursiveSplitter {
  readonly #text: string;
  readonly #settings: { readonly tokensMax: number; readonly overlapTokens: number };
  readonly #count: (text: string) => number;

  constructor(text: string, settings: { readonly tokensMax: number; readonly overlapTokens: number }, count: (text: string) => number) {
    this.#text = text;
    this.#settings = settings;
    this.#count = count;
  }

  chunks(): Span[] {
    return this.#split({ begin: 0, end: this.#text.length }, 0)
      .map(({ begin, end }) => trimmed(this.#text.slice(begin, end), begin))
      .filter(({ begin, end }) => begin < end);
  }

  #split(span: Span, level: number): Span[] {
    const at = SEPARATORS.findIndex((separator, index) => index >= level && this.#has(span, separator));
    const chunks: Span[] = [];
    let open: Part[] = [];
    for (const part of this.#partsAt(span, SEPARATORS[at] ?? '')) {
      if (part.tokens < this.#settings.tokensMax) {
        open.push(part);
        continue;
      }
      chunks.push(...this.#merged(open));
      open = [];
      chunks.push(...(at === SEPARATORS.length - 1 ? [part] : this.#split(part, at + 1)));
    }
    return [...chunks, ...this.#merged(open)];
  }

  #has({ begin, end }: Span, separator: string): boolean {
    const found = this.#text.indexOf(separator, begin);
    return found >= 0 && found + separator.length <= end;
  }

  #partsAt({ begin, end }: Span, separator: string): Part[] {
    const text = this.#text.slice(begin, end);
    const starts = [0];
    if (separator === '') for (let at = 1; at < text.length; at += 1) starts.push(at);
    else for (let at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, at + separator.length)) if (at > 0) starts.push(at);
    return starts.map((from, index) => {
      const to = starts[index + 1] ?? text.length;
      return { begin: begin + from, end: begin + to, tokens: this.#count(text.slice(from, to)) };
    });
  }

  #merged(parts: readonly Part[]): Span[] {
    const { tokensMax, overlapTokens } = this.#settings;
    const chunks: Span[] = [];
    let open: Part[] = [];
    let tokens = 0;
    const close = (): void => {
      const [first, last] = [open[0], open.at(-1)];
      if (first !== undefined && last !== undefined) chunks.push({ begin: first.begin, end: last.end });
    };
    for (const part of parts) {
      if (tokens + part.tokens > tokensMax) {
        close();
        while (open.length > 0 && (tokens > overlapTokens || tokens + part.tokens > tokensMax)) {
          tokens -= open[0]!.tokens;
          open = open.slice(1);
        }
      }
      open.push(part);
      tokens += part.tokens;
    }
    close();
    return chunks;
  }
}
