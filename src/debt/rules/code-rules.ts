import type { DebtFact } from '../../contract/debt/debt-facts.ts';
import type { DebtRule, Spread } from '../../contract/debt/debt-items.ts';
import { groupBy } from '../../kernel/grouped.ts';
import { evenSpread } from '../spread.ts';
import { COMPLEXITY_RULES } from './complexity-rules.ts';
import type { CopyWork } from './costly-copy.ts';
import { isCostlyCopy } from './costly-copy.ts';
import type { Hit, Rule, RuleContext } from './rule.ts';
import { detailOf, numberOf, ofEach, ofNamed, severityIn, textDetailOf } from './rule.ts';

const HOLES_OF_ONE_FILE = 3;
/** The severity of what annoys at every change of a file, without making it hard to read. */
const SLIGHT = 0.05;
/** Two files in a circle are often two halves of one; more of them have an order in which they must be imported. [D36] */
const FILES_OF_A_TANGLE = 3;
/** More are how a package is built: no one pays them as one item. */
const FILES_OF_A_TANGLE_MAX = 12;
const MINUTES_OF_A_FILE_IN_A_CYCLE = 15;
/** Two years, of which commits to copies are read. */
const WEEKS_OF_HISTORY = 104;

function* clones(context: RuleContext): Iterable<Hit> {
  const facts = context.facts.of('clone');
  const severityOf = severityIn(facts.map(numberOf), 0);
  for (const fact of facts) {
    const [other, lines, copies] = [fact.symbol ?? '', numberOf(fact), detailOf(fact, 'copies', 2)];
    if (copies === 0) continue;
    const isInOneFile = other === fact.subject;
    yield {
      subject: fact.subject,
      symbol: other,
      title: `${lines} lines of code from line ${detailOf(fact, 'line')} are those ${isInOneFile ? '' : `of ${other} `}from line ${detailOf(fact, 'other_line')}${copies > 2 ? `; ${copies} places have nine tenths of them in a row` : ''}${inBoth(fact)}`,
      remedy: remedyOfCopy(fact, isInOneFile),
      minutes: 10 + ((copies - 1) * lines) / 2,
      interest: interestOfCopy(context, fact, severityOf(lines) / 4),
      grade: isCostlyCopy(workOf(fact)) ? 'strong' : 'weak',
      doubt: doubtOfCopy(fact),
      evidence: [fact],
    };
  }
}

/** Where both could have it from. */
function remedyOfCopy({ detail }: DebtFact, isInOneFile: boolean): string {
  if (detail?.['in_classes'] === true) return 'have it once, in a class that both extend or a function that both call';
  return isInOneFile ? 'have one function for both' : 'have one function for both, in a file that both import';
}

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1);

/** Reasons to have both, or to know too little, by the details of the fact that state them. */
const EXCUSES: Readonly<Record<string, string>> = {
  mirror: 'one is for asynchronous callers',
  for_speed: 'a comment says that it is so for speed',
  kept_apart: 'one is deprecated, for old callers or of another version',
  settings: 'both are settings of tools',
  by_lines: 'the language is not parsed: types and parameters look like code',
  unread: 'the commits to its lines were not read',
};

const doubtOfCopy = (fact: DebtFact): string =>
  Object.entries(EXCUSES).find(([name]) => fact.detail?.[name] === true)?.[1] ??
  `it is short, or its places are far apart, and no commit of two years changed both`;

const workOf = (fact: DebtFact): CopyWork => ({
  lines: numberOf(fact),
  isInOneFolder: folderOf(fact.subject) === folderOf(fact.symbol ?? ''),
  isBetweenPackages: fact.detail?.['two_packages'] === true,
  commitsToBoth: detailOf(fact, 'commits_to_both'),
  isExcused: Object.keys(EXCUSES).some((name) => fact.detail?.[name] === true),
});

