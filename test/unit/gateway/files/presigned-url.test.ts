import { AwsV4Signer } from 'aws4fetch';
import { describe, expect, it } from 'vitest';

import { presignedUrl } from '../../../../src/gateway/files/presigned-url.ts';
import { Seeded } from '../../../../src/kernel/seeded.ts';
import { seeds } from '../../../support/fixtures/effort.ts';

const EXAMPLE = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', region: 'us-east-1' };

/** What keys are made of: everything that is encoded in one place and not in another. */
const PIECES = [
  ...'aZ09-._~/ +%&=?#:;,@$!*()[]{}|^`"<>\\'.split(''),
  "'",
  '/',
  'é',
  'e\u0301',
  '水',
  '🜁',
  '%2F',
  '%20',
  '\t',
  '\u00a0',
  'a/b',
];
const ENDPOINTS = [
  'https://account.r2.cloudflarestorage.com',
  'https://bucket.s3.eu-central-1.amazonaws.com/',
  'http://127.0.0.1:9000',
  'https://store.example:8443/base/path/',
  'https://store.example:443',
] as const;

describe('[P118] a URL of an S3 API', () => {
  it('has the signature that AWS publishes for its example', async () => {
    // "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)", the one example of a signed URL of S3.
    const atMs = Date.parse('2013-05-24T00:00:00Z');
    const url = await presignedUrl(new URL('https://examplebucket.s3.amazonaws.com'), 'test.txt', EXAMPLE, atMs, 86_400);
    expect(new URL(url).searchParams.get('X-Amz-Signature')).toBe('aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404');
  });

  it.each(seeds(20))('is signed as an independent signer does it, whatever its key, credentials and life are: seed %i', async (seed) => {
    const random = new Seeded(seed);
    for (let n = 0; n < 25; n++) {
      const one = <T>(of: readonly T[]): T => of[Math.floor(random.next() * of.length)]!;
      const text = (of: readonly string[], length: number) => Array.from({ length }, () => one(of)).join('');
      const keys = {
        accessKeyId: text('AKIA0129/+='.split(''), 16),
        secretAccessKey: text([...PIECES, 'K', '='], 40),
        region: one(['auto', 'us-east-1', 'eu-central-1']),
      };
      const endpoint = new URL(one(ENDPOINTS));
      const key = `k${text(PIECES, 1 + Math.floor(random.next() * 30))}`.replaceAll(/(?<=\/)\.{1,2}(?=\/|$)/g, 'dots');
      const atMs = Math.floor(random.next() * 4e12);
      const lifeS = 1 + Math.floor(random.next() * 604_800);
      const url = await presignedUrl(endpoint, key, keys, atMs, lifeS);

      // Callers send it as it stands, and stores find the object of that key.
      const { href, pathname, origin, searchParams } = new URL(url);
      expect(href).toBe(url);
      const base = endpoint.pathname.replace(/\/$/, '');
      expect(
        pathname
          .slice(base.length + 1)
          .split('/')
          .map(decodeURIComponent)
          .join('/'),
      ).toBe(key);
      const signer = new AwsV4Signer({
        ...keys,
        url: `${origin}${pathname}?X-Amz-Expires=${lifeS}`,
        service: 's3',
        signQuery: true,
        datetime: searchParams.get('X-Amz-Date') ?? '',
      });
      const signed = (await signer.sign()).url;
      expect(Object.fromEntries(searchParams), JSON.stringify({ href, key })).toEqual(Object.fromEntries(signed.searchParams));
      expect(searchParams.get('X-Amz-Date')).toBe(new Date(atMs).toISOString().replaceAll(/[-:]|\.\d{3}/g, ''));
    }
  });

  it('is made of no key that would be another once it is sent', async () => {
    for (const key of ['a/../b', './a', 'a/..'])
      await expect(presignedUrl(new URL(ENDPOINTS[0]), key, EXAMPLE, 0, 1)).rejects.toThrow('. or ..');
  });
});
