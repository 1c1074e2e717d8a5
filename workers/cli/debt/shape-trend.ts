import { COMPLEXITY_TARGET } from '../../../src/debt/rules/costly-function.ts';
import type { Measured } from './measure.ts';
import { git } from './repository/git.ts';
import { Progress } from './repository/progress.ts';
import { readSources } from './repository/read-sources.ts';

const QUARTER_S = 13 * 7 * 86_400;
export const QUARTERS = 8;

/** What the code of the product showed by itself at one time. */
export interface ShapePoint {
  readonly atS: number;
  readonly commit: string;
  readonly lines: number;
  /** Functions of a complexity above the target. */
  readonly complexFunctions: number;
  /** Points above the target, of all of them. */
  readonly excess: number;
}

/**
 * Two years by quarters, the oldest first: of each the last commit of the main line before it. Only texts are read, and those that later commits
 * share with it only once. Points before the first commit, or whose texts the clone lacks, are left out.
 */
export async function shapeTrendOf({ repository, policy }: Measured): Promise<readonly ShapePoint[]> {
  const points: ShapePoint[] = [];
  const progress = new Progress();
  for (let back = repository.lacksTexts ? 0 : QUARTERS; back >= 0; back -= 1) {
    const atS = repository.committedAtS - back * QUARTER_S;
    const asked = ['rev-list', '-1', '--first-parent', `--before=${atS}`, repository.commit];
    const commit = back === 0 ? repository.commit : (await git(repository.root, ...asked)).trim();
    if (commit === '') continue;
    const { productFiles } = await readSources({ ...repository, commit }, policy.ignore, progress);
    const complex = productFiles.flatMap(({ functions }) => functions.filter(({ cognitive }) => cognitive > COMPLEXITY_TARGET));
    points.push({
      atS,
      commit,
      lines: productFiles.reduce((sum, { lines }) => sum + lines, 0),
      complexFunctions: complex.length,
      excess: complex.reduce((sum, { cognitive }) => sum + cognitive - COMPLEXITY_TARGET, 0),
    });
  }
  progress.end();
  return points;
}
