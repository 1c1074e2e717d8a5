import type { OutputClaim } from '../../contract/pools/agent-protocol.ts';
import type { Grant, JobOutput } from '../../contract/jobs/attempt.ts';
import type { Progress } from '../../contract/jobs/attempt-report.ts';
import { checkpointFileOf, checkpointPrefixOf, outputFileOf } from '../../contract/jobs/attempt.ts';
import { ERRORS_PATH, inputFilesOf, isBuild, isOptional, isProgram, outputPathsOf } from '../../contract/jobs/job-facts.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { AttemptId, FileId, PoolId, TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Authority } from '../../contract/tenancy/write-lease.ts';
import type { JobRegistration } from '../models/job-registrations.ts';
import type { FileCatalogue } from '../files/file-catalogue.ts';
import type { FileStore, StoredFile } from '../files/file-store.ts';
import type { FileWriter } from '../files/file-writer.ts';
import type { Pools } from './pool-calls.ts';

export interface AttemptParts<Content> {
  readonly pools: Pools;
  readonly writer: FileWriter<Content>;
  readonly files: FileCatalogue<Content>;
  readonly store: Pick<FileStore<Content>, 'find' | 'read' | 'list' | 'delete'>;
  readonly clock: Clock;
  /** The right to store what a job of the tenant made. */
  readonly authorityOf: (tenantId: TenantId) => Authority;
  /** Registers what an attempt has made, where its job asks for it; under a job's id once. */
  readonly register: (grant: Grant, outputs: readonly JobOutput[]) => Promise<Outcome<JobRegistration>>;
}

/** Which attempt, as its agent says. */
export interface AttemptHold {
  readonly poolId: PoolId;
  /** Of the pool: the one that has the attempt, where the caller says so. */
  readonly partition: number;
  readonly attemptId: AttemptId;
  readonly fence: number;
}

/** What an agent uploads. */
export interface ArtifactUpload<Content> {
  readonly bytes: number;
  /** In hex; nothing else is stored. Undefined for agents that do not say. */
  readonly sha256: string | undefined;
  readonly content: Content;
}

interface Completion {
  readonly progress: Progress;
  readonly tokens: number;
  /** Undefined for agents that upload one output and do not name it. */
  readonly outputs: readonly OutputClaim[] | undefined;
}

/** What an agent reads and writes. Whose files these are comes from the attempt it holds, never from the agent. */
export class AttemptFiles<Content> {
  readonly #parts: AttemptParts<Content>;

  constructor(parts: AttemptParts<Content>) {
    this.#parts = parts;
  }

  /** Refuses with `stale_fence`, or with `file_not_found` when the job has no such input or the tenant has deleted it. */
  async input(hold: AttemptHold, index: number): Promise<Outcome<{ readonly file: StoredFile; readonly content: Content }>> {
    const found = await this.describe(hold, 'input', index);
    if (!found.ok) return found;
    const { tenantId, file } = found.value;
    const content = await this.#parts.files.read(tenantId, file.id);
    return content.ok ? ok({ file, content: content.value }) : content;
  }

  /** The file that an attempt reads as its input or checkpoint, without its content. Refuses as `input` and `checkpoint` do. */
  async describe(
    hold: AttemptHold,
    artifact: string,
    index: number,
  ): Promise<Outcome<{ readonly tenantId: TenantId; readonly file: StoredFile }>> {
    const held = await this.#held(hold);
    if (!held.ok) return held;
    const { tenantId, work, checkpoint } = held.value;
    if (artifact === 'checkpoint') {
      const saved = checkpoint == null ? undefined : await this.#parts.store.find(tenantId, checkpoint.file);
      return saved === undefined ? nothingSaved() : ok({ tenantId, file: saved });
    }
    const input = inputFilesOf(work)[index];
    if (input === undefined)
      return refuseResource('file_not_found', { kind: 'file', name: String(index) }, `the job has no input ${index}`, 'index');
    const file = await this.#parts.files.find(tenantId, input.id);
    return file.ok ? ok({ tenantId, file: file.value }) : file;
  }

