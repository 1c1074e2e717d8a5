import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { partsOf } from './blocks-to-parts.ts';
import type { JsonObject } from './json.ts';
import { isObject, listAt, objectAt, present, textAt } from './json.ts';
import type { FieldTable } from './translated-fields.ts';
import { translatedFields, Untranslatable } from './translated-fields.ts';

/** What is said apart, and what changes nothing about the answer, or only how it is billed or cached. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'system',
  'tools',
  'tool_choice',
  'service_tier',
  'cache_control',
  'max_tokens',
  'output_config',
  'output_format',
]);

/** Values that say what is done anyway. */
const DEFAULTS: Readonly<Record<string, unknown>> = { inference_geo: 'global', speed: 'standard' };

const ANTHROPICS = 'is a field of the protocol `anthropic` alone: leave it out, or ask a model of that protocol';

/** What else Anthropic's messages have. */
const REFUSED: FieldTable['refused'] = {
  billing_policy: ANTHROPICS,
  compaction: ANTHROPICS,
  container: 'is where Anthropic runs tools of its own: leave it out, or ask a model of the protocol `anthropic`',
  context_management: ANTHROPICS,
  diagnostics: ANTHROPICS,
  fallback_credit_token: ANTHROPICS,
  fallbacks: 'is a field of the protocol `anthropic` alone: name a route with fallbacks as the model',
  inference_geo: ANTHROPICS,
  speed: ANTHROPICS,
  thread: 'is kept by Anthropic alone: send the whole conversation',
  top_k: ANTHROPICS,
  user_profile_id: ANTHROPICS,
  workspace_id: ANTHROPICS,
};

/**
 * A request of Anthropic's messages as a chat completion request, without its model and its output limit. Refuses what cannot be said there,
 * naming the field. Hints for caches and a model's former thinking are left out: only Anthropic's models read those. [U33]
 */
export function messagesToChat(body: JsonObject): Outcome<JsonObject> {
  const cannot = new Untranslatable();
  const result = {
    messages: [
      ...systemMessages(body['system'], cannot),
      ...listAt(body, 'messages').flatMap((message, i) => chatMessages(message, ['messages', i], cannot)),
    ],
    ...toolFields(body, cannot),
    ...outputFields(body, cannot),
    ...translatedFields(body, MESSAGE_FIELDS, cannot),
  };
  return cannot.outcome(present(result));
}

const FIELDS: FieldTable['fields'] = {
  stream: (stream) => ({ stream }),
  temperature: (temperature) => ({ temperature }),
  top_p: (top_p) => ({ top_p }),
  stop_sequences: (stop) => (Array.isArray(stop) && stop.length === 0 ? {} : { stop }),
  metadata: (metadata) => present({ user: textAt(metadata, 'user_id') }),
  thinking: (thinking, cannot) =>
    // A model that decides by itself is what other protocols have.
    textAt(thinking, 'type') === 'disabled' || textAt(thinking, 'type') === 'adaptive'
      ? {}
      : cannot.at(
          ['thinking'],
          'must be `disabled` or `adaptive` for a model of another protocol than `anthropic`: use `output_config.effort`',
        ),
  mcp_servers: (servers, cannot) =>
    Array.isArray(servers) && servers.length === 0
      ? {}
      : cannot.at(['mcp_servers'], 'is called by Anthropic alone: offer the tools of the server as `tools`'),
};

/** How a model of OpenAI's protocol is asked what a request of Anthropic's messages says. [U231] */
export const MESSAGE_FIELDS: FieldTable = { leftOut: LEFT_OUT, defaults: DEFAULTS, fields: FIELDS, refused: REFUSED, unknown: ANTHROPICS };

function outputFields(body: JsonObject, cannot: Untranslatable): JsonObject {
  const { format = body['output_format'], effort, ...others } = objectAt(body, 'output_config');
  for (const name of Object.keys(others)) cannot.at(['output_config', name], 'is a field of the protocol `anthropic` alone');
  const schema = isObject(format) ? format['schema'] : undefined;
  if (format !== undefined && format !== null && (textAt(format, 'type') !== 'json_schema' || schema === undefined))
    cannot.at(['output_config', 'format', 'type'], 'must be `json_schema`, with a `schema`');
  return present({
    reasoning_effort: effort,
    ...(schema === undefined ? {} : { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } } }),
  });
}

