import { hostName, isForbidden, isLoopback, isPrivate } from '../../contract/api/network-host.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';

/**
 * Whether alerts may be posted to a URL, whose host is judged as those of upstreams are: asked when it is set and again at each delivery, as rules grow
 * stricter. `allowsLocal`: to this machine too, also over plain http.
 * Refuses with `invalid_value` or `address_denied` at `url`. [T97]
 */
export function checkWebhookUrl(text: string, allowsLocal: boolean): Outcome<null> {
  const url = urlOf(text);
  if (url === undefined) return refuse('invalid_value', 'must be a URL such as https://example.com/alerts', 'url');
  if (url.username !== '' || url.password !== '') return refuse('invalid_value', 'must not contain a user or a password', 'url');
  const host = hostName(url.hostname);
  if (isForbidden(host)) return refuse('address_denied', 'webhooks may not be at such an address', 'url');
  if (allowsLocal && isLoopback(host)) return ok(null);
  if (url.protocol !== 'https:') return refuse('invalid_value', 'must begin with https://', 'url');
  return isPrivate(host) ? refuse('address_denied', `${host} is of a private network`, 'url') : ok(null);
}

function urlOf(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
