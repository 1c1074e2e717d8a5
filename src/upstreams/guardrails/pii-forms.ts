import type { PII_KINDS } from '../../contract/guardrails/guardrails.ts';
import { ibanChars, isIban } from './iban.ts';

/** How one kind of personal data is written. */
export interface PiiForm {
  /**
   * What may be one: of bounded length, or a run of its characters, so that a search is linear. A first group is what stands before it and
   * belongs to it.
   */
  readonly form: RegExp;
  /** How much of a candidate is one, or where the next may begin. `behind`: the character that follows. */
  readonly read: (candidate: string, behind: string) => { readonly isReal: boolean; readonly length: number };
}

// Blanks that keep a number on one line, and hyphens that look alike: programs of text processing write them.
const BLANK = ' \\u00A0\\u2000-\\u200A\\u202F\\u205F\\u3000';
const DASH = '\\-\\u2010-\\u2015\\u2212';

// Writing without blanks between words: an address in it ends where the script changes.
const WIDE = '\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Hangul}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}\\p{sc=Myanmar}';
const LETTER = `[[\\p{L}\\p{M}\\p{N}]--[${WIDE}]]`;
const LOCAL = `(?:[${LETTER}_.+'\\-]{1,64}|[${WIDE}\\p{N}]{1,64})`;
const LABEL = `(?:[${LETTER}\\-]{1,63}|[${WIDE}\\p{N}\\-]{1,63})`;
// Of ASCII, of punycode, or of another script as a whole.
const TOP = `(?:xn--[A-Za-z0-9\\-]{2,59}|[A-Za-z]{2,63}|[[\\p{L}\\p{M}]--[A-Za-z${WIDE}]]{2,63}|[${WIDE}]{2,4})`;
const AT = '[@\\uFF20]';
const DOT = '[.\\u3002\\uFF0E\\uFF61]';

const whole = (isReal: (candidate: string, behind: string) => boolean): PiiForm['read'] => {
  return (candidate, behind) => ({ isReal: isReal(candidate, behind), length: candidate.length });
};

export const PII_FORMS: Readonly<Record<(typeof PII_KINDS)[number], readonly PiiForm[]>> = {
  // RFC 6531, and its domains: up to 127 labels, of which those in use have far fewer.
  email: [{ form: new RegExp(`${AT}(?<=((?!['.])${LOCAL})${AT})(?:${LABEL}${DOT}){1,32}${TOP}`, 'gv'), read: whole(() => true) }],
  phone: [
    {
      // The last part of a UUID is no number of anybody's.
      form: new RegExp(`(?<![\\w.+]|[0-9A-Fa-f]{4}-)(?:\\+|00)?\\(?\\d[\\d()./${BLANK}${DASH}]{6,20}\\d(?!\\w)`, 'g'),
      read: readPhone,
    },
  ],
  iban: [{ form: new RegExp(`(?<![\\p{L}\\p{N}_])[A-Za-z]{2}\\d{2}(?:[${BLANK}${DASH}]?[A-Za-z0-9]){11,30}`, 'gv'), read: readIban }],
  card: [{ form: new RegExp(`(?<![\\w\\-])\\d(?:[${BLANK}${DASH}]?\\d){12,18}(?![\\w\\-])`, 'g'), read: readCard }],
  ip: [
    { form: /(?<!\w)[0-9A-Fa-f:][0-9A-Fa-f:.]+/g, read: readIp6 },
    { form: /(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)/g, read: whole(isIp4) },
  ],
};

const GROUPS = new RegExp(`\\d[()./${BLANK}${DASH}]+\\d{2,}[()./${BLANK}${DASH}]+\\d{2,}`);
const DATE = new RegExp(`^(?:\\d{4}[./${DASH}]\\d{1,2}[./${DASH}]\\d{1,2}|\\d{1,2}[./${DASH}]\\d{1,2}[./${DASH}]\\d{4})`);

