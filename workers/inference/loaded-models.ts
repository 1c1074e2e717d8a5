import { systemClock, systemTimer } from '../../durable-objects/system-time.ts';
import type { ObjectNamespace } from '../../durable-objects/object-namespace.ts';
import type { ModelRegistryCalls } from '../../src/gateway/models/model-registries.ts';
import { MODEL_LIMITS } from '../../src/contract/models/model-limits.ts';
import { modelRoom } from '../../src/inference/served/model-room.ts';
import { ModelHost } from '../../src/inference/served/model-host.ts';
import { assetFiles, MODEL_CATALOGUE } from './deployed-models.ts';
import { modelBucket } from './model-files.ts';
import { startEncoder } from './encoder-engine.ts';
import { onnxRuntime } from './onnx-runtime.ts';
import { OnnxModels } from './onnx-models.ts';
import { requestWakeUps } from './request-wake-ups.ts';

/** Bindings of the inference Worker: its wrangler.toml, as types. */
export interface InferenceEnv {
  readonly ASSETS: Fetcher;
  /** Where the files of registered models are, with those of tenants. */
  readonly FILES: R2Bucket;
  /** One object an owner of models: which version of a classifier serves. */
  readonly MODEL_REGISTRY: ObjectNamespace<ModelRegistryCalls>;
  /** What the isolate has for models, in MiB, where it is none of 128 MB: on a machine of one's own. */
  readonly MODEL_MEMORY_MIB?: string;
}

interface LoadedModels {
  readonly builtIn: OnnxModels;
  readonly registered: ModelHost;
}

/** One per isolate: an entrypoint object lives for one call. */
const loaded = new WeakMap<InferenceEnv, LoadedModels>();

/** The models of this isolate, whichever service is called. */
export function modelsOf(env: InferenceEnv): LoadedModels {
  const known = loaded.get(env);
  if (known !== undefined) return known;
  const loading = { clock: systemClock, timer: systemTimer, wakeUps: requestWakeUps, retryMs: MODEL_LIMITS.modelRetryMs };
  const room = modelRoom(env.MODEL_MEMORY_MIB);
  const runtime = onnxRuntime(room);
  const models = {
    builtIn: new OnnxModels(MODEL_CATALOGUE, assetFiles(env.ASSETS), runtime.start, loading),
    registered: new ModelHost({ ...loading, ...runtime, room, startEncoder, bucket: modelBucket(env.FILES), isShared: true }),
  };
  loaded.set(env, models);
  return models;
}
