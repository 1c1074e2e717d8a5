import { encode, decode } from 'gpt-tokenizer/encoding/cl100k_base';

import type { Span } from '../../../src/documents/blocks/block.ts';

const AS_TEXT = { disallowedSpecial: new Set<string>() };

/** Tokens of cl100k, the unit of all figures: no chunker's own. */
export const countTokens = (text: string): number => encode(text, AS_TEXT).length;

/** Where the tokens of a text begin, so that stretches are measured in tokens of the whole text. */
export class TokenPlaces {
  /** Of each UTF-16 unit, how many tokens begin before it. */
  readonly #before: Uint32Array;

  constructor(text: string) {
    this.#before = new Uint32Array(text.length + 1);
    let at = 0;
    let open: number[] = [];
    let tokens = 0;
    for (const token of encode(text, AS_TEXT)) {
      open.push(token);
      tokens += 1;
      const part = decode(open);
      // Tokens within a character are no text of their own.
      if (part.includes('\uFFFD') && !text.startsWith(part, at)) continue;
      this.#before.fill(tokens, at + 1, at + part.length + 1);
      at += part.length;
      open = [];
    }
    this.#before.fill(tokens, at + 1);
  }

  get count(): number {
    return this.#before.at(-1) ?? 0;
  }

  /** The positions of the tokens that a stretch has a part of. */
  of({ begin, end }: Span): { readonly from: number; readonly to: number } {
    return { from: this.#before[begin] ?? 0, to: this.#before[end] ?? this.count };
  }
}
