import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { JsonObject } from './json.ts';
import { isObject, listAt, objectAt, present, textAt } from './json.ts';
import type { FieldTable } from './translated-fields.ts';
import { translatedFields, Untranslatable } from './translated-fields.ts';

/** What is said apart, and what changes nothing about the answer, or only how it is kept, billed or cached. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'model',
  'input',
  'instructions',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'text',
  'max_output_tokens',
  'metadata',
  'store',
  'service_tier',
  'stream_options',
  'include',
  'prompt_cache_key',
  'prompt_cache_retention',
  'safety_identifier',
]);

/** Values that say what is done anyway. */
const DEFAULTS: Readonly<Record<string, unknown>> = { background: false, truncation: 'disabled', top_logprobs: 0 };

/** Where a request goes on with what an upstream has kept, which no chat completion can. */
const STATE = 'needs an upstream whose model serves `responses`: send the whole conversation as `input`';

/**
 * A request of the responses API as a chat completion request, without its model and its output limit, for models that serve chats alone.
 * Refuses what cannot be said there, naming the field. Former reasoning is left out. [U33]
 */
export function responsesToChat(body: JsonObject): Outcome<JsonObject> {
  const cannot = new Untranslatable();
  const result = {
    messages: [...instructions(body), ...messagesOf(body['input'], cannot)],
    ...toolFields(body, cannot),
    ...textFields(objectAt(body, 'text'), cannot),
    ...translatedFields(body, TABLE, cannot),
  };
  return cannot.outcome(present(result));
}

const FIELDS: FieldTable['fields'] = {
  stream: (stream) => ({ stream }),
  temperature: (temperature) => ({ temperature }),
  top_p: (top_p) => ({ top_p }),
  user: (user) => ({ user }),
  reasoning: (reasoning) => present({ reasoning_effort: objectAt({ reasoning }, 'reasoning')['effort'] }),
};

const TABLE: FieldTable = {
  leftOut: LEFT_OUT,
  defaults: DEFAULTS,
  fields: FIELDS,
  refused: { previous_response_id: STATE, conversation: STATE, background: STATE, prompt: STATE },
  unknown: 'is no field of chat completions, which is all that the model serves',
};

const instructions = (body: JsonObject): JsonObject[] => {
  const content = textAt(body, 'instructions');
  return content === undefined || content === '' ? [] : [{ role: 'system', content }];
};

function textFields({ format, verbosity }: JsonObject, cannot: Untranslatable): JsonObject {
  const type = textAt(format, 'type');
  if (format !== undefined && type !== 'text' && type !== 'json_object' && type !== 'json_schema')
    cannot.at(['text', 'format', 'type'], 'must be `text`, `json_object` or `json_schema`');
  if (type !== 'json_object' && type !== 'json_schema') return present({ verbosity });
  const { name, schema, strict, description } = isObject(format) ? format : {};
  const response = type === 'json_object' ? { type } : { type, json_schema: present({ name, schema, strict, description }) };
  return present({ verbosity, response_format: response });
}

function toolFields(body: JsonObject, cannot: Untranslatable): JsonObject {
  const tools = listAt(body, 'tools').map((tool, i) => {
    if (!isObject(tool) || tool['type'] !== 'function')
      return cannot.at(['tools', i, 'type'], 'must be `function` for a model that serves chat completions alone');
    const { name, description, parameters, strict } = tool;
    return { type: 'function', function: present({ name, description, parameters, strict }) };
  });
  if (tools.length === 0) return {};
  return { tools, ...present({ tool_choice: toolChoice(body['tool_choice'], cannot), parallel_tool_calls: body['parallel_tool_calls'] }) };
}

function toolChoice(choice: unknown, cannot: Untranslatable): unknown {
  if (choice === undefined || choice === null || choice === 'auto' || choice === 'none' || choice === 'required') return choice;
  if (textAt(choice, 'type') === 'function') return { type: 'function', function: { name: textAt(choice, 'name') ?? '' } };
  return cannot.at(['tool_choice'], 'must be `auto`, `none`, `required` or a function for a model that serves chat completions alone');
}

function messagesOf(input: unknown, cannot: Untranslatable): JsonObject[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  if (!Array.isArray(input)) {
    cannot.at(['input'], 'must be a text or a list of items');
    return [];
  }
  const messages: Record<string, unknown>[] = [];
  input.forEach((item: unknown, i) => {
    const path: FieldPath = ['input', i];
    switch (textAt(item, 'type') ?? 'message') {
      case 'message':
        messages.push({ role: textAt(item, 'role') ?? 'user', content: contentOf(item, 'content', path, cannot) });
        return;
      case 'function_call':
        addCall(messages, item);
        return;
      case 'function_call_output':
        messages.push({ role: 'tool', tool_call_id: textAt(item, 'call_id') ?? '', content: contentOf(item, 'output', path, cannot) });
        return;
      case 'reasoning':
        return;
      default:
        cannot.at(
          [...path, 'type'],
          'must be `message`, `function_call`, `function_call_output` or `reasoning` for a model that serves chats alone',
        );
    }
  });
  return messages;
}

/** Calls belong to what the assistant said just before. */
function addCall(messages: Record<string, unknown>[], item: unknown): void {
  const called = { name: textAt(item, 'name') ?? '', arguments: textAt(item, 'arguments') ?? '{}' };
  const call = { id: textAt(item, 'call_id') ?? '', type: 'function', function: called };
  const last = messages.at(-1);
  if (last?.['role'] === 'assistant') last['tool_calls'] = [...listAt(last, 'tool_calls'), call];
  else messages.push({ role: 'assistant', content: null, tool_calls: [call] });
}

function contentOf(item: unknown, name: 'content' | 'output', path: FieldPath, cannot: Untranslatable): unknown {
  const content = isObject(item) ? item[name] : undefined;
  if (typeof content === 'string') return content;
  const parts = listAt(item, name)
    .map((part, i) => partOf(part, [...path, name, i], cannot))
    .filter((part) => part !== undefined);
  const [only] = parts;
  if (parts.length === 1 && only?.['type'] === 'text') return only['text'];
  return parts.length === 0 ? '' : parts;
}

function partOf(part: unknown, path: FieldPath, cannot: Untranslatable): JsonObject | undefined {
  const type = textAt(part, 'type') ?? '';
  switch (type) {
    case 'input_text':
    case 'output_text':
      return { type: 'text', text: textAt(part, 'text') ?? '' };
    case 'refusal':
      return { type: 'text', text: textAt(part, 'refusal') ?? '' };
    case 'input_image': {
      const url = textAt(part, 'image_url');
      if (url === undefined) return cannot.at([...path, 'image_url'], 'must be a URL for a model that serves chat completions alone');
      return { type: 'image_url', image_url: present({ url, detail: textAt(part, 'detail') }) };
    }
    case 'input_file': {
      const file_data = textAt(part, 'file_data');
      if (file_data === undefined) return cannot.at([...path, 'file_data'], 'must be given for a model that serves chat completions alone');
      return { type: 'file', file: present({ filename: textAt(part, 'filename'), file_data }) };
    }
    default:
      return cannot.at(
        [...path, 'type'],
        'must be `input_text`, `output_text`, `input_image` or `input_file` for a model that serves chats alone',
      );
  }
}
