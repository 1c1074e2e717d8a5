import type { DebtFact, DebtSignal, FactKind } from '../../contract/debt/debt-facts.ts';
import type { DebtFinding, Grade, Spread } from '../../contract/debt/debt-items.ts';
import type { DebtPolicy } from '../../contract/debt/debt-policy.ts';
import type { Components } from '../components.ts';
import type { FactSet } from '../fact.ts';
import { interestOfRepaired, interestOfTouched } from '../price.ts';
import { ASSUMED_MINUTES } from '../evidence/change-time.ts';
import { combined, quantileOf, spreadOf } from '../spread.ts';

/** What a rule found, before it is priced. */
export interface Hit {
  readonly subject: string;
  readonly symbol?: string;
  readonly title: string;
  readonly remedy: string;
  /** What paying it takes by the rule's own estimate. */
  readonly minutes: number;
  readonly interest: Spread;
  readonly risk?: DebtFinding['risk'];
  readonly isBlocking?: boolean;
  /** Without one it breaks the policy, or a target that its rule states: then nothing is left to judge. */
  readonly grade?: Grade | undefined;
  /** What speaks against it: why it is weak. */
  readonly doubt?: string | undefined;
  readonly evidence: readonly DebtFact[];
}

/** A rule: a pure function of facts. */
export interface Rule {
  readonly signal: DebtSignal;
  /** When it fires, and how it estimates. */
  readonly about: string;
  find(context: RuleContext): Iterable<Hit>;
}

type FoundInFact = Omit<Hit, 'subject' | 'symbol' | 'evidence'>;

const byFact =
  (symbolOf: (fact: DebtFact) => Pick<Hit, 'symbol'>) =>
  (kind: FactKind, findIn: (fact: DebtFact, context: RuleContext) => FoundInFact | undefined): Rule['find'] =>
    function* find(context) {
      for (const fact of context.facts.of(kind)) {
        const found = findIn(fact, context);
        if (found !== undefined) yield { subject: fact.subject, ...symbolOf(fact), ...found, evidence: [fact] };
      }
    };

/** Finds what each fact of a kind says by itself of its subject. */
export const ofEach = byFact(() => ({}));

/** The same where a subject has several such facts, told apart by their symbols. */
export const ofNamed = byFact(({ symbol = '' }) => ({ symbol }));

const CHURN_HALF_LIFE_DAYS = 90;
/** A younger history counts as this old: a burst of some days says little of the weeks to come. */
const HISTORY_DAYS_MIN = 28;

/**
 * Changes a week for each unit of churn: one change a week adds up to 90 / (7 ln 2) units over all time, and to the share of that which a
 * younger history can hold.
 */
function weeklyShareOfChurn(historyDays: number): number {
  const share = 1 - 2 ** (-Math.max(HISTORY_DAYS_MIN, historyDays) / CHURN_HALF_LIFE_DAYS);
  return (7 * Math.LN2) / CHURN_HALF_LIFE_DAYS / share;
}

/**
 * Minutes that a change takes. A fact that does not say how many days it was read from is of an earlier version: it has the median time between two
 * commits, which is no price. [D107]
 */
export function changeMinutesOf(facts: FactSet): Spread {
  const [measured] = facts.of('change-time');
  if (measured === undefined || measured.detail?.['days'] === undefined) return ASSUMED_MINUTES;
  const minutes = numberOf(measured);
  return spreadOf(detailOf(measured, 'p10', minutes), minutes, detailOf(measured, 'p90', minutes));
}

/** What rules know besides the facts of their kind. */
export class RuleContext {
  readonly facts: FactSet;
  readonly policy: DebtPolicy;
  readonly components: Components;
  readonly #touches: ReadonlyMap<string, number>;
  /** What a change takes. */
  readonly changeMinutes: Spread;

  constructor(facts: FactSet, policy: DebtPolicy, components: Components) {
    this.facts = facts;
    this.policy = policy;
    this.components = components;
    const census = facts.of('census').find(({ symbol }) => symbol === 'hotspots');
    const weekly = weeklyShareOfChurn(census === undefined ? Infinity : detailOf(census, 'history_days', Infinity));
    this.#touches = new Map(facts.of('code-churn').map((fact) => [fact.subject, numberOf(fact) * weekly]));
    this.changeMinutes = changeMinutesOf(facts);
  }

  /** Changes of a file in a week, lately. */
  touchesPerWeek(file: string): number {
    return this.#touches.get(file) ?? 0;
  }

  /** Minutes a week that a fault in files costs. */
  interestOf(files: Iterable<string>, severity: number): Spread {
    let touches = 0;
    for (const file of files) touches += this.touchesPerWeek(file);
    return this.interestAt(touches, severity);
  }

  /** Minutes a week that a fault costs which is met so often a week, and repaired so often. */
  interestAt(touchesPerWeek: number, severity: number, repairsPerWeek = 0): Spread {
    const touched = interestOfTouched(touchesPerWeek, this.changeMinutes, severity);
    if (repairsPerWeek === 0) return touched;
    return combined(touched, interestOfRepaired(repairsPerWeek, this.changeMinutes, severity), (a, b) => a + b);
  }

  tierOf(subject: string): 1 | 2 | 3 {
    return this.components.tierOf(this.components.of(subject));
  }
}

export const numberOf = ({ value }: Pick<DebtFact, 'value'>): number => (typeof value === 'number' ? value : 0);

/** A number among the details of a fact. */
export const detailOf = ({ detail }: DebtFact, name: string, otherwise = 0): number => {
  const value = detail?.[name];
  return typeof value === 'number' ? value : otherwise;
};

export const textDetailOf = ({ detail }: DebtFact, name: string): string => {
  const value = detail?.[name];
  return value === undefined ? '' : String(value);
};

/** How far a value lies between a target and the 95th percentile of all values: 0 to 1. */
export function severityIn(values: readonly number[], target: number): (value: number) => number {
  const worst = quantileOf(
    [...values].sort((a, b) => a - b),
    0.95,
  );
  return (value) => (value <= target ? 0 : Math.min(1, (value - target) / Math.max(worst - target, 1)));
}

/** What the messages of commits say, of which those within two weeks count once. */
export function repairsSaid(count: number): string {
  if (count === 0) return '';
  return count === 1 ? '; one message says that it fixes something' : `; ${count} messages, two weeks apart, say that they fix something`;
}
