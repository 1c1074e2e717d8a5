import type { CostReportReply } from '../../../../src/contract/planning/cost.ts';
import { COST_EVIDENCE } from '../../../../src/gateway/planning/cost-evidence.ts';
import type { CostReport } from '../../../../src/gateway/planning/cost-report.ts';
import { EVIDENCE_MIN } from '../../../../src/gateway/planning/cost-report.ts';
import { usd } from '../../../../src/tenancy/usage/price-book.ts';
import { reuseEvidenceReply } from '../../../../src/upstreams/reuse/reuse-evidence.ts';
import { seconds } from '../wire.ts';
import type { Handlers } from '../../pipeline/serve.ts';

export const costHandlers = {
  getCostReport: async ({ gateway, principal, query: { month } }) => {
    const report = await gateway.costs.read(principal, month);
    if (!report.ok) return report;
    const { startMs } = report.value;
    return { ok: true, reply: costReply(report.value, new Date(startMs).toISOString().slice(0, 7)), used: {} };
  },
} satisfies Partial<Handlers>;

const COMPARED_WITH: Readonly<Record<CostReport['savings'][number]['name'], string>> = {
  answer_cache: 'what the same answers were charged when an upstream gave them',
  answer_reuse: 'what the same answers were charged when an upstream gave them, less what finding and judging them has cost',
  routes: 'the same tokens at the dearest target of each call’s plan',
  prompt_cache: 'the same tokens, none of them cached by the upstream',
  embedding_cache: 'the same tokens, embedded again',
  query_cache: 'the same queries, searched again',
};

const HOW: Readonly<Record<CostReport['next'][number]['name'], string>> = {
  answer_cache: 'send x-sluice-cache-ttl-ms with calls whose answer may be given again',
  routes: 'name a route instead of a model, with a cheaper target first: /v1/routes, tried out by its explain and by a canary',
};

const costReply = (report: CostReport, month: string): CostReportReply => ({
  object: 'cost.report',
  month,
  from: seconds(report.fromMs),
  to: seconds(report.toMs),
  is_logged: report.isLogged,
  spent_usd: usd(report.costNano + report.unanswered.nano + report.shadows.nano),
  upstreams: { requests: report.requests, cost_usd: usd(report.costNano) },
  unanswered: { requests: report.unanswered.requests, cost_usd: usd(report.unanswered.nano) },
  shadows: { requests: report.shadows.requests, cost_usd: usd(report.shadows.nano) },
  targets: report.targets.map((line) => ({
    target: line.group === '' ? null : line.group,
    requests: line.requests,
    input_tokens: line.inputTokens,
    cached_tokens: line.cachedTokens,
    output_tokens: line.outputTokens,
    cost_usd: usd(line.costNano),
    beside: { requests: line.besides, cost_usd: usd(line.besidesNano) },
    shadows: { requests: line.shadows, cost_usd: usd(line.shadowNano) },
  })),
  savings: report.savings.map(({ name, quantity, unit, nano }) => ({
    name,
    quantity,
    unit,
    saved_usd: usd(nano),
    compared_with: COMPARED_WITH[name],
  })),
  reuse: report.reuses.map(({ route, kind, counts, falseHitMax, reused, nano }) => ({
    route,
    kind,
    ...reuseEvidenceReply(counts, falseHitMax),
    false_hit_max: falseHitMax,
    reused,
    saved_usd: usd(nano),
  })),
  saved_usd: usd(report.savings.reduce((sum, { nano }) => sum + nano, 0)),
  next: report.next.map(({ name, appliesToNano, savesNano, evidence }) => ({
    name,
    applies_to_usd: usd(appliesToNano),
    saves_usd: savesNano === undefined ? null : { low: usd(savesNano.low), high: usd(savesNano.high) },
    basis:
      savesNano === undefined
        ? `not known: ${evidence} calls did so, and fewer than ${EVIDENCE_MIN} say nothing of others`
        : `as far as the other calls are like the ${evidence} that did so`,
    how: HOW[name],
  })),
  ...COST_EVIDENCE,
});
