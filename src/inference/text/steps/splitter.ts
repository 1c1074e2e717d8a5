import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { utf8 } from '../../../kernel/bytes.ts';
import { ok } from '../../../kernel/result.ts';
import type { JsonRecord } from '../config-json.ts';
import { isRecord, textIn } from '../config-json.ts';
import { patternOf } from './normaliser.ts';
import { literalPattern } from './step-pattern.ts';
import { PUNCTUATION, SPACE, WORD_CHAR } from './unicode-classes.ts';

/** A part of a text that becomes pieces by itself. */
export interface Word {
  readonly text: string;
  /** Whether the text begins with it. */
  readonly isFirst: boolean;
}

export type SplitText = (words: readonly Word[]) => Word[];

/** What becomes of the matches of a pattern that words are split at. */
type Behaviour = 'Removed' | 'Isolated' | 'Contiguous' | 'MergedWithPrevious' | 'MergedWithNext';

interface Part {
  readonly text: string;
  readonly isMatch: boolean;
}

/** The field `pre_tokenizer` of a `tokenizer.json`, whose steps have passed `checkTokeniser`. Refuses a pattern that cannot be used. */
export function splitterOf(step: unknown, at: FieldPath): Outcome<SplitText> {
  if (!isRecord(step)) return ok((words) => [...words]);
  const behaviour = (step['behavior'] ?? 'Isolated') as Behaviour;
  switch (step['type']) {
    case 'Sequence':
      return inSequence(step['pretokenizers'], at);
    case 'BertPreTokenizer':
      return ok((words) => PUNCTUATION_ISOLATED(SPACE_REMOVED(words)));
    case 'ByteLevel':
      return ok(byteLevel(step));
    case 'Digits':
      return ok(splitAt(/\p{N}/gu, step['individual_digits'] === true ? 'Isolated' : 'Contiguous'));
    case 'Metaspace':
      return ok(metaspace(step));
    case 'Punctuation':
      return ok(splitAt(new RegExp(PUNCTUATION, 'gu'), behaviour));
    case 'Whitespace':
      return ok(splitAt(WORDS, 'Removed', true));
    case 'WhitespaceSplit':
      return ok(SPACE_REMOVED);
    default: {
      const pattern = patternOf(step['pattern'], at);
      return pattern.ok ? ok(splitAt(pattern.value, behaviour, step['invert'] === true)) : pattern;
    }
  }
}

function inSequence(steps: unknown, at: FieldPath): Outcome<SplitText> {
  const all: SplitText[] = [];
  for (const [i, step] of (Array.isArray(steps) ? (steps as unknown[]) : []).entries()) {
    const split = splitterOf(step, [...at, 'pretokenizers', i]);
    if (!split.ok) return split;
    all.push(split.value);
  }
  return ok((words) => all.reduce<readonly Word[]>((parts, split) => split(parts), words) as Word[]);
}

/** `isInverted`: what the pattern does not match counts as its matches. */
function splitAt(pattern: RegExp, behaviour: Behaviour, isInverted = false): SplitText {
  return (words) =>
    words.flatMap(({ text, isFirst }) => {
      const parts = merged(partsOf(text, pattern, isInverted), behaviour).filter((part) => part.text !== '');
      const hasFirst = isFirst && text.startsWith(parts[0]?.text ?? text);
      return parts
        .filter(({ isMatch }) => !isMatch || behaviour !== 'Removed')
        .map((part, i) => ({ text: part.text, isFirst: hasFirst && i === 0 && part === parts[0] }));
    });
}

function partsOf(text: string, pattern: RegExp, isInverted: boolean): Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (const { 0: match, index } of text.matchAll(pattern)) {
    if (match === '') continue;
    if (index > from) parts.push({ text: text.slice(from, index), isMatch: isInverted });
    parts.push({ text: match, isMatch: !isInverted });
    from = index + match.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), isMatch: isInverted });
  return parts;
}

function merged(parts: readonly Part[], behaviour: Behaviour): readonly Part[] {
  if (behaviour === 'Isolated' || behaviour === 'Removed') return parts;
  const isNext = behaviour === 'MergedWithNext';
  const grown: Part[] = [];
  let before: Part | undefined;
  for (const part of isNext ? parts.toReversed() : parts) {
    const last = grown.at(-1);
    const isJoined = behaviour === 'Contiguous' ? before?.isMatch === part.isMatch : part.isMatch && before?.isMatch !== true;
    if (last !== undefined && isJoined)
      grown[grown.length - 1] = { text: isNext ? part.text + last.text : last.text + part.text, isMatch: false };
    else grown.push({ text: part.text, isMatch: false });
    before = part;
  }
  return isNext ? grown.toReversed() : grown;
}

const SPACE_REMOVED = splitAt(new RegExp(SPACE, 'gu'), 'Removed');
const PUNCTUATION_ISOLATED = splitAt(new RegExp(PUNCTUATION, 'gu'), 'Isolated');
const WORDS = new RegExp(`${WORD_CHAR}+|[^${WORD_CHAR.slice(1, -1)}${SPACE}]+`, 'gu');

/** As GPT-2 splits texts (openai/gpt-2, encoder.py). */
const GPT2_SPLIT = splitAt(
  new RegExp(
    String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+`,
    'gu',
  ),
  'Isolated',
);

const isPrintable = (byte: number): boolean => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);

function byteChars(): string[] {
  let others = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : (others += 1) - 1));
}

/** The character that each byte is written as: itself where it is printable in Latin 1, else one from U+0100. */
const BYTE_CHARS: readonly string[] = byteChars();

function byteLevel(step: JsonRecord): SplitText {
  const hasPrefix = (step['add_prefix_space'] ?? true) === true;
  const splits = (step['use_regex'] ?? true) === true;
  return (words) => {
    const spaced = hasPrefix ? words.map(({ text, isFirst }) => ({ text: text.startsWith(' ') ? text : ` ${text}`, isFirst })) : words;
    return (splits ? GPT2_SPLIT(spaced) : spaced).map(({ text, isFirst }) => {
      let written = '';
      for (const byte of utf8(text)) written += BYTE_CHARS[byte] ?? '';
      return { text: written, isFirst };
    });
  };
}

function metaspace(step: JsonRecord): SplitText {
  const space = textIn(step, 'replacement', '▁');
  const scheme = step['prepend_scheme'] ?? ((step['add_prefix_space'] ?? true) === true ? 'always' : 'never');
  const split = (step['split'] ?? true) === true ? splitAt(literalPattern(space), 'MergedWithNext') : undefined;
  return (words) => {
    const marked = words.map(({ text, isFirst }) => {
      const written = text.replaceAll(' ', space);
      const isPrefixed = scheme === 'always' || (scheme === 'first' && isFirst);
      return { text: isPrefixed && !written.startsWith(space) ? space + written : written, isFirst };
    });
    return split?.(marked) ?? marked;
  };
}
