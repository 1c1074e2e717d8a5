import type { DebtRule } from '../../contract/debt/debt-items.ts';
import { REPOSITORY } from '../components.ts';
import { evenSpread } from '../spread.ts';
import type { Rule } from './rule.ts';
import { detailOf, numberOf, ofEach, ofNamed, textDetailOf } from './rule.ts';

/** What a week without an owner takes: finding out who decides. By tier. */
const UNOWNED_MINUTES_PER_WEEK = { 1: 30, 2: 15, 3: 5 } as const;

const unowned = ofEach('owner', (fact, context) => {
  if (fact.value !== '') return undefined;
  const tier = context.components.tierOf(fact.subject);
  return {
    title: `no team owns it (tier ${tier})`,
    remedy: 'name its owner in CODEOWNERS, or in debt.json if it is not in files',
    minutes: 30,
    interest: evenSpread(UNOWNED_MINUTES_PER_WEEK[tier]),
    isBlocking: tier === 1,
    // A CODEOWNERS without a line for all files may be meant so: that each part needs an owner is said by declaring it. [D20]
    grade: context.components.isDeclared(fact.subject) ? undefined : 'weak',
  };
});

const OWNER_DAYS_MAX = 180;

const idleOwners = ofEach('owner-idle', (fact, context) => {
  if (numberOf(fact) <= OWNER_DAYS_MAX) return undefined;
  return {
    title: `its owners have not changed it for ${Math.round(numberOf(fact))} days, while others have`,
    remedy: 'have those own it that change it, or show it to its owners',
    minutes: 60,
    interest: evenSpread(UNOWNED_MINUTES_PER_WEEK[context.components.tierOf(fact.subject)] / 2),
  };
});

const AUTHOR_SHARE_MAX = 0.8;

const singleAuthors = ofEach('author-share', (fact, context) => {
  // Files at the root have nothing in common that an author could know alone.
  if (fact.subject === REPOSITORY || numberOf(fact) <= AUTHOR_SHARE_MAX || detailOf(fact, 'authors_of_repository') < 2) return undefined;
  return {
    title: `one author wrote ${Math.round(numberOf(fact) * 100)} % of its changed lines (at most ${AUTHOR_SHARE_MAX * 100} %)`,
    remedy: 'have a second person review and make the next changes',
    minutes: 120,
    interest: evenSpread(UNOWNED_MINUTES_PER_WEEK[context.components.tierOf(fact.subject)] / 5),
    // That a folder has to have several authors is said only where the policy calls it a component.
    grade: context.components.isDeclared(fact.subject) ? undefined : 'weak',
  };
});

const burntBudgets = ofNamed('budget-burn', (fact, context) => {
  const burn = numberOf(fact);
  if (burn <= 1) return undefined;
  return {
    title: `has had ${burn.toFixed(1)} times the bad events that its objective allows${fact.symbol === undefined ? '' : ` (${fact.symbol})`}`,
    remedy: 'find the largest cause in the log of bad requests; until it is fixed, release nothing else',
    minutes: 240,
    interest: evenSpread(Math.min(1, burn / 10) * context.policy.capacity_minutes_per_week * 0.5),
    risk: 2,
  };
});

const incidents = ofNamed('incident', (fact) => {
  if (textDetailOf(fact, 'fixed') === 'true') return undefined;
  return {
    title: `the cause of an incident is not fixed: ${textDetailOf(fact, 'text') || fact.symbol}`,
    remedy: 'fix the cause, and test that it cannot come back',
    minutes: 240,
    // It comes back once a quarter: a choice.
    interest: evenSpread(numberOf(fact) / 13),
    risk: 2,
  };
});

const POOL_IDLE_MAX = 0.5;

const idlePools = ofEach('pool-idle', (fact) => {
  if (numberOf(fact) <= POOL_IDLE_MAX) return undefined;
  return {
    title: `ran nothing for ${Math.round(numberOf(fact) * 100)} % of the time that is paid for (at most ${POOL_IDLE_MAX * 100} %)`,
    remedy: 'have fewer nodes at least, or let queues of others borrow from it',
    minutes: 60,
    interest: evenSpread(30 * numberOf(fact)),
  };
});

/** Rules about owners and about what runs. */
export const OPERATION_RULES = {
  'no-owner': {
    signal: 'ownership',
    about:
      'Fires on a component that no line of CODEOWNERS and no owner in debt.json covers, if it is declared or others have owners. It blocks if its tier is 1. Takes half an hour.',
    find: unowned,
  },
  'idle-owner': {
    signal: 'ownership',
    about: 'Fires on a component that others changed and its owners did not, for 180 days. Takes an hour.',
    find: idleOwners,
  },
  'single-author': {
    signal: 'ownership',
    about: 'Fires on a component, in a repository of several authors, of whose changed lines one wrote more than 80 %. Takes two hours.',
    find: singleAuthors,
  },
  'budget-burn': {
    signal: 'service-levels',
    about: 'Fires on a component with more bad events than its objective allows. Takes four hours.',
    find: burntBudgets,
  },
  incident: {
    signal: 'service-levels',
    about: 'Fires on an incident whose cause is not fixed. Takes four hours.',
    find: incidents,
  },
  'idle-pool': {
    signal: 'pools',
    about: 'Fires on a pool that runs nothing in more than half of its paid time. Takes an hour.',
    find: idlePools,
  },
} as const satisfies Partial<Record<DebtRule, Rule>>;
