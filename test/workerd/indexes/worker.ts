export { LocatorObject } from '../../../durable-objects/locator-object.ts';
export { IndexObject } from '../../../durable-objects/index-object.ts';
export { RegistryObject } from '../../../durable-objects/registry-object.ts';
export { ReplicaObject } from '../../../durable-objects/replica-object.ts';
export { ShardObject } from '../../../durable-objects/shard-object.ts';

export default { fetch: () => new Response(null, { status: 404 }) } satisfies ExportedHandler;
