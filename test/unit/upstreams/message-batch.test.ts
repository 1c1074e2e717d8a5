import { describe, expect, it } from 'vitest';

import type { BatchStatus } from '../../../src/contract/jobs/batches.ts';
import type { MessageBatchFacts } from '../../../src/upstreams/batches/message-batch.ts';
import { messageBatchReply, messageBatchResult } from '../../../src/upstreams/batches/message-batch.ts';

const ID = `0123456789abcdefghjkmnpqrs`;
const batch = (status: BatchStatus, more: Partial<MessageBatchFacts> = {}): MessageBatchFacts => ({
  id: `batch_${ID}`,
  status,
  createdAtMs: 1_790_000_000_000,
  expiresAtMs: 1_790_086_400_000,
  cancellingAtMs: null,
  endedAtMs: null,
  completed: 0,
  failed: 0,
  unanswered: 0,
  ...more,
});
const NONE = { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0 };

describe("a batch in Anthropic's shape", () => {
  it.each<[BatchStatus, string]>([
    ['validating', 'in_progress'],
    ['in_progress', 'in_progress'],
    ['finalizing', 'in_progress'],
    ['cancelling', 'canceling'],
    ['cancelled', 'ended'],
    ['expired', 'ended'],
    ['failed', 'ended'],
    ['completed', 'ended'],
  ])('[J268] that is %s is %s', (status, processing) => {
    const reply = messageBatchReply(batch(status), 3);
    expect(reply.processing_status).toBe(processing);
    expect(reply.results_url).toBe(processing === 'ended' ? `/v1/messages/batches/msgbatch_${ID}/results` : null);
    if (processing !== 'ended') expect(reply.request_counts).toEqual({ ...NONE, processing: 3 });
  });

  it('[J268] counts what became of each request once, when it has ended', () => {
    const counts = (status: BatchStatus, more: Partial<MessageBatchFacts>) => messageBatchReply(batch(status, more), 5).request_counts;
    expect(counts('completed', { completed: 3, failed: 2 })).toEqual({ ...NONE, succeeded: 3, errored: 2 });
    expect(counts('cancelled', { completed: 1, failed: 4, unanswered: 3 })).toEqual({ ...NONE, succeeded: 1, errored: 1, canceled: 3 });
    expect(counts('expired', { completed: 1, failed: 4, unanswered: 4 })).toEqual({ ...NONE, succeeded: 1, expired: 4 });
    expect(counts('failed', {})).toEqual({ ...NONE, errored: 5 });
  });

  it('[J268] says when it began, was cancelled and ended', () => {
    expect(messageBatchReply(batch('cancelled', { cancellingAtMs: 1_790_000_001_000, endedAtMs: 1_790_000_002_000 }), 1)).toMatchObject({
      id: `msgbatch_${ID}`,
      type: 'message_batch',
      created_at: '2026-09-21T14:13:20.000Z',
      expires_at: '2026-09-22T14:13:20.000Z',
      cancel_initiated_at: '2026-09-21T14:13:21.000Z',
      ended_at: '2026-09-21T14:13:22.000Z',
      archived_at: null,
    });
  });
});

describe('the result of a request', () => {
  const result = (line: object) => messageBatchResult(JSON.stringify({ id: 'x', custom_id: 'a', ...line }));

  it("[J269] is the message, or the error in Anthropic's shape", () => {
    const message = { type: 'message', content: [] };
    expect(result({ response: { status_code: 200, request_id: 'r', body: message }, error: null })).toEqual({
      custom_id: 'a',
      result: { type: 'succeeded', message },
    });
    const body = { type: 'error', error: { type: 'not_found_error', message: 'no such model', code: 'model_not_found' }, request_id: 'r' };
    expect(result({ response: { status_code: 404, request_id: 'r', body }, error: null })).toEqual({
      custom_id: 'a',
      result: { type: 'errored', error: body },
    });
    const other = { error: { message: 'too many', code: 'limit_exceeded' } };
    expect(result({ response: { status_code: 400, request_id: 'r', body: other }, error: null })).toMatchObject({
      result: { type: 'errored', error: { type: 'error', error: { type: 'api_error', message: 'too many' } } },
    });
  });

  it('[J269] that was not called is canceled, expired or errored', () => {
    const uncalled = (code: string) => result({ response: null, error: { code, message: 'why' } })?.result;
    expect([uncalled('batch_cancelled'), uncalled('batch_expired')]).toEqual([{ type: 'canceled' }, { type: 'expired' }]);
    expect(uncalled('interrupted')).toEqual({
      type: 'errored',
      error: { type: 'error', error: { type: 'api_error', message: 'why', code: 'interrupted' } },
    });
  });

  it('[J269] is none of a text that is no line', () => {
    expect([messageBatchResult(''), messageBatchResult('{"id":1}'), messageBatchResult('nonsense')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
