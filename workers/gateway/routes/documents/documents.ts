import { wireError } from '../../../../src/contract/api/errors.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { DocumentReply } from '../../../../src/contract/documents/documents.ts';
import type { DocumentRecord, DocumentVersion } from '../../../../src/documents/replacement/document-record.ts';
import { stateOf } from '../../../../src/documents/replacement/document-record.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { pulledLines } from '../vectors/bulk.ts';
import { pageReply, replied, seconds } from '../wire.ts';

const ORDERS = { id: 'id', created_at: 'created', updated_at: 'updated' } as const;

export const documentHandlers = {
  putDocument: (call) => {
    const { gateway, params, body } = call;
    const key = { namespace: body.namespace, id: params.document };
    return replied(gateway.retrieval.documents.put(call, params.index, key, body), ({ record }) => documentReply(record));
  },

  getDocument: ({ gateway, principal, params, query: { namespace, wait_ms: waitMs } }) =>
    replied(gateway.retrieval.documents.find(principal, params.index, { namespace, id: params.document }, waitMs), documentReply),

  followDocument: async ({ gateway, principal, authority, params, query, requestId }) => {
    const key = { ...query, id: params.document };
    return replied(gateway.retrieval.documents.follow({ principal, authority }, params.index, key), (records) =>
      pulledLines(eventsOf(records, requestId), authority.end?.hold()),
    );
  },

  listDocuments: ({ gateway, principal, params, query }) => {
    const { sort, order, status, labels, ...rest } = query;
    const listing = { ...rest, order: ORDERS[sort], isDescending: order === 'desc', state: status };
    return replied(gateway.retrieval.documents.list(principal, params.index, listing, labels), (page) => pageReply(page, documentReply));
  },

  deleteDocument: (call) => {
    const { gateway, params, query } = call;
    return replied(gateway.retrieval.documents.remove(call, params.index, { ...query, id: params.document }), () => ({
      object: 'document.deleted' as const,
      id: params.document,
      deleted: true as const,
    }));
  },

  rechunkDocument: (call) => {
    const { gateway, params, body } = call;
    const key = { namespace: body.namespace, id: params.document };
    return replied(gateway.retrieval.documents.rechunk(call, params.index, key, body.chunking), ({ record }) => documentReply(record));
  },

  listDocumentChunks: ({ gateway, principal, params, query }) => {
    const { namespace, ...asked } = query;
    return replied(gateway.retrieval.documents.chunks(principal, params.index, { namespace, id: params.document }, asked), (page) => ({
      object: 'list' as const,
      version: page.version,
      data: page.chunks.map(({ chunk, rowId, begin, headings, ...place }) => ({
        ...place,
        id: chunk,
        vector: rowId,
        start: begin,
        headings: [...headings],
      })),
      has_more: page.hasMore,
    }));
  },
} satisfies Partial<Handlers>;

/** As server-sent events (WHATWG HTML, 9.2). JSON has no line breaks outside of strings, and none inside that are not escaped. */
async function* eventsOf(records: AsyncIterable<Outcome<DocumentRecord>>, requestId: string): AsyncGenerator<string, void> {
  for await (const record of records) {
    if (record.ok) yield `event: document\ndata: ${JSON.stringify(documentReply(record.value))}\n\n`;
    else yield `event: error\ndata: ${JSON.stringify(wireError(record.error, requestId))}\n\n`;
  }
}

function documentReply(record: DocumentRecord): DocumentReply {
  const { id, namespace, served, next, fault, createdAtMs, updatedAtMs } = record;
  const { title = null, metadata = null, labels = [] } = (served ?? next)?.terms ?? {};
  return {
    object: 'document',
    id,
    namespace,
    title,
    metadata: metadata === null ? null : (JSON.parse(metadata) as Record<string, unknown>),
    labels: [...labels],
    status: stateOf(record),
    served:
      served === null
        ? null
        : {
            ...versionReply(served),
            chunks: served.chunks,
            tokens: served.tokens,
            chunks_added: served.added,
            served_at: seconds(served.servedAtMs),
          },
    writing:
      next === null
        ? null
        : { ...versionReply(next), bytes_read: next.bytesRead, chunks: next.chunks, tokens: next.tokens, tries: next.tries },
    error: fault === null ? null : { version: fault.version, code: fault.code, message: fault.message, at: seconds(fault.atMs) },
    created_at: seconds(createdAtMs),
    updated_at: seconds(updatedAtMs),
  };
}

const versionReply = ({ number, terms: { format, chunking }, source: { bytes, sha256 } }: DocumentVersion) => ({
  version: number,
  format: format.kind,
  bytes,
  sha256,
  chunking: { max_tokens: chunking.chunkTokensMax, overlap_tokens: chunking.overlapTokens, context: chunking.hasContext },
});
