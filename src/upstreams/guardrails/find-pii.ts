import type { PII_KINDS } from '../../contract/guardrails/guardrails.ts';

type PiiKind = (typeof PII_KINDS)[number];

/** Where something lies in a text, in UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** What it is, such as `email`: masks name it. */
  readonly kind: string;
}

/** Candidates by their form, each of bounded length so that a search is linear; `isReal` then sorts out what only looks like it. */
const FORMS: Readonly<Record<PiiKind, { readonly form: RegExp; readonly isReal: (text: string) => boolean }>> = {
  email: { form: /(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,4}[A-Za-z]{2,24}(?![\w-])/g, isReal: () => true },
  phone: { form: /(?<![\w.+])(?:\+|00)?\(?\d[\d ()./-]{6,20}\d(?![\w])/g, isReal: isPhone },
  iban: { form: /(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?!\w)/g, isReal: isIban },
  card: { form: /(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])/g, isReal: isCard },
  ip: { form: /(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4})(?![\w.:])/g, isReal: isIp },
};

/** The order in which kinds take a place that several claim: what has a check of its own first. */
const ORDER: readonly PiiKind[] = ['iban', 'card', 'email', 'ip', 'phone'];

/** What is personal in a text, in its order; spans do not overlap. Takes time linear in the text, however much is found. */
export function findPii(text: string, kinds: readonly PiiKind[]): Span[] {
  let found: readonly Span[] = [];
  for (const kind of ORDER) if (kinds.includes(kind)) found = [...found, ...spansOf(kind, text, found)].sort((a, b) => a.start - b.start);
  return [...found];
}

/** The spans of one kind that overlap none of `taken`; both are in the order of the text. */
function spansOf(kind: PiiKind, text: string, taken: readonly Span[]): Span[] {
  const { form, isReal } = FORMS[kind];
  const spans: Span[] = [];
  let at = 0;
  for (const match of text.matchAll(form)) {
    const [start, end] = [match.index, match.index + match[0].length];
    while ((taken[at]?.end ?? Infinity) <= start) at += 1;
    if (end <= (taken[at]?.start ?? Infinity) && isReal(match[0])) spans.push({ start, end, kind });
  }
  return spans;
}

/** Telephone numbers have 7 to 15 digits (E.164); without a country's code they are written in groups, unlike other numbers. */
function isPhone(text: string): boolean {
  const digits = text.replace(/\D/g, '').length;
  const isInternational = /^(?:\+|00)/.test(text);
  if (digits < 7 || digits > 15) return false;
  // A date, a range or a decimal is no number that anyone is called by.
  if (/^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}/.test(text) || /^\d{1,2}[-/.]\d{1,2}[-/.]\d{4}/.test(text)) return false;
  return isInternational || /\d[ ()./-]+\d{2,}[ ()./-]+\d{2,}/.test(text) || /^\(?0\d/.test(text);
}

/** ISO 13616: the characters moved and written as numbers leave 1 when divided by 97. */
function isIban(text: string): boolean {
  const plain = text.replaceAll(' ', '');
  let rest = 0;
  for (const char of plain.slice(4) + plain.slice(0, 4)) {
    const value = parseInt(char, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}

/** ISO/IEC 7812: Luhn's sum; digits that are all the same are none of a card. */
function isCard(text: string): boolean {
  const digits = text.replace(/\D/g, '');
  let sum = 0;
  for (let i = 0; i < digits.length; i += 1) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0 && !/^(\d)\1+$/.test(digits);
}

function isIp(text: string): boolean {
  if (!text.includes(':')) return text.split('.').every((part) => Number(part) <= 255);
  const groups = text.split(':');
  const isShortened = text.includes('::') && text.indexOf('::') === text.lastIndexOf('::');
  // `std::vector` and `a::b` are code; addresses without any digit are not in use.
  return (isShortened ? groups.length <= 8 : groups.length === 8 && !text.includes('::')) && /\d/.test(text);
}
