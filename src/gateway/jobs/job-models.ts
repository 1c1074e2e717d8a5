import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import { POOL_LIMITS } from '../../contract/pools/pool-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import type { ModelManifest } from '../../inference/model-manifest.ts';
import { makesVectors } from '../../inference/embedding-output.ts';
import { findVersion } from '../../inference/model-manifest.ts';
import { memoryBytesOf } from '../../inference/served/model-size.ts';
import { utf8 } from '../../kernel/bytes.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { ModelWeights } from '../../scheduler/engine/model/job-spec.ts';
import type { ModelRoutes } from '../models/model-routes.ts';

/** What a job has to know of the model that it embeds with. */
export interface JobModel {
  /** Its own name, whatever alias the job names. */
  readonly id: string;
  readonly weights: ModelWeights;
  /** Of the deployment: there is no version of it that a job could make another of. */
  readonly isBuiltin?: true;
  /** The most tokens that an input of so many bytes has. */
  tokensMax(inputBytes: number): number;
}

interface JobModelParts {
  /** The models of the deployment that agents compute, the newest version of each last. */
  readonly builtin: readonly ModelManifest[];
  readonly routes: Pick<ModelRoutes, 'find'>;
}

/** The shortest text of a line of JSON, with what parts it from the next: `"a",`. */
const TEXT_BYTES_MIN = 4;

/** The models that agents embed with: the deployment's static ones, and registered embedding models. [J254] */
export class JobModels {
  readonly #parts: JobModelParts;

  constructor(parts: JobModelParts) {
    this.#parts = parts;
  }

  /** Refuses with `model_not_found`, `unavailable`, or `invalid_value` a model that makes no vectors. */
  async find(tenantId: TenantId, model: string): Promise<Outcome<JobModel>> {
    const { builtin, routes } = this.#parts;
    const own = findVersion(builtin, model);
    const route = own === undefined ? await routes.find(tenantId, model) : ok(undefined);
    if (!route.ok) return route;
    const deployed = own ?? (route.value?.kind === 'builtin' ? findVersion(builtin, route.value.model) : undefined);
    // A token is a byte at least.
    if (deployed !== undefined)
      return ok({ id: deployed.id, isBuiltin: true, weights: weightsOf(model, deployed.file.bytes), tokensMax: (bytes) => bytes });
    if (route.value?.kind !== 'registered')
      return refuseResource('model_not_found', { kind: 'model', name: model }, `no pool runs a model ${model}`, 'model');
    const { manifest } = route.value.serving;
    if (!makesVectors(manifest.task))
      return refuse('invalid_value', `${route.value.model} is a model for ${manifest.task}: pools run models that embed`, 'model');
    // Each text may have a prompt in front of it, which the input does not hold.
    const promptBytes = Math.max(
      ...['', manifest.prompts.query ?? '', manifest.prompts.passage ?? ''].map((prompt) => utf8(prompt).length),
    );
    return ok({
      id: route.value.model,
      weights: weightsOf(model, memoryBytesOf({ manifest })),
      tokensMax: (bytes) => bytes + Math.ceil(bytes / TEXT_BYTES_MIN) * promptBytes,
    });
  }
}

const BYTES_PER_MIB = 1_048_576;

/** What a model takes on a node, until the node has measured it. */
function weightsOf(model: string, bytes: number): ModelWeights {
  const loadMs = Math.ceil((bytes * 1_000) / (POOL_LIMITS.weightsLoadMibPerS * BYTES_PER_MIB));
  return { model, memoryMib: Math.ceil(bytes / BYTES_PER_MIB), loadMs: Math.min(loadMs, JOB_LIMITS.weightsLoadMsMax) };
}
