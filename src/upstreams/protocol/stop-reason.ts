/** Why an answer of Anthropic's ends, as a chat completion says it; and the other way round. */
const FINISH_REASONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    end_turn: 'stop',
    stop_sequence: 'stop',
    pause_turn: 'stop',
    max_tokens: 'length',
    model_context_window_exceeded: 'length',
    tool_use: 'tool_calls',
    refusal: 'content_filter',
  }),
);

const STOP_REASONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    stop: 'end_turn',
    length: 'max_tokens',
    tool_calls: 'tool_use',
    function_call: 'tool_use',
    content_filter: 'refusal',
  }),
);

export const finishReasonOf = (stopReason: string | undefined): string => FINISH_REASONS.get(stopReason ?? '') ?? 'stop';

/** `has`: what the answer has. Some servers end answers with calls of tools by `stop`. */
export function stopReasonOf(finishReason: string | undefined, has: { readonly calls: boolean; readonly refusal: boolean }): string {
  if (has.refusal) return 'refusal';
  const reason = STOP_REASONS.get(finishReason ?? '') ?? 'end_turn';
  return reason === 'end_turn' && has.calls ? 'tool_use' : reason;
}
