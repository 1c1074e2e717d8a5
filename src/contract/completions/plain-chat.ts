import { isRawJson } from '../../kernel/exact-json.ts';
import { jsonDepth } from '../api/json-value.ts';
import { API_LIMITS } from '../api/api-limits.ts';
import { COMPLETION_LIMITS } from './completion-limits.ts';
import { isFlag, wholeWithin } from '../api/quick-reader.ts';

type Members = Readonly<Record<string, unknown>>;

interface PlainChat {
  readonly [member: string]: unknown;
  readonly model: string;
  readonly messages: { readonly [member: string]: unknown; readonly role: string }[];
}

/** Levels of a body above the members of one of its messages. */
const MESSAGE_LEVELS = 3;

/** What Sluice reads of a body, in the order of the schema. */
const READ = ['model', 'messages', 'stream', 'stream_options', 'max_tokens', 'max_completion_tokens'] as const;
const IS_READ: ReadonlySet<string> = new Set(READ);

/** The body of a chat that says something itself, with any fields that are passed on. */
export function readPlainChat(value: unknown): PlainChat | undefined {
  const body = membersOf(value);
  if (body === undefined || !isReadRight(body)) return undefined;
  const chat: Record<string, unknown> = {};
  for (const name of READ) if (body[name] !== undefined) chat[name] = body[name];
  for (const name of Object.keys(body)) {
    if (IS_READ.has(name)) continue;
    if (!isShallowAt(1, body[name])) return undefined;
    chat[name] = body[name];
  }
  return chat as unknown as PlainChat;
}

function isReadRight({ model, messages, prompt, stream, stream_options: options, max_tokens: most, max_completion_tokens: also }: Members) {
  const isNamed = typeof model === 'string' && model !== '' && model.length <= API_LIMITS.completionModelCharsMax;
  return (
    isNamed &&
    prompt === undefined &&
    areMessages(messages) &&
    isFlag(stream ?? undefined) &&
    areOptions(options) &&
    [most, also].every(isCount)
  );
}

function areMessages(messages: unknown): messages is PlainChat['messages'] {
  if (!Array.isArray(messages) || messages.length === 0) return false;
  return messages.every((message: unknown) => {
    const members = membersOf(message);
    const role = members?.['role'];
    return typeof role === 'string' && role !== '' && Object.values(members ?? {}).every((member) => isShallowAt(MESSAGE_LEVELS, member));
  });
}

function areOptions(options: unknown): boolean {
  if (options === undefined || options === null) return true;
  const members = membersOf(options);
  return members !== undefined && isFlag(members['include_usage'] ?? undefined) && isShallowAt(1, options);
}

const isCount = (value: unknown): boolean =>
  value === undefined || value === null || wholeWithin(value, 1, Number.MAX_SAFE_INTEGER) !== undefined;

/** What other objects inherit from is no member, and a large number is an object only here: the schema decides what becomes of them. */
function membersOf(value: unknown): Members | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isRawJson(value)) return undefined;
  if (Object.hasOwn(value, '__proto__')) return undefined;
  return value as Members;
}

const isShallowAt = (level: number, value: unknown): boolean =>
  typeof value !== 'object' ||
  value === null ||
  jsonDepth(value, COMPLETION_LIMITS.completionDepthMax) <= COMPLETION_LIMITS.completionDepthMax - level;
