import type { UpstreamHealthReply } from '../../../../src/contract/upstreams/upstreams.ts';
import type { TargetHealth } from '../../../../src/upstreams/serving/target-state.ts';
import type { Replica, TargetModel } from '../../../../src/upstreams/target.ts';
import type { UpstreamOwner, UpstreamRecord } from '../../../../src/upstreams/upstream-record.ts';
import { upstreamIdOf } from '../../../../src/upstreams/upstream-record.ts';
import { seconds } from '../wire.ts';

/**
 * [U10] The health of each model of an upstream, at each of its replicas if it has such; of one that this isolate has not called, that nothing is known
 * against it.
 */
export function upstreamHealth(
  owner: UpstreamOwner,
  upstream: Pick<UpstreamRecord, 'name' | 'models'>,
  health: readonly TargetHealth[],
  replicas: readonly Replica[] | undefined,
): UpstreamHealthReply {
  const { name, models } = upstream;
  const id = upstreamIdOf(owner, upstream);
  const own = health.filter(({ upstreamId }) => upstreamId === id);
  const addresses = replicas?.map(({ url }) => url) ?? [undefined];
  return {
    object: 'upstream.health',
    name,
    models: models.flatMap((model) => {
      const known = own.filter((target) => target.model === model.name);
      return addresses.map((address) =>
        rowOf(
          model,
          address,
          known.find(({ replicaUrl }) => replicaUrl === address),
        ),
      );
    }),
  };
}

/** Nothing is known against a model that was not called. */
const UNCALLED = { breaker: 'closed', outstandingCalls: 0, outstandingTokens: 0, attempts: {} } as const;

function rowOf({ name }: TargetModel, address: string | undefined, known: TargetHealth | undefined): UpstreamHealthReply['models'][number] {
  const { breaker, outstandingCalls, outstandingTokens, attempts } = known ?? UNCALLED;
  const pausedUntilMs = known?.pausedUntilMs ?? null;
  return {
    name,
    address: address ?? null,
    breaker,
    failure_share: known?.failureShare ?? null,
    paused_until: pausedUntilMs === null ? null : seconds(pausedUntilMs),
    outstanding_calls: outstandingCalls,
    outstanding_tokens: outstandingTokens,
    first_token_p95_ms: known?.firstTokenP95Ms ?? null,
    attempts,
  };
}