function toolFields(body: JsonObject, cannot: Untranslatable): JsonObject {
  const tools = listAt(body, 'tools').map((tool, i) => {
    const type = textAt(tool, 'type') ?? 'custom';
    if (type !== 'custom' || !isObject(tool)) {
      return cannot.at(['tools', i, 'type'], 'must be `custom`: only models of the protocol `anthropic` have tools of their own');
    }
    const { name, description, input_schema: parameters, strict } = tool;
    return { type: 'function', function: present({ name, description, parameters, strict: strict === true ? strict : undefined }) };
  });
  if (tools.length === 0) return {};
  const choice = body['tool_choice'];
  return {
    tools,
    ...present({ tool_choice: toolChoice(choice, cannot) }),
    ...(objectAt(body, 'tool_choice')['disable_parallel_tool_use'] === true ? { parallel_tool_calls: false } : {}),
  };
}

function toolChoice(choice: unknown, cannot: Untranslatable): unknown {
  if (choice === undefined || choice === null) return undefined;
  const type = textAt(choice, 'type');
  if (type === 'auto' || type === 'none') return type;
  if (type === 'any') return 'required';
  if (type === 'tool') return { type: 'function', function: { name: textAt(choice, 'name') ?? '' } };
  return cannot.at(['tool_choice', 'type'], 'must be `auto`, `any`, `tool` or `none`');
}

function systemMessages(system: unknown, cannot: Untranslatable, path: FieldPath = ['system']): JsonObject[] {
  const content = contentOf(system, path, cannot);
  return content === undefined ? [] : [{ role: 'system', content }];
}

/** What tools have answered comes first, a message each; their images and documents, which such a message cannot have, and the rest of the turn follow. */
function chatMessages(message: unknown, path: FieldPath, cannot: Untranslatable): JsonObject[] {
  const role = textAt(message, 'role');
  const content = isObject(message) ? message['content'] : undefined;
  const at: FieldPath = [...path, 'content'];
  if (role === 'assistant') return [assistantMessage(content, at, cannot)];
  if (role === 'system') return systemMessages(content, cannot, at);
  if (role !== 'user') {
    cannot.at([...path, 'role'], 'must be `user`, `assistant` or `system`');
    return [];
  }
  if (!Array.isArray(content)) return [{ role, content: contentOf(content, at, cannot) ?? '' }];
  const results = content.flatMap((block, i) => (textAt(block, 'type') === 'tool_result' ? [toolAnswer(block, [...at, i], cannot)] : []));
  const rest = content.flatMap((block, i) => (textAt(block, 'type') === 'tool_result' ? [] : partsOf(block, [...at, i], cannot)));
  const said = plainer([...results.flatMap(({ besides }) => besides), ...rest]);
  return [...results.map(({ message: answer }) => answer), ...(said === undefined ? [] : [{ role, content: said }])];
}

function assistantMessage(content: unknown, path: FieldPath, cannot: Untranslatable): JsonObject {
  if (!Array.isArray(content)) return { role: 'assistant', content: contentOf(content, path, cannot) ?? '' };
  const texts: string[] = [];
  const calls: JsonObject[] = [];
  content.forEach((block: unknown, i) => {
    const type = textAt(block, 'type');
    if (type === 'text') texts.push(textAt(block, 'text') ?? '');
    else if (type === 'tool_use') {
      const called = { name: textAt(block, 'name') ?? '', arguments: JSON.stringify(objectAt(block, 'input')) };
      calls.push({ id: textAt(block, 'id') ?? '', type: 'function', function: called });
    } else if (type !== 'thinking' && type !== 'redacted_thinking') {
      cannot.at([...path, i, 'type'], 'must be `text`, `tool_use` or `thinking` for a model of another protocol than `anthropic`');
    }
  });
  const text = texts.join('');
  return {
    role: 'assistant',
    content: text === '' && calls.length > 0 ? null : text,
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

const isText = (part: JsonObject): boolean => part['type'] === 'text';

/** What a tool has answered: its texts, and what goes into the next message of the user. */
function toolAnswer(block: unknown, path: FieldPath, cannot: Untranslatable): { message: JsonObject; besides: readonly JsonObject[] } {
  const { tool_use_id: id, content } = block as JsonObject;
  const at: FieldPath = [...path, 'content'];
  const parts = Array.isArray(content) ? content.flatMap((part, i) => partsOf(part, [...at, i], cannot)) : [];
  const said = typeof content === 'string' ? content : plainer(parts.filter(isText));
  return { message: { role: 'tool', tool_call_id: id, content: said ?? '' }, besides: parts.filter((part) => !isText(part)) };
}

function contentOf(content: unknown, path: FieldPath, cannot: Untranslatable): unknown {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return undefined;
  return plainer(content.flatMap((block, i) => partsOf(block, [...path, i], cannot)));
}

/** One text alone is said as a text. */
function plainer(parts: readonly JsonObject[]): unknown {
  const [only] = parts;
  if (only === undefined) return undefined;
  return parts.length === 1 && only['type'] === 'text' ? only['text'] : parts;
}
