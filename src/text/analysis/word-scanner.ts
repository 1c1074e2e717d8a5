import { characterClass, CLASS, classOf } from './character-classes.ts';

const APOSTROPHE = 0x27;
const RIGHT_QUOTE = 0x2019;
const COMMA = 0x2c;
const FULL_STOP = 0x2e;
const UNDERSCORE = 0x5f;
const PLUS = 0x2b;
const HASH = 0x23;

/** The stretch of a text that the scanner found last. */
export class WordSpan {
  start = 0;
  end = 0;
  /** A run of a script that writes no spaces. */
  isRun = false;
  /** Of such a run: whether its characters are paired. */
  isPaired = false;
  /** Of a field of code: has an underscore, a change of case or a digit beside a letter. */
  isIdentifier = false;
}

/**
 * Moves `span` to the next word behind it; false at the end of the text. A word is a run of letters, marks and digits; apostrophes between
 * letters, and points and commas between digits, belong to it, and so does what follows the letter of `C++` and `C#`.
 */
export function nextWord(text: string, span: WordSpan, isCode: boolean): boolean {
  let at = span.end;
  let kind: number = CLASS.other;
  while (at < text.length) {
    kind = classAt(text, at);
    if (kind !== CLASS.other && kind !== CLASS.mark) break;
    at += widthAt(text, at);
  }
  if (at >= text.length) return false;
  span.start = at;
  span.isRun = kind === CLASS.paired || kind === CLASS.segmented;
  span.isPaired = kind === CLASS.paired;
  span.isIdentifier = false;
  if (span.isRun) span.end = endOfRun(text, at, kind);
  else {
    span.end = endOfWord(text, at, isCode);
    span.isIdentifier = isCode && isCompound(text, span.start, span.end);
  }
  return true;
}

function endOfRun(text: string, start: number, kind: number): number {
  let at = start;
  while (at < text.length) {
    const next = classAt(text, at);
    if (next !== kind && next !== CLASS.mark) break;
    at += widthAt(text, at);
  }
  return at;
}

function endOfWord(text: string, start: number, isCode: boolean): number {
  let at = start;
  let last: number = CLASS.other;
  while (at < text.length) {
    const kind = classAt(text, at);
    if (kind === CLASS.letter || kind === CLASS.digit) last = kind;
    else if (kind !== CLASS.mark && !isJoiner(text, at, last, isCode)) break;
    at += widthAt(text, at);
  }
  return at === start + 1 ? endOfSign(text, at, last) : at;
}

/** Whether the unit at `at`, which is in no word by itself, joins what stands around it. */
function isJoiner(text: string, at: number, before: number, isCode: boolean): boolean {
  const unit = text.charCodeAt(at);
  if (isCode && unit === UNDERSCORE) return true;
  const wanted = JOINED.get(unit);
  return wanted !== undefined && before === wanted && at + 1 < text.length && classAt(text, at + 1) === wanted;
}

const JOINED: ReadonlyMap<number, number> = new Map([
  [APOSTROPHE, CLASS.letter],
  [RIGHT_QUOTE, CLASS.letter],
  [COMMA, CLASS.digit],
  [FULL_STOP, CLASS.digit],
]);

/** Behind the signs of `C++`, `C#` and the like: one letter, the signs, and no word right behind. */
function endOfSign(text: string, at: number, before: number): number {
  if (before !== CLASS.letter) return at;
  const signs = text.charCodeAt(at) === HASH ? 1 : text.charCodeAt(at) === PLUS && text.charCodeAt(at + 1) === PLUS ? 2 : 0;
  const end = at + signs;
  return end < text.length && classAt(text, end) !== CLASS.other ? at : end;
}

/** Whether a word of a program has parts. */
function isCompound(text: string, start: number, end: number): boolean {
  for (let at = start + 1; at < end; at += 1) if (isPartBoundary(text, at)) return true;
  return false;
}

/** Whether a part of an identifier ends before the unit at `at`: `get|User`, `HTTP|Server`, `utf|8`, `user|_name`. */
export function isPartBoundary(text: string, at: number): boolean {
  const [before, here] = [partKind(text, at - 1), partKind(text, at)];
  if (before === here) return here === 'upper' && partKind(text, at + 1) === 'lower';
  return !(before === 'upper' && here === 'lower');
}

type PartKind = 'upper' | 'lower' | 'digit' | 'sign';

export function partKind(text: string, at: number): PartKind {
  const unit = text.charCodeAt(at);
  const kind = at < text.length ? classOf(unit) : CLASS.other;
  if (kind === CLASS.digit) return 'digit';
  if (kind === CLASS.other) return 'sign';
  const character = text.charAt(at);
  return character !== character.toLowerCase() ? 'upper' : 'lower';
}

function classAt(text: string, at: number): number {
  const kind = classOf(text.charCodeAt(at));
  return kind === CLASS.surrogate ? characterClass(String.fromCodePoint(text.codePointAt(at) ?? 0)) : kind;
}

/** Two of a character beyond 16 bits, one of half of it. */
const widthAt = (text: string, at: number): number =>
  (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00 ? 2 : 1;
