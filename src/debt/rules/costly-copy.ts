/** What is known of code that stands in two places. */
export interface CopyWork {
  readonly lines: number;
  readonly isInOneFolder: boolean;
  readonly isBetweenPackages: boolean;
  /** Commits of two years that changed both places. */
  readonly commitsToBoth: number;
  /** Something asks for both, such as another kind of caller; or the language is not read well enough to tell. */
  readonly isExcused: boolean;
}

export interface CopyLimits {
  /** Lines of a copy that commits changed in both places, or whose places are in one folder. */
  readonly near: number;
  /** Lines of any other in one package: so long, it is no coincidence. */
  readonly far: number;
  /** Commits that changed both of two packages: these are apart on purpose. */
  readonly commitsToPackages: number;
}

/** By what readers called debt and what they did not: docs/debt/verdicts.json has what was measured of each copy that they judged. */
export const COPY_LIMITS: CopyLimits = { near: 14, far: 18, commitsToPackages: 1 };

/** Whether one could have it once instead. [D31] */
export function isCostlyCopy(
  { lines, isInOneFolder, isBetweenPackages, commitsToBoth, isExcused }: CopyWork,
  { near, far, commitsToPackages }: CopyLimits = COPY_LIMITS,
): boolean {
  if (isExcused || lines < near) return false;
  if (isBetweenPackages) return commitsToBoth >= commitsToPackages;
  return commitsToBoth > 0 || isInOneFolder || lines >= far;
}
