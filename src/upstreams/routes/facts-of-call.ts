import type { Feature } from '../../contract/routes/route-conditions.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { urgencyOf } from '../call-urgency.ts';
import type { JsonObject } from '../protocol/json.ts';
import { listAt, objectAt, textAt, textsAt } from '../protocol/json.ts';
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
export function factsOfCall(body: JsonObject, context: CallContext): RequestFacts {
  const messages = listAt(body, 'messages' in body ? 'messages' : 'input');
  // Escaped characters make JSON longer than the text, never shorter; a byte-level tokeniser makes at most one token of a byte.
  const promptBytes = utf8(JSON.stringify(body)).length;
  const limits = ['max_tokens', 'max_completion_tokens', 'max_output_tokens']
    .map((name) => body[name])
    .filter((limit) => typeof limit === 'number');
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

function featuresOf(body: JsonObject, messages: readonly unknown[]): Feature[] {
  const features: Feature[] = [];
  if (listAt(body, 'tools').length > 0) features.push('tools');
  if (messages.some(hasImage)) features.push('images');
  const formats = [body['response_format'], objectAt(body['text'], 'format')];
  if (formats.some((format) => textAt(format, 'type') === 'json_schema')) features.push('json_schema');
  return features;
}

const IMAGE_TYPES: ReadonlySet<string> = new Set(['image_url', 'image', 'input_image']);

const hasImage = (message: unknown): boolean => listAt(message, 'content').some((part) => IMAGE_TYPES.has(textAt(part, 'type') ?? ''));