/** Telephone numbers have 7 to 15 digits (E.164); without a country's code they are written in groups, unlike other numbers. */
function readPhone(candidate: string): ReturnType<PiiForm['read']> {
  // A date, a range or a decimal is no number that anyone is called by.
  const date = DATE.exec(candidate);
  if (date !== null) return { isReal: false, length: date[0].length };
  const digits = candidate.replace(/\D/g, '').length;
  const isWritten = /^(?:\+|00)/.test(candidate) || GROUPS.test(candidate) || /^\(?0\d/.test(candidate);
  return { isReal: digits >= 7 && digits <= 15 && isWritten, length: candidate.length };
}

const SEPARATOR = new RegExp(`[${BLANK}${DASH}]`);

/** The account that a candidate begins with: the word behind it may look like a part of it. */
function readIban(candidate: string, behind: string): ReturnType<PiiForm['read']> {
  const end = endOf(candidate, ibanChars(candidate.slice(0, 2).toUpperCase()));
  if (end === 0 || isWord(candidate[end] ?? behind)) return { isReal: false, length: 1 };
  const groups = candidate.slice(0, end).split(SEPARATOR);
  // In small letters words look like it, unless it is written as it is printed: in groups of four.
  const isPrinted = groups.slice(0, -1).every(({ length }) => length === 4) && (groups.at(-1)?.length ?? 0) <= 4;
  const isWritten = groups.length === 1 || isPrinted || !/[a-z]/.test(candidate.slice(0, end));
  return isWritten && isIban(groups.join('').toUpperCase()) ? { isReal: true, length: end } : { isReal: false, length: 1 };
}

const isWord = (char: string): boolean => (char >= '0' && char <= '9') || (char >= 'A' && char <= 'Z') || (char >= 'a' && char <= 'z');

/** Where so many letters and digits have come; 0: they do not. */
function endOf(text: string, count: number): number {
  let left = count;
  for (let at = 0; at < text.length && left > 0; at += 1) {
    if (isWord(text.charAt(at))) left -= 1;
    if (left === 0) return at + 1;
  }
  return 0;
}

const CARD_DIGITS_MIN = 13;

/** The card that a candidate begins with: what is often written behind it, such as when it expires, has digits, too. */
function readCard(candidate: string): ReturnType<PiiForm['read']> {
  const ends = [...candidate.matchAll(/\d+/g)].map(({ index, 0: group }) => index + group.length);
  const end = ends.findLast((at) => isCard(candidate.slice(0, at).replaceAll(/\D/g, '')));
  return end === undefined ? { isReal: false, length: ends[0] ?? candidate.length } : { isReal: true, length: end };
}

/** ISO/IEC 7812: Luhn's sum, in which every second digit from the last but one is doubled. Digits that are all the same are none of a card. */
function isCard(digits: string): boolean {
  if (digits.length < CARD_DIGITS_MIN || /^(\d)\1*$/.test(digits)) return false;
  const sum = Array.from(digits).reduceRight((total, char, at) => total + luhnOf(Number(char), (digits.length - at) % 2 === 0), 0);
  return sum % 10 === 0;
}

function luhnOf(digit: number, isDoubled: boolean): number {
  const counted = isDoubled ? 2 * digit : digit;
  return counted > 9 ? counted - 9 : counted;
}

function isIp4(text: string): boolean {
  return text.split('.').every((part) => Number(part) <= 255);
}

const IP6_CHARS_MAX = 45;
const GROUPS_OF_IP6 = 8;

/** RFC 4291: eight groups, of which `::` stands for those that are zero, and the last two may be an IPv4 address. */
function readIp6(candidate: string, behind: string): ReturnType<PiiForm['read']> {
  const { length } = candidate;
  // As it ends a sentence.
  const text = candidate.replace(/(?:\.|(?<!:):)$/, '');
  if (text.length > IP6_CHARS_MAX || /\w/.test(behind)) return { isReal: false, length };
  const [, head = text, ip4] = /^(.*:)(\d{1,3}(?:\.\d{1,3}){3})$/.exec(text) ?? [];
  const groups = (ip4 === undefined ? head : `${head}0:0`).split(':');
  const isOfGroups = groups.every((group) => /^[0-9A-Fa-f]{0,4}$/.test(group)) && (ip4 === undefined || isIp4(ip4));
  const shortened = text.split('::').length - 1;
  const isCounted = shortened === 1 ? groups.length <= GROUPS_OF_IP6 + 1 : shortened === 0 && groups.length === GROUPS_OF_IP6;
  // `std::vector` and `a::b` are code; addresses without any digit are not in use.
  return { isReal: isOfGroups && isCounted && (shortened === 1 || !groups.includes('')) && /\d/.test(text), length: text.length };
}
