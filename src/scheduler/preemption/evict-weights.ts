/** Weights of a model that a node holds in memory. */
export interface ResidentWeights {
  readonly model: string;
  readonly memoryMib: number;
  /** To load them again. */
  readonly loadMs: number;
  /** How often they are asked for, as of late. */
  readonly usesPerHourMilli: number;
  /** In use now, or protected by the policy. */
  readonly isPinned: boolean;
}

/**
 * Which weights to unload so that `neededMib` are free: those that will cost least to load again, by how often they are asked for and how
 * long they take. Takes the cheapest for their size first, spares whom it can, the dearest first, and prefers a single one that is cheaper
 * than all of these. Undefined when not even all of them are enough.
 */
export function weightsToUnload(
  resident: readonly ResidentWeights[],
  freeMib: number,
  neededMib: number,
): readonly ResidentWeights[] | undefined {
  const shortMib = neededMib - freeMib;
  if (shortMib <= 0) return [];
  const open = resident
    .filter(({ isPinned }) => !isPinned)
    .toSorted((a, b) => cost(a) * b.memoryMib - cost(b) * a.memoryMib || byName(a, b));
  const chosen: ResidentWeights[] = [];
  for (const weights of open) {
    if (sizeOf(chosen) >= shortMib) break;
    chosen.push(weights);
  }
  if (sizeOf(chosen) < shortMib) return undefined;
  let needed: readonly ResidentWeights[] = chosen;
  for (const weights of chosen.toSorted((a, b) => cost(b) - cost(a) || byName(a, b))) {
    const fewer = needed.filter((other) => other !== weights);
    if (sizeOf(fewer) >= shortMib) needed = fewer;
  }
  const single = open.filter(({ memoryMib }) => memoryMib >= shortMib).toSorted((a, b) => cost(a) - cost(b) || byName(a, b))[0];
  return single !== undefined && cost(single) < needed.reduce((sum, weights) => sum + cost(weights), 0) ? [single] : needed;
}

/** What not having the weights costs in an hour, in thousandths of ms of loading. */
const cost = ({ loadMs, usesPerHourMilli }: ResidentWeights): number => loadMs * usesPerHourMilli;

const sizeOf = (weights: readonly ResidentWeights[]): number => weights.reduce((sum, { memoryMib }) => sum + memoryMib, 0);

const byName = (a: ResidentWeights, b: ResidentWeights): number => (a.model < b.model ? -1 : 1);
