import type { FailureReason, Grant, JobOutput } from '../../contract/jobs/attempt.ts';
import { ERRORS, messageOf } from '../../contract/api/errors.ts';
import { isBuild, registrationOf } from '../../contract/jobs/job-facts.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Authority } from '../../contract/tenancy/write-lease.ts';
import { isVerified } from '../../inference/registry/model-record.ts';
import type { RegisteredRoute } from '../../inference/registry/model-route.ts';
import { isStatic } from '../../inference/served/contract-hash.ts';
import type { FileId, KeyId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Acting } from '../tenancy/authority.ts';
import type { VersionBody } from './describe-version.ts';
import type { ModelActor, ModelAdmin, VersionFiles } from './model-admin.ts';
import type { ModelFileStore } from './model-registries.ts';
import type { ModelRoutes } from './model-routes.ts';
import { Composed } from '../api/composed.ts';

interface JobRegistrationParts {
  readonly admin: Pick<ModelAdmin, 'register' | 'promote'>;
  readonly routes: Pick<ModelRoutes, 'find'>;
  readonly store: Pick<ModelFileStore, 'take' | 'adopt'>;
  /** The first bytes of a stored file, also of one whose job has not ended yet. */
  readonly beginning: (tenantId: TenantId, file: FileId, bytes: number) => Promise<Uint8Array | undefined>;
  /** The right to register what a job of the tenant has made. */
  readonly authorityOf: (tenantId: TenantId) => Authority;
}

/** A job that registers nothing, what it has registered, or why that is refused for good. */
export type JobRegistration =
  | { readonly kind: 'none' }
  | { readonly kind: 'registered'; readonly model: string }
  | { readonly kind: 'refused'; readonly fault: { readonly reason: FailureReason; readonly message: string } };

type Asked = NonNullable<ReturnType<typeof registrationOf>>;

/** What is registered of the outputs of a job. */
interface Described {
  readonly body: VersionBody;
  readonly files: VersionFiles;
}

/**
 * Registers what a job has made as a version of a model, before its completion is accepted. The job's id is the key of the request: however
 * often an attempt completes, and whichever attempt it is, there is one version. [J255]
 */
export class JobRegistrations extends Composed<JobRegistrationParts> {
  /** Refuses only what may succeed when it is repeated: the registry or the inference Worker does not answer. */
  async register(grant: Grant, outputs: readonly JobOutput[]): Promise<Outcome<JobRegistration>> {
    const asked = registrationOf(grant.work);
    if (asked === undefined) return ok({ kind: 'none' });
    const made = await this.#register(grant, outputs, asked);
    if (made.ok) return ok({ kind: 'registered', model: made.value });
    if (ERRORS[made.error.code].retryable) return made;
    const message = messageOf(made.error).slice(0, JOB_LIMITS.buildFaultCharsMax);
    return ok({ kind: 'refused', fault: { reason: 'registration_refused', message } });
  }

