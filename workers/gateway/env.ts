import type { CacheLayoutEnv } from '../../src/cache/cache-layout.ts';
import type { EmbeddingCacheObject } from '../../durable-objects/embedding-cache-object.ts';
import type { IndexObject } from '../../durable-objects/index-object.ts';
import type { LocatorObject } from '../../durable-objects/locator-object.ts';
import type { ObjectNamespace } from '../../durable-objects/object-namespace.ts';
import type { PurgeLogObject } from '../../durable-objects/purge-log-object.ts';
import type { RegistryObject } from '../../durable-objects/registry-object.ts';
import type { ReplicaObject } from '../../durable-objects/replica-object.ts';
import type { ShardObject } from '../../durable-objects/shard-object.ts';
import type { GroupFieldReads } from '../../src/index/fan-out/group-fields.ts';
import type { GroupSearch } from '../../src/index/fan-out/group-search.ts';
import type { ModelCalls } from '../../src/inference/served/model-calls.ts';
import type { LogShard } from '../../src/gateway/pools/job-logs.ts';
import type { JobQueue } from '../../src/gateway/jobs/job-queue.ts';
import type { PoolCalls } from '../../src/gateway/pools/pool-calls.ts';
import type { ModelRegistryCalls } from '../../src/gateway/models/model-registries.ts';
import type { OrganisationDirectory, OrganisationStore } from '../../src/gateway/tenancy/organisation-store.ts';
import type { PromptCalls } from '../../src/gateway/prompts/prompt-admin.ts';
import type { QuestionEmbedder } from '../../src/gateway/routes/question-embedder.ts';
import type { UpstreamUses } from '../../src/gateway/upstreams/shared-upstream-limits.ts';
import type { GuardrailBinding } from './adapters/upstreams/guardrails.ts';
import type { WorkersAi } from './adapters/upstreams/workers-ai.ts';
import type { BillingCalls } from './adapters/tenancy/billing-calls.ts';
import type { InferenceBinding } from './adapters/embeddings/embedding-models.ts';
import type { UpstreamStub } from './adapters/upstreams/upstream-objects.ts';
import type { DebtCalls } from '../../src/gateway/debt/debt-admin.ts';
import type { PlanningCalls } from '../../src/gateway/planning/slo-admin.ts';
import type { CallBatchCalls } from '../../src/gateway/batches/call-batches.ts';
import type { DocumentCalls, DocumentEnds } from '../../src/gateway/documents/documents.ts';
import type { RowOwners } from '../../src/gateway/vectors/visible/row-readers.ts';
import type { StoredAnswerCalls } from '../../src/gateway/completions/stored-answers.ts';
import type { RequestLog } from '../../src/gateway/requests/request-log-admin.ts';
import type { RouteCalls } from '../../src/gateway/routes/route-admin.ts';
import type { TenantId } from '../../src/kernel/ids.ts';
import type { S3Env } from './adapters/files/r2-urls.ts';
import type { AddressEnv } from './pipeline/caller-address.ts';

/** What answering a request takes, whatever it is about. */
export interface ServingEnv extends AddressEnv {
  /** Of which origins pages may call, by commas; `*` is any, `keys` those that keys name. Absent or empty: none. */
  readonly CORS_ORIGINS?: string;
  /** `warn` keeps one-line-a-request logs off; anything else logs each request. */
  readonly LOG_LEVEL?: string;
}

/** What authentication, quotas and usage need. The secrets have at least `adminSecretCharsMin` characters. */
export interface TenancyEnv extends ServingEnv {
  /** The bootstrap admin key. */
  readonly SLUICE_ADMIN_KEY?: string;
  /** The pepper of all key MACs. */
  readonly SLUICE_KEY_PEPPER?: string;
  readonly DIRECTORY: ObjectNamespace<OrganisationDirectory>;
  readonly ORGANISATION: ObjectNamespace<OrganisationStore>;
  readonly QUOTA: DurableObjectNamespace;
  readonly BILLING: ObjectNamespace<BillingCalls>;
  /** One object a cell, named after it. */
  readonly SCHEDULER: ObjectNamespace<JobQueue>;
}

/** What reading the vectors of indexes takes. */
export interface IndexEnv {
  /** One object an index name of a tenant; see `indexObjectName`. */
  readonly INDEX: DurableObjectNamespace<IndexObject>;
  /** Where the ids of large indexes live; see `locatorName`. */
  readonly LOCATOR: DurableObjectNamespace<LocatorObject>;
  /** One object a tenant, named by its id. */
  readonly REGISTRY: DurableObjectNamespace<RegistryObject>;
  /** Hosted by the shards Worker; see `shardName`. */
  readonly SHARD: DurableObjectNamespace<ShardObject>;
  /** Hosted by the shards Worker; see `replicaName`. */
  readonly REPLICA: DurableObjectNamespace<ReplicaObject>;
  /** Aggregators of many shards; see `Aggregator`. */
  readonly AGGREGATOR: GroupSearch & GroupFieldReads;
}

