import { notedStrings } from './body-strings.ts';
import type { HookRecord } from './guardrail-policy.ts';

/**
 * What a body has for those who judge its texts: each text on its own, and as one last text all that is none, such as names and keys, one a line. Whatever
 * is judged costs, and the latter are many and short. [U112]
 */
export function textsOf(body: unknown, side: HookRecord['side']): string[] {
  const all = notedStrings(body, { side, tokens: 'left' }, (text, { kind, isKey }) => ({ text, isText: kind !== 'fixed' && !isKey }));
  const texts = all.filter(({ isText }) => isText).map(({ text }) => text);
  const rest = all.filter(({ isText }) => !isText).map(({ text }) => text);
  return rest.length === 0 ? texts : [...texts, rest.join('\n')];
}

/** What a model answers: without what it thinks, refuses, cites, or calls tools with. */
export const saidIn = (answer: unknown): string[] =>
  notedStrings(answer, { side: 'answer', tokens: 'left' }, (text, { isSaid }) => (isSaid ? [text] : [])).flat();
