import { messageOf } from '../../contract/api/errors.ts';
import type { Principal } from '../../contract/api/principal.ts';
import type { ExplainRouteBody, ExplanationReply } from '../../contract/routes/routes.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { ServingRoute } from '../../upstreams/routes/route-record.ts';
import { evaluateRoute } from '../../upstreams/routes/evaluate-route.ts';
import { factsOfCall } from '../../upstreams/routes/facts-of-call.ts';
import type { Judged } from '../../upstreams/routes/judge-condition.ts';
import type { RequestFacts } from '../../upstreams/routes/request-facts.ts';
import type { FindTarget, RoutedPlan } from '../../upstreams/routes/route-plan.ts';
import { planByRoute } from '../../upstreams/routes/route-plan.ts';
import { armOf } from '../../upstreams/routes/serving-arm.ts';
import type { Plan } from '../../upstreams/target.ts';
import { targetName } from '../../upstreams/target.ts';

/** What a route would do with a request that is not sent. */
export function explainRoute(
  route: ServingRoute,
  body: ExplainRouteBody,
  principal: Principal,
  find: FindTarget,
  nowMs: number,
): ExplanationReply {
  const facts = factsOf(body, principal, nowMs);
  const arm = armOf(route, facts);
  return explanationOf(arm, facts, planByRoute(arm, facts, find));
}

/** The explanation of what was done with a request, or would be. */
export function explanationOf(arm: ReturnType<typeof armOf>, facts: RequestFacts, planned: Outcome<RoutedPlan>): ExplanationReply {
  const { reason, rules, split } = evaluateRoute(arm.name, arm.rules, facts);
  const { plan, leftOut } = planned.ok ? planned.value : { plan: undefined, leftOut: [] };
  return {
    object: 'route.explanation',
    route: arm.name,
    version: arm.version,
    is_canary: arm.isCanary,
    reason,
    rules: rules.map(({ rule, holds, conditions }) => ({ rule, holds, conditions: conditions.map(judgedReply) })),
    split: split ?? null,
    groups: plan === undefined ? [] : groupsOf(plan),
    left_out: [...leftOut],
    guardrails: (arm.rules.guardrails ?? []).map(({ name, kind, on }) => ({ hook: name, kind, on })),
    cascade: null,
    reuse: null,
    refusal: planned.ok ? null : { code: planned.error.code, message: messageOf(planned.error) },
  };
}

const groupsOf = ({ groups }: Plan) =>
  groups.map((group) => group.map((target) => ({ target: targetName(target), weight: target.weight })));

const judgedReply = ({ member, value, holds, of }: Judged): unknown => ({
  member,
  value,
  holds,
  ...(of === undefined ? {} : { of: of.map((branch) => branch.map(judgedReply)) }),
});

function factsOf(body: ExplainRouteBody, principal: Principal, nowMs: number): RequestFacts {
  const { kind, request, headers, request_id: requestId, deadline_ms: deadlineMs, country, continent, colo, budget, breakers, at } = body;
  const ids =
    principal.kind === 'tenant'
      ? { tenantId: principal.tenantId, projectId: principal.projectId, keyId: principal.keyId }
      : { tenantId: '', projectId: '', keyId: '' };
  return factsOfCall(request, {
    ...ids,
    requestId,
    kind,
    headers,
    nowMs: at === undefined ? nowMs : at * 1_000,
    breaker: (target) => breakers[target] ?? 'closed',
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(country === undefined ? {} : { country }),
    ...(continent === undefined ? {} : { continent }),
    ...(colo === undefined ? {} : { colo }),
    ...(budget === undefined ? {} : { budget: { leftShare: budget.left_share, leftNano: budget.left_nano } }),
  });
}
