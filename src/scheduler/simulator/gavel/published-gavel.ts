/** Average job completion time, in hours. */
export interface PublishedCompletion {
  readonly policy: string;
  /** By jobs an hour; absent where none was published. */
  readonly hours: Readonly<Partial<Record<string, number>>>;
}

/**
 * Gavel's own results for `continuous-single` on 36 accelerators of each of three types, means of three seeds, without preemption costs
 * (stanford-futuredata/gavel, `notebooks/figures/evaluation/continuous_jobs.ipynb`).
 */
export const PUBLISHED_GAVEL: readonly PublishedCompletion[] = [
  { policy: 'FIFO', hours: { '4': 25.38, '4.8': 99.19, '5.2': 151.67 } },
  { policy: 'FIFO, heterogeneity-aware', hours: { '0.4': 15.31, '4': 17.08, '4.8': 22.24, '5.2': 56.69, '5.6': 104.12, '6': 150.04 } },
  { policy: 'LAS', hours: { '4': 23.49, '4.8': 35.79, '5.2': 63.78, '5.6': 95.99 } },
  { policy: 'AlloX', hours: { '4': 17.13, '4.8': 20.92, '5.2': 21.96, '5.6': 25.32 } },
  { policy: 'Gavel', hours: { '4': 16.82, '4.8': 18.97, '5.2': 22.02, '5.6': 28.96, '6': 41.23 } },
  { policy: 'Gavel, with space sharing', hours: { '4': 16.96, '4.8': 18.67, '5.2': 19.14, '5.6': 19.64, '6': 20.42 } },
];
