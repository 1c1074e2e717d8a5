import type { GrowthEnv } from '../../../durable-objects/growth-stubs.ts';
import { indexObjectName, shardName } from '../../../src/ann/index-manifest.ts';
import { replicaName } from '../../../src/ann/replication/shard-member.ts';
import { replicasIn } from '../../../src/ann/routing/replicated-routes.ts';
import type { RouteOutline } from '../../../src/ann/routing/route-outline.ts';
import type { Outcome } from '../../../src/contract/outcome.ts';
import type { IndexId, TenantId } from '../../../src/kernel/ids.ts';
import type { HeatTask, ReplicaStanding } from '../../support/heat-task.ts';

const AT_ONCE = 50;

/** Reads a shard more often than a test can over HTTP, so that it gets replicas, and tells how far they are. */
export default {
  async fetch(request: Request, { INDEX, SHARD, REPLICA }: GrowthEnv): Promise<Response> {
    const { tenant, name, indexId, calls }: HeatTask = await request.json();
    const [tenantId, id] = [tenant as TenantId, indexId as IndexId];
    const routes = (await INDEX.getByName(indexObjectName(tenantId, name)).outline(name, id, 0)) as Outcome<RouteOutline>;
    if (!routes.ok) return Response.json(routes.error, { status: 503 });
    const { version: routeVersion, dimensions, shards } = routes.value;
    const nameOf = (ordinal: number) => shardName({ tenantId, id }, ordinal);
    const target = { kind: 'values', values: new Float32Array(dimensions).fill(1) } as const;
    const include = { values: false, metadata: false, text: false };
    const query = { indexId: id, routeVersion, target, namespace: '', topK: 1, filter: null, excludeIds: [], include };
    const hot = SHARD.getByName(nameOf(shards[0]?.ordinal ?? 0));
    for (let called = 0; called < calls; called += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => hot.query(query, { kind: 'eventual' })));
    }
    const standings = replicasIn(routes.value).map(async ({ shard, replica }): Promise<ReplicaStanding> => {
      const { completeLsn, load } = await REPLICA.getByName(replicaName(nameOf(shard), replica)).state();
      return { shard, completeLsn, sharable: load.sharable };
    });
    return Response.json(await Promise.all(standings));
  },
} satisfies ExportedHandler<GrowthEnv>;
