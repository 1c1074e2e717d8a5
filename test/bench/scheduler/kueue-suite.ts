/** The workload of one of Kueue's own performance suites (`test/performance/scheduler/configs`). */
export interface Suite {
  readonly name: string;
  readonly published: string;
  readonly cohorts: number;
  /** Of each cohort. */
  readonly queues: number;
  readonly sets: readonly WorkloadSet[];
}

/** Workloads that one queue gets, evenly spaced. */
export interface WorkloadSet {
  readonly size: Size;
  readonly count: number;
  readonly everyMs: number;
  readonly runtimeMs: number;
  readonly priority: number;
  readonly units: number;
}

export const SIZES = ['small', 'medium', 'large'] as const;
export type Size = (typeof SIZES)[number];

export const BASELINE: Suite = {
  name: 'baseline: 5 cohorts x 6 queues x 500 = 15,000 workloads',
  published: 'Kueue 351.1 s wall, 55.9 % of quota in use, to admission 215.5 / 76.8 / 16.5 s (S / M / L)',
  cohorts: 5,
  queues: 6,
  sets: [
    { size: 'small', count: 350, everyMs: 100, runtimeMs: 200, priority: 50, units: 1 },
    { size: 'medium', count: 100, everyMs: 500, runtimeMs: 500, priority: 100, units: 5 },
    { size: 'large', count: 50, everyMs: 1_200, runtimeMs: 1_000, priority: 200, units: 20 },
  ],
};

/** The published totals; the runtimes are those of the suite's current file. */
export const LARGE_SCALE: Suite = {
  name: 'large-scale: 10 cohorts x 100 queues x 50 = 50,000 workloads',
  published: 'Kueue 1,179 s wall, 38.6 % of quota in use, to admission 700 / 256 / 106 s',
  cohorts: 10,
  queues: 100,
  sets: [
    { size: 'small', count: 35, everyMs: 20, runtimeMs: 50, priority: 50, units: 1 },
    { size: 'medium', count: 10, everyMs: 50, runtimeMs: 100, priority: 100, units: 5 },
    { size: 'large', count: 5, everyMs: 200, runtimeMs: 200, priority: 200, units: 20 },
  ],
};

/** The nominal quota of each queue; it may borrow up to `BORROWING_UNITS` more of its cohort. */
export const NOMINAL_UNITS = 20;
export const BORROWING_UNITS = 100;

export interface Workload {
  /** From 1, in the order in which queues and sets are listed. */
  readonly n: number;
  readonly cohort: number;
  readonly queue: number;
  readonly arrivalMs: number;
  readonly set: WorkloadSet;
}

/** The workloads of a suite, queue by queue. */
export function* workloadsOf({ cohorts, queues, sets }: Suite): Generator<Workload> {
  let n = 0;
  for (let cohort = 0; cohort < cohorts; cohort++)
    for (let queue = 0; queue < queues; queue++)
      for (const set of sets)
        for (let index = 0; index < set.count; index++) yield { n: (n += 1), cohort, queue, arrivalMs: index * set.everyMs, set };
}

export const quotaOf = ({ cohorts, queues }: Suite): number => NOMINAL_UNITS * queues * cohorts;
