import type { ModelVersionReply } from '../../src/contract/models/model-versions.ts';
import type { ModelReply } from '../../src/contract/models/models.ts';
import { nameWithoutVersion } from '../../src/contract/api/model-name.ts';
import type { ModelManifest } from '../../src/inference/model-manifest.ts';
import type { ModelBucket } from '../../src/inference/served/model-bucket.ts';
import type { ModelReading } from '../../src/inference/served-manifest.ts';
import { sha256Hex } from '../../src/kernel/bytes.ts';
import type { Progress } from './browser-files.ts';
import { BrowserFiles } from './browser-files.ts';
import { EdgeError } from './edge-error.ts';
import type { RegisteredFolder } from './registered.ts';

/** A registered version, as a page loads it: with what the API says of it, and its files. */
export interface RegisteredVersion extends RegisteredFolder {
  readonly manifest: ModelManifest;
}

interface Loading {
  readonly url: string;
  readonly apiKey: string;
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** The version that a name means now, of the tenant of the key or of the platform. Rejects with the API's code. */
export async function registeredVersion(name: string, loading: Loading): Promise<RegisteredVersion> {
  const model = nameWithoutVersion(name);
  const path = `/v1/models/${encodeURIComponent(model)}`;
  const found = await called<ModelReply>(path, loading);
  const number = name === model ? found.version : name.slice(model.length + 1);
  const version = await called<ModelVersionReply>(`/v1/models/${encodeURIComponent(found.id)}/versions/${String(number)}`, loading);
  const folder = `${loading.url}/v1/models/${encodeURIComponent(version.model)}/versions/${version.version}/file?sha256=`;
  // By its hash a file is the same for all versions that have it.
  const files = new BrowserFiles(folder, loading, `${loading.url}/v1/models/files/`);
  for (const { path: shown, bytes, sha256 } of version.files) files.expect(sha256, bytes, shown);
  return { manifest: manifestOf(version), reading: readingOf(version), files: version.files, bucket: bucketOf(files) };
}

/** What is kept may be damaged: it is fetched again, once. A file that does not come, whatever the gateway says, makes the load `unavailable`. */
const bucketOf = (files: BrowserFiles): ModelBucket => ({
  async read(key) {
    const sha256 = key.slice(key.lastIndexOf('/') + 1);
    const kept = await fetched(files, sha256);
    if ((await sha256Hex(kept)) === sha256) return kept;
    await files.forget(sha256);
    const again = await fetched(files, sha256);
    if ((await sha256Hex(again)) !== sha256) await files.forget(sha256);
    return again;
  },
});

async function fetched(files: BrowserFiles, sha256: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await files.read(sha256);
  if (bytes === undefined)
    throw new EdgeError('unavailable', 'a file of the model cannot be fetched: does the key have the scope models:read?');
  return bytes;
}

async function called<T>(path: string, { url, apiKey, signal }: Loading): Promise<T> {
  const response = await fetch(url + path, {
    headers: { authorization: `Bearer ${apiKey}` },
    ...(signal === undefined ? {} : { signal }),
  }).catch((error: unknown) => {
    if (signal?.aborted === true) throw new EdgeError('aborted', 'the page gave it up', null, error);
    throw new EdgeError('unavailable', 'the gateway does not answer', null, error);
  });
  if (response.ok) return (await response.json()) as T;
  const { error } = (await response.json().catch(() => ({}))) as { readonly error?: Pick<EdgeError, 'code' | 'message'> };
  throw new EdgeError(error?.code ?? 'unavailable', error?.message ?? `the gateway answered ${response.status}`);
}

function readingOf(version: ModelVersionReply): ModelReading {
  const { query, passage } = version.prompts;
  return {
    task: version.task as ModelReading['task'],
    graph: version.graph,
    externalData: version.external_data,
    tokensMax: version.tokens_max,
    dimensions: version.dimensions ?? 0,
    pooling: version.pooling as ModelReading['pooling'],
    isNormalised: version.normalised,
    labels: version.labels,
    activation: version.activation as ModelReading['activation'],
    prompts: { ...(query === undefined ? {} : { query }), ...(passage === undefined ? {} : { passage }) },
  };
}

/** What an edge says of it. Its texts are tokenised by its own files: it has no vocabulary here. */
const manifestOf = (version: ModelVersionReply): ModelManifest => ({
  id: version.model,
  version: String(version.version),
  dimensions: version.dimensions ?? 0,
  vocabularySize: 1,
  runner: 'onnx',
  tokensMax: version.tokens_max,
  contractHash: version.contract_hash,
  file: { path: version.graph, bytes: 1, sha256: version.files.find(({ path }) => path === version.graph)?.sha256 ?? '' },
  createdS: version.created,
  ownedBy: version.owner,
});
