import { createHash } from 'node:crypto';
import { createReadStream, openAsBlob } from 'node:fs';
import { link, rm } from 'node:fs/promises';
import type { OutputClaim } from '../../src/contract/pools/agent-protocol.ts';
import type { AttemptArtifacts } from './job-runner.ts';
import { persistently } from './persistently.ts';
import type { AttemptKey, PoolClient } from './pool-client.ts';
import { Refused } from './pool-client.ts';
import { saveBody } from './save-body.ts';

/** What came is not what the gateway has. */
export class Corrupt extends Error {}

/**
 * Moves files between the attempt's folder and the gateway, with their SHA-256: the gateway stores nothing under another digest than the one
 * announced, and a download with another one than stored is thrown away and tried again. [P52]
 */
export class ArtifactTransfer implements AttemptArtifacts {
  readonly #client: PoolClient;
  readonly #attempt: AttemptKey;
  readonly #stopped: AbortSignal;
  readonly #lost: AbortSignal;

  /** An attempt that must stop (`stopped`) still saves its checkpoint, until it is `lost`. */
  constructor(client: PoolClient, attempt: AttemptKey, stopped: AbortSignal, lost: AbortSignal) {
    this.#client = client;
    this.#attempt = attempt;
    this.#stopped = stopped;
    this.#lost = lost;
  }

  fetchInput(index: number, path: string): Promise<void> {
    return this.#fetch(() => this.#client.input(this.#attempt, index, this.#stopped), path);
  }

  async storeOutput(index: number, path: string): Promise<OutputClaim> {
    const { bytes, sha256 } = await this.#store(path, this.#stopped, (content, digest) =>
      this.#client.output(this.#attempt, { index, sha256: digest }, content, this.#stopped),
    );
    return { index, bytes, sha256 };
  }

  async fetchCheckpoint(path: string): Promise<boolean> {
    try {
      await this.#fetch(() => this.#client.checkpoint(this.#attempt, this.#stopped), path);
      return true;
    } catch (error) {
      if (error instanceof Refused && error.code === 'file_not_found') return false;
      throw error;
    }
  }

  async storeCheckpoint(path: string): Promise<void> {
    // The command may replace its checkpoint at any time: a second name keeps this one.
    const kept = `${path}.sluice`;
    await rm(kept, { force: true });
    await link(path, kept);
    try {
      await this.#store(kept, this.#lost, (content, sha256) => this.#client.storeCheckpoint(this.#attempt, sha256, content, this.#lost));
    } finally {
      await rm(kept, { force: true });
    }
  }

  async #store(
    path: string,
    signal: AbortSignal,
    send: (content: Blob, sha256: string) => Promise<void>,
  ): Promise<{ bytes: number; sha256: string }> {
    const sha256 = await digestOf(path);
    const content = await openAsBlob(path);
    await persistently(signal, () => send(content, sha256));
    return { bytes: content.size, sha256 };
  }

  async #fetch(request: () => Promise<Response>, path: string): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const isWhole = await persistently(this.#stopped, async () => {
        const { body, headers } = await request();
        const digest = await saveBody(body, path, this.#stopped);
        const expected = sha256Of(headers);
        return expected === undefined || expected === digest;
      });
      if (isWhole) return;
      if (tries >= CORRUPT_TRIES) throw new Corrupt('what came is not what is stored: its sha-256 differs');
    }
  }
}

const CORRUPT_TRIES = 3;

/** As RFC 9530 has it, in hex. */
function sha256Of(headers: Headers): string | undefined {
  const [, base64] = /^sha-256=:([A-Za-z0-9+/=]+):$/.exec(headers.get('repr-digest') ?? '') ?? [];
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('hex');
}

async function digestOf(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path)) digest.update(chunk as Buffer);
  return digest.digest('hex');
}
