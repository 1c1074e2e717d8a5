import type { DebtSignal } from '../../contract/debt/debt-facts.ts';
import { DEBT_SIGNALS } from '../../contract/debt/debt-facts.ts';
import type { DebtFinding, DebtRule, Rating, Spread } from '../../contract/debt/debt-items.ts';
import type { DebtPolicy } from '../../contract/debt/debt-policy.ts';
import { groupBy } from '../../kernel/grouped.ts';
import { Components, REPOSITORY } from '../components.ts';
import { confidenceOf, doubtOfRule } from './confidence.ts';
import type { FactSet } from '../fact.ts';
import { itemIdOf } from '../item.ts';
import { multiplierOf, priorityOf } from '../price.ts';
import { assessedRatio, ratingOf, rewriteMinutes } from './rating.ts';
import type { Hit, Rule } from './rule.ts';
import { numberOf, RuleContext } from './rule.ts';
import { CODE_RULES } from './code-rules.ts';
import { HISTORY_RULES } from './history-rules.ts';
import { MODEL_RULES } from './model-rules.ts';
import { OPERATION_RULES } from './operation-rules.ts';
import { PIN_RULES } from './pin-rules.ts';
import { SUPPLY_RULES } from './supply-rules.ts';
import { combined, evenSpread, productOf } from '../spread.ts';

/** Every rule but that of gaps, which is about signals and not about facts. */
export const RULES = {
  ...CODE_RULES,
  ...HISTORY_RULES,
  ...SUPPLY_RULES,
  ...PIN_RULES,
  ...MODEL_RULES,
  ...OPERATION_RULES,
} as const satisfies Record<Exclude<DebtRule, 'measurement-gap'>, Rule>;

/** Signals with rules that block: not knowing them blocks, too (D11). */
const BLOCKING_SIGNALS: ReadonlySet<DebtSignal> = new Set(['licences', 'embedding-contracts', 'ownership']);
const EVIDENCE_MAX_COUNT = 64;
/** Signals whose items are each paid by a change of the code: a rule estimates what it has beyond any other change. [D107] */
const PAID_BY_A_CHANGE: ReadonlySet<DebtSignal> = new Set([
  'hotspots',
  'coupling',
  'duplication',
  'structure',
  'types',
  'todos',
  'coverage',
]);

/** What a component, or all of them, is found to be. */
export interface ComponentScore {
  readonly name: string;
  readonly tier: 1 | 2 | 3;
  readonly owner: string | null;
  readonly lines: number;
  readonly items: number;
  readonly principal: Spread;
  readonly interest: Spread;
  /** Principal over what writing it anew takes. */
  readonly ratio: number;
  /** The ratio it is rated by: each signal bounded, and unknown ones counted. */
  readonly assessedRatio: number;
  readonly rating: Rating;
}

export interface Assessment {
  /** The most urgent first. */
  readonly findings: readonly DebtFinding[];
  /** What has less confidence than the policy asks for: it is rated, planned and registered nowhere. [D33] */
  readonly candidates: readonly DebtFinding[];
  readonly components: readonly ComponentScore[];
  readonly total: ComponentScore;
  /** Of every signal that is known or should be. */
  readonly signals: readonly { readonly signal: DebtSignal; readonly isKnown: boolean }[];
}

/** What a register shows of an assessment whose findings it has as items. */
export type AssessedDebt = Omit<Assessment, 'findings' | 'candidates'>;

/** What facts say about a repository or deployment; `ratios`: of each rule, `actual / estimate` of its closed items. */
export function assess(facts: FactSet, policy: DebtPolicy, ratios: ReadonlyMap<DebtRule, readonly number[]> = new Map()): Assessment {
  const components = new Components(policy);
  const context = new RuleContext(facts, policy, components);
  const owners = new Map(facts.of('owner').map((fact) => [fact.subject, String(fact.value).split(' ')[0] || null]));
  const price = pricing(context, owners, ratios, policy.confidence_min);
  const relevant = DEBT_SIGNALS.filter((signal) => policy.expects.includes(signal) || facts.wasEverKnown(signal));
  const all = [
    ...Object.entries(RULES).flatMap(([rule, { signal, find }]) =>
      Array.from(find(context), (hit) => price(rule as DebtRule, signal, hit)),
    ),
    ...relevant.filter((signal) => !facts.isKnownAnywhere(signal)).map((signal) => price('measurement-gap', signal, gapOf(signal))),
  ].sort(byUrgency);
  const isSure = ({ confidence }: DebtFinding): boolean => confidence >= policy.confidence_min;
  const findings = all.filter(isSure);
  const lines = linesOf(facts, components);
  const scoreOf = scoring(facts, relevant);
  const names = new Set([...lines.keys(), ...policy.components.map(({ name }) => name), ...findings.map(({ component }) => component)]);
  const found = groupBy(findings, ({ component }) => component);
  return {
    findings,
    candidates: all.filter((one) => !isSure(one)),
    components: [...names].sort().map((name) => ({
      name,
      tier: components.tierOf(name),
      owner: owners.get(name) ?? null,
      ...scoreOf(name, found.get(name) ?? [], lines.get(name) ?? 0),
    })),
    total: {
      name: REPOSITORY,
      tier: 1,
      owner: null,
      ...scoreOf(
        undefined,
        findings,
        [...lines.values()].reduce((sum, one) => sum + one, 0),
      ),
    },
    signals: relevant.map((signal) => ({ signal, isKnown: facts.isKnownAnywhere(signal) })),
  };
}

