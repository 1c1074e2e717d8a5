export { BillingObject } from '../../durable-objects/billing-object.ts';
export { DirectoryObject } from '../../durable-objects/directory-object.ts';
export { EmbeddingCacheObject } from '../../durable-objects/embedding-cache-object.ts';
export { IndexObject } from '../../durable-objects/index-object.ts';
export { JobLogObject } from '../../durable-objects/job-log-object.ts';
export { LocatorObject } from '../../durable-objects/locator-object.ts';
export { ModelRegistryObject } from '../../durable-objects/model-registry-object.ts';
export { DebtRegisterObject } from './debt-register-object.ts';
export { OrganisationObject } from '../../durable-objects/organisation-object.ts';
export { PlanningObject } from './planning-object.ts';
export { PoolObject } from '../../durable-objects/pool-object.ts';
export { PromptObject } from '../../durable-objects/prompt-object.ts';
export { PurgeLogObject } from '../../durable-objects/purge-log-object.ts';
export { QuotaObject } from '../../durable-objects/quota-object.ts';
export { RegistryObject } from '../../durable-objects/registry-object.ts';
export { RequestLogObject } from '../../durable-objects/request-log-object.ts';
export { RouteObject } from '../../durable-objects/route-object.ts';
export { SchedulerObject } from '../../durable-objects/scheduler-object.ts';
export { StoredAnswerObject } from '../../durable-objects/stored-answer-object.ts';
export { UpstreamObject } from '../../durable-objects/upstream-object.ts';
export { UpstreamUseObject } from '../../durable-objects/upstream-use-object.ts';

/** This Worker is not called over HTTP: it only hosts the classes above. */
export default {};
