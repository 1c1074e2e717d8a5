import { canonicalJson } from '../../kernel/canonical-json.ts';
import { parsedObject } from '../protocol/json.ts';

/**
 * How well two answers agree, from 0 to 1. Of objects in JSON: whether they are the same. Of other texts: the F1 score of their words, as
 * questions and answers are commonly scored, without regard to case and punctuation. [U174]
 */
export function agreementOf(student: string, teacher: string): number {
  const [one, other] = [parsedObject(student), parsedObject(teacher)];
  if (one !== undefined && other !== undefined) return Number(canonicalJson(one) === canonicalJson(other));
  const [said, expected] = [wordsOf(student), wordsOf(teacher)];
  if (said.length === 0 || expected.length === 0) return Number(said.length === expected.length);
  const left = new Map<string, number>();
  for (const word of expected) left.set(word, (left.get(word) ?? 0) + 1);
  let common = 0;
  for (const word of said) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    common += 1;
  }
  return (2 * common) / (said.length + expected.length);
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
