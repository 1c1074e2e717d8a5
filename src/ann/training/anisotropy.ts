import type { Metric } from '../../contract/metric.ts';

/**
 * How much more than an error across a vector one along it counts: what a vector is close to lies in its direction, so there the products
 * that matter suffer (Guo et al. 2020). A distance suffers from any direction alike. Measured on word vectors: 3 and 4 are equally good,
 * 1 and 2 worse.
 */
export const parallelWeight = (metric: Metric): number => (metric === 'l2' ? 0 : 3);
