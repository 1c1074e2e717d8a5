import type { BatchReply } from '../../../../src/contract/jobs/batches.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { BatchId, BatchJob } from '../../../../src/gateway/jobs/batches.ts';
import { batchIdOf } from '../../../../src/gateway/jobs/batches.ts';
import { faultsOf, filesOf, momentsOf, statusOf } from '../../../../src/gateway/jobs/batch-status.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { isFinished } from '../../../../src/scheduler/served/jobs/job.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { pageReply, seconds, replied } from '../wire.ts';

export const batchHandlers = {
  createBatch: async ({ gateway, principal, body, idempotencyKey }) =>
    answer(await gateway.heavy.batches.create(principal, body, idempotencyKey)),
  listBatches: async ({ gateway, principal, query: { limit, after } }) =>
    replied(await gateway.heavy.batches.list(principal.tenantId, { limit, after }), (page) => pageReply(page, batchReply)),
  getBatch: async ({ gateway, principal, params }) => answer(await gateway.heavy.batches.find(principal.tenantId, params.batch as BatchId)),
  cancelBatch: async ({ gateway, principal, params }) =>
    answer(await gateway.heavy.batches.cancel(principal.tenantId, params.batch as BatchId)),
} satisfies Partial<Handlers>;

const answer = (job: Outcome<BatchJob>) => replied(job, batchReply);

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
