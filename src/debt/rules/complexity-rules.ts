import type { DebtFact } from '../../contract/debt/debt-facts.ts';
import type { DebtRule, Grade, Spread } from '../../contract/debt/debt-items.ts';
import { must } from '../../kernel/assert.ts';
import { groupBy } from '../../kernel/grouped.ts';
import { combined, evenSpread, quantileOf } from '../spread.ts';
import type { FunctionWork } from './costly-function.ts';
import { COMPLEXITY_TARGET, doubtOfFunction, isCostly } from './costly-function.ts';
import { hotFilesOf } from './hot-files.ts';
import type { Hit, Rule, RuleContext } from './rule.ts';
import { detailOf, numberOf, repairsSaid, severityIn } from './rule.ts';

/** Outside of hotspots a function is left alone until it is this complex, and one without a change in a year until it is more so. */
const COMPLEXITY_OF_COLD_CODE = 25;
const COMPLEXITY_OF_STILL_CODE = 29;
/** Commits of a year that make a function a part of a hotspot: fewer may be one change and its correction. */
const CHANGES_OF_HOTSPOT_MIN = 3;
const WEEKS_OF_YEAR = 52;
const NO_MINUTES = evenSpread(0);
const HOTTEST_SHARE = 0.05;

/** One of the hottest by the churn of 90 days. */
interface ChurnedFile {
  readonly file: string;
  readonly excess: number;
  readonly functions: readonly DebtFact[];
  readonly evidence: readonly DebtFact[];
}

/** The rank of each subject among all, as a share: 1 is the greatest; equal values have equal ranks. */
function rankOf(facts: readonly DebtFact[]): ReadonlyMap<string, number> {
  const sorted = facts.map(numberOf).sort((a, b) => a - b);
  const rank = new Map<number, number>();
  sorted.forEach((value, i) => rank.set(value, (i + 1) / sorted.length));
  return new Map(facts.map((fact) => [fact.subject, rank.get(numberOf(fact)) ?? 0]));
}

const keyOf = ({ subject, symbol = '' }: DebtFact): string => `${subject}\n${symbol}`;

/** What is known of complex functions. */
class Functions {
  readonly #context: RuleContext;
  readonly #changes: ReadonlyMap<string, number>;
  readonly #fixes: ReadonlyMap<string, readonly DebtFact[]>;
  /** By their file. */
  readonly complex: ReadonlyMap<string, readonly DebtFact[]>;

