import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse } from '../../src/contract/outcome.ts';
import type { ModelFiles } from '../../src/inference/model-manifest.ts';
import { readModelFile, parseModelCatalogue } from '../../src/inference/model-manifest.ts';
import { ok } from '../../src/kernel/result.ts';
import type { LineAnswerer } from './answer-line.ts';
import { ModelThreads } from './model-threads.ts';

/** The gateway's models, downloaded when first needed and checked against their manifests. The latest is kept, with its threads. */
export class GatewayModels {
  readonly #files: ModelFiles;
  readonly #cacheSocket: string | undefined;
  #latest: { readonly id: string; readonly threads: ModelThreads } | undefined;

  /** `cacheSocket`: where agents of this machine share what they computed. */
  constructor(files: ModelFiles, cacheSocket?: string) {
    this.#files = files;
    this.#cacheSocket = cacheSocket;
  }

  /** Refuses with `model_not_found`, or `unavailable` when the files cannot be read or are not what the manifest says. */
  async load(id: string): Promise<Outcome<LineAnswerer>> {
    if (this.#latest?.id === id) return ok(this.#latest.threads);
    const catalogue = await this.#files.read(`${id}/manifest.json`);
    if (catalogue === undefined) return refuse('model_not_found', `the gateway has no model ${id}`);
    const manifest = parseModelCatalogue(JSON.parse(new TextDecoder().decode(catalogue))).find((model) => model.id === id);
    if (manifest?.runner !== 'static') return refuse('model_not_found', `this agent cannot run ${id}`);
    const bytes = await readModelFile(this.#files, manifest);
    if (!bytes.ok) return bytes;
    const threads = await ModelThreads.start(manifest, bytes.value, { cacheSocket: this.#cacheSocket });
    if (!threads.ok) return threads;
    await this.#latest?.threads.stop();
    this.#latest = { id, threads: threads.value };
    return ok(threads.value);
  }

  /** Ends the threads of the model that was loaded. */
  async close(): Promise<void> {
    await this.#latest?.threads.stop();
    this.#latest = undefined;
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
