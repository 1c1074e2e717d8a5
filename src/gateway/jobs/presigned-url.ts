import { sha256Hex, toHex, utf8 } from '../../kernel/bytes.ts';

/** Keys of an S3 API, such as R2's. */
export interface S3Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** `auto` at R2. */
  readonly region: string;
}

/** Where an object of an S3 API is, as the parts of its URL. */
interface S3Location {
  readonly origin: string;
  readonly host: string;
  /** Percent-encoded. */
  readonly pathname: string;
}

/** A URL that reads an object of an S3 API for so many seconds (Signature Version 4 in the query, with an unsigned payload). */
export async function presignedUrl(
  { origin, host, pathname }: S3Location,
  { accessKeyId, secretAccessKey, region }: S3Keys,
  nowMs: number,
  lifeS: number,
): Promise<string> {
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
    .map(([name = '', value = '']) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
  const canonical = ['GET', pathname, query, `host:${host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join('\n');
  const text = ['AWS4-HMAC-SHA256', moment, scope, await sha256Hex(canonical)].join('\n');
  let key = utf8(`AWS4${secretAccessKey}`);
  for (const part of scope.split('/')) key = await hmac(key, part);
  return `${origin}${pathname}?${query}&X-Amz-Signature=${toHex(await hmac(key, text))}`;
}

async function hmac(secret: Uint8Array, message: string): Promise<Uint8Array> {
  // A copy in memory of its own, as the platforms' types want it.
  const key = await crypto.subtle.importKey('raw', Uint8Array.from(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8(message)));
}
