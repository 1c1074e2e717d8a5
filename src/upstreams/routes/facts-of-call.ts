import type { Feature } from '../../contract/route-conditions.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { urgencyOf } from '../call-urgency.ts';
import type { Served } from '../target.ts';
import type { RequestFacts } from './request-facts.ts';

/** A call, as far as its body does not say it. */
export interface CallContext extends Pick<
  RequestFacts,
  | 'requestId'
  | 'kind'
  | 'tenantId'
  | 'projectId'
  | 'keyId'
  | 'country'
  | 'continent'
  | 'colo'
  | 'budget'
  | 'nowMs'
  | 'breaker'
  | 'deadlineMs'
> {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What a message costs besides its text, in every tokeniser known. */
const MESSAGE_TOKENS = 16;
const CREDENTIALS = /^(?:authorization|proxy-authorization|cookie|api-key|x-api-key|x-goog-api-key)$/;

/** What rules see of a call, read off its body whatever its dialect: what is not as the dialect has it counts as absent. [U90] */
export function factsOfCall(body: Readonly<Record<string, unknown>>, context: CallContext): RequestFacts {
  const messages = arrayAt(body, 'messages') ?? arrayAt(body, 'input') ?? [];
  // Escaped characters make JSON longer than the text, never shorter; a byte-level tokeniser makes at most one token of a byte.
  const promptBytes = utf8(JSON.stringify(body)).length;
  const limits = ['max_tokens', 'max_completion_tokens', 'max_output_tokens'].flatMap((name) => numberAt(body, name) ?? []);
  const user = body['user'] ?? body['safety_identifier'];
  const { headers } = context;
  const { priority, deadlineMs } = urgencyOf(body, (name) => headers[name]);
  return {
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...context,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIALS.test(name))),
    stream: body['stream'] === true,
    has: featuresOf(body, messages),
    promptBytes,
    promptTokensMax: promptBytes + messages.length * MESSAGE_TOKENS,
    ...(limits.length === 0 ? {} : { outputTokensMax: Math.min(...limits) }),
    messages: messages.length,
    priority,
    metadata: textsAt(body, 'metadata'),
    ...(typeof user === 'string' ? { user } : {}),
  };
}

function featuresOf(body: Readonly<Record<string, unknown>>, messages: readonly unknown[]): Feature[] {
  const features: Feature[] = [];
  if ((arrayAt(body, 'tools') ?? []).length > 0) features.push('tools');
  if (messages.some(hasImage)) features.push('images');
  if (typeAt(body['response_format']) === 'json_schema' || typeAt(fieldOf(body['text'], 'format')) === 'json_schema')
    features.push('json_schema');
  return features;
}

const IMAGE_TYPES = new Set<unknown>(['image_url', 'image', 'input_image']);

const hasImage = (message: unknown): boolean => {
  const content = fieldOf(message, 'content');
  return Array.isArray(content) && content.some((part) => IMAGE_TYPES.has(typeAt(part)));
};

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;

const typeAt = (value: unknown): unknown => fieldOf(value, 'type');

const arrayAt = (body: unknown, name: string): readonly unknown[] | undefined => {
  const value = fieldOf(body, name);
  return Array.isArray(value) ? value : undefined;
};

const numberAt = (body: unknown, name: string): number | undefined => {
  const value = fieldOf(body, name);
  return typeof value === 'number' ? value : undefined;
};

const textsAt = (body: unknown, name: string): Record<string, string> => {
  const value = fieldOf(body, name);
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
};

/** What the kinds of calls are told apart by, for rules: a message of Anthropic's API is a chat. */
export const kindOfSurface = (surface: Served | 'messages'): Served => (surface === 'messages' ? 'chat' : surface);
