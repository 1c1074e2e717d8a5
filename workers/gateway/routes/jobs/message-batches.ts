import type { messageBatchEndpoints } from '../../../../src/contract/completions/message-batches.ts';
import type { MessageBatch } from '../../../../src/gateway/batches/message-batches.ts';
import { messageBatchReply } from '../../../../src/upstreams/batches/message-batch.ts';
import type { HandlersOf } from '../../pipeline/serve.ts';
import { anthropicPage } from '../anthropic-page.ts';
import { replied } from '../wire.ts';

const reply = ({ batch, total }: MessageBatch) => messageBatchReply(batch, total);

export const messageBatchHandlers = {
  createMessageBatch: ({ gateway, principal, authority, body, idempotencyKey }) =>
    replied(gateway.heavy.messageBatches.create({ principal, authority }, body, idempotencyKey), reply),
  listMessageBatches: ({ gateway, principal, query: { limit, after_id: after, before_id: before } }) =>
    replied(gateway.heavy.messageBatches.list(principal.tenantId, { limit, after, before }), (page) => anthropicPage(page, reply)),
  getMessageBatch: ({ gateway, principal, params }) =>
    replied(gateway.heavy.messageBatches.find(principal.tenantId, params.message_batch), reply),
  cancelMessageBatch: ({ gateway, principal, params }) =>
    replied(gateway.heavy.messageBatches.cancel(principal.tenantId, params.message_batch), reply),
  deleteMessageBatch: ({ gateway, principal, authority, params: { message_batch: id } }) =>
    replied(gateway.heavy.messageBatches.delete({ principal, authority }, id), () => ({ id, type: 'message_batch_deleted' as const })),
  getMessageBatchResults: async ({ gateway, principal, params }) => {
    const lines = await gateway.heavy.messageBatches.results(principal.tenantId, params.message_batch);
    if (!lines.ok) return lines;
    return { ok: true, reply: streamOf(lines.value), headers: { 'content-type': 'application/x-jsonl' }, used: {} };
  },
} satisfies HandlersOf<typeof messageBatchEndpoints>;

/** Made as it is read. */
function streamOf(pieces: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}
