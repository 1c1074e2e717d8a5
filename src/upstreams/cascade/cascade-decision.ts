import type { CASCADE_REASONS, CascadeChoice, Confidence } from '../../contract/routes/route-rules.ts';
import { keyHash } from '../../kernel/fast-hash.ts';
import type { Served } from '../target.ts';
import type { EscalationCap } from './escalation-cap.ts';

/** The kinds of requests whose answers have a confidence of that kind. Vectors of two models cannot be compared, so none is for embeddings. */
export const JUDGED_KINDS: Readonly<Record<Confidence['kind'], readonly Served[]>> = {
  'token-probability': ['chat', 'completions', 'responses'],
  'json-schema': ['chat', 'completions', 'responses'],
  verifier: ['chat', 'completions', 'responses'],
  'top-score': ['rerank'],
};

export const targetNames = (groups: CascadeChoice['student']): string[] => groups.flat().map(({ target }) => target);

/** What the counts of a cascade are kept under: another student, teacher or confidence is another cascade. */
export const cascadeKey = ({ student, teacher, confidence }: CascadeChoice): string =>
  keyHash(JSON.stringify([targetNames(student), targetNames(teacher), confidence])).toString(36);

/** Whose answer a caller gets of a cascade, and why. */
export interface CascadeOutcome {
  readonly answer: 'student' | 'teacher';
  readonly why: (typeof CASCADE_REASONS)[number];
  /** NaN where it could not be determined. */
  readonly confidence: number;
  readonly threshold: number;
}

/** What a cascade does with a student's answer that was judged. */
export interface CascadeDecision extends CascadeOutcome {
  readonly why: 'confident' | 'unsure' | 'cap';
}

/** A cascade as one request goes through it. */
export interface CascadeRun {
  readonly threshold: number;
  /** Counts the request, and as escalated if it is to be. */
  decide(confidence: number): CascadeDecision;
  /** Counts a request whose answer is kept unjudged. */
  kept(): void;
  /** Whether the teacher is asked too where the answer of the student is kept. */
  readonly isShadowed: boolean;
  compared(confidence: number, quality: number): void;
  shadowed(nano: number): void;
}

/**
 * Keeps the student's answer if its confidence reaches the threshold, or if no more requests may be escalated. An answer whose confidence cannot
 * be determined (NaN) is unsure. [U95]
 */
export function decideCascade(
  confidence: number,
  threshold: number,
  { cap, shareMax, nowMs }: { readonly cap: EscalationCap; readonly shareMax: number; readonly nowMs: number },
): CascadeDecision {
  const isConfident = confidence >= threshold;
  const isEscalated = cap.admit(!isConfident, shareMax, nowMs);
  const why = isConfident ? 'confident' : isEscalated ? 'unsure' : 'cap';
  return { answer: isEscalated ? 'teacher' : 'student', why, confidence, threshold };
}
