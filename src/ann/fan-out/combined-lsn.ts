/** Of an answer, and whether a replica gave it. */
export interface AnswerLsn {
  readonly lsn: number;
  readonly isOld: boolean;
}

/**
 * Up to which LSN of the index an answer of several shards is complete. Shards have everything that was acknowledged, so the highest
 * is true of all; a replica has no more than it says, so the lowest of those is.
 */
export function combinedLsn(answers: readonly AnswerLsn[]): AnswerLsn {
  const old = answers.filter(({ isOld }) => isOld);
  if (old.length > 0) return { lsn: Math.min(...old.map(({ lsn }) => lsn)), isOld: true };
  return { lsn: answers.reduce((most, { lsn }) => Math.max(most, lsn), 0), isOld: false };
}
