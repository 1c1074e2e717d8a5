import type { ResidentWeights } from './resident-weights.ts';

/**
 * Which weights to unload so that `neededMib` are free: those with the least credit, and never those in use. Takes the least for its size
 * first, spares those it can, the dearest first, and prefers a single one that is cheaper than all of these. Undefined when not even all of
 * them are enough.
 */
export function weightsToUnload(
  resident: readonly ResidentWeights[],
  freeMib: number,
  neededMib: number,
): readonly ResidentWeights[] | undefined {
  const shortMib = neededMib - freeMib;
  if (shortMib <= 0) return [];
  const open = resident.filter(({ users }) => users === 0).toSorted((a, b) => a.credit - b.credit || byName(a, b));
  const chosen: ResidentWeights[] = [];
  for (const weights of open) {
    if (sizeOf(chosen) >= shortMib) break;
    chosen.push(weights);
  }
  if (sizeOf(chosen) < shortMib) return undefined;
  let needed: readonly ResidentWeights[] = chosen;
  for (const weights of chosen.toSorted((a, b) => costOf(b) - costOf(a) || byName(a, b))) {
    const fewer = needed.filter((other) => other !== weights);
    if (sizeOf(fewer) >= shortMib) needed = fewer;
  }
  const single = open.filter(({ memoryMib }) => memoryMib >= shortMib).toSorted((a, b) => costOf(a) - costOf(b) || byName(a, b))[0];
  return single !== undefined && costOf(single) < needed.reduce((sum, weights) => sum + costOf(weights), 0) ? [single] : needed;
}

/** What not having the weights costs. */
const costOf = ({ credit, memoryMib }: ResidentWeights): number => credit * memoryMib;

const sizeOf = (weights: readonly ResidentWeights[]): number => weights.reduce((sum, { memoryMib }) => sum + memoryMib, 0);

const byName = (a: ResidentWeights, b: ResidentWeights): number => (a.model < b.model ? -1 : 1);
