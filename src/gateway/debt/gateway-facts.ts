import type { DebtFact } from '../../contract/debt/debt-facts.ts';
import { PLANNING_LIMITS } from '../../contract/planning/planning-limits.ts';
import { CONTRACT_VERSION } from '../../contract/api/version.ts';
import { shortSha256 } from '../../kernel/short-sha256.ts';
import { burnRate } from '../../slo/error-budget.ts';
import type { Indicator } from '../../slo/objective.ts';
import type { ObjectiveView } from '../../slo/slo-register.ts';

/** Two hours more than a day: what is measured hourly and could not be is known for so long. */
const TTL_S = 26 * 3_600;

/** What the gateway measures of its own debt: objectives that burn, indexes whose recall fell. [D95] */
export function gatewayFacts(views: readonly ObjectiveView[], nowS: number): DebtFact[] {
  const seen = views.filter(({ budget }) => budget.attained !== undefined);
  const recalls = seen.filter(({ objective }) => objective.indicator.kind === 'recall');
  const fact = factAt(nowS);
  return [
    fact(
      'census',
      '.',
      'service-levels',
      seen.length,
      'subjects',
      'GET /v1/slos',
      seen.map(({ budget }) => budget),
    ),
    ...seen
      .filter(({ week }) => week.total >= PLANNING_LIMITS.sloEventsMin)
      .map(({ objective, week }) =>
        fact(
          'budget-burn',
          subjectOf(objective.indicator),
          objective.name,
          burnRate(objective, week),
          'ratio',
          `GET /v1/slos/${objective.name}`,
          week,
        ),
      ),
    ...(recalls.length === 0
      ? []
      : [
          fact(
            'census',
            '.',
            'model-quality',
            recalls.length,
            'subjects',
            'GET /v1/slos',
            recalls.map(({ week }) => week),
          ),
        ]),
    ...recalls.flatMap(({ objective, week, budget }) =>
      week.total === 0
        ? []
        : [
            {
              ...fact(
                'canary-recall',
                subjectOf(objective.indicator),
                '',
                week.good / week.total,
                'share',
                `GET /v1/slos/${objective.name}`,
                week,
              ),
              detail: { reference: budget.attained ?? 0 },
            },
          ],
    ),
  ];
}

/** Makes facts of what was read. */
export const factAt =
  (nowS: number) =>
  (kind: DebtFact['kind'], subject: string, symbol: string, value: number, unit: string, file: string, evidence: unknown): DebtFact => ({
    kind,
    subject,
    ...(symbol === '' ? {} : { symbol }),
    value,
    unit,
    evidence: {
      file,
      sha256: shortSha256(JSON.stringify(evidence)),
      tool: 'sluice',
      tool_version: CONTRACT_VERSION,
      git_commit: null,
    },
    collected_at: nowS,
    ttl_s: TTL_S,
  });

function subjectOf(indicator: Indicator): string {
  switch (indicator.kind) {
    case 'availability':
    case 'latency':
      return `${indicator.by}:${indicator.name}`;
    case 'recall':
    case 'freshness':
      return `index:${indicator.index}`;
    case 'queue_wait':
      return `queue:${indicator.queue ?? 'all'}`;
  }
}
