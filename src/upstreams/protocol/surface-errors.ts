import type { Refusal } from '../../contract/api/errors.ts';
import { messageOf, refusal, wireError } from '../../contract/api/errors.ts';
import { anthropicError } from '../../contract/api/surface.ts';
import { withoutSecrets } from '../log/redaction.ts';
import { objectAt, parsedObject, textAt } from './json.ts';
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

/**
 * An upstream has refused the request itself: what it says is the caller's to read, but for credentials that it repeats. `withoutSecret` takes out
 * the upstream's own. [U37] [U191]
 */
export function rejectionOf(status: number, body: string, withoutSecret: (text: string) => string = (text) => text): Refusal {
  // Cut last: of half a credential, nothing knows what it is.
  const message = withoutSecrets(withoutSecret(messageIn(body)));
  const shown = message.length > MESSAGE_CHARS_MAX ? `${message.slice(0, MESSAGE_CHARS_MAX)}...` : message;
  return refusal('upstream_rejected', `the upstream answered ${status}${shown === '' ? '' : `: ${shown}`}`);
}
