import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse } from '../../src/contract/outcome.ts';
import { TOKENISER_CONFIG_FILE, TOKENISER_FILE } from '../../src/inference/served/contract-hash.ts';
import type { ModelRef } from '../../src/inference/served/served-manifest.ts';
import { ok } from '../../src/kernel/result.ts';
import { persistently } from './persistently.ts';
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

  /** Undefined: the attempt works with no registered model. */
  async find(): Promise<ModelRef | undefined> {
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
  async download({ model, manifest }: ModelRef): Promise<Outcome<string>> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-model-'));
    const wanted = new Set([manifest.graph, ...manifest.externalData, TOKENISER_FILE, TOKENISER_CONFIG_FILE]);
    try {
      for (const { path, sha256 } of manifest.files.filter((file) => wanted.has(file.path))) {
        const digest = await persistently(this.#stopped, async () => {
          const { body } = await this.#client.modelFile(this.#attempt, sha256, this.#stopped);
          return saveBody(body, join(folder, sha256), this.#stopped);
        });
        if (digest === sha256) continue;
        await rm(folder, { recursive: true, force: true });
        return refuse('unavailable', `${path} of ${model} came with another SHA-256 than its manifest says`);
      }
      return ok(folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      // The version may have been retired since it was found.
      if (error instanceof Refused && error.code === 'file_not_found') return refuse('unavailable', `${model}: ${error.message}`);
      throw error;
    }
  }
}
