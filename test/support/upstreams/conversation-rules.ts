import type { Body } from './answer.ts';

// What the servers of OpenAI and Anthropic check beyond the shape of a body, by their documentation: each function says what is wrong first.

const listOf = (value: unknown): readonly Body[] => (Array.isArray(value) ? (value as readonly Body[]) : []);

const textIn = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const IMAGE_URL = /^(https?:\/\/|data:image\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+=*$)/;
const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

/** The first fault that one of the checks finds. */
function first(...checks: readonly (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const fault = check();
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function within(body: Body, name: string, from: number, to: number): string | undefined {
  const value = body[name];
  return typeof value === 'number' && (value < from || value > to) ? `${name}: must be between ${from} and ${to}` : undefined;
}

const onlyWith = (body: Body, name: string, condition: boolean, needed: string): string | undefined =>
  body[name] !== undefined && body[name] !== null && !condition ? `${name}: is only allowed with ${needed}` : undefined;

/** Of a chat completion. */
export function chatFault(body: Body): string | undefined {
  const tools = listOf(body['tools']);
  return first(
    () =>
      within(body, 'temperature', 0, 2) ?? within(body, 'top_p', 0, 1) ?? within(body, 'n', 1, 128) ?? within(body, 'top_logprobs', 0, 20),
    () => within(body, 'frequency_penalty', -2, 2) ?? within(body, 'presence_penalty', -2, 2),
    () => onlyWith(body, 'stream_options', body['stream'] === true, 'stream'),
    () => onlyWith(body, 'top_logprobs', body['logprobs'] === true, 'logprobs'),
    () => onlyWith(body, 'tool_choice', tools.length > 0, 'tools') ?? onlyWith(body, 'parallel_tool_calls', tools.length > 0, 'tools'),
    () =>
      body['max_tokens'] !== undefined && body['max_completion_tokens'] !== undefined
        ? 'max_tokens: set max_completion_tokens alone'
        : undefined,
    () => toolsFault(tools.flatMap((tool) => [(tool['function'] ?? tool['custom']) as Body])),
    () => jsonFault((body['response_format'] as Body | undefined)?.['type'], body['messages']),
    () => chatOrderFault(listOf(body['messages'])),
    () => imageFault(listOf(body['messages']), (part) => (part['image_url'] as Body | undefined)?.['url']),
  );
}

function toolsFault(tools: readonly Body[]): string | undefined {
  const names = tools.map(({ name }) => String(name));
  const bad = names.find((name, at) => !TOOL_NAME.test(name) || names.indexOf(name) !== at);
  return bad === undefined ? undefined : `tools: ${bad} is no name of a tool, or one of two`;
}

const jsonFault = (type: unknown, prompt: unknown): string | undefined =>
  type === 'json_object' && !/json/i.test(JSON.stringify(prompt))
    ? "messages: must contain the word 'json' to use response_format json_object"
    : undefined;

/** Results of tools follow the calls that they are of, and all calls have one. */
function chatOrderFault(messages: readonly Body[]): string | undefined {
  if (messages.length === 0) return 'messages: must not be empty';
  let open: string[] = [];
  for (const [at, message] of messages.entries()) {
    if (message['role'] === 'tool') {
      const id = String(message['tool_call_id']);
      if (!open.includes(id)) return `messages[${at}]: tool_call_id ${id} is of no call of the message before`;
      open = open.filter((other) => other !== id);
      continue;
    }
    if (open.length > 0) return `messages[${at}]: an assistant message with tool_calls must be followed by results of ${open.join(', ')}`;
    if (message['role'] !== 'assistant') continue;
    open = listOf(message['tool_calls']).map(({ id }) => String(id));
    if (open.length === 0 && message['content'] == null && message['refusal'] == null && message['audio'] == null)
      return `messages[${at}]: content is required unless there are tool_calls`;
  }
  return open.length > 0 ? `messages: results of ${open.join(', ')} are missing` : undefined;
}

function imageFault(messages: readonly Body[], urlOf: (part: Body) => unknown): string | undefined {
  for (const [at, message] of messages.entries())
    for (const part of listOf(message['content'])) {
      const url = urlOf(part);
      if (url !== undefined && !IMAGE_URL.test(textIn(url))) return `messages[${at}]: ${textIn(url).slice(0, 40)} is no URL of an image`;
    }
  return undefined;
}

/** Of a response. */
export function responsesFault(body: Body): string | undefined {
  const items = listOf(body['input']);
  const tools = listOf(body['tools']);
  const calls = new Set(items.filter(({ type }) => type === 'function_call').map((item) => item['call_id']));
  return first(
    () =>
      body['input'] === undefined && body['previous_response_id'] === undefined && body['prompt'] === undefined
        ? 'input: is required'
        : undefined,
    () => within(body, 'temperature', 0, 2) ?? within(body, 'top_p', 0, 1) ?? within(body, 'max_output_tokens', 1, 1_000_000),
    () => onlyWith(body, 'stream_options', body['stream'] === true, 'stream'),
    () => toolsFault(tools.filter(({ type }) => type === 'function' || type === 'custom')),
    () => jsonFault(((body['text'] as Body | undefined)?.['format'] as Body | undefined)?.['type'], [body['input'], body['instructions']]),
    () =>
      items.find(
        (item) => item['type'] === 'function_call_output' && !calls.has(item['call_id']) && body['previous_response_id'] == null,
      ) === undefined
        ? undefined
        : 'input: a function_call_output has no function_call',
    () => imageFault(items, (part) => part['image_url']),
  );
}

/** Of a message for Anthropic's models. */
export function messagesFault(body: Body): string | undefined {
  const thinking = body['thinking'] as Body | undefined;
  return first(
    () => within(body, 'max_tokens', 1, 1_000_000) ?? within(body, 'temperature', 0, 1) ?? within(body, 'top_p', 0, 1),
    () => onlyWith(body, 'tool_choice', listOf(body['tools']).length > 0, 'tools'),
    () => toolsFault(listOf(body['tools']).filter(({ type }) => type === undefined || type === 'custom')),
    () => (thinking?.['type'] === 'enabled' ? thinkingFault(body, thinking) : undefined),
    () =>
      listOf(body['stop_sequences']).some((stop) => textIn(stop).trim() === '') ? 'stop_sequences: must not be whitespace' : undefined,
    () => emptyTextFault(body),
    // The server holds what came before in a thread.
    () =>
      (body['thread'] as Body | null | undefined)?.['previous_message_id'] == null
        ? messageOrderFault(listOf(body['messages']))
        : undefined,
  );
}

function thinkingFault(body: Body, { budget_tokens: budget }: Body): string | undefined {
  if (Number(budget) < 1_024) return 'thinking.budget_tokens: must be at least 1024';
  if (Number(budget) >= Number(body['max_tokens'])) return 'max_tokens: must be greater than thinking.budget_tokens';
  if (body['temperature'] !== undefined && body['temperature'] !== 1) return 'temperature: may only be 1 when thinking is enabled';
  const choice = (body['tool_choice'] as Body | undefined)?.['type'];
  return choice === 'any' || choice === 'tool' ? 'tool_choice: thinking may not be enabled when it forces the use of a tool' : undefined;
}

function emptyTextFault(body: Body): string | undefined {
  const lists = [listOf(body['system']), ...listOf(body['messages']).map(({ content }) => listOf(content))];
  const hasEmpty = lists.some((parts) => parts.some(({ type, text }) => type === 'text' && text === ''));
  return hasEmpty ? 'messages: text content blocks must be non-empty' : undefined;
}

/** It begins with the user; each call of a tool has its result at the start of the next message, and no result is of anything else. */
function messageOrderFault(messages: readonly Body[]): string | undefined {
  if (messages.length === 0) return 'messages: at least one message is required';
  if (messages[0]?.['role'] !== 'user') return 'messages: first message must use the "user" role';
  let open: readonly unknown[] = [];
  for (const [at, { role, content }] of messages.entries()) {
    const isLast = at === messages.length - 1;
    if (typeof content === 'string' ? content === '' && !(isLast && role === 'assistant') : listOf(content).length === 0)
      return `messages.${at}: all messages must have non-empty content except for the optional final assistant message`;
    const parts = listOf(content);
    const results = parts.filter(({ type }) => type === 'tool_result').map((part) => part['tool_use_id']);
    const missing = open.find((id) => !results.includes(id));
    if (missing !== undefined)
      return `messages.${at}: tool_use ids were found without tool_result blocks immediately after: ${textIn(missing)}`;
    const unknown = results.find((id, n) => !open.includes(id) || results.indexOf(id) !== n);
    if (unknown !== undefined) return `messages.${at}: unexpected tool_use_id found in tool_result blocks: ${textIn(unknown)}`;
    if (parts.slice(0, results.length).some(({ type }) => type !== 'tool_result'))
      return `messages.${at}: tool_result blocks must come first`;
    open = role === 'assistant' ? parts.filter(({ type }) => type === 'tool_use').map(({ id }) => id) : [];
  }
  return open.length > 0 ? `messages: tool_use ids were found without tool_result blocks: ${open.join(', ')}` : undefined;
}