  /**
   * Refuses with `stale_fence`, with `tenant_suspended` once the tenant is being erased, with `state_conflict` when another content is stored
   * as this output, or with `unavailable` when the upload was interrupted or damaged. Written once: a repeated upload changes nothing.
   */
  async output(hold: AttemptHold, index: number, upload: ArtifactUpload<Content>): Promise<Outcome<null>> {
    const sized = bounded(upload.bytes);
    if (!sized.ok) return sized;
    const held = await this.#speaking(hold);
    if (!held.ok) return held;
    const { jobId, fence, work } = held.value;
    const path = outputPathsOf(work)[index];
    if (path === undefined) return refuse('invalid_value', `the job has no output ${index}`, 'index');
    const suffix = path === ERRORS_PATH ? '-errors' : '';
    const isNamed = isProgram(work) || isBuild(work);
    const filename = isNamed ? path.slice(path.lastIndexOf('/') + 1) : `${jobId}${suffix}.jsonl`;
    const purpose = isNamed ? 'job_output' : 'batch_output';
    return this.#store(held.value, { id: outputFileOf(jobId, fence, index), filename, purpose }, upload);
  }

  /** What the job's attempts have saved last. Refuses with `stale_fence`, or with `file_not_found` when they have saved nothing. */
  async checkpoint(hold: AttemptHold): Promise<Outcome<{ readonly file: StoredFile; readonly content: Content }>> {
    const found = await this.describe(hold, 'checkpoint', 0);
    if (!found.ok) return found;
    const { tenantId, file } = found.value;
    const content = await this.#parts.store.read(tenantId, file.id);
    return content === undefined ? nothingSaved() : ok({ file, content });
  }

  /** Stores what an attempt has saved; from then on later attempts begin with it. Refuses as `output` does. */
  async saveCheckpoint(hold: AttemptHold, sha256: string, upload: ArtifactUpload<Content>): Promise<Outcome<null>> {
    const sized = bounded(upload.bytes);
    if (!sized.ok) return sized;
    const held = await this.#speaking(hold);
    if (!held.ok) return held;
    const { jobId } = held.value;
    const file = checkpointFileOf(jobId, sha256);
    const stored = await this.#store(held.value, { id: file, filename: 'checkpoint', purpose: 'checkpoint' }, upload);
    if (!stored.ok) return stored;
    const saved = await this.#parts
      .pools(hold.poolId, hold.partition)
      .saved(hold.attemptId, hold.fence, { file, bytes: upload.bytes, sha256 });
    if (saved.ok) await this.#dropCheckpoints(held.value, file);
    return saved;
  }

  /** Ends an attempt whose outputs are all stored as its agent names them. Refuses with `state_conflict` when they are not, or as `end` does. */
  async complete(hold: AttemptHold, { progress, tokens, outputs }: Completion): Promise<Outcome<null>> {
    const pool = this.#parts.pools(hold.poolId, hold.partition);
    const held = await this.#speaking(hold);
    if (!held.ok && held.error.code === 'state_conflict') return held;
    // An end that is on record already is answered as the first time, and changes nothing. [P57]
    const named = held.ok ? await this.#named(held.value, outputs) : ok([]);
    if (!named.ok) return named;
    const registered = held.ok ? await this.#parts.register(held.value, named.value) : ok<JobRegistration>({ kind: 'none' });
    if (!registered.ok) return registered;
    const { value } = registered;
    const completed = { kind: 'completed', progress, tokens, outputs: named.value } as const;
    const ended = await pool.end(
      hold.attemptId,
      hold.fence,
      value.kind === 'refused'
        ? { kind: 'failed', ...value.fault }
        : { ...completed, ...(value.kind === 'registered' ? { registeredModel: value.model } : {}) },
    );
    if (ended.ok && held.ok && held.value.checkpoint != null) await this.#dropCheckpoints(held.value, null);
    return ended;
  }

