import { hash } from 'node:crypto';
import { persistently } from './persistently.ts';
import type { AttemptKey, PoolClient } from './pool-client.ts';

/** The shard of an index build, as the gateway has it. Each call tries again while the gateway is away, until the attempt must stop. */
export class AttemptBuild {
  readonly #client: PoolClient;
  readonly #attempt: AttemptKey;
  readonly #stopped: AbortSignal;

  constructor(client: PoolClient, attempt: AttemptKey, stopped: AbortSignal) {
    this.#client = client;
    this.#attempt = attempt;
    this.#stopped = stopped;
  }

  begin(): ReturnType<PoolClient['beginBuild']> {
    return persistently(this.#stopped, () => this.#client.beginBuild(this.#attempt, this.#stopped));
  }

  /** All of the vectors to train on, as they are stored. */
  async sample(): Promise<Float32Array> {
    const parts: Float32Array[] = [];
    for (let from: number | null = 0; from !== null;) {
      const at: number = from;
      const part = await persistently(this.#stopped, () => this.#client.buildSample(this.#attempt, at, this.#stopped));
      parts.push(part.values);
      from = part.next;
    }
    const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  commit(artefact: Uint8Array<ArrayBuffer>): Promise<void> {
    const digest = hash('sha256', artefact);
    return persistently(this.#stopped, () => this.#client.commitBuild(this.#attempt, digest, artefact, this.#stopped));
  }
}
