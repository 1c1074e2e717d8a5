import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { utf8Text } from '../../../contract/api/json-text.ts';
import { fromBase64, utf8 } from '../../../kernel/bytes.ts';
import { ok } from '../../../kernel/result.ts';
import { DoubleArray, ROOT } from '../pieces/double-array.ts';

/** The longest text that NFKC makes of one character, U+FDFA, has 33 bytes. */
const REPLACEMENT_BYTES_MAX = 64;
/** Longer graphemes are replaced character by character, as the reference library has it. */
const GRAPHEME_BYTES_MAX = 5;

/**
 * What characters are replaced with, as SentencePiece compiles its rules (`precompiled_charsmap`): the length of a `DoubleArray` in bytes, the array,
 * and the replacements, each ending with a zero byte. The joiners U+200C and U+200D are not in the rules of SentencePiece and stay.
 */
export class PrecompiledMap {
  readonly #trie: DoubleArray;
  readonly #replacements: Uint8Array;

  private constructor(trie: DoubleArray, replacements: Uint8Array) {
    this.#trie = trie;
    this.#replacements = replacements;
  }

  /** `charsMap`: in base64. Refuses one whose parts do not fit together, or that makes long texts of short ones. */
  static open(charsMap: unknown, at: FieldPath): Outcome<PrecompiledMap> {
    const bytes = typeof charsMap === 'string' ? fromBase64(charsMap) : undefined;
    const opened = bytes === undefined || bytes.length < 4 ? undefined : PrecompiledMap.#read(bytes);
    return opened === undefined ? refuse('invalid_value', 'is no map of characters as SentencePiece has it', at) : ok(opened);
  }

  static #read(bytes: Uint8Array<ArrayBuffer>): PrecompiledMap | undefined {
    const trieBytes = new DataView(bytes.buffer).getUint32(0, true);
    if (trieBytes % 4 !== 0 || 4 + trieBytes > bytes.length) return undefined;
    const replacements = bytes.slice(4 + trieBytes);
    if (utf8Text(replacements) === undefined) return undefined;
    for (let start = 0; start < replacements.length;) {
      const end = replacements.indexOf(0, start);
      if (end < 0 || end - start > REPLACEMENT_BYTES_MAX) return undefined;
      start = end + 1;
    }
    return new PrecompiledMap(new DoubleArray(new Uint32Array(bytes.slice(4, 4 + trieBytes).buffer)), replacements);
  }

  normalise(text: string): string {
    // Graphemes of more than one character are those with a mark or a joiner, and the line end of two characters.
    if (!JOINING.test(text)) return this.#byChar(text);
    let normal = '';
    for (const { segment } of segmenter.segment(text)) {
      const bytes = segment.length === 1 ? undefined : utf8(segment);
      const whole = bytes !== undefined && bytes.length <= GRAPHEME_BYTES_MAX ? this.#replacementOf(bytes) : undefined;
      normal += whole ?? this.#byChar(segment);
    }
    return normal;
  }

  #byChar(text: string): string {
    let [normal, copied, at] = ['', 0, 0];
    for (const char of text) {
      const replacement = this.#replacementOf(utf8(char));
      if (replacement !== undefined) {
        normal += text.slice(copied, at) + replacement;
        copied = at + char.length;
      }
      at += char.length;
    }
    return copied === 0 ? text : normal + text.slice(copied);
  }

  /** What the shortest rule says that the bytes begin with, as the reference library has it; undefined: no rule does. */
  #replacementOf(bytes: Uint8Array): string | undefined {
    let node = ROOT;
    for (const byte of bytes) {
      node = this.#trie.child(node, byte);
      if (node < 0) return undefined;
      const start = this.#trie.valueAt(node);
      if (start < 0) continue;
      const end = this.#replacements.indexOf(0, start);
      return end < 0 ? undefined : utf8Text(this.#replacements.subarray(start, end));
    }
    return undefined;
  }
}

/** Characters that are one grapheme with a neighbour; the last are the prepended ones of UAX 29. */
const JOINING = new RegExp(
  String.raw`[\r\p{M}\p{Grapheme_Extend}\u200d\p{Emoji_Modifier}\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\u{110bd}\u{110cd}\u{111c2}\u{111c3}\u{113d1}\u{1193f}\u{11941}\u{11a3a}\u{11a84}-\u{11a89}\u{11d46}\u{11f02}]`,
  'u',
);

const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });
