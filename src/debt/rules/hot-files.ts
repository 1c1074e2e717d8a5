import type { DebtFact } from '../../contract/debt/debt-facts.ts';
import { groupBy } from '../../kernel/grouped.ts';
import { COMPLEXITY_TARGET } from './costly-function.ts';
import type { RuleContext } from './rule.ts';
import { detailOf, numberOf } from './rule.ts';

/** A file of the product that is changed often for how complex it is. */
export interface HotFile {
  readonly file: string;
  /** Its complexity, times the commits that changed it: so much had to be understood. [D120] */
  readonly heat: number;
  readonly complexity: number;
  /** Above the target, the most complex first. */
  readonly functions: readonly DebtFact[];
  readonly work: DebtFact;
  /** What readers took for trouble: repairs, a function that is hard however it is read, or a great many changes. */
  readonly hasSign: boolean;
  readonly isHot: boolean;
}

/** Points times commits from which a file is a hotspot; with a function as complex as the second, from fewer. */
export const HEAT_OF_HOT_FILE = 1_000;
export const HEAT_WITH_WORSE_FUNCTION = 400;
export const WORSE_FUNCTION = 20;
/** From here on it is one to look at. */
export const HEAT_OF_CANDIDATE = 100;
/** Fewer commits are no habit. */
export const COMMITS_OF_HOT_FILE = 5;
/** So often repaired, a file is hot from less, and whatever its functions are. */
export const REPAIRS_OF_HOT_FILE = 5;
/** A function that is hard however it is read: a file that has one needs a repair or so many commits to be debt. */
export const FUNCTION_OF_SIGN = 25;
const COMMITS_OF_SIGN = 25;
/** Where the worst function is no harder than that, the file needs so many repairs, or fewer if that function is long, or so many commits. */
export const REPAIRS_OF_SIGN = 5;
const REPAIRS_OF_LONG_FUNCTION = 3;
const LINES_OF_LONG_FUNCTION = 50;
const COMMITS_WITHOUT_REPAIRS = 35;
/** Where no function is above the target, readers found most files large and clear. */
const REPAIRS_WITHOUT_FUNCTION = 6;
/** A file without a complex function is hard to change if it is so in many places. */
const COMPLEXITY_OF_WHOLE_FILE = 60;
/** A list that is longer is not read: the hottest stand for the rest. */
const HOT_FILES_MAX = 15;

/** The files that commits changed most for how complex they are, the hottest first; also those that are only warm. [D120] */
export function hotFilesOf({ facts }: RuleContext): readonly HotFile[] {
  const complexity = facts.of('code-complexity');
  const ofFile = new Map(complexity.flatMap((fact) => (fact.symbol === undefined ? [[fact.subject, numberOf(fact)] as const] : [])));
  const functionsOf = groupBy(
    complexity.filter((fact) => fact.symbol !== undefined && numberOf(fact) > COMPLEXITY_TARGET),
    ({ subject }) => subject,
  );
  const warm = facts
    .of('file-work')
    .flatMap((work) => {
      const points = ofFile.get(work.subject) ?? 0;
      const functions = (functionsOf.get(work.subject) ?? []).toSorted((a, b) => numberOf(b) - numberOf(a));
      const isComplex = functions.length > 0 || points >= COMPLEXITY_OF_WHOLE_FILE || repairsOf(work) >= REPAIRS_OF_HOT_FILE;
      const heat = points * numberOf(work);
      if (!isComplex || numberOf(work) < COMMITS_OF_HOT_FILE || heat < HEAT_OF_CANDIDATE) return [];
      return [{ file: work.subject, heat, complexity: points, functions, work, hasSign: hasSign(functions[0], work) }];
    })
    .toSorted((a, b) => b.heat - a.heat || (a.file < b.file ? -1 : 1));
  const hottest = new Set(warm.filter((one) => one.hasSign && one.heat >= heatNeeded(one)).slice(0, HOT_FILES_MAX));
  return warm.map((one) => ({ ...one, isHot: hottest.has(one) }));
}

const repairsOf = (work: DebtFact): number => detailOf(work, 'repairs');

function hasSign(worst: DebtFact | undefined, work: DebtFact): boolean {
  const [repairs, commits] = [repairsOf(work), numberOf(work)];
  if (worst === undefined) return repairs >= REPAIRS_WITHOUT_FUNCTION;
  if (numberOf(worst) >= FUNCTION_OF_SIGN) return repairs > 0 || commits >= COMMITS_OF_SIGN;
  const isLong = detailOf(worst, 'last_line') - detailOf(worst, 'line') >= LINES_OF_LONG_FUNCTION - 1;
  return repairs >= REPAIRS_OF_SIGN || commits >= COMMITS_WITHOUT_REPAIRS || (isLong && repairs >= REPAIRS_OF_LONG_FUNCTION);
}

/** The heat from which a file is a hotspot. */
export const heatNeeded = ({ functions: [worst], work }: Pick<HotFile, 'functions' | 'work'>): number =>
  repairsOf(work) >= REPAIRS_OF_HOT_FILE || (worst !== undefined && numberOf(worst) >= WORSE_FUNCTION)
    ? HEAT_WITH_WORSE_FUNCTION
    : HEAT_OF_HOT_FILE;

/** Whether no test is seen to be about a file: none imports it or has its name, and few commits to it changed a test. [D123] */
export function isUntested({ work }: HotFile): boolean {
  const { detail } = work;
  const isNamed = detail?.['has_named_test'] === true;
  const share = detailOf(work, 'with_tests') / Math.max(1, numberOf(work));
  return detailOf(work, 'tests') > 0 && detailOf(work, 'tests_importing') === 0 && !isNamed && share < WITH_TESTS_SHARE_MIN;
}

/** In a repository with tests most changes come with one. */
const WITH_TESTS_SHARE_MIN = 0.25;
