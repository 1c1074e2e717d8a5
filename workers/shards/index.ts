export { ReplicaObject } from '../../durable-objects/replica-object.ts';
export { ShardObject } from '../../durable-objects/shard-object.ts';
export { Aggregator } from './aggregator.ts';

/** Shards are reached by their objects alone. */
export default { fetch: () => new Response(null, { status: 404 }) } satisfies ExportedHandler;
