import { describe, expect, it } from 'vitest';

import { FILE_LIMITS } from '../../../../src/contract/files/file-limits.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { Grant } from '../../../../src/contract/jobs/attempt.ts';
import type { Authority } from '../../../../src/contract/tenancy/write-lease.ts';
import { AttemptFiles } from '../../../../src/gateway/pools/attempt-files.ts';
import type { FileCatalogue } from '../../../../src/gateway/files/file-catalogue.ts';
import { FileEraser } from '../../../../src/gateway/files/file-eraser.ts';
import { FileWriter } from '../../../../src/gateway/files/file-writer.ts';
import type { Pools } from '../../../../src/gateway/pools/pool-calls.ts';
import type { Organisations } from '../../../../src/gateway/tenancy/organisation-store.ts';
import { TenantAuthority } from '../../../../src/gateway/tenancy/tenant-authority.ts';
import type { AttemptId, FileId, PoolId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { TenantState } from '../../../../src/tenancy/organisation.ts';
import { deferred } from '../../../support/fakes/deferred.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { MemoryFileStore } from '../../../support/fakes/memory-file-store.ts';
import { idsOf } from '../../../support/fakes/tenancy.ts';

const { tenantId } = idsOf(1);
const FILE = { id: 'file_a' as FileId, filename: 'a', purpose: 'batch', owner: 'team', digest: '', createdAtMs: 1_000, expiresAtMs: null };
const ENDED = refuse('invalid_api_key', 'the API key is not valid');

/** A store whose writes wait for `gate`, on a clock that the test sets. */
function setUp() {
  const world = { nowMs: 1_000 };
  const clock = { nowMs: () => world.nowMs };
  const store = new MemoryFileStore(clock.nowMs);
  const gate = deferred<void>();
  const create = store.create.bind(store);
  const slow = Object.assign(store, {
    create: async (...args: Parameters<typeof create>) => {
      await gate.promise;
      return create(...args);
    },
  });
  const writer = new FileWriter({ store: slow, clock });
  return { world, store, gate, create, clock, writer, eraser: new FileEraser({ store, clock }) };
}

/** An authority that is in force until the test ends it. */
function endable(endsAtMs = Number.MAX_SAFE_INTEGER) {
  const state = { isOver: false };
  const authority: Authority = { lease: async () => (state.isOver ? ENDED : ok({ endsAtMs })) };
  return { state, authority };
}

describe('a file', () => {
  it('[T73] counts from before its lease is requested until it is written', async () => {
    const { writer, gate, eraser } = setUp();
    const counts: number[] = [];
    const authority: Authority = {
      lease: async () => {
        counts.push(await eraser.count(tenantId));
        return IN_FORCE.lease();
      },
    };
    const writing = writer.write(tenantId, authority, FILE, 'content');
    await expect.poll(() => counts).toEqual([1]);
    gate.resolve();
    expect(await writing).toMatchObject({ ok: true, value: { id: FILE.id, bytes: 7 } });
    expect(await eraser.count(tenantId)).toBe(1);
    await eraser.eraseAll(tenantId);
    expect(await eraser.count(tenantId)).toBe(0);
  });

  it('[T73] is not written without authority, and leaves nothing behind', async () => {
    const { writer, eraser } = setUp();
    expect(await writer.write(tenantId, { lease: async () => ENDED }, FILE, 'content')).toEqual(ENDED);
    expect(await eraser.count(tenantId)).toBe(0);
  });

  it('[T73] is not written while it is unknown whether the authority still holds', async () => {
    const { writer, eraser } = setUp();
    const authority: Authority = { lease: async () => ok({ endsAtMs: Number.MAX_SAFE_INTEGER, isUnconfirmed: true }) };
    expect(await writer.write(tenantId, authority, FILE, 'content')).toMatchObject({ error: { code: 'unavailable' } });
    expect(await eraser.count(tenantId)).toBe(0);
  });

  it.each([
    ['is stored after its lease', true],
    ['fails to be stored, even if a part is there', false],
  ])('[T73] [T54] is removed if its authority ends and it %s', async (_, isStored) => {
    const { writer, gate, world, store, create, eraser } = setUp();
    const { state, authority } = endable(1_500);
    const writing = writer.write(tenantId, authority, FILE, 'content');
    await expect.poll(() => eraser.count(tenantId)).toBe(1);
    Object.assign(state, { isOver: true });
    world.nowMs = 2_000;
    if (isStored) gate.resolve();
    else {
      await create(tenantId, FILE, 'content');
      gate.reject(new Error('no answer'));
    }
    expect(await writing).toEqual(ENDED);
    expect([await eraser.count(tenantId), await store.find(tenantId, FILE.id)]).toEqual([0, undefined]);
  });

  it('[T73] of an earlier request stays when a repetition is too late', async () => {
    const { writer, gate, world, store, create, eraser } = setUp();
    await create(tenantId, FILE, 'content');
    const { state, authority } = endable(1_500);
    const writing = writer.write(tenantId, authority, { ...FILE, createdAtMs: 1_400 }, 'content');
    await expect.poll(() => eraser.count(tenantId)).toBe(2);
    Object.assign(state, { isOver: true });
    world.nowMs = 2_000;
    gate.resolve();
    expect(await writing).toEqual(ENDED);
    expect(await store.find(tenantId, FILE.id)).toMatchObject({ createdAtMs: 1_000 });
  });

  it('[T73] whose writer died is waited for as long as it may be written, and then erased', async () => {
    const { world, store, create, eraser } = setUp();
    await store.announce(tenantId, FILE.id);
    // For an erased tenant, announced writes are refused, so they do not count.
    expect([await eraser.count(tenantId), await eraser.count(tenantId, true)]).toEqual([1, 0]);
    world.nowMs += FILE_LIMITS.fileWriteMaxMs;
    await eraser.eraseAll(tenantId);
    expect(await eraser.count(tenantId)).toBe(1);
    await create(tenantId, FILE, 'content');
    world.nowMs += 1;
    await eraser.eraseAll(tenantId);
    expect(await eraser.count(tenantId)).toBe(0);
  });

  it('[T73] that took longer to store than an erasure waits is removed, whatever its authority', async () => {
    const { writer, gate, world, eraser } = setUp();
    const writing = writer.write(tenantId, IN_FORCE, FILE, 'content');
    await expect.poll(() => eraser.count(tenantId)).toBe(1);
    world.nowMs += FILE_LIMITS.fileWriteMaxMs + 1;
    gate.resolve();
    expect(await writing).toMatchObject({ error: { code: 'unavailable' } });
    expect(await eraser.count(tenantId)).toBe(0);
  });
});

describe('the output of a job', () => {
  const work = { kind: 'batch_embedding', model: 'm', inputFile: 'file_input' };
  const grant = { tenantId, jobId: 'job_a', fence: 1, work, owner: 'team' } as unknown as Grant;
  const outputOf = (state: TenantState | 'away') => {
    const { writer, store, gate, clock, eraser } = setUp();
    gate.resolve();
    const records = { tenant: async () => (state === 'away' ? Promise.reject(new Error('away')) : ok({ state })) };
    const organisations = { at: () => records } as unknown as Organisations;
    const attempts = new AttemptFiles({
      pools: (() => ({ held: async () => ok(grant) })) as unknown as Pools,
      writer,
      files: {} as FileCatalogue<string>,
      store,
      clock,
      authorityOf: (id) => new TenantAuthority(organisations, clock, id),
      register: async () => ok({ kind: 'none' }),
    });
    const written = attempts.output({ poolId: 'pool' as PoolId, partition: 0, attemptId: 'att' as AttemptId, fence: 1 }, 0, {
      bytes: 7,
      sha256: undefined,
      content: 'content',
    });
    return { written, eraser };
  };

  it.each([
    ['active', undefined, 1],
    ['suspended', undefined, 1],
    ['erasing', 'tenant_suspended', 0],
    ['erased', 'tenant_suspended', 0],
    ['away', 'unavailable', 0],
  ] as const)('[T73] of a tenant that is %s: %s', async (state, code, count) => {
    const { written, eraser } = outputOf(state);
    expect(await written).toMatchObject(code === undefined ? { ok: true, value: null } : { error: { code } });
    expect(await eraser.count(tenantId)).toBe(count);
  });
});
