import type { DebtFact } from '../../contract/debt/debt-facts.ts';
import type { DebtRule, Grade } from '../../contract/debt/debt-items.ts';
import { must } from '../../kernel/assert.ts';
import { evenSpread } from '../spread.ts';
import { costlyFilesOf } from './complexity-rules.ts';
import { COMPLEXITY_TARGET } from './costly-function.ts';
import { FILES_MAX } from '../evidence/file-work.ts';
import type { HotFile } from './hot-files.ts';
import {
  FUNCTION_OF_SIGN,
  HEAT_OF_HOT_FILE,
  HEAT_WITH_WORSE_FUNCTION,
  heatNeeded,
  hotFilesOf,
  isUntested,
  REPAIRS_OF_HOT_FILE,
  REPAIRS_OF_SIGN,
  WORSE_FUNCTION,
} from './hot-files.ts';
import type { Hit, Rule, RuleContext } from './rule.ts';
import { detailOf, numberOf, repairsSaid, severityIn } from './rule.ts';

const FUNCTIONS_NAMED = 3;

/** Which commits were counted: larger ones say nothing of a file. */
const commitsOfYears = (fact: DebtFact): string => `commits of ${yearsOf(fact)} years and at most ${FILES_MAX} files`;
const yearsOf = (fact: DebtFact): number => detailOf(fact, 'years', 3);

const authorsOf = (work: DebtFact): string => {
  const authors = detailOf(work, 'authors');
  return authors === 1 ? 'one author' : `${authors} authors`;
};

const EVIDENCE_FUNCTIONS = 8;

function* hotFiles(context: RuleContext): Iterable<Hit> {
  const all = hotFilesOf(context);
  const costly = costlyFilesOf(context);
  const growth = growthOf(context);
  const severityOf = severityIn(
    context.facts.of('code-complexity').flatMap((fact) => (fact.symbol === undefined ? [numberOf(fact)] : [])),
    COMPLEXITY_TARGET,
  );
  for (const one of all) {
    // Its `hotspot` says the same of the function that costs.
    if (costly.has(one.file)) continue;
    const excess = one.functions.reduce((sum, fact) => sum + numberOf(fact) - COMPLEXITY_TARGET, 0);
    const [worst] = one.functions;
    const grown = worst === undefined ? undefined : growth.get(keyOf(worst));
    yield {
      subject: one.file,
      title: titleOf(one, grown),
      remedy: remedyOf(one),
      minutes: Math.max(30, 10 + excess),
      interest: context.interestOf([one.file], severityOf(one.complexity)),
      grade: one.isHot ? 'strong' : 'weak',
      ...(one.isHot ? {} : { doubt: doubtOf(one) }),
      evidence: [one.work, ...one.functions.slice(0, EVIDENCE_FUNCTIONS), ...(grown === undefined ? [] : [grown])],
    };
  }
}

function doubtOf(one: HotFile): string {
  const { heat, complexity, work } = one;
  const needed = heatNeeded(one);
  if (heat < needed) return `its complexity of ${complexity} times ${numberOf(work)} commits is ${heat}, less than ${needed}`;
  return one.hasSign
    ? 'fifteen files are hotter'
    : `its commits say ${timesOf(detailOf(work, 'repairs'))} that they fix it, which is too seldom for functions like these`;
}

function titleOf({ functions, complexity, work }: HotFile, grown: DebtFact | undefined): string {
  const named = functions.slice(0, FUNCTIONS_NAMED).map((fact) => `${fact.symbol} ${numberOf(fact)}`);
  const of = `${functions.length === 1 ? 'a function is' : `${functions.length} functions are`} more complex than ${COMPLEXITY_TARGET}`;
  const where =
    functions.length === 0
      ? `its functions have a complexity of ${complexity} together`
      : `${of}: ${named.join(', ')}${functions.length > named.length ? ', ...' : ''}`;
  const repairs = detailOf(work, 'repairs');
  const since = grown === undefined || !hasGrown(grown) ? '' : `; ${grownBy(grown)}`;
  const said = repairsSaid(repairs);
  return `${where}; ${numberOf(work)} ${commitsOfYears(work)} changed the file, by ${authorsOf(work)}${said}${since}`;
}

const timesOf = (count: number): string => (count === 0 ? 'never' : count === 1 ? 'once' : `${count} times`);

/** Less is not worth a word. */
const hasGrown = (fact: DebtFact): boolean =>
  detailOf(fact, 'complexity') - detailOf(fact, 'complexity_before') >=
  Math.max(GROWN_BY_POINTS_WEAK, detailOf(fact, 'complexity_before') / 5);

const grownBy = (fact: DebtFact): string =>
  `two years ago the complexity of ${fact.symbol} was ${detailOf(fact, 'complexity_before')}, in ${detailOf(fact, 'lines_before')} lines instead of ${detailOf(fact, 'lines')}`;

