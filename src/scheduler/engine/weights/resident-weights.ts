import type { ModelWeights } from '../model/model-weights.ts';

/** Weights that a node holds in memory. Plain data. */
export interface ResidentWeights extends ModelWeights {
  /** How often jobs have begun to work with them here, since they were loaded. */
  readonly uses: number;
  /** Jobs that work with them now: they stay as long as there is one. */
  readonly users: number;
  /** What keeps them here, for each MiB: what loading them again would cost, as often as it has been spared. Less with every one that had to go. */
  readonly credit: number;
}

/** Credit is counted in thousandths of a millisecond of loading a MiB. */
const CREDIT_SCALE = 1_000;

/**
 * A job begins to work with weights: they are there from now on. Their credit is that of Greedy-Dual-Size-Frequency (Cherkasova 1998): how often
 * they were wanted, times what loading costs, by size. Instead of adding what has gone to whatever comes (its `L`), it is taken from those that
 * stay (as in Young's Landlord, 2002): the same order, in numbers that do not grow.
 */
export function withUser(resident: readonly ResidentWeights[], { model, memoryMib, loadMs }: ModelWeights): readonly ResidentWeights[] {
  const known = resident.find((weights) => weights.model === model);
  const uses = (known?.uses ?? 0) + 1;
  const credit = Math.floor((uses * loadMs * CREDIT_SCALE) / memoryMib);
  const used: ResidentWeights = { model, memoryMib, loadMs, uses, users: (known?.users ?? 0) + 1, credit };
  return [...resident.filter((weights) => weights !== known), used];
}

/** A job works with weights no longer. They stay for the next. */
export const withoutUser = (resident: readonly ResidentWeights[], model: string): readonly ResidentWeights[] =>
  resident.map((weights) => (weights.model === model ? { ...weights, users: weights.users - 1 } : weights));

/** Those that stay when others are unloaded: with less credit, so that what is not wanted any more goes in the end, however dear it was. */
export function withoutUnloaded(resident: readonly ResidentWeights[], unloaded: readonly ResidentWeights[]): readonly ResidentWeights[] {
  const spent = Math.max(0, ...unloaded.map(({ credit }) => credit));
  return resident
    .filter((weights) => !unloaded.includes(weights))
    .map((weights) => ({ ...weights, credit: Math.max(0, weights.credit - spent) }));
}
