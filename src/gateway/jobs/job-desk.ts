import type { Refusal } from '../../contract/api/errors.ts';
import { refusal, refusalAt } from '../../contract/api/errors.ts';
import type { Work } from '../../contract/jobs/job-work.ts';
import { hasServers, inputFilesOf, isBuild, KIND_FACTS, modelOf, outputPathsOf, registrationOf } from '../../contract/jobs/job-facts.ts';
import { workOf } from '../../contract/jobs/job-work.ts';
import type { CreateJob } from '../../contract/jobs/jobs.ts';
import { checkBuild } from '../../contract/jobs/model-builds.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import { allows } from '../../contract/api/principal.ts';
import type { Hmac } from '../../kernel/hmac.ts';
import { base32 } from '../../kernel/ids.ts';
import type { JobId, TenantId } from '../../kernel/ids.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Rng } from '../../kernel/rng.ts';
import type { ModelWeights } from '../../scheduler/engine/model/job-spec.ts';
import type { Job, JobRequest, JobTerms } from '../../scheduler/served/jobs/job.ts';
import type { IndexManifest } from '../../index/index-manifest.ts';
import { mayTouch, mayTouchModels } from '../tenancy/authority.ts';
import { requestDigest } from '../tenancy/subject.ts';
import { entropyFor } from '../tenancy/entropy.ts';
import type { FileCatalogue } from '../files/file-catalogue.ts';
import type { JobCost } from './job-cost.ts';
import { jobCostOf } from './job-cost.ts';
import type { JobModel, JobModels } from './job-models.ts';
import type { JobQueue } from './job-queue.ts';
import { termsOf } from './job-terms.ts';
import type { PlannedJob } from './plan-cost.ts';
import { planCostOf } from './plan-cost.ts';

export interface JobParts {
  readonly queue: JobQueue;
  readonly files: Pick<FileCatalogue<unknown>, 'find'>;
  /** Refuses a model that no pool's agents can run. */
  readonly models: Pick<JobModels, 'find'>;
  /** Refuses what is no index of the tenant. */
  readonly findIndex: (tenantId: TenantId, index: string) => Promise<Outcome<Pick<IndexManifest, 'name'>>>;
  readonly rng: Rng;
  readonly hmac: Hmac;
  /** Takes room for one more open job, where their number is limited. */
  readonly holdJob: (principal: TenantPrincipal, id: JobId) => Promise<Outcome<{ settle(added: number): void } | undefined>>;
}

/** What is to be done, for which team. */
export interface JobOrder {
  /** The request that asks for it: what it is, and its body. */
  readonly request: readonly [operation: string, body: unknown];
  readonly owner: string;
  readonly work: Work;
  readonly terms: ReturnType<typeof termsOf>;
}

/** The jobs of tenants. */
export class JobDesk {
  readonly #parts: JobParts;

  constructor(parts: JobParts) {
    this.#parts = parts;
  }

  submit(principal: TenantPrincipal, body: CreateJob, idempotencyKey: string | undefined): Promise<Outcome<Job>> {
    return this.enqueue(principal, orderOf(principal, body), idempotencyKey);
  }

  /**
   * Refuses with `model_not_found`, `file_not_found`, `limit_exceeded` or `idempotency_mismatch`, naming fields as a submission has them. Under
   * an idempotency key, the first call with an equal `request` makes the job, whatever else has changed since.
   */
  async enqueue(principal: TenantPrincipal, order: JobOrder, idempotencyKey: string | undefined): Promise<Outcome<Job>> {
    const { queue } = this.#parts;
    const { tenantId } = principal;
    const id = await this.#newId(tenantId, idempotencyKey);
    const model = await this.#fittingModel(principal, order);
    const input = model.ok ? await this.#inputBytes(principal, order.work) : model;
    // A repetition is answered as the first try, though its model or its file was deleted since.
    const isRepeated = !input.ok && idempotencyKey !== undefined && (await queue.job(tenantId, id)).ok;
    if (!input.ok && !isRepeated) return input;
    const room = await this.#parts.holdJob(principal, id);
    if (!room.ok) return room;
    const submitted = await queue.submit(
      await this.#requestOf(principal, order, id, model.ok ? model.value : undefined, input.ok ? input.value : undefined),
    );
    room.value?.settle(submitted.ok ? 1 : 0);
    return submitted;
  }

  /** What would become of a job if it were submitted, and what it would cost. Refuses as `submit` does; nothing is queued or held. */
  async plan(principal: TenantPrincipal, body: CreateJob): Promise<Outcome<PlannedJob>> {
    const { tenantId } = principal;
    const order = orderOf(principal, body);
    const model = await this.#fittingModel(principal, order);
    if (!model.ok) return model;
    const input = await this.#inputBytes(principal, order.work);
    if (!input.ok) return input;
    const id = await this.#newId(tenantId, undefined);
    const room = await this.#parts.holdJob(principal, id);
    if (!room.ok) return room;
    room.value?.settle(0);
    const request = await this.#requestOf(principal, order, id, model.value, input.value);
    const plan = await this.#parts.queue.plan(request);
    return plan.ok ? ok({ plan: plan.value, cost: planCostOf(request, plan.value) }) : plan;
  }