const classOf = ({ is_blocking, priority }: DebtFinding): number => (is_blocking ? 0 : priority.p50 >= 0 ? 1 : 2);

/**
 * What blocks first, then what pays off within a quarter by priority, then the rest by what it costs a week: there the ratio of interest to
 * principal would bring up what is trivial.
 */
function byUrgency(a: DebtFinding, b: DebtFinding): number {
  const valueOf = (one: DebtFinding): number => (classOf(one) === 2 ? one.interest_minutes_per_week.p50 : one.priority.p50);
  return classOf(a) - classOf(b) || valueOf(b) - valueOf(a) || (a.id < b.id ? -1 : 1);
}

const gapOf = (signal: DebtSignal): Hit => ({
  subject: REPOSITORY,
  symbol: signal,
  title: `${signal} should be measured, and is not known`,
  remedy: `run \`sluice debt collect\`; where ${signal} has a file as its input, write that and name it in \`inputs\` of debt.json first (docs/debt.md)`,
  minutes: 30,
  interest: evenSpread(10),
  isBlocking: BLOCKING_SIGNALS.has(signal),
  evidence: [],
});

function pricing(
  { components, changeMinutes }: RuleContext,
  owners: ReadonlyMap<string, string | null>,
  ratios: ReadonlyMap<DebtRule, readonly number[]>,
  confidenceMin: number,
): (rule: DebtRule, signal: DebtSignal, hit: Hit) => DebtFinding {
  return (rule, signal, { subject, symbol = '', title, remedy, minutes, interest, isBlocking = false, risk, grade, doubt, evidence }) => {
    const change = PAID_BY_A_CHANGE.has(signal) && rule !== 'measurement-gap' ? changeMinutes : evenSpread(0);
    const principal = productOf(combined(evenSpread(minutes), change, add), multiplierOf(ratios.get(rule) ?? []));
    const component = components.of(subject);
    const weight = isBlocking ? 3 : (risk ?? 1);
    const confidence = grade === undefined ? 1 : confidenceOf(rule, grade);
    const isDoubted = grade !== undefined && (grade === 'weak' || confidence < confidenceMin);
    return {
      id: itemIdOf(rule, subject, symbol),
      rule,
      signal,
      subject,
      symbol,
      component,
      owner: owners.get(component) ?? null,
      title,
      remedy,
      risk: weight,
      confidence,
      ...(isDoubted ? { doubt: (grade === 'weak' ? doubt : undefined) ?? doubtOfRule(rule, grade) } : {}),
      is_blocking: isBlocking,
      principal_minutes: principal,
      interest_minutes_per_week: interest,
      priority: priorityOf(weight, principal, interest),
      evidence: evidence.slice(0, EVIDENCE_MAX_COUNT),
    };
  };
}

function linesOf(facts: FactSet, components: Components): ReadonlyMap<string, number> {
  const lines = new Map<string, number>();
  for (const fact of facts.of('code-lines')) {
    const name = components.of(fact.subject);
    lines.set(name, (lines.get(name) ?? 0) + numberOf(fact));
  }
  return lines;
}

const add = (a: number, b: number): number => a + b;

/** Scores a component by its findings, or everything where it is undefined. */
function scoring(facts: FactSet, relevant: readonly DebtSignal[]) {
  return (component: string | undefined, findings: readonly DebtFinding[], lines: number) => {
    let [principal, interest] = [evenSpread(0), evenSpread(0)];
    const bySignal = new Map<DebtSignal, number>();
    for (const { rule, signal, principal_minutes, interest_minutes_per_week } of findings) {
      principal = combined(principal, principal_minutes, add);
      interest = combined(interest, interest_minutes_per_week, add);
      if (rule !== 'measurement-gap') bySignal.set(signal, (bySignal.get(signal) ?? 0) + principal_minutes.p50);
    }
    const isKnown = (signal: DebtSignal): boolean =>
      component === undefined ? facts.isKnownAnywhere(signal) : facts.isKnown(signal, component);
    const assessed = assessedRatio(
      relevant.map((signal) => (isKnown(signal) ? (bySignal.get(signal) ?? 0) : undefined)),
      lines,
    );
    return {
      lines,
      items: findings.length,
      principal,
      interest,
      ratio: principal.p50 / rewriteMinutes(lines),
      assessedRatio: assessed,
      rating: ratingOf(assessed),
    };
  };
}