  constructor(context: RuleContext) {
    const { facts } = context;
    this.#context = context;
    this.#changes = new Map(facts.of('function-changes').map((fact) => [keyOf(fact), numberOf(fact)]));
    this.#fixes = groupBy(facts.of('function-fixes'), keyOf);
    const complex = facts.of('code-complexity').filter((fact) => fact.symbol !== undefined && numberOf(fact) > COMPLEXITY_TARGET);
    this.complex = new Map([...groupBy(complex, ({ subject }) => subject)].map(([file, all]) => [file, this.#counted(all)]));
  }

  /** The commits of a year. */
  changesOf(one: DebtFact): number {
    return this.#changes.get(keyOf(one)) ?? 0;
  }

  /** The fact about its commits of two years; none of a function whose history was not read. */
  fixesOf(one: DebtFact): readonly DebtFact[] {
    return this.#fixes.get(keyOf(one)) ?? [];
  }

  /** Whether its complexity is shown to cost something. */
  isCostly(one: DebtFact): boolean {
    const work = this.#workOf(one);
    return work !== undefined && isCostly(work);
  }

  /** What is missing for that. */
  doubtOf(one: DebtFact): string {
    const work = this.#workOf(one);
    return work === undefined ? 'the commits to its lines were not read' : doubtOfFunction(work);
  }

  /** Undefined: its history was not read. */
  #workOf(one: DebtFact): FunctionWork | undefined {
    const [history] = this.fixesOf(one);
    return history === undefined
      ? undefined
      : {
          complexity: numberOf(one),
          depth: detailOf(one, 'depth'),
          lines: detailOf(one, 'last_line') - lineOf(one) + 1,
          commits: detailOf(history, 'commits'),
          repairs: numberOf(history),
          isForSpeed: one.detail?.['for_speed'] === true,
        };
  }

  /** The functions of one file, but for those inside a costly one: splitting that one takes care of them. [D30] */
  #counted(all: readonly DebtFact[]): readonly DebtFact[] {
    const costly = all.filter((one) => this.isCostly(one));
    return all.filter((one) => !costly.some((other) => isWithin(one, other)));
  }

  /** What changing it takes more each week, and repairing it: repairs are those of two years. */
  interestOf(one: DebtFact, severity: number): Spread {
    const repairs = this.fixesOf(one).reduce((sum, fact) => sum + numberOf(fact), 0);
    return this.#context.interestAt(this.changesOf(one) / WEEKS_OF_YEAR, severity, repairs / (2 * WEEKS_OF_YEAR));
  }

  gradeOf(one: DebtFact): Grade {
    return this.isCostly(one) ? 'strong' : 'weak';
  }

  /** What is wrong with it, in words. */
  titleOf(one: DebtFact): string {
    const [changes, [history]] = [this.changesOf(one), this.fixesOf(one)];
    const complexity = `${one.symbol} has a complexity of ${numberOf(one)} (target ${COMPLEXITY_TARGET})`;
    const commits = history === undefined ? 0 : detailOf(history, 'commits');
    if (history === undefined || commits === 0)
      return changes === 0 ? complexity : `${complexity}, and ${changes} commits of the last year changed it`;
    const repairs = repairsSaid(numberOf(history));
    return `${complexity} and is nested ${detailOf(one, 'depth')} deep; ${commits} ${commits === 1 ? 'commit' : 'commits'} of two years changed its code${repairs}`;
  }
}

/** Whether a function is a part of another one, which is longer. */
function isWithin(one: DebtFact, other: DebtFact): boolean {
  const [from, to] = [lineOf(one), detailOf(one, 'last_line', Infinity)];
  const [otherFrom, otherTo] = [lineOf(other), detailOf(other, 'last_line')];
  return otherFrom <= from && to <= otherTo && to - from < otherTo - otherFrom;
}

const lineOf = (fact: DebtFact): number => detailOf(fact, 'line');

/** The hottest of all files by churn and complexity that have a function to simplify which changes (D10). */
function hotFiles(context: RuleContext, known: Functions): readonly ChurnedFile[] {
  const complexity = context.facts.of('code-complexity').filter(({ symbol }) => symbol === undefined);
  const churn = context.facts.of('code-churn');
  const [byChurn, byComplexity] = [rankOf(churn), rankOf(complexity)];
  const heats = complexity.map((fact) => Math.sqrt((byChurn.get(fact.subject) ?? 0) * (byComplexity.get(fact.subject) ?? 0)));
  const hottest = quantileOf(
    [...heats].sort((a, b) => a - b),
    1 - HOTTEST_SHARE,
  );
  const churnOf = new Map(churn.map((fact) => [fact.subject, fact]));
  return complexity.flatMap((fact, i) => {
    const functions = (known.complex.get(fact.subject) ?? [])
      .filter((one) => known.changesOf(one) >= CHANGES_OF_HOTSPOT_MIN)
      .sort((a, b) => Number(known.isCostly(b)) - Number(known.isCostly(a)) || numberOf(b) - numberOf(a));
    const changed = churnOf.get(fact.subject);
    const heat = heats[i] ?? 0;
    if (functions.length === 0 || changed === undefined || heat < hottest) return [];
    const excess = functions.reduce((sum, one) => sum + numberOf(one) - COMPLEXITY_TARGET, 0);
    return [{ file: fact.subject, excess, functions, evidence: [fact, changed, ...functions.slice(0, 8)] }];
  });
}

/** Files whose most complex function is costly: the item of that function stands for the file. */
export function costlyFilesOf(context: RuleContext): ReadonlySet<string> {
  const known = new Functions(context);
  const isCostlyFile = (functions: readonly DebtFact[]): boolean => {
    const most = Math.max(...functions.map(numberOf));
    return functions.some((one) => numberOf(one) === most && known.isCostly(one));
  };
  return new Set([...known.complex].flatMap(([file, functions]) => (isCostlyFile(functions) ? [file] : [])));
}

function* hotspots(context: RuleContext): Iterable<Hit> {
  const known = new Functions(context);
  const listed = new Set(hotFilesOf(context).flatMap(({ file, isHot }) => (isHot ? [file] : [])));
  const severityOf = severityIn(
    context.facts
      .of('code-complexity')
      .filter(({ symbol }) => symbol !== undefined)
      .map(numberOf),
    COMPLEXITY_TARGET,
  );
  for (const { file, excess, functions, evidence } of hotFiles(context, known)) {
    const worst = must(functions[0], 'a hotspot has a function');
    // Three years say more of the file: `hot-file` lists it.
    if (listed.has(file) && !known.isCostly(worst)) continue;
    yield {
      subject: file,
      title: known.titleOf(worst),
      remedy: `split ${worst.symbol} (line ${lineOf(worst)}) where its branches part`,
      minutes: 10 + excess,
      // Its minutes are for all of its functions, and so is this.
      interest: functions
        .map((one) => known.interestOf(one, severityOf(numberOf(one))))
        .reduce((sum, one) => combined(sum, one, (a, b) => a + b), NO_MINUTES),
      grade: known.gradeOf(worst),
      doubt: known.doubtOf(worst),
      evidence: [...evidence, ...known.fixesOf(worst)],
    };
  }
}

function* complexOutsideHotspots(context: RuleContext): Iterable<Hit> {
  const known = new Functions(context);
  const hot = new Set(hotFiles(context, known).flatMap((one) => one.functions));
  const functions = [...known.complex.values()].flat();
  const severityOf = severityIn(functions.map(numberOf), COMPLEXITY_TARGET);
  for (const fact of functions) {
    const most = known.changesOf(fact) > 0 ? COMPLEXITY_OF_COLD_CODE : COMPLEXITY_OF_STILL_CODE;
    if (hot.has(fact) || numberOf(fact) <= most) continue;
    yield {
      subject: fact.subject,
      symbol: fact.symbol ?? '',
      title: known.titleOf(fact),
      remedy: `split ${fact.symbol} (line ${lineOf(fact)}) when it is changed next`,
      minutes: 10 + numberOf(fact) - COMPLEXITY_TARGET,
      interest: known.interestOf(fact, severityOf(numberOf(fact))),
      grade: known.gradeOf(fact),
      doubt: known.doubtOf(fact),
      evidence: [fact, ...known.fixesOf(fact)],
    };
  }
}

/** Rules about functions that are hard to read. */
export const COMPLEXITY_RULES = {
  hotspot: {
    signal: 'hotspots',
    about:
      'Fires on the hottest 5 % of files that have a function of cognitive complexity above 15 which at least 3 commits of the last year changed. Heat is the root of rank by churn x rank by complexity; churn halves every 90 days. Takes a change, 10 minutes and one for each point above 15. Strong if a function is long and nested and its complexity cost work lately (D30).',
    find: hotspots,
  },
  'complex-function': {
    signal: 'hotspots',
    about:
      'Fires on a function outside of hotspots of cognitive complexity above 25, or from 30 if no commit of the last year changed it. Takes a change, 10 minutes and one for each point above 15. Strong if it is long and nested and its complexity cost work lately (D30).',
    find: complexOutsideHotspots,
  },
} as const satisfies Partial<Record<DebtRule, Rule>>;
