/** Whether the JSON object that a text says, piece by piece, has ended: nothing but blanks may follow it. Each character is read once. */
export class JsonEnd {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #state: 'before' | 'within' | 'ended' | 'no-object' = 'before';

  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  push(piece: string): void {
    for (let at = 0; at < piece.length && this.#state !== 'no-object'; at += 1) this.#take(piece.charCodeAt(at));
  }

  #take(code: number): void {
    if (this.#isInString) this.#takeOfString(code);
    else if (this.#state === 'within') this.#takeOfObject(code);
    else if (code === BRACE && this.#state === 'before') {
      this.#state = 'within';
      this.#depth = 1;
    } else if (!BLANKS.has(code)) this.#state = 'no-object';
  }

  #takeOfString(code: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (code === BACKSLASH) this.#isEscaped = true;
    else if (code === QUOTE) this.#isInString = false;
  }

  #takeOfObject(code: number): void {
    if (code === QUOTE) this.#isInString = true;
    else if (code === BRACE || code === BRACKET) this.#depth += 1;
    else if (code === BRACE_END || code === BRACKET_END) {
      this.#depth -= 1;
      if (this.#depth === 0) this.#state = 'ended';
    }
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;
const BRACE_END = 0x7d;
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;
const BLANKS: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
