import type { DebtFact } from '../../contract/debt-facts.ts';
import { populationStability } from '../../debt/evidence/population-stability.ts';
import { LIMITS } from '../../contract/limits.ts';
import { CONTRACT_VERSION } from '../../contract/version.ts';
import { shortSha256 } from '../../kernel/short-sha256.ts';
import { burnRate } from '../../slo/error-budget.ts';
import type { Indicator } from '../../slo/objective.ts';
import type { ObjectiveView } from '../../slo/slo-register.ts';

/** Two hours more than a day: what is measured hourly and could not be is known for so long. */
const TTL_S = 26 * 3_600;

/** Fewer inputs than these say nothing of how they are distributed. */
export const INPUTS_MIN = 200;

/** Tokens of the inputs of a model, lately and before. */
export interface ModelInputs {
  readonly model: string;
  readonly before: readonly number[];
  readonly lately: readonly number[];
}

/** What the gateway measures of its own debt: objectives that burn, indexes whose recall fell, models whose inputs are of other lengths. [D95] */
export function gatewayFacts(views: readonly ObjectiveView[], inputs: readonly ModelInputs[], nowS: number): DebtFact[] {
  const seen = views.filter(({ budget }) => budget.attained !== undefined);
  const recalls = seen.filter(({ objective }) => objective.indicator.kind === 'recall');
  const enough = inputs.filter(({ before, lately }) => before.length >= INPUTS_MIN && lately.length >= INPUTS_MIN);
  const fact = factAt(nowS);
  return [
    fact(
      'census',
      '.',
      'service-levels',
      seen.length,
      'subjects',
      '/v1/slos',
      seen.map(({ budget }) => budget),
    ),
    ...seen
      .filter(({ week }) => week.total >= LIMITS.sloEventsMin)
      .map(({ objective, week }) =>
        fact(
          'budget-burn',
          subjectOf(objective.indicator),
          objective.name,
          burnRate(objective, week),
          'ratio',
          `/v1/slos/${objective.name}`,
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
            '/v1/slos',
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
                `/v1/slos/${objective.name}`,
                week,
              ),
              detail: { reference: budget.attained ?? 0 },
            },
          ],
    ),
    ...(enough.length === 0 ? [] : [fact('census', '.', 'model-inputs', enough.length, 'subjects', '/v1/requests', enough)]),
    ...enough.map(({ model, before, lately }) =>
      fact('input-shift', model, 'length', populationStability(lengths(before), lengths(lately)) ?? 0, 'psi', '/v1/requests', [
        before,
        lately,
      ]),
    ),
  ];
}

/** Buckets double, as lengths of texts differ by factors: so many hold all that a request may have. */
const LENGTH_BUCKETS = 24;

function lengths(tokens: readonly number[]): number[] {
  const counts = Array.from({ length: LENGTH_BUCKETS }, () => 0);
  for (const count of tokens) {
    const bucket = Math.min(LENGTH_BUCKETS - 1, Math.floor(Math.log2(1 + count)));
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return counts;
}

/** Makes facts of what an answer of the API says. */
export const factAt =
  (nowS: number) =>
  (kind: DebtFact['kind'], subject: string, symbol: string, value: number, unit: string, file: string, evidence: unknown): DebtFact => ({
    kind,
    subject,
    ...(symbol === '' ? {} : { symbol }),
    value,
    unit,
    evidence: {
      file: `GET ${file}`,
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
