import type { Fusion } from '../fusion/fuse.ts';
import { RRF_K } from '../fusion/fuse.ts';

/** How rankings could be merged: a fusion, and what each leg counts for. */
export interface FusionSetting {
  readonly fusion: Fusion;
  /** By leg; they add up to 1. */
  readonly weights: readonly number[];
}

const FUSIONS: readonly Fusion[] = [{ kind: 'sum', normaliser: 'min_max' }, { kind: 'dbsf' }, { kind: 'rrf', k: RRF_K }];
/** The most steps of a weight: figures hardly change within a twentieth. */
const STEPS_MAX = 20;
/** The most settings of one fusion: a few hundred queries are measured under each within seconds. */
const SETTINGS_MAX = 250;

/** Every fusion with all weights of a grid, as fine as its size allows. */
export function settingsGrid(legs: number): FusionSetting[] {
  let steps = STEPS_MAX;
  while (steps > 1 && countOf(legs, steps) > SETTINGS_MAX) steps--;
  return FUSIONS.flatMap((fusion) => shares(legs, steps).map((parts) => ({ fusion, weights: parts.map((part) => part / steps) })));
}

/** In how many ways so many steps are shared: binomial(steps + legs - 1, legs - 1). */
function countOf(legs: number, steps: number): number {
  let count = 1;
  for (let i = 1; i < legs; i++) count = (count * (steps + i)) / i;
  return count;
}

/** All ways to share whole steps among so many. */
function shares(among: number, steps: number): number[][] {
  if (among === 1) return [[steps]];
  return Array.from({ length: steps + 1 }, (_, first) => shares(among - 1, steps - first).map((others) => [first, ...others])).flat();
}
