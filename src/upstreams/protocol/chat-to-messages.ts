import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { JsonObject } from './json.ts';
import { isObject, listAt, objectAt, parsedObject, present, textAt } from './json.ts';
import type { FieldTable } from './translated-fields.ts';
import { translatedFields, Untranslatable } from './translated-fields.ts';

/** What is said apart, and what changes nothing about the answer, or only how it is kept, billed or cached. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'max_tokens',
  'max_completion_tokens',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'metadata',
  'store',
  'service_tier',
  'stream_options',
  'prompt_cache_key',
  'prompt_cache_retention',
  'safety_identifier',
]);

/** Values that say what Anthropic does anyway. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  n: 1,
  logprobs: false,
  presence_penalty: 0,
  frequency_penalty: 0,
};

const TEMPERATURE_MAX = 1;

/**
 * A chat completion request as one of Anthropic's messages, without its model. Refuses what cannot be said there, naming the field. System
 * messages are put before all others, where Anthropic has them. [U33]
 */
export function chatToMessages(chat: JsonObject): Outcome<JsonObject> {
  const cannot = new Untranslatable();
  const { format, effort, ...rest }: Record<string, unknown> = {
    ...conversation(listAt(chat, 'messages'), cannot),
    max_tokens: chat['max_completion_tokens'] ?? chat['max_tokens'],
    ...toolFields(chat, cannot),
    ...translatedFields(chat, TABLE, cannot),
  };
  const output = present({ format, effort });
  return cannot.outcome(present({ ...rest, ...(Object.keys(output).length === 0 ? {} : { output_config: output }) }));
}

const FIELDS: FieldTable['fields'] = {
  stream: (stream) => ({ stream }),
  top_p: (top_p) => ({ top_p }),
  stop: (stop) => ({ stop_sequences: typeof stop === 'string' ? [stop] : stop }),
  user: (user) => ({ metadata: { user_id: user } }),
  temperature: (temperature, cannot) =>
    typeof temperature === 'number' && temperature > TEMPERATURE_MAX
      ? cannot.at(['temperature'], `is ${temperature}; models of the protocol \`anthropic\` take at most ${TEMPERATURE_MAX}`)
      : { temperature },
  reasoning_effort: (effort, cannot) =>
    effort === 'low' || effort === 'medium' || effort === 'high'
      ? { effort }
      : cannot.at(['reasoning_effort'], 'must be `low`, `medium` or `high` for a model of the protocol `anthropic`'),
  response_format: (format, cannot) => {
    const type = textAt(format, 'type');
    if (type === 'text') return {};
    if (type === 'json_schema') return { format: { type, schema: objectAt(format, 'json_schema')['schema'] } };
    return cannot.at(['response_format', 'type'], 'must be `text` or `json_schema` for a model of the protocol `anthropic`');
  },
};

const TABLE: FieldTable = {
  leftOut: LEFT_OUT,
  defaults: DEFAULTS,
  fields: FIELDS,
  refusalOf: () => 'is no field of the protocol `anthropic`: leave it out, or ask another model',
};

function toolFields(chat: JsonObject, cannot: Untranslatable): JsonObject {
  const tools = listAt(chat, 'tools').map((tool, i) => {
    if (textAt(tool, 'type') !== 'function')
      return cannot.at(['tools', i, 'type'], 'must be `function` for a model of the protocol `anthropic`');
    const { name, description, parameters } = objectAt(tool, 'function');
    return present({ name, description, input_schema: parameters ?? { type: 'object', properties: {} } });
  });
  if (tools.length === 0) return {};
  const isSerial = chat['parallel_tool_calls'] === false;
  const choice = toolChoice(chat['tool_choice'] ?? (isSerial ? 'auto' : undefined), cannot);
  const disables = isSerial && choice !== undefined && choice.type !== 'none';
  return { tools, ...(choice && { tool_choice: disables ? { ...choice, disable_parallel_tool_use: true } : choice }) };
}

function toolChoice(choice: unknown, cannot: Untranslatable): { readonly type: string; readonly name?: string } | undefined {
  if (choice === undefined || choice === null) return undefined;
  if (choice === 'auto' || choice === 'none') return { type: choice };
  if (choice === 'required') return { type: 'any' };
  const name = textAt(objectAt(choice, 'function'), 'name');
  if (name !== undefined) return { type: 'tool', name };
  return cannot.at(['tool_choice'], 'must be `auto`, `none`, `required` or a function for a model of the protocol `anthropic`');
}

interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: JsonObject[];
}

function conversation(messages: readonly unknown[], cannot: Untranslatable): JsonObject {
  const system: JsonObject[] = [];
  const turns: Turn[] = [];
  const say = (role: Turn['role'], blocks: readonly JsonObject[]): void => {
    const last = turns.at(-1);
    // What tools have answered has to stand in one turn; turns of one role say the same together.
    if (last?.role === role) last.content.push(...blocks);
    else turns.push({ role, content: [...blocks] });
  };
  messages.forEach((message, i) => {
    const path: FieldPath = ['messages', i];
    const content = isObject(message) ? message['content'] : undefined;
    switch (textAt(message, 'role') ?? '') {
      case 'system':
      case 'developer':
        return system.push(...blocksOf(content, [...path, 'content'], cannot));
      case 'user':
        return say('user', blocksOf(content, [...path, 'content'], cannot));
      case 'assistant':
        return say('assistant', [...blocksOf(content, [...path, 'content'], cannot), ...toolUses(message, path, cannot)]);
      case 'tool': {
        const inner = blocksOf(content, [...path, 'content'], cannot);
        return say('user', [{ type: 'tool_result', tool_use_id: textAt(message, 'tool_call_id') ?? '', content: inner }]);
      }
      default:
        return cannot.at(
          [...path, 'role'],
          'must be `system`, `developer`, `user`, `assistant` or `tool` for a model of the protocol `anthropic`',
        );
    }
  });
  const filled = turns.filter(({ content }) => content.length > 0).map(({ role, content }) => ({ role, content: plainer(content) }));
  return { ...(system.length === 0 ? {} : { system: plainer(system) }), messages: filled };
}

/** One text alone is said as a text. */
function plainer(blocks: readonly JsonObject[]): unknown {
  const [only] = blocks;
  return blocks.length === 1 && only?.['type'] === 'text' ? only['text'] : blocks;
}

function toolUses(message: unknown, path: FieldPath, cannot: Untranslatable): JsonObject[] {
  return listAt(message, 'tool_calls').map((call, i) => {
    const called = objectAt(call, 'function');
    const input = parsedObject(textAt(called, 'arguments') || '{}');
    if (input === undefined) cannot.at([...path, 'tool_calls', i, 'function', 'arguments'], 'must be a JSON object');
    return { type: 'tool_use', id: textAt(call, 'id') ?? '', name: textAt(called, 'name') ?? '', input: input ?? {} };
  });
}

/** Empty texts are left out: Anthropic refuses them. */
function blocksOf(content: unknown, path: FieldPath, cannot: Untranslatable): JsonObject[] {
  if (content === undefined || content === null || content === '') return [];
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!Array.isArray(content)) {
    cannot.at(path, 'must be a text or a list of parts');
    return [];
  }
  return content.flatMap((part, i) => {
    const block = blockOf(part, [...path, i], cannot);
    return block === undefined || block['text'] === '' ? [] : [block];
  });
}

function blockOf(part: unknown, path: FieldPath, cannot: Untranslatable): JsonObject | undefined {
  const type = textAt(part, 'type') ?? '';
  switch (type) {
    case 'text':
      return { type, text: textAt(part, 'text') ?? '' };
    case 'refusal':
      return { type: 'text', text: textAt(part, 'refusal') ?? '' };
    case 'image_url':
      return imageOf(textAt(objectAt(part, 'image_url'), 'url') ?? '', [...path, 'image_url', 'url'], cannot);
    default:
      return cannot.at([...path, 'type'], 'must be `text`, `refusal` or `image_url` for a model of the protocol `anthropic`');
  }
}

const DATA_URL = /^data:(image\/[\w.+-]+);base64,(.*)$/s;

function imageOf(url: string, path: FieldPath, cannot: Untranslatable): JsonObject | undefined {
  const [, mediaType, data] = DATA_URL.exec(url) ?? [];
  if (data !== undefined) return { type: 'image', source: { type: 'base64', media_type: mediaType, data } };
  if (url.startsWith('https://')) return { type: 'image', source: { type: 'url', url } };
  return cannot.at(path, 'must begin with https:// or be a base64 data URL of an image');
}
