import type { Handlers } from '../serve.ts';
import { indexed, vectorReplies } from './vector-replies.ts';

export const vectorListingHandlers = {
  listVectors: async ({ gateway, principal, params, body }) => {
    const { namespace, filter = null, after, limit } = body;
    const start = after === undefined ? null : { id: after, isIncluded: false };
    const include = { values: body.include_values, metadata: body.include_metadata, text: body.include_text };
    const query = { namespace, filter, start, limit, include };
    const listed = await gateway.retrieval.listing.list(principal, params.index, query);
    if (!listed.ok) return listed;
    const reply = { vectors: vectorReplies(listed.value), has_more: listed.value.following !== null, lsn: listed.value.lsn };
    return { ok: true, reply, used: {}, ...indexed(listed.value) };
  },

  countVectors: async ({ gateway, principal, params, body: { namespace, filter = null } }) => {
    const counted = await gateway.retrieval.listing.count(principal, params.index, namespace, filter);
    if (!counted.ok) return counted;
    const { count, lsn } = counted.value;
    return { ok: true, reply: { count, lsn }, used: {}, ...indexed(counted.value) };
  },
} satisfies Partial<Handlers>;
