import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse } from '../../src/contract/outcome.ts';
import { readModelFile } from '../../src/inference/model-files.ts';
import type { ModelFiles } from '../../src/inference/model-files.ts';
import { parseModelCatalogue } from '../../src/inference/model-manifest.ts';
import { openStaticModel } from '../../src/inference/static-model.ts';
import { ok } from '../../src/kernel/result.ts';
import type { LoadedModel } from './answer-line.ts';

/** The gateway's models, downloaded when first needed and checked against their manifests; then kept. */
export class GatewayModels {
  readonly #files: ModelFiles;
  readonly #loaded = new Map<string, LoadedModel>();

  constructor(files: ModelFiles) {
    this.#files = files;
  }

  /** Refuses with `model_not_found`, or `unavailable` when the files cannot be read or are not what the manifest says. */
  async load(id: string): Promise<Outcome<LoadedModel>> {
    const known = this.#loaded.get(id);
    if (known !== undefined) return ok(known);
    const catalogue = await this.#files.read(`${id}/manifest.json`);
    if (catalogue === undefined) return refuse('model_not_found', `the gateway has no model ${id}`);
    const manifest = parseModelCatalogue(JSON.parse(new TextDecoder().decode(catalogue))).find((model) => model.id === id);
    if (manifest?.runner !== 'static') return refuse('model_not_found', `this agent cannot run ${id}`);
    const bytes = await readModelFile(this.#files, manifest);
    if (!bytes.ok) return bytes;
    const opened = openStaticModel(manifest, bytes.value);
    if (!opened.ok) return refuse('unavailable', `${id}: ${opened.error.reason}`);
    const loaded = { tokeniser: opened.value.tokeniser, model: opened.value.encoder };
    this.#loaded.set(id, loaded);
    return ok(loaded);
  }
}

/** The models that a gateway serves under `/models/`. */
export const gatewayFiles = (url: string): ModelFiles => ({
  async read(path) {
    const response = await fetch(`${url}/models/${path}`);
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    await response.body?.cancel();
    // Not gone, only not well: worth another try.
    if (response.status >= 500) throw new Error(`the gateway answered ${response.status} for ${path}`);
    return undefined;
  },
});
