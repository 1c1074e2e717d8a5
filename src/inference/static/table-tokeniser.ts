import type { TokenisedText, Tokeniser } from '../embedding-model.ts';
import { CharClass, charClassOf } from './char-class.ts';
import { foldText } from './fold-text.ts';
import { endOfForeignWord, FOLD, isWordAt } from './name-parts.ts';
import { PieceList } from './subword-pieces.ts';
import type { SubwordPieces } from './subword-pieces.ts';

/**
 * The most ids of one text: one run of the ONNX runtime takes as many (`onnxRunTokensMax`). A text that would have more is one of thousands of
 * unknown words; each of them then has one id for the whole instead of one for each n-gram or piece.
 */
export const TEXT_IDS_MAX = 16_384;

/**
 * What the tokenisers of tables have in common: words beyond ASCII are hashed, and so are the characters of scripts without blanks, and punctuation where
 * a text has nothing else; a text is cut behind its first words.
 */
export abstract class TableTokeniser implements Tokeniser {
  abstract readonly vocabularySize: number;
  protected abstract readonly pieces: SubwordPieces;
  protected readonly list = new PieceList();
  protected text = '';
  /** Whether an unknown word has one id only. */
  protected isBrief = false;

  tokenise(raw: string, wordsMax = Infinity): TokenisedText {
    this.text = foldText(raw);
    this.#scan(wordsMax, false);
    if (this.list.keptCount > TEXT_IDS_MAX) this.#scan(wordsMax, true);
    if (this.list.count === 0 && raw !== '') this.#symbols();
    this.text = '';
    return this.list.taken(raw.length);
  }

  /** Adds what begins with the ASCII letter or digit at `start`; returns where it ends. */
  protected abstract addWords(start: number): number;

  /** One word as its hashed whole and n-grams. */
  protected addHashed(units: Uint16Array | Uint8Array, from = 0, to = units.length): void {
    if (this.isBrief) this.pieces.whole(units, from, to);
    else this.pieces.hashed(units, from, to);
    this.#countLacking();
  }

  #scan(wordsMax: number, isBrief: boolean): void {
    this.isBrief = isBrief;
    this.list.begin(wordsMax);
    // The character before, where it is one of a script without blanks.
    let before = 0;
    for (let at = 0; at < this.text.length;) {
      this.list.mark();
      if (this.text.charCodeAt(at) < FOLD.length) {
        before = 0;
        at = isWordAt(this.text, at) ? this.addWords(at) : at + 1;
      } else {
        const codePoint = this.text.codePointAt(at)!;
        at = this.#addForeign(at, codePoint, isBrief ? 0 : before);
        before = charClassOf(codePoint) === CharClass.dense ? codePoint : 0;
      }
    }
    this.list.mark();
  }

  /** Adds the word or character at `at`, which is `codePoint`; returns where it ends. */
  #addForeign(at: number, codePoint: number, before: number): number {
    const kind = charClassOf(codePoint);
    if (kind === CharClass.word) {
      const end = endOfForeignWord(this.text, at);
      this.addHashed(Uint16Array.from({ length: end - at }, (_, i) => this.text.charCodeAt(at + i)));
      return end;
    }
    if (kind === CharClass.dense) {
      this.pieces.dense(codePoint, before);
      this.#countLacking();
    }
    return at + (codePoint > 0xffff ? 2 : 1);
  }

  /** A text of punctuation, other symbols or blanks alone. */
  #symbols(): void {
    this.pieces.symbols(this.text);
    this.#countLacking();
    this.list.mark();
  }

  #countLacking(): void {
    this.list.words++;
    this.list.lacking++;
  }
}