  /** The outputs of an attempt as they are stored. */
  async #named(
    { tenantId, jobId, fence, work }: Grant,
    claims: readonly OutputClaim[] | undefined,
  ): Promise<Outcome<readonly JobOutput[]>> {
    const named: JobOutput[] = [];
    for (const [index, path] of outputPathsOf(work).entries()) {
      const file = outputFileOf(jobId, fence, index);
      const stored = await this.#parts.store.find(tenantId, file);
      const claim = claims?.find((other) => other.index === index);
      if (claim === undefined && isOptional(work, path)) continue;
      const isAsClaimed = claims === undefined || (claim !== undefined && claim.bytes === stored?.bytes && claim.sha256 === stored.sha256);
      if (stored === undefined || !isAsClaimed)
        return refuse('state_conflict', `output ${index} is not stored as the completion names it`, 'outputs');
      named.push({ path, file, bytes: stored.bytes, sha256: stored.sha256 ?? '' });
    }
    return ok(named);
  }

  async #store(
    { tenantId, owner, outputLifeMs = null }: Grant,
    file: Pick<StoredFile, 'id' | 'filename' | 'purpose'>,
    { sha256, content }: ArtifactUpload<Content>,
  ): Promise<Outcome<null>> {
    const { writer, authorityOf, clock } = this.#parts;
    const digest = sha256 === undefined ? {} : { sha256 };
    const createdAtMs = clock.nowMs();
    const expiresAtMs = outputLifeMs === null ? null : createdAtMs + outputLifeMs;
    try {
      const stored = await writer.write(
        tenantId,
        authorityOf(tenantId),
        { ...file, owner, digest: '', createdAtMs, expiresAtMs, ...digest },
        content,
      );
      if (!stored.ok) return stored;
      const isSame = sha256 === undefined || stored.value.sha256 === sha256;
      return isSame ? ok(null) : refuse('state_conflict', 'another content is stored already', 'sha256');
    } catch {
      // The upload or the store was interrupted, or it was not what was announced: nothing is stored of it.
      return refuse('unavailable', 'the upload was not stored: send it again');
    }
  }

  /** Deletes what the job's attempts have saved, but `kept`. Left over where this is cut off, they go with the next one, or with the tenant. */
  async #dropCheckpoints({ tenantId, jobId }: Grant, kept: FileId | null): Promise<void> {
    const prefix = checkpointPrefixOf(jobId);
    const { files } = await this.#parts.store.list(tenantId, prefix, CHECKPOINTS_A_SWEEP);
    for (const { id } of files) if (id.startsWith(prefix) && id !== kept) await this.#parts.store.delete(tenantId, id);
  }

  /** As `#held`, for what only the member of rank 0 does. Refuses others with `state_conflict`. */
  async #speaking(hold: AttemptHold): Promise<Outcome<Grant>> {
    const held = await this.#held(hold);
    if (!held.ok || (held.value.rank ?? 0) === 0) return held;
    return refuse('state_conflict', 'only rank 0 of a gang saves its work and ends it');
  }

  #held({ poolId, partition, attemptId, fence }: AttemptHold): Promise<Outcome<Grant>> {
    return this.#parts.pools(poolId, partition).held(attemptId, fence);
  }
}

/** There is one, and those of which the deletion was cut off. */
const CHECKPOINTS_A_SWEEP = 16;

const nothingSaved = () => refuseResource('file_not_found', { kind: 'file', name: 'checkpoint' }, 'the job has saved nothing');

function bounded(bytes: number): Outcome<null> {
  if (!(bytes >= 0)) return refuse('invalid_value', 'send the content-length of the upload', 'content-length');
  if (bytes <= JOB_LIMITS.jobOutputBytesMax) return ok(null);
  return refuse('payload_too_large', `${bytes} bytes are above jobOutputBytesMax (${JOB_LIMITS.jobOutputBytesMax})`);
}
