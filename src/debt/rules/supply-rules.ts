import satisfies from 'spdx-satisfies';
import type { DebtRule } from '../../contract/debt/debt-items.ts';
import { evenSpread } from '../spread.ts';
import type { Rule } from './rule.ts';
import { detailOf, numberOf, ofEach, ofNamed, textDetailOf } from './rule.ts';

/** What a week of doing without newer versions takes for each major one: looking around what they do otherwise. A choice. */
const LAG_MINUTES_PER_WEEK = 1;
const DEPRECATED_MINUTES_PER_WEEK = 5;

const behind = ofEach('dependency-lag', (fact) => {
  const [majors, minors, isDeprecated] = [numberOf(fact), detailOf(fact, 'minors'), textDetailOf(fact, 'deprecated') !== ''];
  if (majors === 0 && !isDeprecated) return undefined;
  const installed = textDetailOf(fact, 'installed');
  return {
    title: `${installed} is installed, ${majors} major versions behind ${textDetailOf(fact, 'latest')}${isDeprecated ? ', and deprecated' : ''}`,
    remedy: isDeprecated ? `replace it: ${textDetailOf(fact, 'deprecated')}` : 'go up one major version at a time, by their changelogs',
    minutes: Math.max(30, 60 * majors + Math.min(30, 10 * minors)),
    interest: evenSpread(majors * LAG_MINUTES_PER_WEEK + (isDeprecated ? DEPRECATED_MINUTES_PER_WEEK : 0)),
  };
});

/** Whether an SPDX expression can be met by allowed licences; a text that is no expression cannot. */
function isAllowed(expression: string, allow: readonly string[]): boolean {
  try {
    return satisfies(expression, [...allow]);
  } catch {
    return allow.includes(expression);
  }
}

/** Whether a package is one of the exceptions; `@img/*` are all whose names begin so. */
const isExcepted = (name: string, exceptions: readonly string[]): boolean =>
  exceptions.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one));

const licences = ofEach('licence', (fact, context) => {
  const { allow, except } = context.policy.licences;
  if (allow === undefined) return undefined;
  const licence = String(fact.value);
  const name = fact.subject.replace(/^npm:/, '');
  if (isExcepted(name, Object.keys(except)) || isAllowed(licence, allow)) return undefined;
  return {
    title: licence === '' ? 'states no licence' : `is under ${licence}, which debt.json does not allow`,
    remedy: 'replace the package, or allow it in debt.json with the reason',
    minutes: 120,
    interest: evenSpread(0),
    isBlocking: true,
  };
});

const unusedDependencies = ofEach('unused-dependency', (fact) => ({
  title: `is declared in ${textDetailOf(fact, 'declared_in')} and not imported`,
  remedy: 'remove it from the dependencies',
  minutes: 5,
  interest: evenSpread(LAG_MINUTES_PER_WEEK / 2),
}));

const unusedSettings = ofNamed('unused-setting', (fact) => ({
  title: `no code names the setting ${fact.symbol}`,
  remedy: 'delete the setting, or the code that should have read it is missing',
  minutes: 10,
  interest: evenSpread(0.5),
}));

const staleFlags = ofNamed('flag-age', (fact, context) => {
  if (numberOf(fact) <= context.policy.flag_days) return undefined;
  return {
    title: `the flag ${fact.symbol} has not changed for ${Math.round(numberOf(fact))} days (target ${context.policy.flag_days})`,
    remedy: 'decide: delete the flag and the branch that lost',
    minutes: 30,
    // Both branches have to be kept working.
    interest: evenSpread(3),
  };
});

/** Rules about what a repository is given: packages, settings, flags. */
export const SUPPLY_RULES = {
  'dependency-behind': {
    signal: 'dependencies',
    about:
      'Fires on a package that is a major version behind, or deprecated. Takes an hour a major version, and up to half of one for minor ones.',
    find: behind,
  },
  'licence-not-allowed': {
    signal: 'licences',
    about: 'Fires on a package whose licence cannot be met by those that debt.json allows. It blocks. Takes two hours.',
    find: licences,
  },
  'unused-dependency': {
    signal: 'dead-code',
    about: 'Fires on a package that is declared and not imported. Takes 5 minutes.',
    find: unusedDependencies,
  },
  'unused-setting': {
    signal: 'settings',
    about: 'Fires on a key of a settings file that no code names. Takes 10 minutes.',
    find: unusedSettings,
  },
  'stale-flag': {
    signal: 'flags',
    about: 'Fires on a flag that has not changed for `flag_days`. Takes half an hour.',
    find: staleFlags,
  },
} as const satisfies Partial<Record<DebtRule, Rule>>;
