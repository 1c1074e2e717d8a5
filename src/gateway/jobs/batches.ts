import type { CreateBatch } from '../../contract/jobs/batches.ts';
import { hoursOf } from '../../contract/jobs/batches.ts';
import type { Work } from '../../contract/jobs/job-work.ts';
import { refusalAt } from '../../contract/api/errors.ts';
import { API_LIMITS } from '../../contract/api/api-limits.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Brand, FileId, JobId, TenantId } from '../../kernel/ids.ts';
import { err, ok } from '../../kernel/result.ts';
import { DEFAULT_TERMS } from '../../scheduler/served/jobs/job.ts';
import type { BatchTerms, Job } from '../../scheduler/served/jobs/job.ts';
import { mayTouchModels } from '../tenancy/authority.ts';
import { statusOf } from './batch-status.ts';
import type { FileCatalogue } from '../files/file-catalogue.ts';
import type { JobDesk } from './job-desk.ts';
import type { JobQueue } from './job-queue.ts';
import { HOUR_MS } from '../../kernel/time-units.ts';

export type BatchId = Brand<'BatchId'>;

/** A job that was submitted as a batch. */
export type BatchJob = Job & { readonly batch: BatchTerms; readonly work: Extract<Work, { kind: 'batch_embedding' }> };

interface BatchParts {
  readonly jobs: Pick<JobDesk, 'enqueue'>;
  readonly queue: Pick<JobQueue, 'job' | 'act' | 'jobs'>;
  readonly files: Pick<FileCatalogue<unknown>, 'find' | 'beginning'>;
  readonly clock: Clock;
  /** Of an input whose first line names none, which will fail. */
  readonly defaultModel: string;
}

/** OpenAI's batches: jobs under other names. Nothing of a batch is stored but in its job. [J151] */
export class Batches {
  readonly #parts: BatchParts;

  constructor(parts: BatchParts) {
    this.#parts = parts;
  }

  /**
   * Refuses with `file_not_found`, with `model_not_found` when no pool runs the model that the input begins with, with `scope_denied` when the
   * key may not use it, and as a submission of a job does.
   */
  async create(principal: TenantPrincipal, body: CreateBatch, idempotencyKey: string | undefined): Promise<Outcome<BatchJob>> {
    const { jobs, files, clock, defaultModel } = this.#parts;
    const { tenantId, owner } = principal;
    const inputFile = body.input_file_id as FileId;
    const input = await files.find(tenantId, inputFile);
    if (input.ok && input.value.purpose !== 'batch') {
      return refuse('invalid_value', `has the purpose ${input.value.purpose}: upload the file with the purpose batch`, 'input_file_id');
    }
    const beginning = await files.beginning(tenantId, inputFile, JOB_LIMITS.batchPeekBytes);
    const model = (beginning && modelIn(beginning)) ?? defaultModel;
    const may = mayTouchModels(principal, [model]);
    if (!may.ok) return may;
    const { endpoint, completion_window: completionWindow, metadata = null, output_expires_after: expiry } = body;
    const batch = { endpoint, completionWindow, metadata, outputLifeMs: expiry === undefined ? null : expiry.seconds * 1_000 };
    const terms = {
      ...DEFAULT_TERMS,
      priority: 'normal' as const,
      attemptsMax: JOB_LIMITS.jobAttemptsDefaultCount,
      deadlineAtMs: clock.nowMs() + hoursOf(completionWindow) * HOUR_MS,
      batch,
    };
    const work = { kind: 'batch_embedding', model, inputFile, format: 'openai_batch' } as const;
    const job = await jobs.enqueue(principal, { request: ['batch.create', body], owner, work, terms }, idempotencyKey);
    if (job.ok) return ok(job.value as BatchJob);
    const isOfInput = job.error.path?.[0] === 'input_file' || job.error.path?.[0] === 'model';
    return isOfInput ? err(refusalAt(job.error, ['input_file_id'])) : job;
  }

  async find(tenantId: TenantId, id: BatchId): Promise<Outcome<BatchJob>> {
    const job = await this.#parts.queue.job(tenantId, jobOf(id));
    if (!job.ok) return job.error.code === 'job_not_found' ? absent(id) : job;
    const { batch } = job.value;
    return batch === null ? absent(id) : ok(job.value as BatchJob);
  }

  /** Refuses one that has ended otherwise with `state_conflict`. */
  async cancel(tenantId: TenantId, id: BatchId): Promise<Outcome<BatchJob>> {
    const found = await this.find(tenantId, id);
    if (!found.ok) return found;
    const job = await this.#parts.queue.act(tenantId, jobOf(id), { kind: 'cancel' });
    if (!job.ok) return job;
    const status = statusOf(job.value);
    if (status === 'cancelling' || status === 'cancelled') return ok(job.value as BatchJob);
    return refuse('state_conflict', `the batch is ${status}: it cannot be cancelled any more`);
  }

  /** Newest first, older than the batch `after`. */
  async list(
    tenantId: TenantId,
    { limit, after }: { readonly limit: number; readonly after: string | undefined },
  ): Promise<Outcome<{ items: readonly BatchJob[]; hasMore: boolean }>> {
    const last = after === undefined ? ok(null) : await this.find(tenantId, after as BatchId);
    if (!last.ok) return err(refusalAt(last.error, ['after']));
    const page = await this.#parts.queue.jobs(tenantId, { isBatch: true }, limit, last.value?.id);
    return page.ok ? ok({ items: page.value.jobs as readonly BatchJob[], hasMore: page.value.next !== null }) : page;
  }
}

// `batch_X` is `job_X`: nothing has to be looked up.

const jobOf = (id: BatchId): JobId => id.replace(/^batch_/, 'job_') as JobId;

export const batchIdOf = (id: JobId): BatchId => id.replace(/^job_/, 'batch_') as BatchId;

const absent = (id: BatchId) => refuseResource('batch_not_found', { kind: 'batch', name: id }, `no batch ${id}`, 'batch');

/** The model that the first request names. The job runs one model, and whatever is wrong with a line is for its runner to say. */
function modelIn(beginning: Uint8Array): string | undefined {
  const line = new TextDecoder().decode(beginning).trimStart().split('\n', 1)[0] ?? '';
  try {
    const value = JSON.parse(line) as { body?: { model?: unknown } } | null;
    const model = value?.body?.model;
    return typeof model === 'string' && model !== '' && model.length <= API_LIMITS.nameCharsMax ? model : undefined;
  } catch {
    return undefined;
  }
}
