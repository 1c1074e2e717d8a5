import { createHash } from 'node:crypto';

import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import { partitionName, ROOT_PARTITION } from '../../../../src/contract/pools/pool-partition.ts';
import { AgentAuthenticator } from '../../../../src/gateway/pools/agent-authenticator.ts';
import type { AttemptParts } from '../../../../src/gateway/pools/attempt-files.ts';
import { AttemptFiles } from '../../../../src/gateway/pools/attempt-files.ts';
import { AttemptModels } from '../../../../src/gateway/pools/attempt-models.ts';
import { Batches } from '../../../../src/gateway/jobs/batches.ts';
import { piecesOf } from '../files/content-pieces.ts';
import { MessageBatches } from '../../../../src/gateway/batches/message-batches.ts';
import { CallBatches } from '../../../../src/gateway/batches/call-batches.ts';
import { FileCatalogue } from '../../../../src/gateway/files/file-catalogue.ts';
import type { SpentFiles } from '../../../../src/gateway/files/file-store.ts';
import { FineTunings } from '../../../../src/gateway/jobs/fine-tunings.ts';
import { FileEraser } from '../../../../src/gateway/files/file-eraser.ts';
import { FileWriter } from '../../../../src/gateway/files/file-writer.ts';
import { IndexBuilds } from '../../../../src/gateway/pools/index-builds.ts';
import { JobDesk } from '../../../../src/gateway/jobs/job-desk.ts';
import { JobModels } from '../../../../src/gateway/jobs/job-models.ts';
import { JobEventFeed } from '../../../../src/gateway/jobs/job-event-feed.ts';
import { JobLogs } from '../../../../src/gateway/pools/job-logs.ts';
import type { JobQueue } from '../../../../src/gateway/jobs/job-queue.ts';
import { PoolAdmin } from '../../../../src/gateway/pools/pool-admin.ts';
import type { Pools } from '../../../../src/gateway/pools/pool-calls.ts';
import { Queues } from '../../../../src/gateway/queues/queues.ts';
import { Reservations } from '../../../../src/gateway/queues/reservations.ts';
import { ModelRoutes } from '../../../../src/gateway/models/model-routes.ts';
import { TenantAuthority } from '../../../../src/gateway/tenancy/tenant-authority.ts';
import { TransferUrls } from '../../../../src/gateway/pools/transfer-urls.ts';
import { Uploads } from '../../../../src/gateway/files/uploads.ts';
import { UnsignedIds } from '../../../../src/gateway/tenancy/unsigned-ids.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { shardName } from '../../../../src/index/index-manifest.ts';
import { must } from '../../../../src/kernel/assert.ts';
import type { Clock } from '../../../../src/kernel/clock.ts';
import { Hmac } from '../../../../src/kernel/hmac.ts';
import { IdSigner } from '../../../../src/kernel/id-signer.ts';
import type { OrganisationId, PoolId, TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { isSignedPool, stemOfPool } from '../../../../src/pools/agent-token.ts';
import { organisationOf } from '../../../../src/tenancy/resource-ids.ts';
import type { GatewayEnv } from '../../env.ts';
import type { Basics } from '../../pipeline/serving.ts';
import { pinnedName } from '../../../../src/contract/api/model-name.ts';
import { findVersion } from '../../../../src/inference/model-manifest.ts';
import { MODEL_CATALOGUE, STATIC_MODEL } from '../../../inference/deployed-models.ts';
import { schedulerQueue } from '../api/scheduler-queue.ts';
import type { FileContent } from '../files/r2-file-writes.ts';
import { sha256 } from '../api/sha256.ts';
import { R2FileStore } from '../files/r2-file-store.ts';
import { modelFileReader } from '../models/r2-model-files.ts';
import { r2Urls } from '../files/r2-urls.ts';
import type { Replicas } from '../models/replicas.ts';
import { replicaWakes } from '../models/replica-wakes.ts';
import { wireReplicas } from '../models/replicas.ts';
import type { Administration } from '../tenancy/administration.ts';

/** Heavy work: its files, its queue and the pools that do it. */
export interface Heavy extends Replicas {
  readonly files: FileCatalogue<FileContent>;
  readonly uploads: Uploads;
  readonly eraser: FileEraser;
  /** The scheduler's cell. */
  readonly cell: JobQueue;
  readonly jobs: JobDesk;
  readonly batches: Batches;
  readonly callBatches: CallBatches;
  readonly messageBatches: MessageBatches<Blob | ReadableStream>;
  readonly tunings: FineTunings;
  readonly queues: Queues;
  readonly reservations: Reservations;
  readonly admin: PoolAdmin;
  readonly agents: AgentAuthenticator;
  readonly attempts: AttemptFiles<FileContent>;
  readonly attemptModels: AttemptModels<FileContent>;
  readonly transfers: TransferUrls;
  readonly pools: Pools;
  readonly logs: JobLogs;
  readonly events: JobEventFeed;
  readonly builds: IndexBuilds;
}

/** What agents can fine-tune: a static model of the deployment, at the version that its name stands for now. */
function baseOf(model: string): string | undefined {
  const base = findVersion(MODEL_CATALOGUE, model);
  return base?.runner === 'static' ? pinnedName(base) : undefined;
}

export function wireHeavy(
  env: GatewayEnv,
  { clock, rng }: Basics,
  { organisations, holdJob }: Pick<Administration, 'organisations' | 'holdJob'>,
  describe: (tenantId: TenantId, index: string) => Promise<Outcome<IndexManifest>>,
  register: AttemptParts<FileContent>['register'],
): Heavy {
  const hmac = new Hmac(must(env.SLUICE_KEY_PEPPER, 'the secret binding SLUICE_KEY_PEPPER'));
  const queue = schedulerQueue(env.SCHEDULER);
  const pools: Pools = (id, partition = ROOT_PARTITION) => env.POOL.getByName(partitionName(id, partition));
  const signer = new IdSigner(hmac);
  const store = new R2FileStore(env.FILES);
  const recordsOf = (tenant: TenantId) => organisations.at(organisationOf(tenant));
  const spent: SpentFiles = {
    spend: (tenant, ...file) => recordsOf(tenant).spendFile(tenant, ...file),
    admit: (tenant, ...file) => recordsOf(tenant).admitFile(tenant, ...file),
  };
  const writer = new FileWriter<FileContent>({ store, clock });
  const eraser = new FileEraser({ store, clock });
  const files = new FileCatalogue<FileContent>({ store, writer, eraser, spent, queue, clock, rng, hmac });
  const routes = new ModelRoutes((owner) => env.MODEL_REGISTRY.getByName(owner), clock);
  const logs = new JobLogs({
    pools,
    shard: (tenant, number) => env.JOB_LOG.getByName(`${tenant}:${number}`),
    find: (tenant, job) => queue.job(tenant, job),
  });
  const authorityOf = (tenantId: TenantId) => new TenantAuthority(organisations, clock, tenantId);
  const knows = async (tenant: TenantId | undefined, organisation: OrganisationId | undefined) => {
    if (tenant !== undefined) return recordsOf(tenant).tenant(tenant);
    return organisation === undefined ? ok(null) : organisations.at(organisation).organisation();
  };
  const jobs = new JobDesk({
    queue,
    files,
    models: new JobModels({ builtin: MODEL_CATALOGUE.filter(({ runner }) => runner === 'static'), routes }),
    findIndex: describe,
    rng,
    hmac,
    holdJob,
  });
  const attempts = new AttemptFiles({ pools, writer, files, store, clock, authorityOf, register });
  return {
    files,
    uploads: new Uploads({ store, writer, md5: md5Of, clock, rng, hmac }),
    cell: queue,
    jobs,
    batches: new Batches({ jobs, queue, files, clock, defaultModel: STATIC_MODEL.id }),
    ...wireCallBatches(env, files, { clock, rng }, hmac),
    tunings: new FineTunings({ jobs, queue, files, clock, rng, baseOf }),
    queues: new Queues({ cell: queue, knows }),
    reservations: new Reservations({ cell: queue, rng, hmac, knows: (tenant) => knows(tenant, undefined) }),
    admin: new PoolAdmin({ queue, pools, clock, rng, hmac, signer }),
    agents: new AgentAuthenticator(pools, hmac, isKnownPool(queue, signer, clock)),
    attempts,
    attemptModels: new AttemptModels({ pools, routes, read: modelFileReader(env.FILES) }),
    transfers: new TransferUrls({ attempts, pools, storeUrls: r2Urls(env, store, clock), hmac, clock }),
    logs,
    events: new JobEventFeed(queue, clock),
    eraser,
    pools,
    ...wireReplicas(queue, clock, replicaWakes(env), jobs),
    builds: new IndexBuilds({
      pools,
      describe,
      shard: (manifest, ordinal) => env.SHARD.getByName(shardName(manifest, ordinal)),
      sha256,
    }),
  };
}

function wireCallBatches(env: GatewayEnv, files: FileCatalogue<FileContent>, { clock, rng }: Pick<Basics, 'clock' | 'rng'>, hmac: Hmac) {
  const callBatches = new CallBatches({ batchesOf: (tenant) => env.CALL_BATCHES.getByName(tenant), files, clock, rng, hmac });
  return { callBatches, messageBatches: new MessageBatches({ batches: callBatches, files, piecesOf }) };
}

/** Whether there is a pool of that id: by its signature, or, of an id from before ids were signed, by the list of pools. */
function isKnownPool(queue: JobQueue, signer: IdSigner, clock: Clock): (id: PoolId) => Promise<boolean> {
  const unsigned = new UnsignedIds<PoolId>(async () => {
    const all = await queue.pools(JOB_LIMITS.poolsMaxCount);
    return all.map(({ id }) => id).filter((id) => !isSignedPool(id));
  }, clock);
  return (id) => (isSignedPool(id) ? signer.isOurs('pool', stemOfPool(id)) : unsigned.has(id));
}

async function md5Of(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const digest = createHash('md5');
  for await (const piece of pieces) digest.update(piece);
  return digest.digest('hex');
}