/** Bindings of the gateway Worker: the root wrangler.toml, as types. */
export interface GatewayEnv extends CacheLayoutEnv, TenancyEnv, IndexEnv, S3Env {
  readonly ASSETS: Fetcher;
  /** Files of tenants, under `tenants/<tenant>/files/`, and those of models, under `models/<owner>/`. */
  readonly FILES: R2Bucket;
  /** One object a shard, named `<owner>:<shard>`. */
  readonly EMBEDDING_CACHE: DurableObjectNamespace<EmbeddingCacheObject>;
  /** One object a tenant, named by its id. */
  readonly PURGE_LOG: DurableObjectNamespace<PurgeLogObject>;
  /** One object an index name of a tenant, in this Worker; see `GenerationObject`. */
  readonly GENERATION: ObjectNamespace<GenerationStub>;
  /** One object an owner of models: a tenant's id, or `platform`. */
  readonly MODEL_REGISTRY: ObjectNamespace<ModelRegistryCalls>;
  /** One object a pool, named by the pool's id. */
  readonly POOL: ObjectNamespace<PoolCalls>;
  /** Logs of jobs: some objects a tenant, named `<tenant>:<shard>`. */
  readonly JOB_LOG: ObjectNamespace<LogShard>;
  /** One object an owner of upstreams: a tenant's id, or `platform`. */
  readonly UPSTREAM: ObjectNamespace<UpstreamStub>;
  /** As above, of routes. */
  readonly ROUTES: ObjectNamespace<RouteCalls>;
  /** One object a tenant, in this Worker; see `CallBatchObject`. */
  readonly CALL_BATCHES: ObjectNamespace<CallBatchCalls>;
  /** One object an index, in this Worker; see `documentsName`. */
  readonly DOCUMENTS: ObjectNamespace<DocumentsStub>;
  /** One object a tenant that has prompts. */
  readonly PROMPTS: ObjectNamespace<PromptCalls>;
  /** One object an upstream that has limits, named by the upstream's id: what all isolates use of it. */
  readonly UPSTREAM_USE: ObjectNamespace<UpstreamUses>;
  /** One object a tenant, named by its id. */
  readonly REQUEST_LOG: ObjectNamespace<RequestLog>;
  /** As above. */
  readonly STORED_ANSWERS: ObjectNamespace<StoredAnswerCalls>;
  /** One object an organisation, named by its id. */
  readonly DEBT: ObjectNamespace<DebtCalls>;
  /** One object a tenant, named by its id. */
  readonly PLANS: ObjectNamespace<PlanningCalls>;
  /** Runs ONNX models; see `InferenceService`. */
  readonly INFERENCE: InferenceBinding & ModelCalls;
  /** The inference Worker's `GuardrailService`. */
  readonly GUARDRAILS: GuardrailBinding;
  /** The inference Worker's `QuestionEmbeddingService`. */
  readonly EMBEDDINGS: QuestionEmbedder;
  /** What an isolate of the inference Worker has for models, in MiB: as that Worker's own. */
  readonly MODEL_MEMORY_MIB?: string;
  /** `auto` has pools serve models of tenants without a job that these submit; anything else: they submit one. */
  readonly MODEL_REPLICAS?: string;
  /** The platform's Workers AI; absent: no upstream may be of its protocol. */
  readonly AI?: WorkersAi;
  /** `yes` lets alerts be sent over plain http, to a receiver on the same machine. */
  readonly WEBHOOKS_OVER_HTTP?: string;
  /** A secret that the secrets of upstreams are encrypted under; absent: the pepper. */
  readonly SLUICE_UPSTREAM_KEY?: string;
  /** What it was before: it still decrypts. */
  readonly SLUICE_UPSTREAM_KEY_BEFORE?: string;
  /** Where upstreams may be; see `parseUpstreamHosts`. */
  readonly UPSTREAM_HOSTS?: string;
  readonly UPSTREAM_PRIVATE_HOSTS?: string;
}

/** What the gateway asks of the object of an index's documents. */
export type DocumentsStub = DocumentCalls & DocumentEnds & RowOwners;

/** What the gateway asks of the object that works on the generations of an index. */
export interface GenerationStub {
  watch(tenantId: TenantId, name: string): Promise<void>;
}
