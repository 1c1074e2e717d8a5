import type { MessageBatchReply, MessageBatchResult } from '../../contract/completions/message-batches.ts';
import type { BatchStatus } from '../../contract/jobs/batches.ts';
import { objectAt, parsedObject, textAt } from '../protocol/json.ts';

/** What of a batch is seen through Anthropic's API. Times in ms; null: that has not come. */
export interface MessageBatchFacts {
  readonly id: string;
  readonly status: BatchStatus;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly cancellingAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly completed: number;
  /** With those that were not called. */
  readonly failed: number;
  /** That were not called, as the batch was cancelled or expired before. */
  readonly unanswered: number;
}

const ENDED: ReadonlySet<BatchStatus> = new Set(['completed', 'failed', 'expired', 'cancelled']);

export const messageBatchHasEnded = ({ status }: Pick<MessageBatchFacts, 'status'>): boolean => ENDED.has(status);

export const messageBatchIdOf = (id: string): string => id.replace(/^batch_/, 'msgbatch_');

/** `total`: the requests that it was made with. [J268] */
export function messageBatchReply(batch: MessageBatchFacts, total: number): MessageBatchReply {
  const { status, completed, failed, unanswered, endedAtMs, cancellingAtMs } = batch;
  const id = messageBatchIdOf(batch.id);
  const hasEnded = messageBatchHasEnded(batch);
  // An input that is not taken fails all of its requests.
  const errored = status === 'failed' ? total - completed : failed - unanswered;
  return {
    id,
    type: 'message_batch',
    processing_status: hasEnded ? 'ended' : status === 'cancelling' ? 'canceling' : 'in_progress',
    request_counts: hasEnded
      ? {
          processing: 0,
          succeeded: completed,
          errored,
          canceled: status === 'cancelled' ? unanswered : 0,
          expired: status === 'expired' ? unanswered : 0,
        }
      : { processing: total, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
    created_at: instantOf(batch.createdAtMs),
    expires_at: instantOf(batch.expiresAtMs),
    ended_at: endedAtMs === null ? null : instantOf(endedAtMs),
    cancel_initiated_at: cancellingAtMs === null ? null : instantOf(cancellingAtMs),
    archived_at: null,
    results_url: hasEnded ? `/v1/messages/batches/${id}/results` : null,
  };
}

const instantOf = (ms: number): string => new Date(ms).toISOString();

/** What became of a request, by the line of the output or the errors of its batch. Undefined: the text is no such line. [J269] */
export function messageBatchResult(line: string): MessageBatchResult | undefined {
  const value = parsedObject(line);
  const custom_id = textAt(value, 'custom_id');
  if (value === undefined || custom_id === undefined) return undefined;
  const response = objectAt(value, 'response');
  const status = response['status_code'];
  if (typeof status === 'number') {
    const body = objectAt(response, 'body');
    if (status < 400) return { custom_id, result: { type: 'succeeded', message: body } };
    return { custom_id, result: { type: 'errored', error: failureOf(body) } };
  }
  const code = textAt(value['error'], 'code');
  if (code === 'batch_cancelled') return { custom_id, result: { type: 'canceled' } };
  if (code === 'batch_expired') return { custom_id, result: { type: 'expired' } };
  return { custom_id, result: { type: 'errored', error: failureOf(value) } };
}

type Failure = Extract<MessageBatchResult['result'], { readonly type: 'errored' }>['error'];

/** An error in Anthropic's shape, whichever it came in. */
function failureOf(body: Readonly<Record<string, unknown>>): Failure {
  const error = objectAt(body, 'error');
  const type = textAt(error, 'type') ?? 'api_error';
  const message = textAt(error, 'message') ?? 'the request failed';
  return {
    ...(textAt(body, 'request_id') === undefined ? {} : { request_id: textAt(body, 'request_id') }),
    type: 'error',
    error: { ...error, type, message },
  };
}
