import { assert } from '../../kernel/assert.ts';
import { sha256Hex, toHex, utf8 } from '../../kernel/bytes.ts';

/** Keys of an S3 API, such as R2's. */
export interface S3Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** `auto` at R2. */
  readonly region: string;
}

/** Where an S3 API is, as the parts of its URL. */
interface S3Endpoint {
  readonly origin: string;
  readonly host: string;
  readonly pathname: string;
}

/**
 * A URL that reads an object of an S3 API for so many seconds (Signature Version 4 in the query, with an unsigned payload). `key`: where it is
 * below the endpoint, as text; its bucket comes first where the host does not name it. What is signed is the path as it is sent.
 */
export async function presignedUrl(
  { origin, host, pathname: base }: S3Endpoint,
  key: string,
  { accessKeyId, secretAccessKey, region }: S3Keys,
  nowMs: number,
  lifeS: number,
): Promise<string> {
  const segments = key.split('/');
  // HTTP clients leave such segments out of the URL that they send, however they are encoded.
  assert(!segments.some((segment) => segment === '.' || segment === '..'), 'no part of the key of an object is . or ..');
  const pathname = [base.replace(/\/+$/, ''), ...segments.map(uriEncoded)].join('/');
  // `20130524T000000Z`
  const moment = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  const scope = `${moment.slice(0, 8)}/${region}/s3/aws4_request`;
  const query = [
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', `${accessKeyId}/${scope}`],
    ['X-Amz-Date', moment],
    ['X-Amz-Expires', String(lifeS)],
    ['X-Amz-SignedHeaders', 'host'],
  ]
    .map(([name = '', value = '']) => `${name}=${uriEncoded(value)}`)
    .join('&');
  const canonical = ['GET', pathname, query, `host:${host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join('\n');
  const text = ['AWS4-HMAC-SHA256', moment, scope, await sha256Hex(canonical)].join('\n');
  let signingKey = utf8(`AWS4${secretAccessKey}`);
  for (const part of scope.split('/')) signingKey = await hmac(signingKey, part);
  return `${origin}${pathname}?${query}&X-Amz-Signature=${toHex(await hmac(signingKey, text))}`;
}

/** As stores encode what they were sent before they sign it: all but unreserved characters. JavaScript leaves five others alone. */
const uriEncoded = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

async function hmac(secret: Uint8Array, message: string): Promise<Uint8Array> {
  // A copy in memory of its own, as the platforms' types want it.
  const key = await crypto.subtle.importKey('raw', Uint8Array.from(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8(message)));
}
