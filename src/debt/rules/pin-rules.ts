import type { DebtFact } from '../../contract/debt/debt-facts.ts';
import type { DebtRule } from '../../contract/debt/debt-items.ts';
import { groupBy } from '../../kernel/grouped.ts';
import { evenSpread } from '../spread.ts';
import type { Hit, Rule, RuleContext } from './rule.ts';
import { detailOf, textDetailOf } from './rule.ts';

const NAMED_MAX = 6;
/** What a version that is held back, or that may be any, takes a week: a build that breaks, a fix that has to be carried over. A choice. */
const MINUTES_PER_WEEK = 0.2;
const OLD_DAYS = 730;
const DAYS_OF_YEAR = 365;
/** So many pins of tools alone: a forgotten manifest, and not a choice for one of them. */
const TOOLS_MIN = 3;

const byManifest = ({ facts }: RuleContext): ReadonlyMap<string, readonly DebtFact[]> =>
  groupBy(facts.of('declared-range'), ({ subject }) => subject);

const isTrue = ({ detail }: DebtFact, name: string): boolean => detail?.[name] === true;
const isRuntime = (fact: DebtFact): boolean => !isTrue(fact, 'for_development');

const named = (facts: readonly DebtFact[], textOf: (fact: DebtFact) => string): string =>
  `${facts.slice(0, NAMED_MAX).map(textOf).join(', ')}${facts.length > NAMED_MAX ? ', ...' : ''}`;

const dependencies = (count: number): string => (count === 1 ? 'a dependency' : `${count} dependencies`);

/** Where nothing says which version is installed. [D125] */
function* unpinned(context: RuleContext): Iterable<Hit> {
  for (const [manifest, facts] of byManifest(context)) {
    const open = facts.filter((fact) => ['any', 'moving'].includes(textDetailOf(fact, 'hold')) && !isTrue(fact, 'is_locked'));
    if (open.length === 0) continue;
    // A Python library leaves versions to its users, and a name alone is how tools are asked for.
    const sure = open.filter((fact) => textDetailOf(fact, 'hold') === 'moving' || textDetailOf(fact, 'package').startsWith('npm:'));
    const isStrong = sure.length > 0;
    const listed = isStrong ? sure : open;
    yield {
      subject: manifest,
      title: `${listed.length} of its ${facts.length} dependencies may have any version, and no lock file says which: ${named(listed, (fact) => `${fact.symbol}${fact.value === '' ? '' : ` ${fact.value}`}`)}`,
      remedy: 'state the versions that are known to work, or commit a lock file',
      minutes: 10 * listed.length,
      interest: evenSpread(MINUTES_PER_WEEK * listed.length),
      grade: isStrong ? 'strong' : 'weak',
      ...(isStrong ? {} : { doubt: 'a Python library leaves versions to those that install it' }),
      evidence: listed,
    };
  }
}

/** What holds a package back: one version, or a bound above that is not only the next major one of npm. */
const isHeld = (fact: DebtFact): boolean => {
  const [hold, range] = [textDetailOf(fact, 'hold'), String(fact.value)];
  return hold === 'exact' || (hold === 'bounded' && !/^\^[1-9]/.test(range));
};

const yearsOf = (fact: DebtFact): number => detailOf(fact, 'age_days') / DAYS_OF_YEAR;

/** Versions that were chosen long ago and hold a package back since. [D126] */
function* stalePins(context: RuleContext): Iterable<Hit> {
  for (const [manifest, facts] of byManifest(context)) {
    const old = facts.filter((fact) => isHeld(fact) && detailOf(fact, 'age_days') >= OLD_DAYS).toSorted((a, b) => yearsOf(b) - yearsOf(a));
    if (old.length === 0) continue;
    const isStrong = old.length >= TOOLS_MIN || old.some((fact) => isRuntime(fact) && textDetailOf(fact, 'hold') === 'exact');
    yield {
      subject: manifest,
      title: `${old.length} of its ${facts.length} dependencies ${old.length === 1 ? 'is' : 'are'} held at what was chosen over two years ago: ${named(old, (fact) => `${fact.symbol} ${fact.value} (${yearsOf(fact).toFixed(1)} years)`)}`,
      remedy: `see what newer versions bring, ${old[0]?.symbol} first, and move the bound or say in a comment why it holds`,
      minutes: 15 * old.length,
      interest: evenSpread(MINUTES_PER_WEEK * old.length),
      grade: isStrong ? 'strong' : 'weak',
      ...(isStrong ? {} : { doubt: `${dependencies(old.length)} may be held on purpose` }),
      evidence: old,
    };
  }
}

/** Rules about the versions that a repository's own manifests ask for. */
export const PIN_RULES = {
  'unpinned-dependency': {
    signal: 'pins',
    about:
      'Fires on a manifest with dependencies that may be any version (`*`, `latest`, a branch, no bound) where the repository has no lock file. Takes 10 minutes each. Strong unless all are of a Python manifest that names them without bounds (D125).',
    find: unpinned,
  },
  'stale-pin': {
    signal: 'pins',
    about:
      'Fires on a manifest with dependencies at one version, or below one, whose line has not changed for two years; a caret of npm above 0 holds nothing back. Takes a quarter of an hour each. Strong from three, or for one that users install (D126).',
    find: stalePins,
  },
} as const satisfies Partial<Record<DebtRule, Rule>>;
