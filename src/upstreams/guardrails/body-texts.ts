import { changedStrings } from './body-strings.ts';
import type { HookRecord } from './guardrail-policy.ts';

/**
 * What a body has for those who judge its texts: each text on its own, and as one last text all that is none, such as names and keys, one a line. Whatever
 * is judged costs, and the latter are many and short. [U112]
 */
export function textsOf(body: unknown, side: HookRecord['side']): string[] {
  const texts: string[] = [];
  const rest: string[] = [];
  changedStrings(body, {
    side,
    tokens: 'left',
    visit: (text, { kind, isKey }) => {
      (kind === 'fixed' || isKey ? rest : texts).push(text);
      return text;
    },
  });
  return rest.length === 0 ? texts : [...texts, rest.join('\n')];
}

/** What a model answers: without what it thinks, refuses, cites, or calls tools with. */
export function saidIn(answer: unknown): string[] {
  const texts: string[] = [];
  changedStrings(answer, {
    side: 'answer',
    tokens: 'left',
    visit: (text, { isSaid }) => {
      if (isSaid) texts.push(text);
      return text;
    },
  });
  return texts;
}
