import type { Refusal } from '../../contract/api/errors.ts';
import { messageOf, wireError } from '../../contract/api/errors.ts';
import { anthropicError } from '../../contract/api/surface.ts';
import type { JsonObject } from './json.ts';
import { isObject, textAt } from './json.ts';
import type { WithoutSecret } from './shown-message.ts';
import { shownMessage } from './shown-message.ts';
import { sseText } from './sse-events.ts';
import type { Dialect } from './stream-tap.ts';

/** How a stream says that it goes no further: the event on which clients of the dialect throw. [U36] */
export function errorEvent(dialect: Dialect, reason: Refusal, requestId: string): string {
  if (dialect === 'messages') return sseText(JSON.stringify(anthropicError(reason, requestId)), 'error');
  const body = wireError(reason, requestId);
  if (dialect !== 'responses') return sseText(JSON.stringify(body));
  const { code, param } = body.error;
  return sseText(JSON.stringify({ type: 'error', code, message: messageOf(reason), param, ...body }), 'error');
}

/** An answer, or the event that ends one, that says why it has failed; any other is the same object. [U191] */
export function withShownError(answer: JsonObject, withoutSecret?: WithoutSecret): JsonObject {
  const { response } = answer;
  if (!isObject(response)) return shownErrorOf(answer, withoutSecret);
  const shown = shownErrorOf(response, withoutSecret);
  return shown === response ? answer : { ...answer, response: shown };
}

function shownErrorOf(answer: JsonObject, withoutSecret: WithoutSecret | undefined): JsonObject {
  const { error } = answer;
  const message = typeof error === 'string' ? error : textAt(error, 'message');
  const shown = message === undefined ? undefined : shownMessage(message, withoutSecret);
  if (shown === message) return answer;
  return { ...answer, error: isObject(error) ? { ...error, message: shown } : shown };
}
