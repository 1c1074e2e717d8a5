import type { UpstreamHealthReply } from '../../src/contract/upstreams.ts';
import type { TargetHealth } from '../../src/upstreams/serving/target-state.ts';
import type { UpstreamOwner, UpstreamRecord } from '../../src/upstreams/upstream-record.ts';
import { seconds } from '../gateway/routes/wire.ts';

/** [U10] The health of each model of an upstream; of one that this isolate has not called, that nothing is known against it. */
export function upstreamHealth(
  owner: UpstreamOwner,
  { name, models }: Pick<UpstreamRecord, 'name' | 'models'>,
  health: readonly TargetHealth[],
): UpstreamHealthReply {
  const own = new Map(health.filter(({ upstreamId }) => upstreamId === `${owner}/${name}`).map((target) => [target.model, target]));
  return {
    object: 'upstream.health',
    name,
    models: models.map((model) => {
      const known = own.get(model.name);
      return {
        name: model.name,
        breaker: known?.breaker ?? 'closed',
        failure_share: known?.failureShare ?? null,
        paused_until: known === undefined || known.pausedUntilMs === null ? null : seconds(known.pausedUntilMs),
        outstanding_calls: known?.outstandingCalls ?? 0,
        outstanding_tokens: known?.outstandingTokens ?? 0,
        first_token_p95_ms: known?.firstTokenP95Ms ?? null,
        attempts: known?.attempts ?? {},
      };
    }),
  };
}
