import type { TracedJob } from './job-trace.ts';

export interface LoadShape {
  readonly jobs: number;
  /** Accelerators there are. */
  readonly accelerators: number;
  /** What is asked for, as a part of what there is. */
  readonly load: number;
  readonly owners: number;
}

/** Numbers of accelerators and how many jobs of a hundred ask for them, about as in clusters for training. */
const SIZES = [
  { accelerators: 1, share: 0.7 },
  { accelerators: 2, share: 0.1 },
  { accelerators: 4, share: 0.1 },
  { accelerators: 8, share: 0.08 },
  { accelerators: 16, share: 0.02 },
];

/** Jobs that come by chance at an even rate, most of them short: durations whose logarithms are uniform, from a minute to a day. */
export function generatedLoad({ jobs, accelerators, load, owners }: LoadShape, chance: () => number): readonly TracedJob[] {
  const drawn = Array.from({ length: jobs }, (): TracedJob => {
    let left = chance();
    const size = SIZES.find(({ share }) => (left -= share) < 0) ?? { accelerators: 1 };
    const durationMs = Math.round(60_000 * 1_440 ** chance());
    return { arrivalMs: 0, durationMs, accelerators: size.accelerators, owner: `owner-${Math.floor(owners * chance())}` };
  });
  const asked = drawn.reduce((sum, job) => sum + job.durationMs * job.accelerators, 0);
  const meanMs = asked / (load * accelerators * jobs);
  let atMs = 0;
  return drawn.map((job) => ({ ...job, arrivalMs: Math.round((atMs -= meanMs * Math.log(1 - chance()))) }));
}
