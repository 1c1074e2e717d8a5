import { hash } from 'node:crypto';

/** A strong entity tag (RFC 9110, 8.8.3): the same for the same bytes. Truncated to 128 bits, which no two answers share by chance. */
export const etagOf = (text: string, bytes?: Uint8Array): string =>
  `"${hash('sha256', bytes === undefined ? text : `${text}${hash('sha256', bytes, 'hex')}`, 'hex').slice(0, 32)}"`;

/** Whether `if-none-match` names the tag, so that its sender has the answer already. Compared weakly, as the RFC wants of it. */
export function isNoneMatch(header: string | null, etag: string): boolean {
  if (header === null) return false;
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
