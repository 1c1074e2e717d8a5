import { keyHash } from '../kernel/fast-hash.ts';
import type { Surface } from './protocol/surfaces.ts';
import type { JsonObject } from './protocol/json.ts';
import { isObject, textAt } from './protocol/json.ts';

/** Characters of each text that are hashed: conversations differ within them, and hashing them takes microseconds. */
const TEXT_CHARS = 1_024;

/**
 * What requests have in common whose prompts begin alike: instructions and messages up to the first of a user, so that all turns of one
 * conversation have the same key, and those of others have their own. [U64] A caller's `prompt_cache_key` says it better. Undefined: the prompt has
 * no beginning that others could share.
 */
export function prefixKeyOf(surface: Surface, body: JsonObject, tenantId: string): string | undefined {
  const given = body['prompt_cache_key'];
  const texts = typeof given === 'string' && given !== '' ? [given] : leadingTexts(surface, body);
  // Tenants share no key, so that the speed of an answer reveals nothing about another tenant's requests.
  return texts.length === 0 ? undefined : String(keyHash(JSON.stringify([tenantId, ...texts])));
}

function leadingTexts(surface: Surface, body: JsonObject): readonly string[] {
  if (surface === 'chat' || surface === 'messages') return [...textsOf(body['system']), ...leadingMessages(body['messages'])];
  if (surface === 'responses') return [...textsOf(body['instructions']), ...leadingMessages(body['input'])];
  return surface === 'completions' ? textsOf(body['prompt']) : [];
}

function leadingMessages(messages: unknown): readonly string[] {
  if (!Array.isArray(messages)) return textsOf(messages);
  const firstOfUser = messages.findIndex((message) => textAt(message, 'role') === 'user');
  return messages.slice(0, firstOfUser + 1).flatMap((message) => (isObject(message) ? textsOf(message['content']) : []));
}

/** Of a text, or of the parts of one; images are left out. */
function textsOf(content: unknown): readonly string[] {
  if (typeof content === 'string') return [content.slice(0, TEXT_CHARS)];
  if (!Array.isArray(content)) return [];
  return content.flatMap((part) => textsOf(typeof part === 'string' ? part : textAt(part, 'text')));
}
