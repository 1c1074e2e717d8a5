import { createHash, createHmac } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import type { Grant } from '../../../../src/contract/jobs/attempt.ts';
import { FILE_LIMITS } from '../../../../src/contract/files/file-limits.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { TransferRequest } from '../../../../src/contract/pools/transfers.ts';
import type { AttemptHold } from '../../../../src/gateway/pools/attempt-files.ts';
import type { Pools } from '../../../../src/gateway/pools/pool-calls.ts';
import { TransferUrls } from '../../../../src/gateway/pools/transfer-urls.ts';
import { Hmac } from '../../../../src/kernel/hmac.ts';
import type { AttemptId, FileId, PoolId, TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { r2Urls } from '../../../../workers/gateway/adapters/files/r2-urls.ts';

const HOLD: AttemptHold = { poolId: 'pool_a' as PoolId, partition: 0, attemptId: 'att_a_3' as AttemptId, fence: 3 };
const SHA256 = 'a'.repeat(64);
const READ: TransferRequest = { fence: 3, artifact: 'input', index: 1, method: 'GET' };
const WRITE: TransferRequest = { fence: 3, artifact: 'output', index: 0, method: 'PUT', sha256: SHA256 };

function world(direct = false) {
  const clock = { ms: 1_000_000, nowMs: () => clock.ms };
  const stale = refuse('stale_fence', 'drop it');
  const pools = (() => ({ held: async (_: AttemptId, fence: number) => (fence === 3 ? ok({} as Grant) : stale) })) as unknown as Pools;
  const file = { id: 'file_a' as FileId, sha256: SHA256 };
  const attempts = {
    describe: async (hold: AttemptHold) => (hold.fence === 3 ? ok({ tenantId: 'tn_a' as TenantId, file: file as never }) : stale),
  };
  const storeUrls = direct
    ? { read: async (tenant: string, id: string, lifeS: number) => `https://r2/${tenant}/${id}?${lifeS}` }
    : undefined;
  const urls = new TransferUrls({ attempts, pools, storeUrls, hmac: new Hmac('pepper'), clock });
  const tokenOf = async (want: TransferRequest) => {
    const signed = await urls.sign(HOLD, want);
    return signed.ok ? (signed.value.url.split('/').at(-1) ?? '') : expect.fail(signed.error.message);
  };
  return { clock, urls, tokenOf };
}

const denied = { error: { code: 'scope_denied', path: ['token'] } };

describe('[P91] a signed URL', () => {
  it('of the gateway opens what it was signed for, and nothing else', async () => {
    const { urls, tokenOf } = world();
    expect(await urls.open(await tokenOf(READ), 'GET')).toEqual(ok({ ...HOLD, artifact: 'input', index: 1, method: 'GET' }));
    expect(await urls.open(await tokenOf(WRITE), 'PUT')).toEqual(
      ok({ ...HOLD, artifact: 'output', index: 0, method: 'PUT', sha256: SHA256 }),
    );
    expect(await urls.open(await tokenOf(READ), 'PUT')).toMatchObject(denied);
    expect(await urls.open(await tokenOf(WRITE), 'GET')).toMatchObject(denied);
  });

  it('that was changed opens nothing, wherever it was changed', async () => {
    const { urls, tokenOf } = world();
    const token = await tokenOf(READ);
    for (let at = 0; at < token.length; at += 1) {
      const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
      expect(await urls.open(changed, 'GET'), String(at)).toMatchObject(denied);
    }
    const [payload, mac] = token.split('.');
    const other = (await tokenOf({ ...READ, index: 0 })).split('.');
    for (const mixed of [`${other[0]}.${mac}`, `${payload}.${other[1]}`, `${payload}.`, `.${mac}`, '.', ''])
      expect(await urls.open(mixed, 'GET'), mixed).toMatchObject(denied);
    const foreign = new TransferUrls({ ...(world() as never as object), hmac: new Hmac('another'), clock: { nowMs: () => 0 } } as never);
    expect(await foreign.open(token, 'GET')).toMatchObject(denied);
  });

  it('expires', async () => {
    const { clock, urls, tokenOf } = world();
    const token = await tokenOf(READ);
    clock.ms += FILE_LIMITS.transferUrlLifeMs - 1;
    expect(await urls.open(token, 'GET')).toMatchObject({ ok: true });
    clock.ms += 1;
    expect(await urls.open(token, 'GET')).toMatchObject(denied);
  });

  it('is signed for an attempt that its agent holds, and for no other', async () => {
    const { urls } = world();
    for (const want of [READ, WRITE]) {
      const refused = await urls.sign({ ...HOLD, fence: 2 }, { ...want, fence: 2 });
      expect(refused).toMatchObject({ error: { code: 'stale_fence' } });
    }
  });

  it('is the own one of the store for what is read, where there is one, and says what will come', async () => {
    const { urls } = world(true);
    const read = await urls.sign(HOLD, READ);
    expect(read).toMatchObject({ value: { url: 'https://r2/tn_a/file_a?900', sha256: SHA256, expiresAtMs: 1_900_000 } });
    expect(await urls.sign(HOLD, WRITE)).toMatchObject({ value: { url: expect.stringMatching(/^v1\/transfers\//), sha256: null } });
  });
});

describe('[P91] a URL of the S3 API', () => {
  it('names the object that has the content, and is accepted by a store that checks it by itself', async () => {
    const env = {
      SLUICE_S3_ENDPOINT: 'https://account.r2.cloudflarestorage.com',
      SLUICE_S3_BUCKET: 'sluice-files',
      SLUICE_S3_ACCESS_KEY_ID: 'id',
      SLUICE_S3_SECRET_ACCESS_KEY: 'secret',
    };
    const store = { objectKey: async () => 'tenants/tn_a/contents/file_a/0b1c' };
    const urls = r2Urls(env, store, { nowMs: () => Date.parse('2026-11-27T10:20:30.456Z') });
    const url = new URL((await urls?.read('tn_a' as TenantId, 'file_a' as FileId, 900)) ?? '');
    expect(`${url.origin}${url.pathname}`).toBe('https://account.r2.cloudflarestorage.com/sluice-files/tenants/tn_a/contents/file_a/0b1c');
    expect(url.searchParams.get('X-Amz-Date')).toBe('20261127T102030Z');
    expect(signatureOf(url, 'secret')).toBe(url.searchParams.get('X-Amz-Signature'));
    expect(
      await r2Urls(env, { objectKey: async () => undefined }, { nowMs: () => 0 })?.read('tn_a' as TenantId, 'file_a' as FileId, 1),
    ).toBeUndefined();
  });

  it('is made where all of its settings are there; with some of them, nothing starts', () => {
    const store = { objectKey: async () => undefined };
    expect(r2Urls({}, store, { nowMs: () => 0 })).toBeUndefined();
    expect(() => r2Urls({ SLUICE_S3_BUCKET: 'b' }, store, { nowMs: () => 0 })).toThrow('SLUICE_S3_ENDPOINT');
  });
});

/** Written anew from the documentation, as a store computes it. */
function signatureOf(url: URL, secret: string): string {
  const parameters = [...url.searchParams].filter(([name]) => name !== 'X-Amz-Signature').sort(([a], [b]) => (a < b ? -1 : 1));
  const query = parameters.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
  const request = `GET\n${url.pathname}\n${query}\nhost:${url.host}\n\nhost\nUNSIGNED-PAYLOAD`;
  const [date = '', region = '', service = '', end = ''] = (url.searchParams.get('X-Amz-Credential') ?? '').split('/').slice(1);
  const chained = [date, region, service, end].reduce<string | Buffer>(
    (key, part) => createHmac('sha256', key).update(part).digest(),
    `AWS4${secret}`,
  );
  const hash = createHash('sha256').update(request).digest('hex');
  const text = `AWS4-HMAC-SHA256\n${url.searchParams.get('X-Amz-Date')}\n${date}/${region}/${service}/${end}\n${hash}`;
  return createHmac('sha256', chained).update(text).digest('hex');
}
