import type { CreateTuning } from '../../contract/jobs/fine-tuning.ts';
import { refusalAt } from '../../contract/api/errors.ts';
import type { Work } from '../../contract/jobs/job-work.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { TuningSettings } from '../../contract/jobs/tuning-settings.ts';
import { METRICS_OUTPUT, TUNING_FILES, TUNING_PROGRAM, tuningPair, tuningSettings } from '../../contract/jobs/tuning-settings.ts';
import { must } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Brand, FileId, JobId, TenantId } from '../../kernel/ids.ts';
import { base32 } from '../../kernel/ids.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Rng } from '../../kernel/rng.ts';
import { DEFAULT_TERMS } from '../../scheduler/served/jobs/job.ts';
import type { Job } from '../../scheduler/served/jobs/job.ts';
import { mayTouchModels } from '../tenancy/authority.ts';
import type { FileCatalogue } from '../files/file-catalogue.ts';
import type { JobDesk } from './job-desk.ts';
import type { JobQueue } from './job-queue.ts';
import type { EpochMetrics } from './tuning-progress.ts';
import { metricsIn } from './tuning-progress.ts';

export type TuningId = Brand<'TuningId'>;

/** A job that was submitted as a fine-tuning job, and the settings of its program. */
export interface Tuning {
  readonly job: Job;
  readonly settings: TuningSettings;
}

interface TuningParts {
  readonly jobs: Pick<JobDesk, 'enqueue'>;
  readonly queue: Pick<JobQueue, 'job' | 'act' | 'jobs'>;
  readonly files: Pick<FileCatalogue<unknown>, 'find' | 'beginning'>;
  readonly clock: Clock;
  readonly rng: Rng;
  /** The base with its version, if pools can train it. */
  readonly baseOf: (model: string) => string | undefined;
}

/** No label of a tenant has a colon: only jobs that were submitted here have this one. */
const LABEL = { name: 'sluice:program', value: TUNING_PROGRAM } as const;

/** OpenAI's fine-tuning jobs: jobs under other names. Nothing of one is stored but in its job. [J252] */
export class FineTunings {
  readonly #parts: TuningParts;

  constructor(parts: TuningParts) {
    this.#parts = parts;
  }

  /**
   * Refuses with `model_not_found` a base that no pool can train, with `scope_denied` when the key may not use it, with `file_not_found`,
   * `invalid_value` or `limit_exceeded` what is no file of pairs, and as a submission of a job does. [J253]
   */
  async create(principal: TenantPrincipal, body: CreateTuning, idempotencyKey: string | undefined): Promise<Outcome<Tuning>> {
    const { jobs, clock, rng, baseOf } = this.#parts;
    const { owner } = principal;
    const may = mayTouchModels(principal, [body.model]);
    if (!may.ok) return may;
    const model = baseOf(body.model);
    if (model === undefined) {
      return refuseResource('model_not_found', { kind: 'model', name: body.model }, `no pool can fine-tune a model ${body.model}`, 'model');
    }
    const { training_file: training, validation_file: validation, metadata } = body;
    const named = { training_file: training, ...(validation == null ? {} : { validation_file: validation }) };
    for (const [field, file] of Object.entries(named)) {
      const fit = await this.#checkPairs(principal.tenantId, field, file as FileId);
      if (!fit.ok) return fit;
    }
    const settings = tuningSettings.parse({
      ...chosenIn(body),
      model,
      seed: body.seed ?? undefined,
      tuned_model: ['ft', model.replace(/@.*$/, ''), body.suffix ?? 'pairs', base32(rng.bytes(10))].join(':'),
      owner,
      created_s: Math.floor(clock.nowMs() / 1_000),
      metadata: metadata ?? undefined,
    });
    const work: Work = {
      kind: 'training',
      argv: [TUNING_PROGRAM, JSON.stringify(settings)],
      environment: {},
      inputs: [
        { file: training, path: TUNING_FILES.training },
        ...(validation == null ? [] : [{ file: validation, path: TUNING_FILES.validation }]),
      ],
      outputs: [...TUNING_FILES.outputs],
      checkpoint: TUNING_FILES.checkpoint,
      limits: {},
      ...(body.register === undefined ? {} : { register: { ...body.register, parents: [model] } }),
    };
    const terms = {
      ...DEFAULT_TERMS,
      labels: { [LABEL.name]: LABEL.value },
      priority: 'normal' as const,
      attemptsMax: JOB_LIMITS.jobAttemptsDefaultCount,
    };
    const job = await jobs.enqueue(principal, { request: ['fine_tuning.create', body], owner, work, terms }, idempotencyKey);
    return job.ok ? ok(tuningOf(job.value)) : job;
  }

  async find(tenantId: TenantId, id: TuningId): Promise<Outcome<Tuning>> {
    const job = await this.#parts.queue.job(tenantId, jobOf(id));
    if (!job.ok) return job.error.code === 'job_not_found' ? absent(id) : job;
    return isTuning(job.value) ? ok(tuningOf(job.value)) : absent(id);
  }

