import type { DebtFact } from '../../contract/debt/debt-facts.ts';
import type { DebtItem } from '../../contract/debt/debt-items.ts';
import type { DebtPolicy } from '../../contract/debt/debt-policy.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import { Components } from '../components.ts';
import { FactSet } from '../fact.ts';
import { openItems } from '../item.ts';
import { historyOf } from '../teams/history-facts.ts';
import type { OnboardingPath } from '../teams/onboarding.ts';
import { onboardingPath } from '../teams/onboarding.ts';
import type { TeamReport } from '../teams/team-report.ts';
import { teamReport } from '../teams/team-report.ts';

/** Where a call names its repository: refusals name the same. */
export type RepositoryField = 'repository' | 'debt_repository';

interface RegisteredWork {
  readonly facts: readonly DebtFact[];
  readonly items: readonly DebtItem[];
  readonly policy: DebtPolicy;
  readonly nowS: number;
}

/** What is known of those who work on a repository, from what its CI uploaded. Refuses with `state_conflict` where that says nothing. [D78] */
export function teamsOfRegister({ facts, items, policy, nowS }: RegisteredWork, field: RepositoryField): Outcome<TeamReport> {
  const known = new FactSet(facts, nowS);
  const history = historyOf(known);
  if (history === undefined) return refuse('state_conflict', UNKNOWN, field);
  return ok(teamReport({ facts: known, policy, history, items: items.filter(({ state }) => state === 'open' || state === 'accepted') }));
}

/** Where to begin with a component. Refuses with `record_not_found` one that nothing is known of. [D77] */
export function onboardingOfRegister(work: RegisteredWork, component: string): Outcome<OnboardingPath> {
  const report = teamsOfRegister(work, 'debt_repository');
  if (!report.ok) return report;
  const owned = report.value.ownership.find((one) => one.component === component);
  if (owned === undefined) {
    const names = report.value.ownership.map((one) => one.component).slice(0, NAMED_MAX_COUNT);
    return refuse('record_not_found', `there is no component ${component}; there are ${names.join(', ')}`, 'component');
  }
  const facts = new FactSet(work.facts, work.nowS);
  return ok(onboardingPath({ owned, facts, components: new Components(work.policy), items: openItems(work.items) }));
}

/** As many as a message can show. */
const NAMED_MAX_COUNT = 20;

const UNKNOWN = 'nothing is known of who works on the repository: upload what `sluice debt collect` measures, with authors, again';
