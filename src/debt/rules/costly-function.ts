/** What is known of a complex function, and of what two years did to its lines. */
export interface FunctionWork {
  readonly complexity: number;
  readonly depth: number;
  readonly lines: number;
  /** Commits that changed its code. */
  readonly commits: number;
  readonly repairs: number;
  /** A comment says that it is as it is for speed. */
  readonly isForSpeed: boolean;
}

export interface CostLimits {
  /** So many repairs show by themselves that it costs. */
  readonly repairs: number;
  /** Complexity above the target that commits had to understand, each of them all of it. */
  readonly understood: number;
  /** A shorter one is read as a whole, however it branches. */
  readonly lines: number;
}

/** Cognitive complexity that a function may have, as SonarQube has it. */
export const COMPLEXITY_TARGET = 15;
/** Between what readers called debt and what they did not: docs/debt/verdicts.json has what was measured of each function that they judged. */
export const COST_LIMITS: CostLimits = { repairs: 4, understood: 250, lines: 100 };
/** Less deep, a function is a list that is read from top to bottom, however long. */
const DEPTH_MIN = 4;
const DEPTH_OF_REPAIRED_MIN = 3;

/** Whether its complexity is shown to cost something: repaired again and again; or nested, repaired, and often changed for how complex it is. [D30] */
export function isCostly(
  { complexity, depth, lines, commits, repairs, isForSpeed }: FunctionWork,
  limits: CostLimits = COST_LIMITS,
): boolean {
  if (lines < limits.lines) return false;
  if (repairs >= limits.repairs) return depth >= DEPTH_OF_REPAIRED_MIN;
  return repairs > 0 && depth >= DEPTH_MIN && !isForSpeed && (complexity - COMPLEXITY_TARGET) * commits >= limits.understood;
}

/** What a function that is not shown to cost lacks, in words. */
export function doubtOfFunction({ depth, lines, commits, repairs, isForSpeed, complexity }: FunctionWork): string {
  if (lines < COST_LIMITS.lines) return `it has ${lines} lines, fewer than ${COST_LIMITS.lines}: it can be read as a whole`;
  if (repairs === 0) return 'no commit of two years repaired it';
  if (repairs < COST_LIMITS.repairs && depth < DEPTH_MIN) return `it is nested ${depth} deep, less than ${DEPTH_MIN}: it reads as a list`;
  if (isForSpeed) return 'a comment says that it is so for speed';
  return `${commits} commits of two years changed it: ${(complexity - COMPLEXITY_TARGET) * commits} points had to be understood, fewer than ${COST_LIMITS.understood}`;
}
