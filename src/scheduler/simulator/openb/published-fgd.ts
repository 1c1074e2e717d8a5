/** Percent of the accelerators that FGD allocates once so much has arrived. */
export interface PublishedAllocation {
  readonly 95: number;
  readonly 100: number;
  readonly 130: number;
}

/**
 * FGD's results as published with its simulator (hkust-adsl/kubernetes-scheduler-simulator, `analysis_allo_discrete.csv`): means over the seeds 42 to 51,
 * by the name of the list of jobs.
 */
export const PUBLISHED_FGD: Readonly<Record<string, PublishedAllocation>> = {
  default: { 95: 94.91, 100: 95.23, 130: 95.39 },
  cpu050: { 95: 94.81, 100: 95.0, 130: 95.21 },
  cpu100: { 95: 94.91, 100: 95.21, 130: 95.35 },
  cpu200: { 95: 94.69, 100: 94.82, 130: 95.05 },
  cpu250: { 95: 93.14, 100: 93.2, 130: 93.41 },
  gpushare40: { 95: 93.92, 100: 93.96, 130: 94.15 },
  gpushare60: { 95: 91.21, 100: 91.25, 130: 91.4 },
  gpushare80: { 95: 89.03, 100: 89.08, 130: 89.3 },
  gpushare100: { 95: 86.59, 100: 86.64, 130: 86.9 },
  gpuspec10: { 95: 90.38, 100: 94.66, 130: 94.95 },
  gpuspec20: { 95: 90.83, 100: 94.66, 130: 94.84 },
  gpuspec25: { 95: 89.76, 100: 93.91, 130: 94.74 },
  gpuspec33: { 95: 84.25, 100: 87.84, 130: 94.55 },
  multigpu20: { 95: 94.94, 100: 95.53, 130: 95.65 },
  multigpu30: { 95: 95.0, 100: 96.36, 130: 96.46 },
  multigpu40: { 95: 94.95, 100: 96.91, 130: 96.99 },
  multigpu50: { 95: 94.82, 100: 97.09, 130: 97.18 },
};
