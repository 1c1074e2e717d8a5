import type { messageTokenEndpoints } from '../../../../src/contract/completions/message-tokens.ts';
import { targetName } from '../../../../src/upstreams/target.ts';
import type { HandlersOf } from '../../pipeline/serve.ts';
import { callCancellation } from './call-cancellation.ts';
import { callOrigin } from './call-origin.ts';
import { anthropicHeaders } from './completions.ts';

export const messageTokenHandlers = {
  async countMessageTokens({ gateway, principal, authority, body, request, requestId }) {
    const counted = await gateway.completions.countTokens({
      surface: 'messages',
      body,
      headers: anthropicHeaders(request.headers),
      principal,
      requestId,
      origin: callOrigin(request),
      cancellation: callCancellation(request, authority.end),
    });
    if (!counted.ok) return { ok: false, error: counted.error.refusal };
    const { inputTokens, target, by } = counted.value;
    const headers = { 'x-sluice-model': targetName(target), 'x-sluice-token-count': by };
    return { ok: true, reply: { input_tokens: inputTokens }, headers, used: {} };
  },
} satisfies HandlersOf<typeof messageTokenEndpoints>;