/** Each commit that changed one place had to look at the other. Where these are not known, the changes of the files stand for them. */
function interestOfCopy(context: RuleContext, fact: DebtFact, severity: number): Spread {
  const commits = detailOf(fact, 'commits_to_either', -1);
  if (commits < 0) return context.interestOf(new Set([fact.subject, fact.symbol ?? '']), severity);
  return context.interestAt(commits / WEEKS_OF_HISTORY, severity);
}

/** What the copy has cost, where it has. */
function inBoth(fact: DebtFact): string {
  const commits = detailOf(fact, 'commits_to_both');
  return commits === 0 ? '' : `; ${commits} ${commits === 1 ? 'commit' : 'commits'} of two years changed both`;
}

const unusedCode = ofNamed('unused-code', (fact, context) => ({
  title: fact.symbol === undefined ? 'nothing imports the file' : `nothing uses ${fact.symbol}`,
  remedy: 'delete it',
  minutes: 5,
  interest: context.interestOf([fact.subject], SLIGHT),
}));

const cycles = ofEach('import-cycle', (fact, context) => {
  const [files, through] = [numberOf(fact), textDetailOf(fact, 'through')];
  const [listed, atLoad] = [through.split(' ').slice(0, 8), detailOf(fact, 'at_load')];
  return {
    title: `${files} files import each other in a circle: ${listed.join(' > ')}${files > listed.length ? ' > ...' : ''}${atLoad === 0 ? '' : `; ${atLoad} of these imports are needed while the files load`}`,
    remedy: 'move what they share to a file of its own, or pass it as an argument',
    minutes: Math.max(60, MINUTES_OF_A_FILE_IN_A_CYCLE * files),
    interest: context.interestOf(listed, Math.min(1, files / 20)),
    grade: files >= FILES_OF_A_TANGLE && files <= FILES_OF_A_TANGLE_MAX && atLoad > 0 ? 'strong' : 'weak',
  };
});

const layerBreaks = ofNamed('layer-break', (fact, context) => ({
  title:
    textDetailOf(fact, 'layer') === textDetailOf(fact, 'other')
      ? `imports its sibling ${fact.symbol}`
      : `${textDetailOf(fact, 'layer')} may not import ${fact.symbol} of ${textDetailOf(fact, 'other')}`,
  remedy: 'turn the dependency round: have an interface in the lower layer, or move the code',
  minutes: 20,
  interest: context.interestOf([fact.subject], 0.2),
}));

const countOf = (facts: readonly DebtFact[]): number => facts.reduce((sum, fact) => sum + numberOf(fact), 0);

function* typeHoles(context: RuleContext): Iterable<Hit> {
  const byFile = groupBy(context.facts.of('type-hole'), ({ subject }) => subject);
  const severityOf = severityIn([...byFile.values()].map(countOf), 0);
  for (const [file, facts] of byFile) {
    const count = countOf(facts);
    if (count < HOLES_OF_ONE_FILE) continue;
    yield {
      subject: file,
      title: `types are not checked in ${count} places: ${facts.map((fact) => `${numberOf(fact)} x ${HOLES[fact.symbol ?? ''] ?? fact.symbol}`).join(', ')}`,
      remedy: 'state the types, or check the values where they come in',
      minutes: 2 * count,
      interest: context.interestOf([file], severityOf(count) / 4),
      grade: 'weak',
      evidence: facts,
    };
  }
}

/** What is counted of each kind, in words: not all that has its name. */
const HOLES: Readonly<Record<string, string>> = {
  any: 'a value of type any',
  'as any': 'a cast to any',
  'type: ignore': 'type: ignore without a code',
};

const oldTodos = ofNamed('todo', (fact, context) => {
  if (numberOf(fact) <= context.policy.todo_days) return undefined;
  return {
    title: `announced ${Math.round(numberOf(fact))} days ago: ${textDetailOf(fact, 'text')}`,
    remedy: `do it, or delete the comment (line ${detailOf(fact, 'line')})`,
    minutes: 30,
    interest: context.interestOf([fact.subject], SLIGHT),
    // Three of eight verdicts called it harmless, whatever words announce it. [D37]
    grade: 'weak',
  };
});

