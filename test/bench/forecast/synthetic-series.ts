import { Seeded } from '../../../src/kernel/seeded.ts';

/** Shares of a week that offices work in. */
const WEEK = [1.1, 1.15, 1.1, 1.05, 1, 0.6, 0.55] as const;
const LEVEL = 1_000;

/** One draw of a standard normal variable (Box and Muller 1958). */
const normal = (rng: Seeded): number => Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());

interface Draw {
  readonly rng: Seeded;
  /** The standard deviation of the logarithm of each step about its level. */
  readonly noise: number;
  /** Steps that the forecast sees, and those after them. */
  readonly known: number;
  readonly steps: number;
}

const steady = ({ rng, noise, steps }: Draw, levelAt: (step: number) => number): number[] =>
  Array.from({ length: steps }, (_, step) => LEVEL * levelAt(step) * Math.exp(noise * normal(rng)));

const weekly = (step: number): number => WEEK[step % 7] ?? 1;

const growing =
  (rate: number) =>
  (draw: Draw): number[] =>
    steady(draw, (step) => (1 + rate) ** step * weekly(step));

/** Series of every kind that use of a service has been seen to have. */
export const SYNTHETIC_SERIES = {
  flat: (draw) => steady(draw, () => 1),
  seasonal: (draw) => steady(draw, weekly),
  'growth 1 % a day': growing(0.01),
  'growth 3 % a day': growing(0.03),
  'growth 5 % a day': growing(0.05),
  /** The level doubles at one moment of what is known, such as by a customer who came. */
  step: (draw) => {
    const at = Math.floor(draw.known * (0.3 + 0.4 * draw.rng.next()));
    return steady(draw, (step) => weekly(step) * (step < at ? 1 : 2));
  },
  /** One day in ten has three to six times the usual. */
  bursty: (draw) => steady(draw, () => (draw.rng.next() < 0.1 ? 3 + 3 * draw.rng.next() : 1)),
  /** Nothing on seven days of ten. */
  intermittent: ({ rng, steps }) =>
    Array.from({ length: steps }, () => (rng.next() < 0.3 ? Math.round(20 * Math.exp(0.5 * normal(rng))) : 0)),
  'random walk': ({ rng, steps }) => {
    let log = Math.log(LEVEL);
    return Array.from({ length: steps }, () => Math.exp((log += 0.08 * normal(rng))));
  },
} as const satisfies Record<string, (draw: Draw) => number[]>;

export type SyntheticKind = keyof typeof SYNTHETIC_SERIES;

export const SYNTHETIC_KINDS = Object.keys(SYNTHETIC_SERIES) as readonly SyntheticKind[];

/** A series of `known + ahead` days. */
export const syntheticSeries = (
  kind: SyntheticKind,
  seed: number,
  { known, ahead, noise }: { known: number; ahead: number; noise: number },
): number[] => SYNTHETIC_SERIES[kind]({ rng: new Seeded(seed), noise, known, steps: known + ahead });
