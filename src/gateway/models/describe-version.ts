import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { CreateModelBody } from '../../contract/models/models.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { ModelOwner, VersionManifest } from '../../inference/registry/version-manifest.ts';
import { readingOf } from '../../inference/registry/version-manifest.ts';
import { servedContractHash } from '../../inference/served/contract-hash.ts';
import type { ModelCalls } from '../../inference/served/model-calls.ts';
import { makesVectors } from '../../inference/embedding-output.ts';
import type { ModelReading, ModelTask, ServedFile } from '../../inference/served-manifest.ts';
import { ok } from '../../kernel/result.ts';

type Stated = Partial<ModelReading>;

/** What is said of a version besides its files. */
export type VersionBody = Omit<CreateModelBody, 'files' | 'tenant'>;

/** What decides the answers of a model, as far as the body says it. */
function statedOf(body: VersionBody): Stated {
  const { query, passage } = body.prompts ?? {};
  const stated: { readonly [Field in keyof ModelReading]: ModelReading[Field] | undefined } = {
    task: body.task,
    graph: body.graph,
    externalData: body.external_data,
    tokensMax: body.tokens_max,
    dimensions: body.dimensions,
    pooling: body.pooling,
    isNormalised: body.normalised,
    labels: body.labels,
    activation: body.activation,
    prompts: body.prompts && { ...(query === undefined ? {} : { query }), ...(passage === undefined ? {} : { passage }) },
  };
  return Object.fromEntries(Object.entries(stated).filter(([, value]) => value !== undefined)) as Stated;
}

/** Without one of these the folder is read. Prompts and external data are no part of them: many models have none. */
const NEEDED: Readonly<Record<ModelTask, readonly (keyof ModelReading)[]>> = {
  embedding: ['graph', 'tokensMax', 'dimensions', 'pooling', 'isNormalised'],
  'sparse-embedding': ['graph', 'tokensMax', 'dimensions', 'pooling', 'isNormalised', 'activation'],
  'cross-encoder': ['graph', 'tokensMax', 'activation'],
  classifier: ['graph', 'tokensMax', 'labels', 'activation'],
  graph: ['graph'],
};

/** What a field says that neither the body nor a folder states. */
const UNSTATED: Omit<ModelReading, 'task' | 'graph'> = {
  externalData: [],
  tokensMax: 0,
  dimensions: 0,
  pooling: 'none',
  isNormalised: false,
  labels: [],
  activation: 'none',
  prompts: {},
};

/** Refuses what a body states of files that it does not have, before any is copied. */
export function checkStatedPaths({ graph, external_data: externalData = [] }: VersionBody, files: readonly ServedFile[]): Outcome<null> {
  const stated = [
    ...(graph === undefined ? [] : [{ path: graph, at: ['graph'] }]),
    ...externalData.map((path, i) => ({ path, at: ['external_data', i] })),
  ];
  const absent = stated.find(({ path }) => !files.some((file) => file.path === path));
  return absent === undefined ? ok(null) : refuse('invalid_value', `is ${absent.path}, which is none of the files`, absent.at);
}

/**
 * The manifest of a version: what the body states, and what it leaves out as its files say it, which are in the owner's bucket by then. A
 * body that states all that its task needs has nothing read. Refuses as `readFolder` does, naming file and field. [M90]
 */
export async function describeVersion(
  inference: Pick<ModelCalls, 'readFolder'>,
  owner: ModelOwner,
  team: string,
  body: VersionBody,
  files: readonly ServedFile[],
): Promise<Outcome<VersionManifest>> {
  const read = await readUnstated(inference, owner, statedOf(body), files);
  if (!read.ok) return read;
  const reading = readingOf(read.value);
  const { task, dimensions } = reading;
  if (makesVectors(task) !== dimensions > 0)
    return refuse(
      'invalid_value',
      makesVectors(task) ? 'is needed for an embedding model' : 'goes with embedding models only',
      'dimensions',
    );
  const { retrieval_quality: quality } = body;
  if (quality !== undefined && task !== 'embedding')
    return refuse('invalid_value', 'goes with dense embedding models only', 'retrieval_quality');
  const manifest: VersionManifest = {
    ...reading,
    files,
    // [M31]
    contractHash: await servedContractHash(reading, files),
    licence: body.licence ?? null,
    team,
    recipe: body.recipe ?? null,
    evaluation: body.evaluation ?? null,
    ...(quality === undefined ? {} : { retrievalQuality: quality }),
    parents: body.parents,
  };
  const bytes = JSON.stringify(manifest).length;
  if (bytes <= MODEL_LIMITS.modelManifestBytesMax) return ok(manifest);
  return refuseBeyond({ path: 'recipe', limit: 'modelManifestBytesMax', value: bytes, what: `the manifest has ${bytes} characters` });
}

async function readUnstated(
  inference: Pick<ModelCalls, 'readFolder'>,
  owner: ModelOwner,
  stated: Stated,
  files: readonly ServedFile[],
): Promise<Outcome<ModelReading>> {
  const { task, graph } = stated;
  if (task !== undefined && graph !== undefined && NEEDED[task].every((field) => stated[field] !== undefined))
    return ok({ ...UNSTATED, ...stated, task, graph });
  const read = await inference.readFolder(owner, files, {
    ...(task === undefined ? {} : { task }),
    ...(graph === undefined ? {} : { graph }),
  });
  return read.ok ? ok({ ...read.value.reading, ...stated }) : read;
}