  async #register(grant: Grant, outputs: readonly JobOutput[], asked: Asked): Promise<Outcome<string>> {
    const { tenantId, jobId, owner, work } = grant;
    const { name, stage } = asked;
    // Of a job: what the registry and the audit trail note as the actor is its id.
    const principal = { kind: 'tenant', tenantId, owner, keyId: jobId as string as KeyId } as const;
    const caller: Acting<ModelActor> = { principal, authority: this.parts.authorityOf(tenantId) };
    const described = isBuild(work) ? await this.#ofBuild(grant, name, outputs) : this.#ofFolder(grant, outputs, asked);
    if (!described.ok) return described;
    const { body, files } = described.value;
    const made = await this.parts.admin.register(caller, body, files, { key: `job:${jobId}`, digest: jobId });
    if (!made.ok) return made;
    const { version, checks } = made.value.version;
    const id = `${name}@${version}`;
    if (checks === null) return refuse('unavailable', `${id} could not be checked yet`);
    if (!isVerified(made.value.version))
      return refuse(
        'state_conflict',
        `${id} did not pass its checks: ${checks.refusal === null ? 'it is retired' : messageOf(checks.refusal)}`,
      );
    if (stage === 'verified') return ok(id);
    const promoted = await this.parts.admin.promote(caller, name, version, { share: 1 });
    if (promoted.ok || ERRORS[promoted.error.code].retryable) return promoted.ok ? ok(id) : promoted;
    return refuse('state_conflict', `${id} is registered, and was not promoted: ${messageOf(promoted.error)}`);
  }

  /** The outputs of a program, or those below a folder, are the files of the model. */
  #ofFolder({ tenantId, jobId, work }: Grant, outputs: readonly JobOutput[], { name, folder, parents = [] }: Asked): Outcome<Described> {
    const prefix = folder === undefined ? '' : `${folder}/`;
    const parts = outputs
      .filter(({ path }) => path.startsWith(prefix))
      .map((output) => ({ ...output, path: output.path.slice(prefix.length) }));
    if (parts.length === 0) return refuse('invalid_value', `no output is below ${prefix}`, ['register', 'folder']);
    const program = work.kind === 'training' ? { argv: work.argv, inputs: work.inputs } : {};
    return ok({
      body: { name, parents: [...parents], recipe: { job: jobId, ...program } },
      files: {
        files: parts.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
        take: async (owner) => {
          for (const { file, sha256 } of parts) {
            const taken = await this.parts.store.take(tenantId, file, owner, sha256);
            if (!taken.ok) return taken;
          }
          return ok(null);
        },
      },
    });
  }

  /** The graph that was made, and of the model that it was made of all other files. What is said of it is what its agent measured. */
  async #ofBuild(grant: Grant, name: string, outputs: readonly JobOutput[]): Promise<Outcome<Described>> {
    const { tenantId, jobId, work } = grant;
    const graph = outputs.find(({ path }) => path === 'model.onnx');
    const [recipe, report] = [await this.#json(tenantId, outputs, 'recipe.json'), await this.#json(tenantId, outputs, 'report.json')];
    if (graph === undefined || recipe === undefined || report === undefined)
      return refuse('invalid_value', 'recipe.json and report.json must be JSON objects, as the agent writes them', 'outputs');
    const parents = Array.isArray(report['parents']) ? report['parents'].filter((parent) => typeof parent === 'string') : [];
    const [parentName] = parents;
    const parent = work.kind !== 'distill' && parentName !== undefined ? await this.#parent(tenantId, parentName) : ok(undefined);
    if (!parent.ok) return parent;
    // Lists of every constant are in the report, which is an output of the job.
    const { tensors: _tensors, sensitivities: _sensitivities, ...evaluation } = report;
    const made = { path: parent.value?.serving.manifest.graph ?? 'model.onnx', bytes: graph.bytes, sha256: graph.sha256 };
    const kept = parent.value === undefined ? [] : keptFiles(parent.value);
    return ok({
      body: {
        ...bodyLike(parent.value, tenantId, name),
        ...studentLimit(recipe),
        name,
        parents,
        recipe: { job: jobId, ...recipe },
        evaluation,
      },
      files: {
        files: [...kept, made],
        take: async (owner) => {
          for (const { sha256 } of kept) {
            const adopted = await this.parts.store.adopt(parent.value?.owner ?? owner, owner, sha256);
            if (!adopted.ok) return adopted;
          }
          return this.parts.store.take(tenantId, graph.file, owner, graph.sha256);
        },
      },
    });
  }

  /** Undefined: a model of the deployment. */
  async #parent(tenantId: TenantId, model: string): Promise<Outcome<RegisteredRoute | undefined>> {
    const route = await this.parts.routes.find(tenantId, model);
    if (!route.ok) return route;
    return ok(route.value?.kind === 'registered' ? route.value : undefined);
  }

  async #json(tenantId: TenantId, outputs: readonly JobOutput[], path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const output = outputs.find((one) => one.path === path);
    if (output === undefined || output.bytes > JOB_LIMITS.buildReportBytesMax) return undefined;
    const bytes = await this.parts.beginning(tenantId, output.file, JOB_LIMITS.buildReportBytesMax);
    try {
      const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
      return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
    } catch {
      return undefined;
    }
  }
}

/** How the parent is used, which its variant is, too. The dimensions of a static one may be fewer: they are read from its file. */
function bodyLike(parent: RegisteredRoute | undefined, tenantId: TenantId, name: string): Partial<VersionBody> {
  if (parent === undefined) return {};
  const { manifest, version } = parent.serving;
  const { task, graph, tokensMax, dimensions, pooling, isNormalised, prompts, licence } = manifest;
  return {
    task,
    graph,
    tokens_max: tokensMax,
    prompts: { ...prompts },
    ...(isStatic(task, manifest.files) ? {} : { external_data: [], dimensions, pooling, normalised: isNormalised }),
    ...(licence === null ? {} : { licence }),
    // Under its own name a variant is to serve where its parent does.
    ...(parent.owner === tenantId && parent.model === name ? { compatible_with: version } : {}),
  };
}

/** The longest text of a student, where its teacher cuts longer ones. */
function studentLimit({ parameters }: Readonly<Record<string, unknown>>): Pick<VersionBody, 'tokens_max'> {
  const { served } = Object(parameters) as { readonly served?: { readonly tokensMax?: unknown } };
  const tokensMax = served?.tokensMax;
  return Number.isInteger(tokensMax) && Number(tokensMax) >= 1
    ? { tokens_max: Math.min(Number(tokensMax), MODEL_LIMITS.modelTokensMax) }
    : {};
}

function keptFiles({ serving: { manifest } }: RegisteredRoute) {
  const replaced = new Set([manifest.graph, ...manifest.externalData]);
  return manifest.files.filter(({ path }) => !replaced.has(path));
}
