import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { assert, must } from '../../kernel/assert.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { constantTimeEqual } from '../../kernel/hmac.ts';
import type { KeyId } from '../../kernel/ids.ts';
import { base32 } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const CHARS = 6; // 62 ** 6 > 2 ** 32

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  return remainder >>> 0;
});

/** CRC-32 (IEEE 802.3) of a text, as six base-62 characters: what leak scanners check before they report a find. */
export function checksum(text: string): string {
  let crc = 0xffffffff;
  for (const byte of utf8(text)) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  let rest = (crc ^ 0xffffffff) >>> 0;
  let digits = '';
  for (let digit = 0; digit < CHARS; digit++) {
    digits = ALPHABET.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}

/** Random bytes of a secret, of which five bits each are kept: 200 bits. */
export const SECRET_BYTES = 40;

const SHAPE = /^(sk_([0-9a-hjkmnp-tv-z]{20}(?:[0-9a-hjkmnp-tv-z]{8})?)_[0-9a-hjkmnp-tv-z]{40})([0-9A-Za-z]{6})$/;

/**
 * `sk_<public id>_<secret>`: the public id names the key and, by its beginning, the organisation that holds it; the
 * secret ends in a checksum of everything before it.
 */
export function formatApiKey(id: KeyId, secret: Uint8Array): string {
  assert(secret.length === SECRET_BYTES, `a secret is made of ${SECRET_BYTES} bytes`);
  const body = `sk_${id.slice('key_'.length)}_${base32(secret)}`;
  return body + checksum(body);
}

/** Keys of model providers, and what is left where a variable of the environment is not set or was put in with its quotes. */
function adviceOn(text: string): string {
  if (text.startsWith('sk-'))
    return ': it is one of a model provider; use one of this gateway, and give theirs as the `secret` of an upstream';
  return /^["'$<{]|^(?:None|null|undefined)$/.test(text)
    ? ': it looks like the name of a variable or a placeholder, not like its value'
    : ': use one that this gateway has issued';
}

/** The key that a text claims to be. A typo or an invention is refused by its checksum, without a call. */
export function parseApiKey(text: string): Outcome<KeyId> {
  const match = SHAPE.exec(text);
  if (match === null) return refuse('invalid_api_key', `the API key is not of the form sk_<public id>_<secret>${adviceOn(text)}`);
  const [, body, publicId, sum] = match.map((part) => must(part, 'every group of the shape is mandatory'));
  if (!constantTimeEqual(checksum(must(body, 'group 1')), must(sum, 'group 3'))) {
    return refuse('invalid_api_key', 'the checksum of the API key is wrong: it is mistyped or cut off');
  }
  return ok(`key_${publicId}` as KeyId);
}
