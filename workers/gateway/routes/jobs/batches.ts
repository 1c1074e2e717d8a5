import type { BatchReply } from '../../../../src/contract/jobs/batches.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { BatchId, BatchJob } from '../../../../src/gateway/jobs/batches.ts';
import { batchIdOf } from '../../../../src/gateway/jobs/batches.ts';
import { faultsOf, filesOf, momentsOf, statusOf } from '../../../../src/gateway/jobs/batch-status.ts';
import type { CallBatch } from '../../../../src/upstreams/batches/call-batch.ts';
import { hasEnded } from '../../../../src/upstreams/batches/call-batch.ts';
import { must } from '../../../../src/kernel/assert.ts';
import { isFinished } from '../../../../src/scheduler/served/jobs/job.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { seconds, replied } from '../wire.ts';

export const batchHandlers = {
  createBatch: async ({ gateway, principal, authority, body, idempotencyKey }) => {
    const { endpoint } = body;
    if (endpoint === '/v1/embeddings') return answer(await gateway.heavy.batches.create(principal, body, idempotencyKey));
    return replied(await gateway.heavy.callBatches.create({ principal, authority }, endpoint, body, idempotencyKey), callBatchReply);
  },
  listBatches: async ({ gateway, principal: { tenantId }, query: { limit, after } }) => {
    const { batches, callBatches } = gateway.heavy;
    const isJobs = after !== undefined && (await callBatches.find(tenantId, after)) === undefined;
    const calls = isJobs ? { items: [], hasMore: false } : await callBatches.page(tenantId, limit, after);
    const data = calls.items.map(callBatchReply);
    if (calls.hasMore) return { ok: true, reply: { object: 'list', data, has_more: true }, used: {} };
    const terms = { limit: Math.max(1, limit - data.length), after: isJobs ? after : undefined };
    return replied(await batches.list(tenantId, terms), ({ items, hasMore }) => {
      const rest = items.slice(0, limit - data.length).map(batchReply);
      return { object: 'list', data: [...data, ...rest], has_more: hasMore || rest.length < items.length };
    });
  },
  getBatch: async ({ gateway, principal: { tenantId }, params }) => {
    const call = await gateway.heavy.callBatches.find(tenantId, params.batch);
    if (call !== undefined) return { ok: true, reply: callBatchReply(call), used: {} };
    return answer(await gateway.heavy.batches.find(tenantId, params.batch as BatchId));
  },
  cancelBatch: async ({ gateway, principal: { tenantId }, params }) => {
    const call = await gateway.heavy.callBatches.cancel(tenantId, params.batch);
    if (call !== undefined) return replied(call, callBatchReply);
    return answer(await gateway.heavy.batches.cancel(tenantId, params.batch as BatchId));
  },
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

function callBatchReply(batch: CallBatch): BatchReply {
  const { status, faults, tokens } = batch;
  const ended = (as: CallBatch['status']): number | null => (status === as ? secondsOrNull(batch.endedAtMs) : null);
  const areThere = hasEnded(batch);
  return {
    id: batch.id,
    object: 'batch',
    endpoint: batch.endpoint,
    model: batch.model,
    errors: faults === null ? null : { object: 'list', data: [...faults] },
    input_file_id: batch.inputFile,
    completion_window: batch.completionWindow,
    status,
    output_file_id: areThere && batch.completed > 0 ? batch.outputFile : null,
    error_file_id: areThere && batch.failed > 0 ? batch.errorFile : null,
    created_at: seconds(batch.createdAtMs),
    in_progress_at: secondsOrNull(batch.inProgressAtMs),
    expires_at: seconds(batch.expiresAtMs),
    finalizing_at: secondsOrNull(batch.finalizingAtMs),
    completed_at: ended('completed'),
    failed_at: ended('failed'),
    expired_at: ended('expired'),
    cancelling_at: secondsOrNull(batch.cancellingAtMs),
    cancelled_at: ended('cancelled'),
    request_counts: { total: batch.total, completed: batch.completed, failed: batch.failed },
    usage: areThere
      ? {
          input_tokens: tokens.input,
          input_tokens_details: { cached_tokens: tokens.cached },
          output_tokens: tokens.output,
          output_tokens_details: { reasoning_tokens: tokens.reasoning },
          total_tokens: tokens.input + tokens.output,
        }
      : null,
    metadata: batch.metadata,
  };
}

const secondsOrNull = (ms: number | null): number | null => (ms === null ? null : seconds(ms));
