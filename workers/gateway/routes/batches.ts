import type { BatchReply } from '../../../src/contract/batches.ts';
import type { BatchId, BatchJob } from '../../../src/gateway/jobs/batches.ts';
import { batchIdOf } from '../../../src/gateway/jobs/batches.ts';
import { faultsOf, filesOf, momentsOf, statusOf } from '../../../src/gateway/jobs/batch-status.ts';
import { must } from '../../../src/kernel/assert.ts';
import { isFinished } from '../../../src/scheduler/served/job.ts';
import type { Handlers } from '../serve.ts';
import { pageOf, replied, seconds } from './wire.ts';

export const batchHandlers = {
  createBatch: ({ gateway, principal, body, idempotencyKey }) =>
    replied(gateway.heavy.batches.create(principal, body, idempotencyKey), batchReply),
  listBatches: ({ gateway, principal, query: { limit, after } }) =>
    replied(gateway.heavy.batches.list(principal.tenantId, { limit, after }), pageOf(batchReply)),
  getBatch: ({ gateway, principal, params }) =>
    replied(gateway.heavy.batches.find(principal.tenantId, params.batch as BatchId), batchReply),
  cancelBatch: ({ gateway, principal, params }) =>
    replied(gateway.heavy.batches.cancel(principal.tenantId, params.batch as BatchId), batchReply),
} satisfies Partial<Handlers>;

function batchReply(job: BatchJob): BatchReply {
  const { batch, work, progress, tokens } = job;
  const moments = momentsOf(job);
  const faults = faultsOf(job);
  const files = filesOf(job);
  return {
    id: batchIdOf(job.id),
    object: 'batch',
    endpoint: batch.endpoint,
    model: work.model,
    errors: faults === null ? null : { object: 'list', data: [...faults] },
    input_file_id: work.inputFile,
    completion_window: batch.completionWindow,
    status: statusOf(job),
    output_file_id: files.output,
    error_file_id: files.errors,
    created_at: seconds(job.createdAtMs),
    in_progress_at: secondsOrNull(moments.inProgress),
    expires_at: seconds(must(job.deadlineAtMs ?? undefined, 'a batch has a deadline')),
    finalizing_at: secondsOrNull(moments.finalizing),
    completed_at: secondsOrNull(moments.completed),
    failed_at: secondsOrNull(moments.failed),
    expired_at: secondsOrNull(moments.expired),
    cancelling_at: secondsOrNull(moments.cancelling),
    cancelled_at: secondsOrNull(moments.cancelled),
    request_counts: { total: progress.total ?? 0, completed: progress.completed, failed: progress.failed },
    usage: isFinished(job)
      ? {
          input_tokens: tokens,
          input_tokens_details: { cached_tokens: 0 },
          output_tokens: 0,
          output_tokens_details: { reasoning_tokens: 0 },
          total_tokens: tokens,
        }
      : null,
    metadata: batch.metadata,
  };
}

const secondsOrNull = (ms: number | null): number | null => (ms === null ? null : seconds(ms));
