import { about } from '../api/api-text.ts';

// Words about answers that are given to other questions than those that they were made for.

export const REUSE_KINDS = ['reworded', 'verified', 'candidate'] as const;

/** How an answer was reused, as the log of requests says it; `exact`: for the same request. */
export const REUSE_NAMES = ['none', 'exact', ...REUSE_KINDS] as const;

export type ReuseName = (typeof REUSE_NAMES)[number];

/**
 * What became of an answer that could be reused: it was given (`reworded`, `verified`, `candidate`), or the caller got the model's own, with which
 * it was compared (`checked`), the verifier not having accepted it (`rejected`), or beside which it was named (`offered`).
 */
export const REUSE_OUTCOMES = [...REUSE_KINDS, 'checked', 'rejected', 'offered'] as const;

export type ReuseOutcome = (typeof REUSE_OUTCOMES)[number];

export const REUSE_STATES = ['learning', 'reusing', 'off'] as const;

export const REUSE_STATE_TEXT = about(
  '`learning`: too little is known, and each answer that could be reused is checked; `reusing`: the bound permits it; `off`: too many were false.',
);

/** Of a request: the caller takes a candidate as its answer. Of an answer: how it was reused. */
export const REUSE_HEADER = 'x-sluice-answer-reuse';
