import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { AttemptId, PoolId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Authority } from '../../contract/write-lease.ts';
import type { FileCatalogue } from './file-catalogue.ts';
import type { FileWriter } from './file-writer.ts';
import type { Pools } from './pool-desk.ts';

export interface AttemptParts<Content> {
  readonly pools: Pools;
  readonly writer: FileWriter<Content>;
  readonly files: FileCatalogue<Content>;
  readonly clock: Clock;
  /** The right to store what a job of the tenant made. */
  readonly authorityOf: (tenantId: TenantId) => Authority;
}

/** What an agent reads and writes. Whose files these are comes from the attempt it holds, never from the agent. */
export class AttemptFiles<Content> {
  readonly #parts: AttemptParts<Content>;

  constructor(parts: AttemptParts<Content>) {
    this.#parts = parts;
  }

  /** Refuses with `stale_fence`, or with `file_not_found` when the tenant has deleted the input. */
  async input(poolId: PoolId, attemptId: AttemptId, fence: number): Promise<Outcome<Content>> {
    const held = await this.#parts.pools(poolId).held(attemptId, fence);
    return held.ok ? this.#parts.files.read(held.value.tenantId, held.value.work.inputFile) : held;
  }

  /**
   * Refuses with `stale_fence`, with `tenant_suspended` once the tenant is being erased, or with `unavailable` when the upload was
   * interrupted. Written once: a repeated upload changes nothing.
   */
  async output(poolId: PoolId, attemptId: AttemptId, fence: number, bytes: number, content: Content): Promise<Outcome<null>> {
    if (!(bytes >= 0)) return refuse('invalid_value', 'send the content-length of the output', 'content-length');
    if (bytes > LIMITS.jobOutputBytesMax) {
      return refuse('payload_too_large', `${bytes} bytes are above jobOutputBytesMax (${LIMITS.jobOutputBytesMax})`);
    }
    const { pools, writer, authorityOf, clock } = this.#parts;
    const held = await pools(poolId).held(attemptId, fence);
    if (!held.ok) return held;
    const { tenantId, jobId, outputFile, owner } = held.value;
    const file = {
      id: outputFile,
      filename: `${jobId}.jsonl`,
      purpose: 'batch_output',
      owner,
      digest: '',
      createdAtMs: clock.nowMs(),
      expiresAtMs: null,
    };
    try {
      const stored = await writer.write(tenantId, authorityOf(tenantId), file, content);
      return stored.ok ? ok(null) : stored;
    } catch {
      // The upload or the store was interrupted: nothing is stored of an incomplete file.
      return refuse('unavailable', 'the output was not stored: send it again');
    }
  }
}
