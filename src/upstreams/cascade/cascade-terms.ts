import type { CascadeChoice, Confidence } from '../../contract/route-rules.ts';
import { keyHash } from '../../kernel/key-hash.ts';
import type { Served } from '../target.ts';

/** The kinds of requests whose answers have a confidence of that kind. Vectors of two models cannot be compared, so none is for embeddings. */
export const JUDGED_KINDS: Readonly<Record<Confidence['kind'], readonly Served[]>> = {
  'token-probability': ['chat', 'completions', 'responses'],
  'json-schema': ['chat', 'completions', 'responses'],
  verifier: ['chat', 'completions', 'responses'],
  'top-score': ['rerank'],
};

export const targetNames = (groups: CascadeChoice['student']): string[] => groups.flat().map(({ target }) => target);

export const cascadeKey = ({ student, teacher, confidence }: CascadeChoice): string =>
  keyHash(JSON.stringify([targetNames(student), targetNames(teacher), confidence])).toString(36);
