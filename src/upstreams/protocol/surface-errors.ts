import type { Refusal } from '../../contract/api/errors.ts';
import { messageOf, refusal, wireError } from '../../contract/api/errors.ts';
import { anthropicError } from '../../contract/api/surface.ts';
import { withoutSecrets } from '../log/redaction.ts';
import type { JsonObject } from './json.ts';
import { isObject, objectAt, parsedObject, textAt } from './json.ts';
import { sseText } from './sse-events.ts';
import type { Dialect } from './stream-tap.ts';

/** Characters of an upstream's message that are passed on: more explains nothing. */
const MESSAGE_CHARS_MAX = 1_000;

/** How a stream says that it goes no further: the event on which clients of the dialect throw. [U36] */
export function errorEvent(dialect: Dialect, reason: Refusal, requestId: string): string {
  if (dialect === 'messages') return sseText(JSON.stringify(anthropicError(reason, requestId)), 'error');
  const body = wireError(reason, requestId);
  if (dialect !== 'responses') return sseText(JSON.stringify(body));
  const { code, param } = body.error;
  return sseText(JSON.stringify({ type: 'error', code, message: messageOf(reason), param, ...body }), 'error');
}

/** What an upstream says in the body of an error, of whichever protocol it is. */
function messageIn(body: string): string {
  const value = parsedObject(body);
  return textAt(objectAt(value, 'error'), 'message') ?? textAt(value, 'message') ?? textAt(value, 'error') ?? textAt(value, 'detail') ?? '';
}

/** Takes out of a text what proves to an upstream who calls. */
export type WithoutSecret = (text: string) => string;

const UNCHANGED: WithoutSecret = (text) => text;

/** What an upstream says of an error, wherever it says it, as callers may read it: without credentials, its own and others', and cut. [U191] */
export function shownMessage(message: string, withoutSecret: WithoutSecret = UNCHANGED): string {
  // Cut last: of half a credential, nothing knows what it is.
  const shown = withoutSecrets(withoutSecret(message));
  return shown.length > MESSAGE_CHARS_MAX ? `${shown.slice(0, MESSAGE_CHARS_MAX)}...` : shown;
}

/** An upstream has refused the request itself: what it says is the caller's to read. [U37] */
export function rejectionOf(status: number, body: string, withoutSecret?: WithoutSecret): Refusal {
  const shown = shownMessage(messageIn(body), withoutSecret);
  return refusal('upstream_rejected', `the upstream answered ${status}${shown === '' ? '' : `: ${shown}`}`);
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
