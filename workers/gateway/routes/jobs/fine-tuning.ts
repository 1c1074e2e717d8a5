import type { TuningCheckpointReply, TuningEventReply, TuningReply } from '../../../../src/contract/jobs/fine-tuning.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import { TUNING_FILES } from '../../../../src/contract/jobs/tuning-settings.ts';
import type { Tuning, TuningId } from '../../../../src/gateway/jobs/fine-tunings.ts';
import { metricsFileOf, tunedModelOf, tuningIdOf } from '../../../../src/gateway/jobs/fine-tunings.ts';
import type { EpochMetrics } from '../../../../src/gateway/jobs/tuning-progress.ts';
import { tuningEventsOf, tuningFaultOf, tuningStatusOf } from '../../../../src/gateway/jobs/tuning-progress.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { pageReply, seconds, replied } from '../wire.ts';

export const tuningHandlers = {
  createFineTuningJob: async ({ gateway, principal, body, idempotencyKey }) =>
    answer(await gateway.heavy.tunings.create(principal, body, idempotencyKey)),
  listFineTuningJobs: async ({ gateway, principal, query: { limit, after } }) =>
    replied(await gateway.heavy.tunings.list(principal.tenantId, { limit, after }), (page) =>
      pageReply(page, (tuning) => tuningReply(tuning)),
    ),
  getFineTuningJob: async ({ gateway, principal, params }) => {
    const tuning = await gateway.heavy.tunings.find(principal.tenantId, params.tuning as TuningId);
    return answer(tuning, tuning.ok ? await gateway.heavy.tunings.metrics(tuning.value) : []);
  },
  cancelFineTuningJob: async ({ gateway, principal, params }) =>
    answer(await gateway.heavy.tunings.cancel(principal.tenantId, params.tuning as TuningId)),
  pauseFineTuningJob: async ({ gateway, principal, params }) =>
    answer(await gateway.heavy.tunings.act(principal.tenantId, params.tuning as TuningId, 'suspend')),
  resumeFineTuningJob: async ({ gateway, principal, params }) =>
    answer(await gateway.heavy.tunings.act(principal.tenantId, params.tuning as TuningId, 'resume')),
  listFineTuningEvents: async ({ gateway, principal, params, query }) => {
    const tuning = await gateway.heavy.tunings.find(principal.tenantId, params.tuning as TuningId);
    if (!tuning.ok) return tuning;
    return pageOf(eventReplies(tuning.value, await gateway.heavy.tunings.metrics(tuning.value)), query);
  },
  listFineTuningCheckpoints: async ({ gateway, principal, params, query }) => {
    const tuning = await gateway.heavy.tunings.find(principal.tenantId, params.tuning as TuningId);
    if (!tuning.ok) return tuning;
    return pageOf(checkpointReplies(tuning.value, await gateway.heavy.tunings.metrics(tuning.value)), query);
  },
} satisfies Partial<Handlers>;

const answer = (tuning: Outcome<Tuning>, metrics: readonly EpochMetrics[] = []) =>
  tuning.ok ? ({ ok: true, reply: tuningReply(tuning.value, metrics), used: {} } as const) : tuning;

function tuningReply(tuning: Tuning, metrics: readonly EpochMetrics[] = []): TuningReply {
  const { job, settings } = tuning;
  const inputs = job.work.kind === 'training' ? job.work.inputs : [];
  const fileAt = (path: string): string | null => inputs.find((input) => input.path === path)?.file ?? null;
  const metricsFile = metricsFileOf(job);
  const { epochs, batch_size, learning_rate_multiplier } = settings;
  const hyperparameters = { n_epochs: epochs, batch_size, learning_rate_multiplier };
  return {
    id: tuningIdOf(job.id),
    object: 'fine_tuning.job',
    created_at: seconds(job.createdAtMs),
    finished_at: job.finishedAtMs === null ? null : seconds(job.finishedAtMs),
    estimated_finish: null,
    status: tuningStatusOf(job),
    model: settings.model,
    fine_tuned_model: job.state === 'succeeded' ? tunedModelOf(tuning) : null,
    organization_id: job.organisationId,
    training_file: fileAt(TUNING_FILES.training) ?? '',
    validation_file: fileAt(TUNING_FILES.validation),
    result_files: metricsFile === undefined ? [] : [metricsFile],
    trained_tokens: metrics.at(-1)?.['trained_tokens'] ?? null,
    error: tuningFaultOf(job),
    hyperparameters,
    method: { type: 'supervised', supervised: { hyperparameters } },
    seed: settings.seed,
    integrations: [],
    metadata: settings.metadata ?? null,
  };
}

/** Newest first. */
const eventReplies = ({ job, settings }: Tuning, metrics: readonly EpochMetrics[]): TuningEventReply[] =>
  tuningEventsOf(job, metrics)
    .map(({ atMs, level, message, metrics: data }, at) => ({
      id: `${tuningIdOf(job.id).replace('ftjob', 'ftevent')}_${at}`,
      object: 'fine_tuning.job.event' as const,
      created_at: seconds(atMs),
      level,
      type: data === undefined ? ('message' as const) : ('metrics' as const),
      message: data === undefined || data['epoch'] === 0 ? message : `${message} (of ${settings.epochs} epochs)`,
      data: data ?? {},
    }))
    .toReversed();

function checkpointReplies(tuning: Tuning, metrics: readonly EpochMetrics[]): TuningCheckpointReply[] {
  const { job } = tuning;
  const last = metrics.at(-1);
  if (last === undefined || job.finishedAtMs === null) return [];
  return [
    {
      id: tuningIdOf(job.id).replace('ftjob', 'ftckpt'),
      object: 'fine_tuning.job.checkpoint',
      created_at: seconds(job.finishedAtMs),
      fine_tuning_job_id: tuningIdOf(job.id),
      fine_tuned_model_checkpoint: tunedModelOf(tuning),
      step_number: last['step'] ?? 0,
      metrics: last,
    },
  ];
}

function pageOf<Item extends { readonly id: string }>(items: readonly Item[], { limit, after }: PageQuery) {
  const last = after === undefined ? -1 : items.findIndex(({ id }) => id === after);
  if (after !== undefined && last === -1) return refuse('invalid_value', 'is none of the list', 'after');
  const rest = items.slice(last + 1);
  const page = { items: rest.slice(0, limit), hasMore: rest.length > limit };
  return { ok: true, reply: pageReply(page, (item) => item), used: {} } as const;
}

interface PageQuery {
  readonly limit: number;
  readonly after?: string | undefined;
}
