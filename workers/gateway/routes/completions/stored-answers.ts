import { chatListingOf } from '../../../../src/contract/completions/stored-answers.ts';
import type { storedAnswerEndpoints } from '../../../../src/contract/completions/stored-answers.ts';
import { refuseResource } from '../../../../src/contract/api/outcome.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { isObject, parsedObject } from '../../../../src/upstreams/protocol/json.ts';
import type { JsonObject } from '../../../../src/upstreams/protocol/json.ts';
import type { StoredAnswer } from '../../../../src/upstreams/stored/stored-answer.ts';
import type { HandlersOf } from '../../pipeline/serve.ts';
import { replied } from '../wire.ts';
import { callCancellation } from './call-cancellation.ts';
import { callOrigin } from './call-origin.ts';

export const storedAnswerHandlers = {
  getResponse: ({ gateway, principal, params }) => replied(gateway.stored.find(principal, 'response', params.response_id), responseReply),
  listResponseInputItems: async ({ gateway, principal, params, query }) => {
    const items = await gateway.stored.inputItems(principal, params.response_id);
    return replied(items.ok ? pageOf(items.value, query) : items, (page) => ({ ...page, data: page.data as ItemReply[] }));
  },
  deleteResponse: ({ gateway, principal, authority, params: { response_id: id } }) =>
    replied(gateway.stored.remove({ principal, authority }, 'response', id), () => ({ id, object: 'response', deleted: true })),
  async countResponseTokens({ gateway, principal, authority, body, request, requestId }) {
    const opened = await gateway.stored.open({ principal, authority }, 'responses', { ...body, store: false });
    if (!opened.ok) return opened;
    const counted = await gateway.completions.countTokens({
      surface: 'responses',
      body: opened.value.body,
      headers: {},
      principal,
      requestId,
      origin: callOrigin(request),
      cancellation: callCancellation(request, authority.end),
    });
    if (!counted.ok) return { ok: false, error: counted.error.refusal };
    return { ok: true, reply: { object: 'response.input_tokens', input_tokens: counted.value.inputTokens }, used: {} };
  },
  listChatCompletions: ({ gateway, principal, query }) =>
    replied(gateway.stored.list(principal, { kind: 'chat', ...chatListingOf(query) }), ({ answers, hasMore }) =>
      listReply(answers.map(chatReply), hasMore),
    ),
  getChatCompletion: ({ gateway, principal, params }) => replied(gateway.stored.find(principal, 'chat', params.completion), chatReply),
  updateChatCompletion: ({ gateway, principal, authority, params, body }) =>
    replied(gateway.stored.setMetadata({ principal, authority }, params.completion, body.metadata ?? {}), chatReply),
  deleteChatCompletion: ({ gateway, principal, authority, params: { completion: id } }) =>
    replied(gateway.stored.remove({ principal, authority }, 'chat', id), () => ({ id, object: 'chat.completion.deleted', deleted: true })),
  listChatCompletionMessages: async ({ gateway, principal, params: { completion: id }, query }) => {
    const found = await gateway.stored.find(principal, 'chat', id);
    return replied(found.ok ? pageOf(messagesOf(found.value), query) : found, (page) => ({ ...page, data: page.data as MessageReply[] }));
  },
  getStoredAnswersPolicy: async ({ gateway, principal }) => replied(ok(await gateway.stored.policy(principal)), policyReply),
  setStoredAnswersPolicy: ({ gateway, principal, authority, body }) =>
    replied(gateway.stored.setPolicy({ principal, authority }, { retentionDays: body.retention_days }), policyReply),
} satisfies HandlersOf<typeof storedAnswerEndpoints>;

type ItemReply = JsonObject & { id: string; type: string };
type MessageReply = JsonObject & { id: string; role: string };

const responseReply = ({ id, answer }: StoredAnswer) => ({ ...parsedObject(answer), id, object: 'response' as const });

const chatReply = ({ id, answer }: StoredAnswer) => ({ ...parsedObject(answer), id, object: 'chat.completion' as const });

const policyReply = ({ retentionDays }: { readonly retentionDays: number }) => ({
  object: 'stored_answers.policy' as const,
  retention_days: retentionDays,
});

const messagesOf = ({ id, asked }: StoredAnswer): readonly JsonObject[] =>
  (JSON.parse(asked) as unknown[]).filter(isObject).map((said, n) => ({ ...said, id: `${id}-${n}` }));

const listReply = <Item extends { readonly id: string }>(data: Item[], hasMore: boolean) => ({
  object: 'list' as const,
  data,
  first_id: data[0]?.id ?? null,
  last_id: data.at(-1)?.id ?? null,
  has_more: hasMore,
});

interface Paging {
  readonly limit: number;
  readonly after?: string | undefined;
  readonly order: 'asc' | 'desc';
}

/** A page of items that are there, the oldest first. Refuses an `after` that is none of them. */
function pageOf(
  items: readonly JsonObject[],
  { limit, after, order }: Paging,
): Outcome<ReturnType<typeof listReply<JsonObject & { id: string }>>> {
  const sorted = (order === 'asc' ? items : items.toReversed()) as readonly (JsonObject & { id: string })[];
  const at = after === undefined ? -1 : sorted.findIndex(({ id }) => id === after);
  if (after !== undefined && at === -1)
    return refuseResource('record_not_found', { kind: 'response', name: after }, `no item ${after}`, 'after');
  const data = sorted.slice(at + 1, at + 1 + limit);
  return ok(listReply(data, at + 1 + limit < sorted.length));
}