/** Testing fewer branches of a file is part of its next change, not work to plan. */
const BRANCHES_OF_AN_ITEM = 10;
/** The share of branches that tests have to take, by tier. */
const BRANCHES_TARGET = { 1: 0.85, 2: 0.7, 3: 0.6 } as const;

const missedBranches = ofEach('missed-branches', (fact, context) => {
  const [missed, branches] = [numberOf(fact), detailOf(fact, 'branches')];
  const target = BRANCHES_TARGET[context.tierOf(fact.subject)];
  const wanted = Math.ceil(missed - (1 - target) * branches);
  if (branches === 0 || wanted <= 0) return undefined;
  const taken = Math.round(((branches - missed) / branches) * 100);
  const tests = textDetailOf(fact, 'tests') || 'tests';
  return {
    title: `${tests} take ${taken} % of its ${branches} branches (target ${target * 100} %)`,
    remedy: `test ${wanted} more ${wanted === 1 ? 'branch' : 'branches'}`,
    minutes: 4 * wanted,
    interest: context.interestOf([fact.subject], wanted / branches),
    grade: wanted >= BRANCHES_OF_AN_ITEM ? 'strong' : 'weak',
  };
});

const FLAKY_SHARE_MAX = 0.015;
const FLAKY_RUN_MINUTES = 15;

const flakyTests = ofNamed('flaky-test', (fact) => {
  const [flaky, runs] = [numberOf(fact), detailOf(fact, 'runs')];
  if (flaky === 0 || detailOf(fact, 'share_upper') <= FLAKY_SHARE_MAX) return undefined;
  return {
    title: `failed and passed at the same commit ${flaky} times in ${runs} runs: ${fact.symbol}`,
    remedy: 'take out what depends on time, order or chance; until then, do not let it decide a build',
    minutes: 120,
    interest: evenSpread((flaky / Math.max(runs, 1)) * detailOf(fact, 'runs_per_week', 10) * FLAKY_RUN_MINUTES),
  };
});

/** Rules about source code and its tests. */
export const CODE_RULES = {
  ...COMPLEXITY_RULES,
  'duplicate-code': {
    signal: 'duplication',
    about:
      'Fires on two files with the same code in a row: at least 10 lines and 100 tokens, names and numbers included. Imports, types, parameters, signatures without bodies and lines of literals do not count. Takes a change, 10 minutes and half a minute a line and copy. Strong from 14 lines if long, near or changed in both places, and nothing asks for both (D31).',
    find: clones,
  },
  'unused-code': { signal: 'dead-code', about: 'Fires on a file or export that nothing uses. Takes 5 minutes.', find: unusedCode },
  'import-cycle': {
    signal: 'structure',
    about:
      'Fires on files that import each other in a circle; imports of types alone do not count. Takes a change and an hour, or a quarter of one a file. Strong from three to twelve files that need each other at load (D36).',
    find: cycles,
  },
  'layer-break': {
    signal: 'structure',
    about: 'Fires on an import that the layers of debt.json do not allow. Takes a change and 20 minutes.',
    find: layerBreaks,
  },
  'type-hole': {
    signal: 'types',
    about:
      'Fires on a file with three or more values of type any, casts to any, and suppressions without a reason or a code. Takes a change and 2 minutes each. Never strong (D38).',
    find: typeHoles,
  },
  'old-todo': {
    signal: 'todos',
    about: 'Fires on a TODO, FIXME, HACK or XXX comment whose line is older than `todo_days`. Takes a change and half an hour. Weak (D37).',
    find: oldTodos,
  },
  'missed-branches': {
    signal: 'coverage',
    about:
      "Fires on a file whose tests take fewer branches than its tier's target: 85, 70 or 60 %. Takes a change and 4 minutes a branch. Strong from ten branches (D39).",
    find: missedBranches,
  },
  'flaky-test': {
    signal: 'tests',
    about:
      'Fires on a test that failed and passed at one commit, if the upper end of the 95 % Wilson interval of the share of such runs is above 1.5 %. Takes two hours.',
    find: flakyTests,
  },
} as const satisfies Partial<Record<DebtRule, Rule>>;
