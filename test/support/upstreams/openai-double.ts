import type { Body, MockAnswer, Turn } from './answer.ts';
import { CREATED_S, dataEvent, namedEvent, textOf, turnOf } from './answer.ts';
import type { Script } from './script.ts';

const numberAt = (body: Body, ...names: readonly string[]): number | undefined =>
  names.map((name) => body[name]).find((value) => typeof value === 'number');

const counts = (turn: Turn) => ({
  inputTokens: turn.inputTokens,
  cachedTokens: turn.cachedTokens,
  outputTokens: turn.outputTokens,
  reportsUsage: turn.reportsUsage,
});

/** The answers of an OpenAI-compatible server, by path. */
export const OPENAI_ANSWERS: Readonly<Record<string, (body: Body, script: Script) => MockAnswer>> = {
  '/v1/chat/completions': chat,
  '/v1/completions': completions,
  '/v1/responses': responses,
  '/v1/embeddings': embeddings,
  '/v1/moderations': moderations,
  '/v1/rerank': rerank,
};

export const openaiError = (status: number, message: string, more: object = {}) => ({
  error: { message, type: status === 429 ? 'rate_limit_error' : 'invalid_request_error', param: null, code: null, ...more },
});

const usageOf = (turn: Turn) => ({
  prompt_tokens: turn.inputTokens,
  completion_tokens: turn.outputTokens,
  total_tokens: turn.inputTokens + turn.outputTokens,
  prompt_tokens_details: { cached_tokens: turn.cachedTokens },
  completion_tokens_details: { reasoning_tokens: turn.reasoningTokens },
});

function chat(body: Body, script: Script): MockAnswer {
  const turn = turnOf(body, script, numberAt(body, 'max_completion_tokens', 'max_tokens'));
  const head = { id: 'chatcmpl-mock', created: CREATED_S, model: turn.model };
  const choices = Array.from({ length: numberAt(body, 'n') ?? 1 }, (_, index) => index);
  const finish = turn.tool === undefined ? (turn.isCut ? 'length' : 'stop') : 'tool_calls';
  const calls = turn.tool === undefined ? undefined : [{ id: 'call_mock', type: 'function', function: turn.tool }];
  const message = { role: 'assistant', content: calls === undefined ? turn.texts.join('') : null, ...(calls && { tool_calls: calls }) };
  const includesUsage = (body['stream_options'] as { include_usage?: boolean } | undefined)?.include_usage === true;
  const logprobsOf = (texts: readonly string[]) =>
    body['logprobs'] === true && script.logprob !== undefined
      ? { content: texts.map((token) => ({ token, logprob: script.logprob, bytes: null, top_logprobs: [] })) }
      : null;
  const chunk = (index: number, delta: object, finishReason: string | null = null, texts: readonly string[] = []) =>
    dataEvent({
      ...head,
      object: 'chat.completion.chunk',
      choices: [{ index, delta, logprobs: logprobsOf(texts), finish_reason: finishReason }],
      ...(includesUsage && { usage: null }),
    });
  const opening =
    turn.tool === undefined
      ? { role: 'assistant', content: '' }
      : {
          role: 'assistant',
          content: null,
          tool_calls: [{ index: 0, id: 'call_mock', type: 'function', function: { name: turn.tool.name, arguments: '' } }],
        };
  const tokenDelta = (text: string) =>
    turn.tool === undefined ? { content: text } : { tool_calls: [{ index: 0, function: { arguments: text } }] };
  return {
    json: {
      ...head,
      object: 'chat.completion',
      choices: choices.map((index) => ({ index, message, logprobs: logprobsOf(turn.texts), finish_reason: finish })),
      ...(turn.reportsUsage && { usage: usageOf(turn) }),
    },
    lead: choices.map((index) => chunk(index, opening)),
    tokens: turn.texts.map((text) => choices.map((index) => chunk(index, tokenDelta(text), null, [text])).join('')),
    tail: [
      ...choices.map((index) => chunk(index, {}, finish)),
      ...(includesUsage && turn.reportsUsage
        ? [dataEvent({ ...head, object: 'chat.completion.chunk', choices: [], usage: usageOf(turn) })]
        : []),
      'data: [DONE]\n\n',
    ],
    ...counts(turn),
  };
}

function completions(body: Body, script: Script): MockAnswer {
  const turn = turnOf(body, script, numberAt(body, 'max_tokens'));
  const head = { id: 'cmpl-mock', object: 'text_completion', created: CREATED_S, model: turn.model };
  const choice = (text: string, finish: string | null) => ({ index: 0, text, logprobs: null, finish_reason: finish });
  const finish = turn.isCut ? 'length' : 'stop';
  const includesUsage = (body['stream_options'] as { include_usage?: boolean } | undefined)?.include_usage === true;
  return {
    json: { ...head, choices: [choice(turn.texts.join(''), finish)], ...(turn.reportsUsage && { usage: usageOf(turn) }) },
    lead: [],
    tokens: turn.texts.map((text) => dataEvent({ ...head, choices: [choice(text, null)] })),
    tail: [
      dataEvent({ ...head, choices: [choice('', finish)] }),
      ...(includesUsage && turn.reportsUsage ? [dataEvent({ ...head, choices: [], usage: usageOf(turn) })] : []),
      'data: [DONE]\n\n',
    ],
    ...counts(turn),
  };
}