const remedyOf = ({ functions: [worst] }: HotFile): string =>
  worst === undefined
    ? 'move what changes together to a file of its own'
    : `split ${worst.symbol} (line ${detailOf(worst, 'line')}) first, with its next change`;

const keyOf = ({ subject, symbol = '' }: DebtFact): string => `${subject}\n${symbol}`;

const growthOf = ({ facts }: RuleContext): ReadonlyMap<string, DebtFact> =>
  new Map(facts.of('function-growth').map((fact) => [keyOf(fact), fact]));

/** What a function has to have, and to have come to have in two years, to be one that grows. [D122] */
const COMPLEXITY_OF_GROWN = 20;
const GROWN_BY_POINTS = 8;
const GROWN_BY_SHARE = 0.4;
const GROWN_BY_POINTS_WEAK = 4;

function* growing(context: RuleContext): Iterable<Hit> {
  // The title of a hot file has what its worst function grew by.
  const named = new Set(
    hotFilesOf(context).flatMap(({ isHot, functions: [worst] }) => (isHot && worst !== undefined ? [keyOf(worst)] : [])),
  );
  const facts = context.facts.of('function-growth');
  const severityOf = severityIn(
    facts.map((fact) => detailOf(fact, 'complexity')),
    COMPLEXITY_TARGET,
  );
  for (const fact of facts) {
    const [now, before] = [detailOf(fact, 'complexity'), detailOf(fact, 'complexity_before')];
    if (named.has(keyOf(fact)) || now - before < GROWN_BY_POINTS_WEAK) continue;
    const isStrong = now >= COMPLEXITY_OF_GROWN && now - before >= Math.max(GROWN_BY_POINTS, GROWN_BY_SHARE * before);
    yield {
      subject: fact.subject,
      symbol: fact.symbol ?? '',
      title: `${fact.symbol} grew in two years from a complexity of ${before} to ${now} (target ${COMPLEXITY_TARGET}), and from ${detailOf(fact, 'lines_before')} to ${detailOf(fact, 'lines')} lines`,
      remedy: `move what was added to ${fact.symbol} (line ${detailOf(fact, 'line')}) to functions of its own before more is`,
      minutes: 10 + now - COMPLEXITY_TARGET,
      interest: context.interestOf([fact.subject], severityOf(now) / 2),
      grade: isStrong ? 'strong' : 'weak',
      ...(isStrong ? {} : { doubt: `it grew by ${now - before} points, less than ${GROWN_BY_POINTS} or two fifths of what it was` }),
      evidence: [fact],
    };
  }
}

/** Of the commits to the file that has fewer, the share that changed the other, too. [D121] */
const COUPLED_SHARE_MIN = 0.5;
const COUPLED_COMMITS_MIN = 6;

function* coupling(context: RuleContext): Iterable<Hit> {
  const facts = context.facts.of('changed-with');
  const strong = facts.filter((fact) => isCoupled(fact));
  for (const group of groupsOf(strong)) yield coupledHit(context, group, 'strong');
  for (const fact of facts) if (!strong.includes(fact)) yield coupledHit(context, [fact], 'weak');
}

const otherOf = ({ symbol = '' }: DebtFact): string => symbol;
const shareOf = (fact: DebtFact): number =>
  numberOf(fact) / Math.max(1, Math.min(detailOf(fact, 'commits'), detailOf(fact, 'other_commits')));
const isUnread = ({ detail }: DebtFact): boolean => detail?.['unread'] === true;
const isCoupled = (fact: DebtFact): boolean =>
  shareOf(fact) >= COUPLED_SHARE_MIN && numberOf(fact) >= COUPLED_COMMITS_MIN && !isUnread(fact);

/** Pairs that share files are one item: all of them have to agree on the same. The pair with the most commits comes first. */
function groupsOf(pairs: readonly DebtFact[]): readonly (readonly DebtFact[])[] {
  let groups: DebtFact[][] = [];
  for (const pair of pairs.toSorted((a, b) => numberOf(b) - numberOf(a))) {
    const files = new Set([pair.subject, otherOf(pair)]);
    const meets = (group: readonly DebtFact[]): boolean => group.some((one) => files.has(one.subject) || files.has(otherOf(one)));
    const met = groups.filter(meets);
    groups = [...groups.filter((group) => !met.includes(group)), [...met.flat(), pair].toSorted((a, b) => numberOf(b) - numberOf(a))];
  }
  return groups;
}

