import type { Principal } from '../../../src/contract/api/principal.ts';
import type { CascadeReply, RouteReply, RouteVersionReply } from '../../../src/contract/routes/routes.ts';
import { explainRoute } from '../../../src/gateway/routes/explain-route.ts';
import { usd } from '../../../src/tenancy/usage/price-book.ts';
import { curveOf } from '../../../src/upstreams/cascade/cascade-counts.ts';
import type { MeasuredCascade, RouteCanary, RouteRecord, RouteVersionRecord } from '../../../src/upstreams/routes/route-record.ts';
import { canaryShare } from '../../../src/upstreams/routes/route-record.ts';
import type { RouteView } from '../../../src/upstreams/routes/route-registry.ts';
import type { MeasuredReuse } from '../../../src/upstreams/reuse/reuse-evidence.ts';
import { NO_CHECKS, reuseEvidenceReply, reuseSubject } from '../../../src/upstreams/reuse/reuse-evidence.ts';
import type { NamedVersion } from '../../../src/upstreams/routes/route-plan.ts';
import type { UpstreamOwner } from '../../../src/upstreams/upstream-record.ts';
import { ownerOf } from '../../../src/upstreams/upstream-record.ts';
import { pageReply, seconds } from './wire.ts';
import type { Handlers } from '../pipeline/serve.ts';

export const routeHandlers = {
  listRoutes: async ({ gateway, principal, query }) => {
    const page = await gateway.routes.list(principal, query.limit, query.after);
    return { ok: true, reply: pageReply(page, routeReply(principal)), used: {} };
  },
  getRoute: async ({ gateway, principal, params }) => {
    const found = await gateway.routes.find(principal, params.route);
    return found.ok ? { ok: true, reply: routeReply(principal)(found.value), used: {} } : found;
  },
  createRoute: async ({ gateway, principal, authority, body, idempotencyKey }) => {
    const made = await gateway.routes.create({ principal, authority }, body, idempotencyKey);
    return made.ok ? { ok: true, reply: versionReply(made.value.route, principal)(made.value.version), used: {} } : made;
  },
  listRouteVersions: async ({ gateway, principal, params, query }) => {
    const found = await gateway.routes.versions(principal, params.route, query.limit, query.after);
    if (!found.ok) return found;
    const measured = await gateway.routes.reuses(principal);
    return { ok: true, reply: pageReply(found.value.page, versionReply(found.value.view.route, principal, measured)), used: {} };
  },
  activateRoute: async ({ gateway, principal, authority, params, body }) => {
    const activated = await gateway.routes.activate({ principal, authority }, params.route, body);
    return activated.ok ? { ok: true, reply: routeReply(principal)(activated.value), used: {} } : activated;
  },
  rollbackRoute: async ({ gateway, principal, authority, params }) => {
    const back = await gateway.routes.rollback({ principal, authority }, params.route);
    return back.ok ? { ok: true, reply: routeReply(principal)(back.value), used: {} } : back;
  },
  deleteRoute: async ({ gateway, principal, authority, params }) => {
    const removed = await gateway.routes.remove({ principal, authority }, params.route);
    return removed.ok ? { ok: true, reply: { name: params.route, object: 'route.deleted', deleted: true }, used: {} } : removed;
  },
  explainRoute: async ({ gateway, principal, params, body }) => {
    const route = await gateway.routes.versionOf(principal, params.route, body.version);
    if (!route.ok) return route;
    const find = await gateway.findTarget(principal);
    return { ok: true, reply: explainRoute(route.value, body, principal, find, gateway.clock.nowMs()), used: {} };
  },
} satisfies Partial<Handlers>;

const routeReply =
  (principal: Principal) =>
  ({ route, events }: RouteView): RouteReply => ({
    object: 'route',
    name: route.name,
    owned_by: principal.kind === 'tenant' ? 'tenant' : 'platform',
    active_version: route.active,
    newest_version: route.versionsMade,
    canary: route.canary === null ? null : canaryReply(route.canary),
    cascades: (route.cascades ?? []).map(cascadeReply),
    events: events.map(({ atMs, actor, action, version, share, comparisons }) => ({
      at: seconds(atMs),
      by: actor,
      action,
      version,
      share,
      comparisons: [...comparisons],
    })),
    created_at: seconds(route.createdAtMs),
  });

const cascadeReply = ({ student, teacher, confidence, counts }: MeasuredCascade): CascadeReply => {
  const { scores, qualities, outcomes } = curveOf(counts);
  return {
    student: [...student],
    teacher: [...teacher],
    confidence,
    requests: counts.requests,
    escalated: counts.escalated,
    capped: counts.capped,
    shadows: { count: counts.shadows, cost_usd: usd(counts.shadowNano) },
    outcomes,
    curve: scores.map((from, at) => ({ confidence: from, quality: qualities[at] ?? 0 })),
  };
};

const canaryReply = (running: RouteCanary): NonNullable<RouteReply['canary']> => ({
  version: running.version,
  share: canaryShare(running),
  requests: { canary: running.canary.requests, stable: running.stable.requests },
  failures: { canary: running.canary.failures, stable: running.stable.failures },
});

/** How a version reuses answers, and what the caller's own calls have measured of that. */
function reuseReply(owner: UpstreamOwner, version: NamedVersion, measured: readonly MeasuredReuse[]): RouteVersionReply['answer_reuse'] {
  const { answer_reuse: policy } = version.rules;
  if (policy === undefined) return null;
  const { key } = reuseSubject(owner, version, policy);
  const counts = measured.find((one) => one.key === key)?.counts ?? NO_CHECKS;
  return { ...policy, ...reuseEvidenceReply(counts, policy.false_hit_max) };
}

const versionReply =
  ({ active }: RouteRecord, principal: Principal, measured: readonly MeasuredReuse[] = []) =>
  ({ route, version, rules, comment, actor, createdAtMs }: RouteVersionRecord): RouteVersionReply => ({
    object: 'route.version',
    route,
    version,
    rules: rules.rules,
    default: rules.default,
    guardrails: rules.guardrails ?? [],
    answer_reuse: reuseReply(ownerOf(principal), { name: route, version, rules }, measured),
    comment,
    created_at: seconds(createdAtMs),
    created_by: actor,
    is_active: version === active,
  });
