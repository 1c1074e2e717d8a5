import type { NodeDemand } from '../model/node-demand.ts';

/** All that placement on one node distinguishes jobs by. */
export interface Shape extends NodeDemand {
  /** The types of accelerators it accepts; null when any. */
  readonly accelerators: ReadonlySet<string> | null;
}

/** A shape and how many jobs of it are usually seen among others. */
export interface WeightedShape {
  readonly shape: Shape;
  readonly weight: number;
}

/** What a shape takes of accelerators. */
export const acceleratorMilli = ({ acceleratorCount, milliEach }: NodeDemand): number => acceleratorCount * milliEach;

/** Whether a shape may use an accelerator type. */
export const acceptsType = ({ accelerators }: Shape, type: string): boolean => accelerators === null || accelerators.has(type);
