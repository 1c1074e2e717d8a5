import { TenantAuthority } from '../../../../src/gateway/tenancy/tenant-authority.ts';
import type { Organisations } from '../../../../src/gateway/tenancy/organisation-store.ts';
import { actorOf } from '../../../../src/gateway/tenancy/subject.ts';
import type { IndexDirectory } from '../../../../src/gateway/indexes/index-directory.ts';
import { JobRegistrations } from '../../../../src/gateway/models/job-registrations.ts';
import { ModelAdmin } from '../../../../src/gateway/models/model-admin.ts';
import { ModelCatalogue } from '../../../../src/gateway/models/model-catalogue.ts';
import { ModelNames } from '../../../../src/gateway/models/model-names.ts';
import { ModelRoutes } from '../../../../src/gateway/models/model-routes.ts';
import { GraphCalls } from '../../../../src/gateway/models/graph-calls.ts';
import type { ModelFileStore, ModelRegistries } from '../../../../src/gateway/models/model-registries.ts';
import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { namedModel } from '../../../../src/inference/registry/model-route.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { organisationOf } from '../../../../src/tenancy/resource-ids.ts';
import { MODEL_CATALOGUE } from '../../../inference/deployed-models.ts';
import type { GatewayEnv } from '../../env.ts';
import type { Heavy } from '../jobs/jobs.ts';
import type { Basics } from '../../pipeline/serving.ts';
import { modelCalls } from './model-calls.ts';
import { upstreamsOf } from '../upstreams/upstream-objects.ts';
import { R2FileStore } from '../files/r2-file-store.ts';
import { modelFileReader, R2ModelFiles } from './r2-model-files.ts';

/** Models: which there are, and their registry. */
export interface Models {
  readonly admin: ModelAdmin;
  readonly catalogue: ModelCatalogue;
  readonly names: ModelNames;
  readonly graphs: GraphCalls;
  readonly jobs: JobRegistrations;
  readonly registries: ModelRegistries;
  readonly store: ModelFileStore;
  /** A file as it is stored; undefined: it is gone. */
  readonly read: ReturnType<typeof modelFileReader>;
}

export function wireModels(
  env: GatewayEnv,
  { clock, metrics }: Basics,
  organisations: Organisations,
  { files, standing }: Pick<Heavy, 'files' | 'standing'>,
  indexes: Pick<IndexDirectory, 'list'>,
): Models {
  const registries: ModelRegistries = (owner) => env.MODEL_REGISTRY.getByName(owner);
  const stored = new R2FileStore(env.FILES);
  const store = new R2ModelFiles(env.FILES, stored);
  const inference = modelCalls(env.INFERENCE, metrics);
  const routes = new ModelRoutes(registries, clock);
  const known = { registries, builtin: MODEL_CATALOGUE, upstreams: upstreamsOf(env.UPSTREAM) };
  const admin = new ModelAdmin({
    registries,
    store,
    findFile: (tenant, file) => files.find(tenant, file),
    inference,
    isBuiltin: (model) => MODEL_CATALOGUE.some(({ id }) => id === namedModel(model).name),
    pinnedIndex: (...asked) => pinnedIndex(indexes, ...asked),
    note: (tenant, action, principal, subject) => {
      const actor = actorOf(principal);
      const records = organisations.at(organisationOf(tenant));
      // A job is no key that has to be in force: it has its tenant's authority, which is checked with the change.
      return actor.startsWith('job_') ? records.log(action, actor, subject) : records.note(tenant, action, actor, subject);
    },
    clock,
    standing: {
      isAuto: env.MODEL_REPLICAS === 'auto',
      jobOf: (wanted) => standing.jobOf(wanted),
      end: (...whose) => standing.end(...whose),
    },
  });
  return {
    admin,
    catalogue: new ModelCatalogue(known),
    names: new ModelNames(known),
    graphs: new GraphCalls({ builtin: MODEL_CATALOGUE, routes, inference }),
    jobs: new JobRegistrations({
      admin,
      routes,
      store,
      beginning: (...file) => stored.beginning(...file),
      authorityOf: (tenant) => new TenantAuthority(organisations, clock, tenant),
    }),
    registries,
    store,
    read: modelFileReader(env.FILES),
  };
}

async function pinnedIndex(
  indexes: Pick<IndexDirectory, 'list'>,
  tenant: TenantId,
  model: string,
  contractHash: string | undefined,
): Promise<Outcome<string | undefined>> {
  const isOf = ({ embedding, queryEmbedding }: IndexManifest): boolean =>
    [embedding, queryEmbedding].some(
      (pinned) => pinned?.model === model && (contractHash === undefined || pinned.contractHash === contractHash),
    );
  for (let after: string | undefined; ;) {
    const page = await indexes.list(tenant, after, API_LIMITS.pageMaxCount);
    if (!page.ok) return page;
    const found = page.value.indexes.find(isOf);
    after = page.value.indexes.at(-1)?.name;
    if (found !== undefined || !page.value.hasMore || after === undefined) return ok(found?.name);
  }
}
