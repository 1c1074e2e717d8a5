import type { ListModel } from '../lists/list-model.ts';

const LEVELS = 256;

/** Levels of which the outermost are the extremes of what was seen. */
export const biasLevels = (min: number, max: number): Pick<ListModel, 'biasMin' | 'biasStep'> => ({
  biasMin: min,
  biasStep: (max - min) / (LEVELS - 1),
});

/** The closest level to a bias. */
export function biasLevel({ biasMin, biasStep }: Pick<ListModel, 'biasMin' | 'biasStep'>, bias: number): number {
  if (biasStep === 0) return 0;
  return Math.max(0, Math.min(LEVELS - 1, Math.floor((bias - biasMin) / biasStep + 0.5)));
}