function responses(body: Body, script: Script): MockAnswer {
  const turn = turnOf(body, script, numberAt(body, 'max_output_tokens'));
  const isTool = turn.tool !== undefined;
  const text = turn.texts.join('');
  const part = { type: 'output_text', text, annotations: [] };
  const item = isTool
    ? { id: 'fc_mock', type: 'function_call', status: 'completed', call_id: 'call_mock', name: turn.tool.name, arguments: text }
    : { id: 'msg_mock', type: 'message', status: 'completed', role: 'assistant', content: [part] };
  const usage = {
    input_tokens: turn.inputTokens,
    input_tokens_details: { cached_tokens: turn.cachedTokens },
    output_tokens: turn.outputTokens,
    output_tokens_details: { reasoning_tokens: turn.reasoningTokens },
    total_tokens: turn.inputTokens + turn.outputTokens,
  };
  const response = (status: string, output: readonly object[], isLast: boolean) => ({
    id: 'resp_mock',
    object: 'response',
    created_at: CREATED_S,
    status,
    error: null,
    incomplete_details: isLast && turn.isCut ? { reason: 'max_output_tokens' } : null,
    model: turn.model,
    output,
    parallel_tool_calls: true,
    tool_choice: 'auto',
    tools: [],
    usage: isLast && turn.reportsUsage ? usage : null,
  });
  const end = turn.isCut ? 'incomplete' : 'completed';
  const last = response(end, [item], true);
  let sequence = 0;
  const event = (type: string, more: object) => namedEvent({ type, sequence_number: sequence++, ...more });
  const at = { item_id: item.id, output_index: 0 };
  return {
    json: last,
    lead: [
      event('response.created', { response: response('in_progress', [], false) }),
      event('response.output_item.added', {
        output_index: 0,
        item: { ...item, status: 'in_progress', ...(isTool ? { arguments: '' } : { content: [] }) },
      }),
      ...(isTool ? [] : [event('response.content_part.added', { ...at, content_index: 0, part: { ...part, text: '' } })]),
    ],
    tokens: turn.texts.map((delta) =>
      isTool
        ? event('response.function_call_arguments.delta', { ...at, delta })
        : event('response.output_text.delta', { ...at, content_index: 0, delta, logprobs: [] }),
    ),
    tail: [
      ...(isTool
        ? [event('response.function_call_arguments.done', { ...at, name: turn.tool.name, arguments: text })]
        : [
            event('response.output_text.done', { ...at, content_index: 0, text, logprobs: [] }),
            event('response.content_part.done', { ...at, content_index: 0, part }),
          ]),
      event('response.output_item.done', { output_index: 0, item }),
      event(`response.${end}`, { response: last }),
    ],
    ...counts(turn),
  };
}

const DIMENSIONS = 8;

function embeddings(body: Body, script: Script): MockAnswer {
  const inputs = Array.isArray(body['input']) ? (body['input'] as unknown[]) : [body['input']];
  const turn = turnOf(body, { ...script, texts: [] }, undefined);
  const data = inputs.map((input, index) => {
    const vector = Float32Array.from({ length: numberAt(body, 'dimensions') ?? DIMENSIONS }, (_, i) => (textOf(input).length + i) / 64);
    const embedding = body['encoding_format'] === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector];
    return { object: 'embedding', index, embedding };
  });
  const usage = { prompt_tokens: turn.inputTokens, total_tokens: turn.inputTokens };
  return whole({ object: 'list', data, model: turn.model, ...(turn.reportsUsage && { usage }) }, turn);
}

function moderations(body: Body, script: Script): MockAnswer {
  const inputs = Array.isArray(body['input']) ? (body['input'] as unknown[]) : [body['input']];
  const turn = turnOf(body, { ...script, texts: [] }, undefined);
  const results = inputs.map((input) => {
    const flagged = textOf(input).includes('violence');
    return { flagged, categories: { violence: flagged }, category_scores: { violence: flagged ? 0.98 : 0.01 } };
  });
  return whole({ id: 'modr-mock', model: turn.model, results }, { ...turn, reportsUsage: false });
}

function rerank(body: Body, script: Script): MockAnswer {
  const documents = body['documents'] as readonly unknown[];
  const turn = turnOf(body, { ...script, texts: [] }, undefined);
  const results = documents
    .map((document, index) => ({ index, relevance_score: textOf(document).includes(String(body['query'])) ? 0.9 : 0.1 / (index + 1) }))
    .sort((a, b) => b.relevance_score - a.relevance_score)
    .slice(0, numberAt(body, 'top_n'));
  return whole({ id: 'rerank-mock', model: turn.model, results, usage: { total_tokens: turn.inputTokens } }, turn);
}

const whole = (json: object, turn: Turn): MockAnswer => ({ json, lead: [], tokens: [], tail: [], ...counts(turn) });