  /** Refuses one that has ended otherwise with `state_conflict`. */
  async cancel(tenantId: TenantId, id: TuningId): Promise<Outcome<Tuning>> {
    const found = await this.find(tenantId, id);
    if (!found.ok) return found;
    const job = await this.#parts.queue.act(tenantId, jobOf(id), { kind: 'cancel' });
    if (!job.ok) return job;
    const { state } = job.value;
    if (state === 'cancelling' || state === 'cancelled') return ok(tuningOf(job.value));
    return refuse('state_conflict', `the fine-tuning job has ${state}: it cannot be cancelled any more`);
  }

  /** Refuses one that has ended with `state_conflict`. [J277] */
  async act(tenantId: TenantId, id: TuningId, kind: 'suspend' | 'resume'): Promise<Outcome<Tuning>> {
    const found = await this.find(tenantId, id);
    if (!found.ok) return found;
    const job = await this.#parts.queue.act(tenantId, jobOf(id), { kind });
    return job.ok ? ok(tuningOf(job.value)) : job;
  }

  /** Newest first, older than the job `after`. */
  async list(
    tenantId: TenantId,
    { limit, after }: { readonly limit: number; readonly after: string | undefined },
  ): Promise<Outcome<{ items: readonly Tuning[]; hasMore: boolean }>> {
    const last = after === undefined ? ok(null) : await this.find(tenantId, after as TuningId);
    if (!last.ok) return err(refusalAt(last.error, ['after']));
    const page = await this.#parts.queue.jobs(tenantId, { label: LABEL }, limit, last.value?.job.id);
    return page.ok ? ok({ items: page.value.jobs.map(tuningOf), hasMore: page.value.next !== null }) : page;
  }

  /** What was measured of the base and after each epoch; nothing before the job has succeeded, or once the file is gone. */
  async metrics({ job }: Tuning): Promise<readonly EpochMetrics[]> {
    const file = metricsFileOf(job);
    const text = file === undefined ? undefined : await this.#parts.files.beginning(job.tenantId, file, JOB_LIMITS.tuningMetricsBytesMax);
    return text === undefined ? [] : metricsIn(new TextDecoder().decode(text));
  }

  /** The size, the purpose and the first line; the others are for the program to check. */
  async #checkPairs(tenantId: TenantId, field: string, id: FileId): Promise<Outcome<null>> {
    const { files } = this.#parts;
    const file = await files.find(tenantId, id);
    if (!file.ok) return err(refusalAt(file.error, [field]));
    const { purpose, bytes } = file.value;
    if (purpose !== 'fine-tune') {
      return refuse('invalid_value', `has the purpose ${purpose}: upload the file with the purpose fine-tune`, field);
    }
    if (bytes > JOB_LIMITS.tuningFileBytesMax) {
      return refuseBeyond({ path: [field], limit: 'tuningFileBytesMax', value: bytes, what: `has ${bytes} bytes` });
    }
    const beginning = await files.beginning(tenantId, id, JOB_LIMITS.batchPeekBytes);
    if (beginning === undefined || beginsWithPair(beginning)) return ok(null);
    return refuse('invalid_value', 'line 1 is not {"anchor": "text", "positive": "text"}', field);
  }
}

// `ftjob_X` is `job_X`: nothing has to be looked up.

const jobOf = (id: TuningId): JobId => id.replace(/^ftjob_/, 'job_') as JobId;

export const tuningIdOf = (id: JobId): TuningId => id.replace(/^job_/, 'ftjob_') as TuningId;

const isTuning = ({ labels }: Job): boolean => labels[LABEL.name] === LABEL.value;

function tuningOf(job: Job): Tuning {
  const argument = job.work.kind === 'training' ? job.work.argv[1] : undefined;
  return { job, settings: tuningSettings.parse(JSON.parse(must(argument, 'the job runs the program with its settings'))) };
}

const absent = (id: TuningId) =>
  refuseResource('fine_tuning_job_not_found', { kind: 'fine_tuning_job', name: id }, `no fine-tuning job ${id}`, 'tuning');

/** What the tuned model is called, of a job that has succeeded: the version that it is, or the id in its manifest. */
export const tunedModelOf = ({ job, settings }: Tuning): string => job.registeredModel ?? settings.tuned_model;

/** The table of what was measured, of a job that has succeeded. */
export const metricsFileOf = ({ state, outputs = [] }: Job): FileId | undefined =>
  state === 'succeeded' ? outputs.find(({ path }) => path === METRICS_OUTPUT)?.file : undefined;

function chosenIn({ hyperparameters, method }: CreateTuning) {
  const { n_epochs, batch_size, learning_rate_multiplier } = hyperparameters ?? method?.supervised?.hyperparameters ?? {};
  return { epochs: numberOf(n_epochs), batch_size: numberOf(batch_size), learning_rate_multiplier: numberOf(learning_rate_multiplier) };
}

const numberOf = (value: number | 'auto' | undefined): number | undefined => (value === 'auto' ? undefined : value);

/** Whether the first line is a pair, or is longer than what was read. */
function beginsWithPair(beginning: Uint8Array): boolean {
  const text = new TextDecoder().decode(beginning).trimStart();
  const end = text.indexOf('\n');
  if (end === -1 && beginning.length >= JOB_LIMITS.batchPeekBytes) return true;
  try {
    return tuningPair.safeParse(JSON.parse(end === -1 ? text : text.slice(0, end))).success;
  } catch {
    return false;
  }
}
