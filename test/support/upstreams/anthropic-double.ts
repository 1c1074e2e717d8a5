import type { Body, MockAnswer } from './answer.ts';
import { namedEvent, turnOf } from './answer.ts';
import type { Script } from './script.ts';

export const anthropicError = (status: number, message: string, more: object = {}) => ({
  type: 'error',
  error: { type: status === 429 ? 'rate_limit_error' : status === 529 ? 'overloaded_error' : 'invalid_request_error', message, ...more },
});

/** The answers of Anthropic's messages API, by path. */
export const ANTHROPIC_ANSWERS: Readonly<Record<string, (body: Body, script: Script) => MockAnswer>> = { '/v1/messages': messages };

function messages(body: Body, script: Script): MockAnswer {
  const turn = turnOf(body, script, body['max_tokens'] as number);
  const isTool = turn.tool !== undefined;
  const stop = isTool ? 'tool_use' : turn.isCut ? 'max_tokens' : 'end_turn';
  // Anthropic's input tokens are those that were not read from its cache.
  const input = {
    input_tokens: turn.inputTokens - turn.cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: turn.cachedTokens,
  };
  const message = { id: 'msg_mock', type: 'message', role: 'assistant', model: turn.model, stop_sequence: null };
  const content = isTool
    ? [{ type: 'tool_use', id: 'toolu_mock', name: turn.tool.name, input: JSON.parse(turn.tool.arguments) as unknown }]
    : [{ type: 'text', text: turn.texts.join('') }];
  const opening = isTool ? { type: 'tool_use', id: 'toolu_mock', name: turn.tool.name, input: {} } : { type: 'text', text: '' };
  return {
    json: {
      ...message,
      content,
      stop_reason: stop,
      ...(turn.reportsUsage && { usage: { ...input, output_tokens: turn.outputTokens } }),
    },
    lead: [
      namedEvent({
        type: 'message_start',
        message: {
          ...message,
          content: [],
          stop_reason: null,
          ...(turn.reportsUsage && { usage: { ...input, output_tokens: 1 } }),
        },
      }),
      namedEvent({ type: 'content_block_start', index: 0, content_block: opening }),
      namedEvent({ type: 'ping' }),
    ],
    tokens: turn.texts.map((text) =>
      namedEvent({
        type: 'content_block_delta',
        index: 0,
        delta: isTool ? { type: 'input_json_delta', partial_json: text } : { type: 'text_delta', text },
      }),
    ),
    tail: [
      namedEvent({ type: 'content_block_stop', index: 0 }),
      namedEvent({
        type: 'message_delta',
        delta: { stop_reason: stop, stop_sequence: null },
        ...(turn.reportsUsage && { usage: { output_tokens: turn.outputTokens } }),
      }),
      namedEvent({ type: 'message_stop' }),
    ],
    inputTokens: turn.inputTokens,
    cachedTokens: turn.cachedTokens,
    outputTokens: turn.outputTokens,
    reportsUsage: turn.reportsUsage,
  };
}
