import { WorkerEntrypoint } from 'cloudflare:workers';

import type { Outcome } from '../../src/contract/api/outcome.ts';
import { refuse } from '../../src/contract/api/outcome.ts';
import { refuseBeyond } from '../../src/contract/limits/limit-refusal.ts';
import type { QuestionEmbedder, QuestionVector } from '../../src/gateway/routes/question-embedder.ts';
import type { LoadOnce } from '../../src/inference/load-once.ts';
import type { ModelManifest } from '../../src/inference/model-manifest.ts';
import { findVersion } from '../../src/inference/model-manifest.ts';
import type { StaticModel } from '../../src/inference/static/static-model.ts';
import { normalise } from '../../src/inference/unit-vectors.ts';
import { must } from '../../src/kernel/assert.ts';
import { ok } from '../../src/kernel/result.ts';
import type { UpstreamOwner } from '../../src/upstreams/upstream-record.ts';
import { staticModel } from '../gateway/adapters/embeddings/embedding-models.ts';
import { MODEL_CATALOGUE } from './deployed-models.ts';
import type { InferenceEnv } from './loaded-models.ts';
import { modelsOf } from './loaded-models.ts';
import type { RegisteredModel } from './registered-models.ts';
import { findRegistered } from './registered-models.ts';
import { systemClock } from '../../durable-objects/system-time.ts';

/** What the gateway calls over its service binding: the vectors of questions, by the models of the deployment. */
export class QuestionEmbeddingService extends WorkerEntrypoint<InferenceEnv> implements QuestionEmbedder {
  async check(owner: UpstreamOwner, model: string): Promise<Outcome<null>> {
    const found = await this.#find(owner, model);
    return found.ok ? ok(null) : found;
  }

  async embed(owner: UpstreamOwner, model: string, text: string): Promise<Outcome<QuestionVector>> {
    const found = await this.#find(owner, model);
    if (!found.ok) return found;
    return 'runner' in found.value ? this.#embedStatically(found.value, text) : this.#embedRegistered(found.value, text);
  }

  async #find(owner: UpstreamOwner, model: string): Promise<Outcome<ModelManifest | RegisteredModel>> {
    const builtIn = findVersion(MODEL_CATALOGUE, model);
    if (builtIn !== undefined) return ok(builtIn);
    const found = await findRegistered(this.env, owner, model);
    if (!found.ok) return found;
    const { task } = found.value.manifest;
    return task === 'embedding' ? found : refuse('invalid_value', `${model} embeds no texts: its task is ${task}`);
  }

  async #embedStatically(manifest: ModelManifest, text: string): Promise<Outcome<QuestionVector>> {
    const model = await this.#static(manifest).get();
    if (!model.ok) return model;
    const { tokeniser, encoder } = model.value;
    const { ids, words } = tokeniser.tokenise(text);
    const { length } = ids;
    if (length > manifest.tokensMax)
      return refuseBeyond({ limit: { bound: manifest.tokensMax }, value: length, what: `the question has ${length} tokens` });
    const vector = encoder.embed({ ids, offsets: Int32Array.of(0, length) });
    return ok({ vector, tokens: words, contract: manifest.contractHash });
  }

  async #embedRegistered(model: RegisteredModel, text: string): Promise<Outcome<QuestionVector>> {
    const embedded = await modelsOf(this.env).registered.embedTexts(model, [text], 'query');
    if (!embedded.ok) return embedded;
    const { vectors, tokens } = embedded.value;
    normalise(vectors);
    return ok({ vector: vectors, tokens: tokens[0] ?? 0, contract: model.contractHash });
  }

  /** By the hash of the file, which both runners of a model read: the static one gives the same vectors. */
  #static({ file }: ModelManifest): LoadOnce<StaticModel> {
    const loaded = statics.get(this.env) ?? new Map<string, LoadOnce<StaticModel>>();
    statics.set(this.env, loaded);
    const manifest = must(
      MODEL_CATALOGUE.find((one) => one.runner === 'static' && one.file.sha256 === file.sha256),
      'every file has a static model',
    );
    const model = loaded.get(file.sha256) ?? staticModel(this.env.ASSETS, systemClock, () => undefined, manifest);
    loaded.set(file.sha256, model);
    return model;
  }
}

/** One per isolate: an entrypoint object lives for one call. */
const statics = new WeakMap<InferenceEnv, Map<string, LoadOnce<StaticModel>>>();