  /** The model that it works with, if it does. Refuses what no pool could ever run. */
  async #fittingModel(principal: TenantPrincipal, { work, terms }: JobOrder): Promise<Outcome<JobModel | undefined>> {
    const registering = mayRegister(principal, work);
    if (!registering.ok) return registering;
    const buildable = isBuild(work) ? checkBuild(work) : ok(null);
    if (!buildable.ok) return buildable;
    const name = hasServers(work) ? null : modelOf(work);
    const model = name === null ? ok(undefined) : await this.#parts.models.find(principal.tenantId, name);
    if (!model.ok) return model;
    if (isBuild(work) && model.value?.isBuiltin === true)
      return refuse('invalid_value', 'is a model of the deployment: give a registered one', 'model');
    // What an alias stands for is known by now.
    const may = model.value === undefined ? ok(null) : mayTouchModels(principal, [model.value.id]);
    if (!may.ok) return may;
    const unfit = beyondKind(work, terms) ?? (model.value && withoutRoom(model.value.weights, terms));
    return unfit === undefined ? model : err(unfit);
  }

  /** The request for the scheduler. `inputBytes`: how large its inputs are; undefined when they cannot be read any more. */
  async #requestOf(
    principal: TenantPrincipal,
    order: JobOrder,
    id: JobId,
    model: JobModel | undefined,
    inputBytes: number | undefined,
  ): Promise<JobRequest> {
    const { organisationId, tenantId, projectId } = principal;
    const { request, owner, work, terms } = order;
    const embedsInput = KIND_FACTS[work.kind].embedsInput;
    return {
      id,
      digest: await requestDigest(principal, ...request),
      organisationId,
      tenantId,
      projectId,
      owner,
      work,
      ...terms,
      ...(model === undefined ? {} : { weights: model.weights }),
      ...(inputBytes === undefined ? {} : { tokensMax: embedsInput ? (model?.tokensMax(inputBytes) ?? inputBytes) : 0 }),
    };
  }

  async #newId(tenantId: TenantId, idempotencyKey: string | undefined): Promise<JobId> {
    const { rng, hmac } = this.#parts;
    const entropy = entropyFor(rng, hmac, `${tenantId}/jobs`, idempotencyKey);
    return `job_${base32(await entropy.bytes('id', 26))}` as JobId;
  }

  /** How large the inputs of the work are. Refuses one that cannot be read, naming the field. */
  async #inputBytes(principal: TenantPrincipal, work: Work): Promise<Outcome<number>> {
    const { tenantId } = principal;
    if (work.kind === 'index_build') {
      const index = await this.#parts.findIndex(tenantId, work.index);
      if (!index.ok) return err(refusalAt(index.error, ['index']));
      // What an alias stands for is known by now.
      const may = mayTouch(principal, { named: [`index/${index.value.name}`], unnamed: [] });
      if (!may.ok) return may;
    }
    let bytes = 0;
    for (const { field, id } of inputFilesOf(work)) {
      const found = await this.#parts.files.find(tenantId, id);
      if (!found.ok) return err(refusalAt(found.error, field));
      bytes += found.value.bytes;
    }
    return ok(bytes);
  }

  /** What a job has cost so far. */
  async cost(tenantId: TenantId, jobId: JobId): Promise<Outcome<{ readonly job: Job; readonly cost: JobCost }>> {
    const found = await this.#parts.queue.segments(tenantId, jobId);
    return found.ok ? ok({ job: found.value.job, cost: jobCostOf(found.value.job, found.value.segments) }) : found;
  }
}

const orderOf = (principal: TenantPrincipal, body: CreateJob): JobOrder => ({
  request: ['job.create', body],
  owner: body.owner ?? principal.owner,
  work: workOf(body),
  terms: termsOf(body),
});

/** Whether the key may have the job register a version. What a job registers later, it registers in the name of its tenant. */
function mayRegister(principal: TenantPrincipal, work: Work): Outcome<null> {
  const registration = registrationOf(work);
  if (registration === undefined) return ok(null);
  if (!allows(principal, 'models:write')) return refuse('scope_denied', 'needs a key with the scope models:write', 'register');
  const { name, folder } = registration;
  if (folder !== undefined && !outputPathsOf(work).some((path) => path.startsWith(`${folder}/`)))
    return refuse('invalid_value', `none of the outputs is below ${JSON.stringify(`${folder}/`)}`, ['register', 'folder']);
  return mayTouchModels(principal, [name]);
}

/** A job that asks for less memory than the weights of its model take. */
function withoutRoom({ model, memoryMib }: ModelWeights, { options }: JobTerms): Refusal | undefined {
  const at = options.findIndex(({ perNode }) => perNode.memoryMib < memoryMib);
  if (at === -1) return undefined;
  return refusal('invalid_value', `must be ${memoryMib} at least, what the weights of ${model} take`, ['resources', at, 'memory_mib']);
}

/** A job that asks for more nodes than its runner can use. */
function beyondKind({ kind }: Work, { options }: JobTerms): Refusal | undefined {
  const { nodesMax, isOptIn, isReplicated } = KIND_FACTS[kind];
  const preferring = options.findIndex(({ topology }) => isOptIn && topology?.mode === 'preferred');
  if (preferring !== -1) {
    const what = `must be required: a ${kind} job runs only on agents that offer such jobs`;
    return refusal('invalid_value', what, ['resources', preferring, 'topology', 'mode']);
  }
  const stepping = options.findIndex(({ nodes }) => isReplicated === true && nodes.step > 1);
  if (stepping !== -1)
    return refusal('invalid_value', 'must be 1: each replica is replaced by itself', ['resources', stepping, 'nodes', 'step']);
  const at = options.findIndex(({ nodes }) => nodes.max > nodesMax);
  const asked = options[at]?.nodes.max;
  if (asked === undefined) return undefined;
  const message = `is ${asked}; a ${kind} job runs on ${nodesMax} at most`;
  return { ...refusal('limit_exceeded', message, ['resources', at, 'nodes']), limit: { bound: nodesMax }, value: asked };
}
