import type { PII_KINDS } from '../../contract/guardrails/guardrails.ts';
import type { PiiForm } from './pii-forms.ts';
import { PII_FORMS } from './pii-forms.ts';

type PiiKind = (typeof PII_KINDS)[number];

/** Where something lies in a text, in UTF-16 units. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** What it is, such as `email`: masks name it. */
  readonly kind: string;
}

/** The order in which kinds take a place that several claim: what has a check of its own first. */
const ORDER: readonly PiiKind[] = ['iban', 'card', 'email', 'ip', 'phone'];

/** What is personal in a text, in its order; spans do not overlap. Takes time linear in the text, however much is found. [U110] */
export function findPii(text: string, kinds: readonly PiiKind[]): Span[] {
  let found: readonly Span[] = [];
  for (const kind of ORDER) {
    if (!kinds.includes(kind)) continue;
    for (const form of PII_FORMS[kind]) found = [...found, ...spansOf(kind, form, text, found)].sort((a, b) => a.start - b.start);
  }
  return [...found];
}

/** The spans of one kind that overlap none of `taken`; both are in the order of the text. */
function spansOf(kind: PiiKind, { form, read }: PiiForm, text: string, taken: readonly Span[]): Span[] {
  const spans: Span[] = [];
  let at = 0;
  form.lastIndex = 0;
  for (let match = form.exec(text); match !== null; match = form.exec(text)) {
    const [candidate, lead = ''] = match;
    const { isReal, length } = read(candidate, text[match.index + candidate.length] ?? '');
    const [start, end] = [match.index - lead.length, match.index + length];
    while ((taken[at]?.end ?? Infinity) <= start) at += 1;
    if (isReal && end <= (taken[at]?.start ?? Infinity)) spans.push({ start, end, kind });
    // What only looked like one may hide the beginning of another.
    form.lastIndex = match.index + Math.max(1, length);
  }
  return spans;
}
