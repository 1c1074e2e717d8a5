import type { DebtFact } from '../../contract/debt/debt-facts.ts';
import { populationStability } from '../../debt/evidence/population-stability.ts';
import type { InputHistograms } from '../../tenancy/usage/input-tallies.ts';
import { factAt } from './gateway-facts.ts';

/** Fewer inputs than these say nothing of how they are distributed. */
export const INPUTS_MIN = 200;

/** Buckets double, as lengths of texts differ by factors: so many hold all that a request may have. */
const LENGTH_BUCKETS = 24;

/** How the lengths of inputs are distributed. */
export function lengthHistogram(tokens: readonly number[]): number[] {
  const counts = Array.from({ length: LENGTH_BUCKETS }, () => 0);
  for (const count of tokens) {
    const bucket = Math.min(LENGTH_BUCKETS - 1, Math.floor(Math.log2(1 + count)));
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return counts;
}

/** What was read: the counts are in the facts themselves. */
const LOG = 'GET /v1/requests';
const LEDGER = 'counts of inputs in the usage ledger';

/** How far the inputs of models and the scores of indexes moved, of those that were seen often enough, lately and before. [D95] [D80] */
export function shiftFacts(histograms: readonly InputHistograms[], nowS: number): DebtFact[] {
  const enough = histograms.filter(({ before, lately }) => isEnough(before) && isEnough(lately));
  if (enough.length === 0) return [];
  const fact = factAt(nowS);
  const subjects = new Set(enough.map(({ subject }) => subject)).size;
  return [
    fact('census', '.', 'model-inputs', subjects, 'subjects', LEDGER, enough),
    ...enough.map(({ input, subject, before, lately }) => ({
      ...fact('input-shift', subject, input, populationStability(before, lately) ?? 0, 'psi', input === 'length' ? LOG : LEDGER, [
        before,
        lately,
      ]),
      // The counts of all buckets: the index can be computed again from them.
      detail: { before: before.join(' '), lately: lately.join(' ') },
    })),
  ];
}

const isEnough = (counts: readonly number[]): boolean => counts.reduce((sum, count) => sum + count, 0) >= INPUTS_MIN;
