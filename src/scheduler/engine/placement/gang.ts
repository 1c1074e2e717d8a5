import { WHOLE_MILLI } from '../model/accelerator-type.ts';
import type { WeightedShape } from './shape.ts';

/** Whole accelerators of one node that jobs take together, with the CPU they take. */
export interface Gang {
  readonly count: number;
  readonly cpuMilli: number;
}

/** Whether a shape takes several whole accelerators of a node. */
export const isGang = ({ shape }: WeightedShape): boolean => shape.acceleratorCount > 1 && shape.milliEach === WHOLE_MILLI;

/** The gangs of a mix, each once, smallest first. */
export function gangsOf(mix: readonly WeightedShape[]): readonly Gang[] {
  const gangs = new Map(
    mix.filter(isGang).map(({ shape: { acceleratorCount: count, cpuMilli } }) => [`${count} ${cpuMilli}`, { count, cpuMilli }]),
  );
  return [...gangs.values()].toSorted((a, b) => a.count - b.count || a.cpuMilli - b.cpuMilli);
}

/** How many jobs of a gang a node has room for. */
export const blocksIn = ({ count, cpuMilli }: Gang, whole: number, cpuFreeMilli: number): number =>
  Math.min(Math.floor(whole / count), cpuMilli === 0 ? Infinity : Math.floor(cpuFreeMilli / cpuMilli));
