import type { ReshardingEnv } from '../../../durable-objects/resharding-stubs.ts';
import { indexObjectName, shardName, replicaName } from '../../../src/index/index-manifest.ts';
import { replicasIn } from '../../../src/index/routing/replicated-routes.ts';
import type { IndexId, TenantId } from '../../../src/kernel/ids.ts';
import type { ReplicaStanding, WatchedIndex } from '../../support/deployment/replica-standing.ts';

/** Has the first shard of an index watched, as if it had reported that it is busy; returns the state of the index's replicas. */
export default {
  async fetch(request: Request, { INDEX, REPLICA }: ReshardingEnv): Promise<Response> {
    const { tenant, name, indexId }: WatchedIndex = await request.json();
    const [tenantId, id] = [tenant as TenantId, indexId as IndexId];
    const index = INDEX.getByName(indexObjectName(tenantId, name));
    const routes = await index.routingSummary(name, id, 0);
    if (!routes.ok) return Response.json(routes.error, { status: 503 });
    await index.watch(id, routes.value.shards[0]?.ordinal ?? 0);
    const standings = replicasIn(routes.value).map(async ({ shard, replica }): Promise<ReplicaStanding> => {
      const { completeLsn, load } = await REPLICA.getByName(replicaName(shardName({ tenantId, id }, shard), replica)).state();
      return { shard, completeLsn, sharable: load.sharable };
    });
    return Response.json(await Promise.all(standings));
  },
} satisfies ExportedHandler<ReshardingEnv>;
