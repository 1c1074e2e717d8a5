import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Outcome } from '../../src/contract/api/outcome.ts';
import { refuse } from '../../src/contract/api/outcome.ts';
import { TOKENISER_CONFIG_FILE, TOKENISER_FILE } from '../../src/inference/served/contract-hash.ts';
import type { ModelRef, ServedFile } from '../../src/inference/served-manifest.ts';
import { ok } from '../../src/kernel/result.ts';
import { persistently } from './persistently.ts';
import type { DeployedModel } from '../../src/contract/pools/agent-models.ts';
import type { AttemptKey, PoolClient } from './pool-client.ts';
import { Refused } from './pool-client.ts';
import { saveBody } from './save-body.ts';

/** The registered model of an attempt, as the gateway has it. Each call tries again while the gateway is away, until the attempt must stop. */
export class AttemptModel {
  readonly #client: PoolClient;
  readonly #attempt: AttemptKey;
  readonly #stopped: AbortSignal;

  constructor(client: PoolClient, attempt: AttemptKey, stopped: AbortSignal) {
    this.#client = client;
    this.#attempt = attempt;
    this.#stopped = stopped;
  }

  /** Undefined: the attempt works with no registered model, and names no alias. */
  async find(): Promise<ModelRef | DeployedModel | undefined> {
    try {
      return await persistently(this.#stopped, () => this.#client.model(this.#attempt, this.#stopped));
    } catch (error) {
      // `route_not_found`: the gateway is older than this agent.
      if (error instanceof Refused && (error.code === 'model_not_found' || error.code === 'route_not_found')) return undefined;
      throw error;
    }
  }

  /**
   * Downloads the files that the model computes with into a new folder, named by their SHA-256. Refuses with `unavailable` what is gone, or not
   * what the manifest says. The folder is the caller's to remove.
   */
  async download(ref: ModelRef): Promise<Outcome<string>> {
    const { manifest } = ref;
    const folder = await mkdtemp(join(tmpdir(), 'sluice-model-'));
    const wanted = new Set([manifest.graph, ...manifest.externalData, TOKENISER_FILE, TOKENISER_CONFIG_FILE]);
    const files = manifest.files.filter((file) => wanted.has(file.path));
    const saved = await this.#save(ref, files, ({ sha256 }) => join(folder, sha256)).catch(async (error: unknown) => {
      await rm(folder, { recursive: true, force: true });
      throw error;
    });
    if (saved.ok) return ok(folder);
    await rm(folder, { recursive: true, force: true });
    return saved;
  }

  /** Downloads all files of the model to their places below a folder, whose paths have been checked. Refuses as `download` does. */
  async downloadWhole(ref: ModelRef, folder: string): Promise<Outcome<null>> {
    for (const { path } of ref.manifest.files) await mkdir(dirname(join(folder, path)), { recursive: true });
    return this.#save(ref, ref.manifest.files, ({ path }) => join(folder, path));
  }

  async #save({ model }: ModelRef, files: readonly ServedFile[], placeOf: (file: ServedFile) => string): Promise<Outcome<null>> {
    try {
      for (const file of files) {
        const digest = await persistently(this.#stopped, async () => {
          const { body } = await this.#client.modelFile(this.#attempt, file.sha256, this.#stopped);
          return saveBody(body, placeOf(file), this.#stopped);
        });
        if (digest !== file.sha256)
          return refuse('unavailable', `${file.path} of ${model} came with another SHA-256 than its manifest says`);
      }
      return ok(null);
    } catch (error) {
      // The version may have been retired since it was found.
      if (error instanceof Refused && error.code === 'file_not_found') return refuse('unavailable', `${model}: ${error.message}`);
      throw error;
    }
  }
}