function coupledHit(context: RuleContext, pairs: readonly DebtFact[], grade: Grade): Hit {
  const fact = must(pairs[0], 'a group has a pair');
  const [both, share, other] = [numberOf(fact), shareOf(fact), otherOf(fact)];
  const files = new Set(pairs.flatMap((pair) => [pair.subject, otherOf(pair)]));
  files.delete(fact.subject);
  files.delete(other);
  const more =
    files.size === 0
      ? ''
      : `; so are ${[...files].slice(0, FILES_NAMED).join(', ')}${files.size > FILES_NAMED ? ` and ${files.size - FILES_NAMED} more` : ''} with one of them`;
  const imports = isUnread(fact) ? '' : ', and neither imports the other';
  return {
    subject: fact.subject,
    symbol: other,
    title: `${both} ${commitsOfYears(fact)} changed it and ${other} together, of ${detailOf(fact, 'commits')} and ${detailOf(fact, 'other_commits')}; by chance ${detailOf(fact, 'expected').toFixed(1)} would have${imports}${more}`,
    remedy: 'have what both must agree on in one place, or a test that fails when only one is changed',
    minutes: 60 * pairs.length,
    interest: context.interestAt(both / (WEEKS_OF_YEAR * yearsOf(fact)), share / 4),
    grade,
    ...(grade === 'strong' ? {} : { doubt: doubtOfCoupling(both, share, isUnread(fact)) }),
    evidence: pairs.slice(0, EVIDENCE_PAIRS),
  };
}

const FILES_NAMED = 4;
const EVIDENCE_PAIRS = 16;
const WEEKS_OF_YEAR = 52;

function doubtOfCoupling(both: number, share: number, isUnknown: boolean): string {
  if (isUnknown) return 'this clone lacks their texts: one may import the other';
  if (share < COUPLED_SHARE_MIN) return `${Math.round(share * 100)} % of the commits to one changed the other, less than half`;
  return `${both} commits changed both, fewer than ${COUPLED_COMMITS_MIN}`;
}

function* untested(context: RuleContext): Iterable<Hit> {
  for (const one of hotFilesOf(context)) {
    if (!one.isHot || !isUntested(one)) continue;
    const { file, work } = one;
    yield {
      subject: file,
      title: `of ${detailOf(work, 'tests')} test files none imports it or has its name, and ${detailOf(work, 'with_tests')} of the ${numberOf(work)} ${commitsOfYears(work)} that changed it changed a test`,
      remedy: 'test what its next repair is about, before it is made',
      minutes: 120,
      interest: context.interestOf([file], 0.25),
      grade: 'strong',
      evidence: [work],
    };
  }
}

/** What is copied among examples is meant to be: each is to be read alone. [D124] */
function* exampleCopies({ facts }: RuleContext): Iterable<Hit> {
  for (const fact of facts.of('beside')) {
    const [copied, lines] = [detailOf(fact, 'copied_files'), detailOf(fact, 'copied_lines')];
    if (copied < 2) continue;
    yield {
      subject: fact.subject,
      symbol: fact.symbol ?? '',
      title: `${copied} of ${numberOf(fact)} files of ${fact.symbol} have runs of code that others of them have, too: ${lines} lines`,
      remedy: 'nothing, unless they have to be changed in step: then write them from one source',
      minutes: 60,
      interest: evenSpread(0),
      grade: 'weak',
      doubt: 'examples and documentation repeat themselves so that each can be read alone',
      evidence: [fact],
    };
  }
}

/** Rules about what history says of files. */
export const HISTORY_RULES = {
  'hot-file': {
    signal: 'hotspots',
    about: `Fires on a file that 5 commits changed, of three years or of as many as hold 300, and that has a function of cognitive complexity above 15, or 60 points together, or was repaired ${REPAIRS_OF_HOT_FILE} times. Heat is its complexity times those commits. Strong for the fifteen hottest from ${HEAT_OF_HOT_FILE}, or from ${HEAT_WITH_WORSE_FUNCTION} with a function of ${WORSE_FUNCTION} points or ${REPAIRS_OF_HOT_FILE} repairs, if it shows trouble: a function of ${FUNCTION_OF_SIGN} points and a repair or 25 commits; else ${REPAIRS_OF_SIGN} repairs, three if its worst function has 50 lines, or 35 commits; six repairs if no function is above 15. From 100 a candidate. Takes a change, 10 minutes and one for each point above 15 (D120).`,
    find: hotFiles,
  },
  'growing-function': {
    signal: 'hotspots',
    about:
      'Fires on a complex function whose complexity grew by 4 points in two years. Strong from 20 if it grew by 8 points and two fifths (D122).',
    find: growing,
  },
  'untested-hotspot': {
    signal: 'hotspots',
    about:
      'Fires on a hot file that no test imports or is named after, if fewer than a quarter of the commits to it changed a test. Takes a change and two hours (D123).',
    find: untested,
  },
  'example-copies': {
    signal: 'hotspots',
    about: 'Fires where examples or documentation repeat code. Never strong (D124).',
    find: exampleCopies,
  },
  'change-coupling': {
    signal: 'coupling',
    about:
      "Fires on two files of which neither imports the other and that 5 such commits changed together, more than chance explains (Fisher's exact test over all pairs, 5 %). Strong from 6 commits that are half of those to one of them. Takes a change and an hour a pair (D121).",
    find: coupling,
  },
} as const satisfies Partial<Record<DebtRule, Rule>>;
