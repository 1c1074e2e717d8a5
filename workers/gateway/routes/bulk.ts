import { bulkEndpoints } from '../../../src/contract/bulk.ts';
import { bodyChunks } from '../body-chunks.ts';
import { drainReader } from '../drain.ts';
import { pulledLines, toldLines } from '../ndjson-stream.ts';
import type { Route } from '../serve.ts';
import { route } from '../serve.ts';

export const bulkRoutes: readonly Route[] = [
  route(bulkEndpoints.importVectors, async ({ gateway, principal, params, query, request, idempotencyKey }) => {
    const reader = (request.body ?? new Blob().stream()).getReader() as ReadableStreamDefaultReader<Uint8Array>;
    const { path } = bulkEndpoints.importVectors;
    const terms = { principal, index: params.index, token: query.token, model: query.model, idempotencyKey, route: path };
    const opened = await gateway.retrieval.imports.open(terms, bodyChunks(reader));
    if (opened.ok) return { ok: true, reply: toldLines(opened.value, gateway.clock, () => drainReader(reader)), used: {} };
    // Refused: the error is answered once the sender has been heard out.
    reader.releaseLock();
    return opened;
  }),

  route(bulkEndpoints.exportVectors, async ({ gateway, principal, params, query }) => {
    const opened = await gateway.retrieval.exports.open(principal.tenantId, params.index, query);
    return opened.ok ? { ok: true, reply: pulledLines(opened.value), used: {} } : opened;
  }),
];
