import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import type { Server } from '../../workers/local/serve.ts';
import { serve } from '../../workers/local/serve.ts';
import type { ApiAnswer } from '../support/deployment/api-client.ts';
import { ApiClient } from '../support/deployment/api-client.ts';
import { freePort } from '../support/deployment/free-port.ts';
import { createTenant } from '../support/deployment/tenant.ts';

const DISK_BYTES = 24 * 1024 * 1024;
const mount = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-disk-'));
const isMounted = mounted();
if (!isMounted) console.log('the test of a full disk is skipped: it needs the right to mount a small file system');

function mounted(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', mount], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

afterAll(() => {
  if (isMounted) execFileSync('umount', ['-l', mount]);
  rmSync(mount, { recursive: true, force: true });
});

/** Uses up the remaining space, to the last byte. */
function fill(): void {
  const file = openSync(join(mount, 'filler'), 'w');
  try {
    for (let bytes = 1024 * 1024; bytes >= 1; bytes = Math.floor(bytes / 4)) {
      try {
        for (;;) writeSync(file, Buffer.alloc(bytes));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
  } finally {
    closeSync(file);
  }
}

describe.skipIf(!isMounted)('a full disk', () => {
  it('[G35] makes every write fail with a retryable error, applies none partly, and shows at /readyz', async () => {
    const server: Server = await serve({ ports: [await freePort()], stateDir: join(mount, 'state'), variables: { LOG_LEVEL: 'warn' } });
    try {
      const { client, id: tenant, organisation } = await createTenant(server);
      const admin = new ApiClient(client.url, server.secrets.SLUICE_ADMIN_KEY);
      await client.post('/v1/indexes', { name: 'kept', dimensions: 4, owner: 'testers' });
      const vectorsOf = (first: number, count: number) =>
        Array.from({ length: count }, (_, n) => ({ id: `v${first + n}`, values: [1, 2, 3, n], metadata: { text: 'x'.repeat(2_000) } }));
      expect((await client.post('/v1/indexes/kept/upsert', { vectors: vectorsOf(0, 100) })).status).toBe(200);
      expect((await client.get('/readyz')).status).toBe(200);
      fill();
      const form = () => {
        const body = new FormData();
        body.set('purpose', 'batch');
        body.set('file', new Blob(['x'.repeat(400_000)]), 'large.jsonl');
        return body;
      };
      const writes: [string, () => Promise<ApiAnswer>][] = [
        ['upsert', () => client.post('/v1/indexes/kept/upsert', { vectors: vectorsOf(100, 900) })],
        ['replace', () => client.post('/v1/indexes/kept/upsert', { vectors: vectorsOf(0, 1_000) })],
        ['create an index', () => client.post('/v1/indexes', { name: 'other', dimensions: 4, owner: 'testers' })],
        [
          'edit metadata',
          () => client.post('/v1/indexes/kept/metadata', { filter: { text: { $exists: true } }, set: { more: 'y'.repeat(4_000) } }),
        ],
        ['upload a file', () => client.call('POST', '/v1/files', form())],
        ['create an organisation', () => admin.post('/v1/organisations', { name: 'late', owner: 'testers' })],
        ['create a tenant', () => admin.post('/v1/tenants', { organisation, name: 'late', owner: 'testers' })],
        ['create a key', () => admin.post('/v1/keys', { tenant, name: 'late', owner: 'testers' })],
        ['create a pool', () => admin.post('/v1/pools', { name: 'late', owner: 'testers' })],
        ['set a quota', () => admin.put('/v1/quotas', { tenant, rules: [{ resource: 'requests', window: 'minute', limit: 5_000 }] })],
        ['purge', () => client.post('/v1/cache/purge', { everything: true })],
        ['delete', () => client.post('/v1/indexes/kept/delete', { all: true })],
        ['qdrant', () => client.put('/qdrant/collections/late', { vectors: { size: 4, distance: 'Dot' } })],
      ];
      for (const [name, write] of writes) {
        const { status, body, headers } = await write();
        const refused = { name, status, code: body.error?.code ?? body.status?.code, retry: headers.get('x-should-retry') };
        expect(refused).toEqual({ name, status: 503, code: expect.stringMatching(/^(storage_full|unavailable)$/), retry: 'true' });
      }
      // It shows for some seconds after a refused write: on a busy machine the one above may be longer ago.
      await vi.waitFor(async () => {
        await client.post('/v1/indexes/kept/upsert', { vectors: vectorsOf(100, 900) });
        expect(await client.get('/readyz')).toMatchObject({ status: 503, body: { error: { code: 'storage_full' } } });
      }, 90_000);

      rmSync(join(mount, 'filler'));
      await vi.waitFor(async () => expect((await client.get('/readyz')).status).toBe(200), { timeout: 90_000, interval: 200 });
      const listed = async () => (await client.get('/v1/indexes')).body.data.map(({ name }: { name: string }) => name);
      await vi.waitFor(async () => expect((await client.get('/v1/indexes/other')).status).toBe(404), { timeout: 90_000, interval: 200 });
      expect(await listed()).toEqual(['kept']);
      const { body } = await client.post('/v1/indexes/kept/list', { limit: 1_000, include_metadata: true });
      expect(body.vectors).toHaveLength(100);
      expect(body.vectors.filter(({ metadata }: { metadata: object }) => 'more' in metadata)).toEqual([]);
      expect((await client.get('/v1/files')).body.data).toEqual([]);
      expect((await admin.get(`/v1/keys?tenant=${tenant}`)).body.data).toHaveLength(1);
      for (const [name, write] of writes)
        expect({ name, status: (await write()).status }).toEqual({ name, status: expect.toSatisfy((code: number) => code < 300) });
    } finally {
      await server.stop();
    }
  });
});
