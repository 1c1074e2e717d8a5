import type { DebtFact } from '../../contract/debt-facts.ts';
import type { DebtRule } from '../../contract/debt-items.ts';
import { must } from '../../kernel/assert.ts';
import { groupBy } from '../../kernel/grouped.ts';
import { evenSpread, quantileOf } from '../spread.ts';
import type { Hit, Rule, RuleContext } from './rule.ts';
import { detailOf, numberOf, severityIn, textDetailOf } from './rule.ts';

/** Cognitive complexity that a function may have, as SonarQube has it. */
const COMPLEXITY_TARGET = 15;
/** Outside of hotspots a function is left alone until it is this complex, and one without a change in a year until it is more so. */
const COMPLEXITY_OF_COLD_CODE = 25;
const COMPLEXITY_OF_STILL_CODE = 29;
/** Commits of a year that make a function a part of a hotspot: fewer may be one change and its correction. */
const CHANGES_OF_HOTSPOT_MIN = 3;
const WEEKS_OF_YEAR = 52;
const HOTTEST_SHARE = 0.05;
const HOLES_OF_ONE_FILE = 3;
/** The severity of what annoys at every change of a file, without making it hard to read. */
const SLIGHT = 0.05;

interface HotFile {
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

/** Complex functions by their file. */
function complexFunctions({ facts }: RuleContext): ReadonlyMap<string, readonly DebtFact[]> {
  const complex = facts.of('code-complexity').filter((fact) => fact.symbol !== undefined && numberOf(fact) > COMPLEXITY_TARGET);
  return groupBy(complex, ({ subject }) => subject);
}

const keyOf = ({ subject, symbol = '' }: DebtFact): string => `${subject}\n${symbol}`;

/** By file and function the commits of a year. */
function changesOf({ facts }: RuleContext): (of: DebtFact) => number {
  const counts = new Map(facts.of('function-changes').map((fact) => [keyOf(fact), numberOf(fact)]));
  return (of) => counts.get(keyOf(of)) ?? 0;
}

/** The hottest of all files by churn and complexity that have a function to simplify which changes (D10). */
function hotFiles(context: RuleContext): readonly HotFile[] {
  const complexity = context.facts.of('code-complexity').filter(({ symbol }) => symbol === undefined);
  const churn = context.facts.of('code-churn');
  const [byChurn, byComplexity] = [rankOf(churn), rankOf(complexity)];
  const complex = complexFunctions(context);
  const heats = complexity.map((fact) => Math.sqrt((byChurn.get(fact.subject) ?? 0) * (byComplexity.get(fact.subject) ?? 0)));
  const hottest = quantileOf(
    [...heats].sort((a, b) => a - b),
    1 - HOTTEST_SHARE,
  );
  const changes = changesOf(context);
  const churnOf = new Map(churn.map((fact) => [fact.subject, fact]));
  return complexity.flatMap((fact, i) => {
    const functions = (complex.get(fact.subject) ?? [])
      .filter((one) => changes(one) >= CHANGES_OF_HOTSPOT_MIN)
      .sort((a, b) => numberOf(b) - numberOf(a));
    const changed = churnOf.get(fact.subject);
    const heat = heats[i] ?? 0;
    if (functions.length === 0 || changed === undefined || heat < hottest) return [];
    const excess = functions.reduce((sum, one) => sum + numberOf(one) - COMPLEXITY_TARGET, 0);
    return [{ file: fact.subject, excess, functions, evidence: [fact, changed, ...functions.slice(0, 8)] }];
  });
}

function* hotspots(context: RuleContext): Iterable<Hit> {
  const hot = hotFiles(context);
  const severityOf = severityIn(
    context.facts
      .of('code-complexity')
      .filter(({ symbol }) => symbol !== undefined)
      .map(numberOf),
    COMPLEXITY_TARGET,
  );
  const changes = changesOf(context);
  for (const { file, excess, functions, evidence } of hot) {
    const worst = must(functions[0], 'a hotspot has a function');
    yield {
      subject: file,
      title: `${worst.symbol} has a complexity of ${numberOf(worst)} (target ${COMPLEXITY_TARGET}), and ${changes(worst)} commits of the last year changed it`,
      remedy: `split ${worst.symbol} (line ${detailOf(worst, 'line')}) where its branches part`,
      minutes: 10 + excess,
      interest: context.interestAt(changes(worst) / WEEKS_OF_YEAR, severityOf(numberOf(worst))),
      evidence,
    };
  }
}

function* complexOutsideHotspots(context: RuleContext): Iterable<Hit> {
  const hot = new Set(hotFiles(context).flatMap((one) => one.functions));
  const changes = changesOf(context);
  const functions = [...complexFunctions(context).values()].flat();
  const severityOf = severityIn(functions.map(numberOf), COMPLEXITY_TARGET);
  for (const fact of functions) {
    const most = changes(fact) > 0 ? COMPLEXITY_OF_COLD_CODE : COMPLEXITY_OF_STILL_CODE;
    if (hot.has(fact) || numberOf(fact) <= most) continue;
    yield {
      subject: fact.subject,
      symbol: fact.symbol ?? '',
      title: `${fact.symbol} has a complexity of ${numberOf(fact)} (target ${COMPLEXITY_TARGET})`,
      remedy: `split ${fact.symbol} (line ${detailOf(fact, 'line')}) when it is changed next`,
      minutes: 10 + numberOf(fact) - COMPLEXITY_TARGET,
      interest: context.interestAt(changes(fact) / WEEKS_OF_YEAR, severityOf(numberOf(fact))),
      evidence: [fact],
    };
  }
}

function* clones(context: RuleContext): Iterable<Hit> {
  const facts = context.facts.of('clone');
  const severityOf = severityIn(facts.map(numberOf), 0);
  for (const fact of facts) {
    const [other, lines] = [fact.symbol ?? '', numberOf(fact)];
    const isInOneFile = other === fact.subject;
    yield {
      subject: fact.subject,
      symbol: other,
      title: `${lines} lines of code from line ${detailOf(fact, 'line')} are those ${isInOneFile ? '' : `of ${other} `}from line ${detailOf(fact, 'other_line')}`,
      remedy: isInOneFile ? 'have one function for both' : 'have one of them, which the other imports',
      minutes: 10 + lines / 2,
      interest: context.interestOf(new Set([fact.subject, other]), severityOf(lines) / 4),
      evidence: [fact],
    };
  }
}

function* unusedCode(context: RuleContext): Iterable<Hit> {
  for (const fact of context.facts.of('unused-code')) {
    yield {
      subject: fact.subject,
      symbol: fact.symbol ?? '',
      title: fact.symbol === undefined ? 'nothing imports the file' : `nothing uses ${fact.symbol}`,
      remedy: 'delete it',
      minutes: 5,
      interest: context.interestOf([fact.subject], SLIGHT),
      evidence: [fact],
    };
  }
}

function* cycles(context: RuleContext): Iterable<Hit> {
  for (const fact of context.facts.of('import-cycle')) {
    const [files, through] = [numberOf(fact), textDetailOf(fact, 'through')];
    const listed = through.split(' ').slice(0, 8);
    yield {
      subject: fact.subject,
      title: `${files} files import each other in a circle: ${listed.join(' > ')}${files > listed.length ? ' > ...' : ''}`,
      remedy: 'move what they share to a file of its own, or pass it as an argument',
      minutes: 60,
      interest: context.interestOf(listed, Math.min(1, files / 20)),
      evidence: [fact],
    };
  }
}

function* layerBreaks(context: RuleContext): Iterable<Hit> {
  for (const fact of context.facts.of('layer-break')) {
    yield {
      subject: fact.subject,
      symbol: fact.symbol ?? '',
      title:
        textDetailOf(fact, 'layer') === textDetailOf(fact, 'other')
          ? `imports its sibling ${fact.symbol}`
          : `${textDetailOf(fact, 'layer')} may not import ${fact.symbol} of ${textDetailOf(fact, 'other')}`,
      remedy: 'turn the dependency round: have an interface in the lower layer, or move the code',
      minutes: 20,
      interest: context.interestOf([fact.subject], 0.2),
      evidence: [fact],
    };
  }
}

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

function* oldTodos(context: RuleContext): Iterable<Hit> {
  for (const fact of context.facts.of('todo')) {
    if (numberOf(fact) <= context.policy.todo_days) continue;
    yield {
      subject: fact.subject,
      symbol: fact.symbol ?? '',
      title: `announced ${Math.round(numberOf(fact))} days ago: ${textDetailOf(fact, 'text')}`,
      remedy: `do it, or delete the comment (line ${detailOf(fact, 'line')})`,
      minutes: 30,
      interest: context.interestOf([fact.subject], SLIGHT),
      evidence: [fact],
    };
  }
}

/** The share of branches that tests have to take, by tier. */
const BRANCHES_TARGET = { 1: 0.85, 2: 0.7, 3: 0.6 } as const;

function* missedBranches(context: RuleContext): Iterable<Hit> {
  for (const fact of context.facts.of('missed-branches')) {
    const [missed, branches] = [numberOf(fact), detailOf(fact, 'branches')];
    const target = BRANCHES_TARGET[context.tierOf(fact.subject)];
    const wanted = Math.ceil(missed - (1 - target) * branches);
    if (branches === 0 || wanted <= 0) continue;
    const taken = Math.round(((branches - missed) / branches) * 100);
    yield {
      subject: fact.subject,
      title: `tests take ${taken} % of its ${branches} branches (target ${target * 100} %)`,
      remedy: `test ${wanted} more branches`,
      minutes: 4 * wanted,
      interest: context.interestOf([fact.subject], wanted / branches),
      evidence: [fact],
    };
  }
}

const FLAKY_SHARE_MAX = 0.015;
const FLAKY_RUN_MINUTES = 15;

function* flakyTests(context: RuleContext): Iterable<Hit> {
  for (const fact of context.facts.of('flaky-test')) {
    const [flaky, runs] = [numberOf(fact), detailOf(fact, 'runs')];
    if (flaky === 0 || detailOf(fact, 'share_upper') <= FLAKY_SHARE_MAX) continue;
    yield {
      subject: fact.subject,
      symbol: fact.symbol ?? '',
      title: `failed and passed at the same commit ${flaky} times in ${runs} runs: ${fact.symbol}`,
      remedy: 'take out what depends on time, order or chance; until then, do not let it decide a build',
      minutes: 120,
      interest: evenSpread((flaky / Math.max(runs, 1)) * detailOf(fact, 'runs_per_week', 10) * FLAKY_RUN_MINUTES),
      evidence: [fact],
    };
  }
}

/** Rules about source code and its tests. */
export const CODE_RULES = {
  hotspot: {
    signal: 'hotspots',
    about:
      'Fires on the hottest 5 % of files that have a function of cognitive complexity above 15 which at least 3 commits of the last year changed. Heat is the root of rank by churn x rank by complexity; churn halves every 90 days. Takes 10 minutes and one for each point above 15.',
    find: hotspots,
  },
  'complex-function': {
    signal: 'hotspots',
    about:
      'Fires on a function outside of hotspots of cognitive complexity above 25, or from 30 if no commit of the last year changed it. Takes 10 minutes and one for each point above 15.',
    find: complexOutsideHotspots,
  },
  'duplicate-code': {
    signal: 'duplication',
    about:
      'Fires on two files with the same code in a row: at least 10 lines and 100 tokens, names and numbers included. Imports, parameters, type variables and signatures without bodies do not count. Takes 10 minutes and half a minute a line.',
    find: clones,
  },
  'unused-code': { signal: 'dead-code', about: 'Fires on a file or export that nothing uses. Takes 5 minutes.', find: unusedCode },
  'import-cycle': {
    signal: 'structure',
    about: 'Fires on files that import each other in a circle; imports of types alone do not count. Takes an hour.',
    find: cycles,
  },
  'layer-break': {
    signal: 'structure',
    about: 'Fires on an import that the layers of debt.json do not allow. Takes 20 minutes.',
    find: layerBreaks,
  },
  'type-hole': {
    signal: 'types',
    about:
      'Fires on a file with three or more values of type any, casts to any, and suppressions without a reason or a code. Takes 2 minutes each.',
    find: typeHoles,
  },
  'old-todo': {
    signal: 'todos',
    about: 'Fires on a TODO, FIXME, HACK or XXX comment whose line is older than `todo_days`. Takes half an hour.',
    find: oldTodos,
  },
  'missed-branches': {
    signal: 'coverage',
    about: "Fires on a file whose tests take fewer branches than its tier's target: 85, 70 or 60 %. Takes 4 minutes a branch.",
    find: missedBranches,
  },
  'flaky-test': {
    signal: 'tests',
    about:
      'Fires on a test that failed and passed at one commit, if the upper end of the 95 % Wilson interval of the share of such runs is above 1.5 %. Takes two hours.',
    find: flakyTests,
  },
} as const satisfies Partial<Record<DebtRule, Rule>>;
