// Confidence sequences: intervals that hold at all times together, however often they are looked at.

export interface Counted {
  readonly events: number;
  readonly trials: number;
}

export interface RateInterval {
  readonly low: number;
  readonly high: number;
}

/**
 * Where the rate of an event lies, but for a chance of `alpha`, over all numbers of trials together: so it may be looked at after each and a
 * decision taken the first time that it allows one. [U97]
 *
 * For the true rate p, the ratio of the likelihood mixed over all rates (a uniform prior) to that of p is a martingale that begins at 1; by
 * Ville's inequality it ever exceeds 1/alpha with a chance of alpha at most. The interval is all p whose ratio does not exceed it.
 */
export function rateInterval({ events, trials }: Counted, alpha: number): RateInterval {
  if (trials === 0) return { low: 0, high: 1 };
  // log of B(1 + events, 1 + trials - events), the mixed likelihood.
  const mixed = logGamma(events + 1) + logGamma(trials - events + 1) - logGamma(trials + 2);
  const isInside = (rate: number) => mixed - logLikelihood(events, trials, rate) < -Math.log(alpha);
  const observed = events / trials;
  return {
    low: events === 0 ? 0 : edge(0, observed, isInside),
    high: events === trials ? 1 : edge(1, observed, isInside),
  };
}

const logLikelihood = (events: number, trials: number, rate: number): number =>
  (events === 0 ? 0 : events * Math.log(rate)) + (events === trials ? 0 : (trials - events) * Math.log1p(-rate));

const HALVINGS = 60;

/** Between a rate outside of the interval and one inside: the last one found outside, so that the interval is never too narrow. */
function edge(outside: number, inside: number, isInside: (rate: number) => boolean): number {
  let [out, within] = [outside, inside];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (out + within) / 2;
    if (isInside(middle)) within = middle;
    else out = middle;
  }
  return out;
}

const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905, -0.13857109526572012,
  9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** ln of the gamma function, for x >= 1, to 15 digits (Lanczos). */
function logGamma(x: number): number {
  const z = x - 1;
  const sum = LANCZOS.reduce((total, coefficient, i) => total + coefficient / (z + i + 1), 0.99999999999980993);
  const t = z + LANCZOS.length - 0.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}
