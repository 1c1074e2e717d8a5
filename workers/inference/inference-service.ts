import { WorkerEntrypoint } from 'cloudflare:workers';

import type { Outcome } from '../../src/contract/api/outcome.ts';
import type { StatedReading } from '../../src/inference/folder/read-model-folder.ts';
import type {
  Classes,
  EmbeddedTexts,
  FolderReading,
  InputType,
  ModelCalls,
  Scores,
  TextOptions,
  Verified,
} from '../../src/inference/served/model-calls.ts';
import type { ModelRef, ServedFile } from '../../src/inference/served-manifest.ts';
import type { NamedTensor } from '../../src/inference/tensor.ts';
import { checkTokenBatch } from '../../src/inference/token-batch.ts';
import { ok } from '../../src/kernel/result.ts';
import type { InferenceEnv } from './loaded-models.ts';
import { modelsOf } from './loaded-models.ts';

/** What the gateway calls over its service binding. */
export class InferenceService extends WorkerEntrypoint<InferenceEnv> implements ModelCalls {
  /**
   * Vectors of a token batch (see `TokenBatch`), row-major, one unit or zero row a text.
   * Refuses an unknown model, texts past the model's limits, and token ids outside its vocabulary.
   */
  async embed(model: string, ids: Int32Array<ArrayBuffer>, offsets: Int32Array<ArrayBuffer>): Promise<Outcome<Float32Array<ArrayBuffer>>> {
    const encoder = await modelsOf(this.env).builtIn.get(model);
    if (!encoder.ok) return encoder;
    const checked = checkTokenBatch(encoder.value.manifest, { ids, offsets });
    return checked.ok ? ok(await encoder.value.embed({ ids, offsets })) : checked;
  }

  readFolder(owner: string, files: readonly ServedFile[], stated?: StatedReading): Promise<Outcome<FolderReading>> {
    return modelsOf(this.env).registered.readFolder(owner, files, stated);
  }

  verify(ref: ModelRef): Promise<Outcome<Verified>> {
    return modelsOf(this.env).registered.verify(ref);
  }

  embedTexts(
    ref: ModelRef,
    texts: readonly string[],
    inputType: InputType | undefined,
    options?: TextOptions,
  ): Promise<Outcome<EmbeddedTexts>> {
    return modelsOf(this.env).registered.embedTexts(ref, texts, inputType, options);
  }

  score(ref: ModelRef, query: string, documents: readonly string[], options?: TextOptions): Promise<Outcome<Scores>> {
    return modelsOf(this.env).registered.score(ref, query, documents, options);
  }

  classify(ref: ModelRef, texts: readonly string[], options?: TextOptions): Promise<Outcome<Classes>> {
    return modelsOf(this.env).registered.classify(ref, texts, options);
  }

  infer(ref: ModelRef, inputs: readonly NamedTensor[], outputs?: readonly string[]): Promise<Outcome<readonly NamedTensor[]>> {
    return modelsOf(this.env).registered.infer(ref, inputs, outputs);
  }
}
