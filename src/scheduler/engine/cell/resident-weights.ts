import type { ModelWeights } from '../model/job-spec.ts';

/** Weights that a node holds in memory. Plain data. */
export interface ResidentWeights extends ModelWeights {
  /** How often jobs have begun to work with them here, since they were loaded. */
  readonly uses: number;
  /** Jobs that work with them now: they stay as long as there is one. */
  readonly users: number;
  /** What keeps them here, for each MiB: what loading them again would cost, as often as it has been spared. Less with every one that had to go. */
  readonly credit: number;
  /** When a job last began or ended to work with them here; absent: none has since they were found, or it was before that was kept. */
  readonly usedAtMs?: number;
}

/** Credit is counted in thousandths of a millisecond of loading a MiB. */
const CREDIT_SCALE = 1_000;

/**
 * A job begins to work with weights: they are there from now on. Their credit is that of Greedy-Dual-Size-Frequency (Cherkasova 1998): how often
 * they were wanted, times what loading costs, by size. Instead of adding what has gone to whatever comes (its `L`), it is taken from those that
 * stay (as in Young's Landlord, 2002): the same order, in numbers that do not grow. What their node has measured counts before what the job says.
 */
export function withUser(resident: readonly ResidentWeights[], weights: ModelWeights, usedAtMs?: number): readonly ResidentWeights[] {
  const known = resident.find(({ model }) => model === weights.model);
  const { model, memoryMib, loadMs } = known ?? weights;
  const uses = (known?.uses ?? 0) + 1;
  const users = (known?.users ?? 0) + 1;
  const used = { model, memoryMib, loadMs, uses, users, credit: creditOf(uses, { memoryMib, loadMs }) };
  return [...resident.filter((one) => one !== known), usedAtMs === undefined ? used : { ...used, usedAtMs }];
}

const creditOf = (uses: number, { memoryMib, loadMs }: Pick<ModelWeights, 'memoryMib' | 'loadMs'>): number =>
  Math.floor((uses * loadMs * CREDIT_SCALE) / memoryMib);

/** A job works with weights no longer. They stay for the next. */
export const withoutUser = (resident: readonly ResidentWeights[], model: string, usedAtMs?: number): readonly ResidentWeights[] =>
  resident.map((weights) =>
    weights.model === model ? { ...weights, users: weights.users - 1, ...(usedAtMs === undefined ? {} : { usedAtMs }) } : weights,
  );

/**
 * What is on a node that says what it holds: those in use, whatever it says, as it may have spoken before they came; of the others those that it
 * names. Sizes and times are as it has measured them. The same list where it brings nothing new.
 */
export function asReported(resident: readonly ResidentWeights[], reported: readonly ModelWeights[]): readonly ResidentWeights[] {
  const measured = new Map(reported.map((weights) => [weights.model, weights]));
  const kept = resident.flatMap((known): ResidentWeights[] => {
    const found = measured.get(known.model);
    if (found === undefined) return known.users > 0 ? [known] : [];
    if (found.memoryMib === known.memoryMib && found.loadMs === known.loadMs) return [known];
    const { memoryMib, loadMs } = found;
    return [{ ...known, memoryMib, loadMs, credit: creditOf(known.uses, found) }];
  });
  const come = reported.filter(({ model }) => resident.every((known) => known.model !== model));
  if (come.length === 0 && kept.length === resident.length && kept.every((weights, at) => weights === resident[at])) return resident;
  return come.reduce<readonly ResidentWeights[]>((all, weights) => withoutUser(withUser(all, weights), weights.model), kept);
}

/** Those that stay when others are unloaded: with less credit, so that what is not wanted any more goes in the end, however dear it was. */
export function withoutUnloaded(resident: readonly ResidentWeights[], unloaded: readonly ResidentWeights[]): readonly ResidentWeights[] {
  const spent = Math.max(0, ...unloaded.map(({ credit }) => credit));
  return resident
    .filter((weights) => !unloaded.includes(weights))
    .map((weights) => ({ ...weights, credit: Math.max(0, weights.credit - spent) }));
}

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
