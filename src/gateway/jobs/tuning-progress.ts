import type { TuningStatus } from '../../contract/jobs/fine-tuning.ts';
import { unreachable } from '../../kernel/assert.ts';
import type { Job } from '../../scheduler/served/jobs/job.ts';

/** A row of the metrics file, by its columns; an empty cell is absent. */
export type EpochMetrics = Readonly<Record<string, number>>;

/** Something that happened to a fine-tuning job. */
interface TuningEvent {
  readonly atMs: number;
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  /** Present: what was measured. */
  readonly metrics?: EpochMetrics;
}

/** How the program that fine-tunes says that its input is at fault. */
const INVALID_INPUT_EXIT = 65;

/** A job that is to be cancelled is running until its agent has stopped. */
export function tuningStatusOf({ state }: Job): TuningStatus {
  switch (state) {
    case 'succeeded':
    case 'failed':
    case 'cancelled':
      return state;
    case 'pending':
      return 'queued';
    case 'suspended':
      return 'paused';
    case 'starting':
    case 'running':
    case 'stopping':
    case 'cancelling':
      return 'running';
    default:
      return unreachable(state);
  }
}

/** Why it failed, as OpenAI says it; null: it has not. */
export function tuningFaultOf({
  id,
  state,
  error,
}: Job): { readonly code: string; readonly message: string; readonly param: string | null } | null {
  if (state !== 'failed' || error === null) return null;
  if (error.exitCode !== INVALID_INPUT_EXIT) return { code: error.reason, message: error.message, param: null };
  const message = `the training or the validation file is invalid: the log of ${id} names the line (GET /v1/jobs/${id}/logs)`;
  return { code: 'invalid_training_file', message, param: 'training_file' };
}

/** The rows of a metrics file. */
export function metricsIn(csv: string): readonly EpochMetrics[] {
  const [header = '', ...rows] = csv.trimEnd().split('\n');
  const names = header.split(',');
  return rows.map((row) => {
    const cells = row.split(',');
    return Object.fromEntries(names.flatMap((name, at) => (cells[at] ? [[name, Number(cells[at])]] : [])));
  });
}

/** What has happened, oldest first: what is known of a job stays as it is and where it is, so pages go on from an event. */
export function tuningEventsOf(job: Job, metrics: readonly EpochMetrics[]): readonly TuningEvent[] {
  const { createdAtMs, ended, attempt, finishedAtMs, state, error } = job;
  const events: TuningEvent[] = [{ atMs: createdAtMs, level: 'info', message: 'Fine-tuning job created' }];
  for (const { startedAtMs, endedAtMs, outcome, fence } of ended) {
    events.push({ atMs: startedAtMs, level: 'info', message: `Attempt ${fence} started` });
    if (outcome !== 'succeeded') events.push({ atMs: endedAtMs, level: 'warn', message: `Attempt ${fence} ended: ${outcome}` });
  }
  if (attempt !== null) events.push({ atMs: attempt.startedAtMs, level: 'info', message: `Attempt ${attempt.fence} started` });
  if (finishedAtMs === null) return events;
  for (const row of metrics) {
    const what = row['epoch'] === 0 ? 'The base model' : `Epoch ${row['epoch']}`;
    events.push({ atMs: finishedAtMs, level: 'info', message: `${what}: training loss ${row['train_loss']}`, metrics: row });
  }
  if (state === 'failed')
    events.push({ atMs: finishedAtMs, level: 'error', message: tuningFaultOf(job)?.message ?? error?.message ?? state });
  else events.push({ atMs: finishedAtMs, level: 'info', message: state === 'succeeded' ? 'The model was made' : 'The job was cancelled' });
  return events;
}
