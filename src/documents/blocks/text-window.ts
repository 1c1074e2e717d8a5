import { assert } from '../../kernel/assert.ts';
import type { Span } from './block.ts';

/** What a step waits for: more of the source, or a turn of others. */
export type Pause = 'source' | 'turn';

/** Work that goes on when what it waits for has come. */
export type Paused<T = void> = Generator<Pause, T>;

/** What is dropped is copied out of the way, so that it is dropped in large parts. */
const RELEASED_CHARS_MIN = 65_536;

/** The stretch of a text that is still in use, by the offsets of the whole text in UTF-16 units: a text of any length needs only so much memory. */
export class TextWindow {
  #text = '';
  #begin = 0;
  #passed = 0;
  #isWhole = false;

  /** Where what has come ends. */
  get end(): number {
    return this.#begin + this.#text.length;
  }

  /** Up to where blocks were taken out of it. */
  get passed(): number {
    return this.#passed;
  }

  append(text: string): void {
    assert(!this.#isWhole, 'nothing follows the end of a text');
    this.#text += text;
  }

  /** Nothing follows. */
  finish(): void {
    this.#isWhole = true;
  }

  /** Blocks were taken out of it up to this place. */
  pass(place: number): void {
    this.#passed = place;
  }

  /** Nothing before this place is read any more. */
  release(before: number): void {
    const chars = before - this.#begin;
    if (chars < RELEASED_CHARS_MIN) return;
    this.#text = this.#text.slice(chars);
    this.#begin = before;
  }

  /** Waits for the text up to a place, or its end. */
  *fill(end: number): Paused {
    while (this.end < end && !this.#isWhole) yield 'source';
  }

  /** Whether the text ends there. */
  isEnd(place: number): boolean {
    return this.#isWhole && place >= this.end;
  }

  slice({ begin, end }: Span): string {
    assert(begin >= this.#begin, 'what was released is not read');
    return this.#text.slice(begin - this.#begin, end - this.#begin);
  }

  /** Where a text is found at or behind a place; -1: not in what has come. */
  indexOf(searched: string, from: number): number {
    const found = this.#text.indexOf(searched, from - this.#begin);
    return found < 0 ? -1 : this.#begin + found;
  }
}
