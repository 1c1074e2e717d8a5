import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { JsonObject } from './json.ts';
import { isObject, listAt, objectAt, parsedObject, present, textAt } from './json.ts';
import { blocksOf } from './parts-to-blocks.ts';
import type { FieldTable } from './translated-fields.ts';
import { translatedFields, Untranslatable } from './translated-fields.ts';

/** What is said apart, and what changes nothing about the answer, or only how it is kept, billed, cached or how soon it comes. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'max_tokens',
  'max_completion_tokens',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'metadata',
  'prediction',
  'store',
  'service_tier',
  'stream_options',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'safety_identifier',
]);

/** Values that say what Anthropic does anyway. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  n: 1,
  logprobs: false,
  top_logprobs: 0,
  presence_penalty: 0,
  frequency_penalty: 0,
  verbosity: 'medium',
};

const NOT_THERE = 'is no field of the protocol `anthropic`: leave it out, or ask a model of the protocol `openai`';

/** What else OpenAI's chats have. */
const REFUSED: FieldTable['refused'] = {
  audio: 'asks for sound, which models of the protocol `anthropic` do not answer with: leave it out',
  frequency_penalty: NOT_THERE,
  function_call: 'is replaced by `tool_choice`: use that for a model of the protocol `anthropic`',
  functions: 'is replaced by `tools`: use those for a model of the protocol `anthropic`',
  logprobs: NOT_THERE,
  moderation: NOT_THERE,
  n: 'must be 1 for a model of the protocol `anthropic`, which gives one answer: call as often as you need answers',
  presence_penalty: NOT_THERE,
  seed: NOT_THERE,
  top_logprobs: NOT_THERE,
  verbosity: NOT_THERE,
  web_search_options: "is a tool of OpenAI's own: for a model of the protocol `anthropic` call `/v1/messages` with its tool `web_search`",
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
    ...translatedFields(chat, CHAT_FIELDS, cannot),
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
  top_k: (top_k) => ({ top_k }),
  reasoning_effort: (effort, cannot) => {
    if (effort === 'none') return { thinking: { type: 'disabled' } };
    return EFFORTS.has(effort)
      ? { effort }
      : cannot.at(
          ['reasoning_effort'],
          'must be `none`, `low`, `medium`, `high`, `xhigh` or `max` for a model of the protocol `anthropic`',
        );
  },
  logit_bias: (bias, cannot) => (isObject(bias) && Object.keys(bias).length === 0 ? {} : cannot.at(['logit_bias'], NOT_THERE)),
  modalities: (modalities, cannot) =>
    Array.isArray(modalities) && modalities.every((one) => one === 'text')
      ? {}
      : cannot.at(['modalities'], 'must be `["text"]` for a model of the protocol `anthropic`'),
  response_format: (format, cannot) => {
    const type = textAt(format, 'type');
    if (type === 'text') return {};
    if (type === 'json_schema') return { format: { type, schema: objectAt(format, 'json_schema')['schema'] } };
    return cannot.at(
      ['response_format', 'type'],
      'must be `text`, or `json_schema` with a schema, for a model of the protocol `anthropic`',
    );
  },
};

/** How a model of the protocol `anthropic` is asked what a chat completion request says. [U231] */
export const CHAT_FIELDS: FieldTable = { leftOut: LEFT_OUT, defaults: DEFAULTS, fields: FIELDS, refused: REFUSED, unknown: NOT_THERE };

const EFFORTS: ReadonlySet<unknown> = new Set(['low', 'medium', 'high', 'xhigh', 'max']);

function toolFields(chat: JsonObject, cannot: Untranslatable): JsonObject {
  const tools = listAt(chat, 'tools').map((tool, i) => {
    if (textAt(tool, 'type') !== 'function')
      return cannot.at(['tools', i, 'type'], 'must be `function` for a model of the protocol `anthropic`');
    const { name, description, parameters, strict } = objectAt(tool, 'function');
    return present({
      name,
      description,
      input_schema: parameters ?? { type: 'object', properties: {} },
      strict: strict === true ? strict : undefined,
    });
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
        return say('assistant', assistantBlocks(message, path, cannot));
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

function assistantBlocks(message: unknown, path: FieldPath, cannot: Untranslatable): JsonObject[] {
  const { content, refusal, audio, function_call: called } = isObject(message) ? message : {};
  if (isObject(audio)) cannot.at([...path, 'audio'], 'is no field of the protocol `anthropic`: send the text of the answer as `content`');
  if (isObject(called))
    cannot.at([...path, 'function_call'], 'is replaced by `tool_calls`: use those for a model of the protocol `anthropic`');
  const said = blocksOf(content, [...path, 'content'], cannot);
  const refused = said.length === 0 ? blocksOf(refusal, [...path, 'refusal'], cannot) : [];
  return [...said, ...refused, ...toolUses(message, path, cannot)];
}

function toolUses(message: unknown, path: FieldPath, cannot: Untranslatable): JsonObject[] {
  return listAt(message, 'tool_calls').map((call, i) => {
    const called = objectAt(call, 'function');
    const input = parsedObject(textAt(called, 'arguments') || '{}');
    if (input === undefined) cannot.at([...path, 'tool_calls', i, 'function', 'arguments'], 'must be a JSON object');
    return { type: 'tool_use', id: textAt(call, 'id') ?? '', name: textAt(called, 'name') ?? '', input: input ?? {} };
  });
}
