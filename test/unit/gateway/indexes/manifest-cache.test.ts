import { describe, expect, it } from 'vitest';

import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { IndexDirectory } from '../../../../src/gateway/indexes/index-directory.ts';
import { ManifestCache } from '../../../../src/gateway/indexes/manifest-cache.ts';
import type { IndexId, TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';

const TENANT = 'tn_1' as TenantId;
const NOT_FOUND = refuse('index_not_found', 'gone', 'index');
const MISMATCH = refuse('dimension_mismatch', 'other dimensions');

/** The index behind one name of one tenant, as the directory returns it. */
function world() {
  const state = {
    nowMs: 0,
    asked: 0,
    liveId: 'ix_1' as string | undefined,
    /** The ids of the manifests under which work ran. */
    ran: [] as string[],
    answers: () => Promise.resolve(),
  };
  const describeIndex = async (tenantId: TenantId, name: string): Promise<Outcome<IndexManifest>> => {
    state.asked += 1;
    const { liveId } = state;
    await state.answers();
    if (liveId === undefined) return NOT_FOUND;
    const id = liveId as IndexId;
    return ok({ id, tenantId, name, dimensions: 2, metric: 'dot', embedding: null, owner: 'o', createdS: 0, generation: 1 });
  };
  const directory = { describe: describeIndex } as unknown as IndexDirectory;
  const cache = new ManifestCache(directory, { nowMs: () => state.nowMs });
  /** Work that succeeds only under the manifest of the live index, as on a shard. */
  const run = (refusal = NOT_FOUND, name = 'articles') =>
    cache.using(TENANT, name, async ({ id }): Promise<Outcome<string>> => {
      state.ran.push(id);
      return id === state.liveId ? ok(id) : refusal;
    });
  return { state, run, cache };
}

describe('ManifestCache', () => {
  it('[V26] uses a manifest for no longer than its TTL, counted from before the request', async () => {
    const { state, run } = world();
    await run();
    await run();
    expect(state.asked).toBe(1);
    state.nowMs = VECTOR_LIMITS.indexManifestTtlMs;
    state.liveId = 'ix_2';
    expect(await run()).toEqual(ok('ix_2'));
    expect(state.ran).toEqual(['ix_1', 'ix_1', 'ix_2']);
  });

  it('[G60] renews a manifest in use while calls go on with it, once, and asks again if that died', async () => {
    const { state, run } = world();
    await run();
    // The directory answers no more: a call that asked it would not end.
    state.answers = () => new Promise(() => undefined);
    for (state.nowMs = 100; state.nowMs < VECTOR_LIMITS.indexManifestTtlMs / 2; state.nowMs += 100) await run();
    expect(state.asked).toBe(1);
    for (let call = 0; call < 3; call += 1) expect(await run()).toEqual(ok('ix_1'));
    expect(state.asked).toBe(2);
    state.nowMs = VECTOR_LIMITS.indexManifestTtlMs - 1;
    state.answers = () => Promise.resolve();
    for (let call = 0; call < 3; call += 1) expect(await run()).toEqual(ok('ix_1'));
    expect(state.asked).toBe(3);
    state.answers = () => new Promise(() => undefined);
    // Counted from before that request, the new one has its whole TTL.
    state.nowMs += VECTOR_LIMITS.indexManifestTtlMs - 1;
    expect(await run()).toEqual(ok('ix_1'));
  });

  it('[G60] a manifest that cannot be renewed serves until it expires, and none replaces a newer one', async () => {
    const { state, run, cache } = world();
    await run();
    state.nowMs = VECTOR_LIMITS.indexManifestTtlMs / 2;
    const late = Promise.withResolvers<void>();
    state.answers = () => late.promise;
    expect(await run()).toEqual(ok('ix_1'));
    state.answers = () => Promise.resolve();
    state.liveId = 'ix_2';
    expect(await cache.current(TENANT, 'articles')).toMatchObject({ value: { id: 'ix_2' } });
    late.resolve();
    await late.promise;
    expect(await run()).toEqual(ok('ix_2'));
    expect(state.ran).toEqual(['ix_1', 'ix_1', 'ix_2']);
    state.answers = () => Promise.reject(new Error('unreachable'));
    state.nowMs += VECTOR_LIMITS.indexManifestTtlMs - 1;
    expect(await run()).toEqual(ok('ix_2'));
    expect(await run()).toEqual(ok('ix_2'));
  });

  it.each([NOT_FOUND, MISMATCH])('[V26] repeats the work once if the index behind the name is a new one', async (refusal) => {
    const { state, run } = world();
    await run();
    state.liveId = 'ix_2';
    expect(await run(refusal)).toEqual(ok('ix_2'));
    expect(state.ran).toEqual(['ix_1', 'ix_1', 'ix_2']);
    await run();
    expect(state.asked).toBe(2);
  });

  it('[V26] reports that the index is gone, and drops its manifest', async () => {
    const { state, run } = world();
    await run();
    state.liveId = undefined;
    expect(await run(MISMATCH)).toEqual(NOT_FOUND);
    expect(await run(MISMATCH)).toEqual(NOT_FOUND);
    expect(state.ran).toEqual(['ix_1', 'ix_1']);
  });

  it('[V26] returns the refusal if the index is still the same, without repeating the work', async () => {
    const { state, cache } = world();
    const refused = () =>
      cache.using(TENANT, 'articles', async () => {
        state.ran.push('work');
        return MISMATCH;
      });
    await refused();
    expect(await refused()).toEqual(MISMATCH);
    expect([state.ran.length, state.asked]).toEqual([2, 2]);
  });

  it('[V26] never repeats the work more than once', async () => {
    const { state, cache } = world();
    let runs = 0;
    const chase = () =>
      cache.using(TENANT, 'articles', async () => {
        runs += 1;
        state.liveId = `ix_${runs + 1}`;
        return NOT_FOUND;
      });
    await chase();
    runs = 0;
    expect(await chase()).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    expect(runs).toBeLessThanOrEqual(2);
  });

  it('[G41] reports data loss, not a deletion, if a part lacks the index and its object has it', async () => {
    const { state, cache } = world();
    const absent = () => cache.using(TENANT, 'articles', async () => NOT_FOUND);
    for (let call = 0; call < 2; call += 1) expect(await absent()).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    state.liveId = undefined;
    expect(await absent()).toEqual(NOT_FOUND);
  });

  it('[G41] returns the refusal of a part if the index is deleted in the meantime', async () => {
    const { state, cache } = world();
    const deleted = () =>
      cache.using(TENANT, 'articles', async () => {
        state.liveId = undefined;
        return NOT_FOUND;
      });
    expect(await deleted()).toEqual(NOT_FOUND);
  });

  it('[V26] keeps a bounded number of manifests, the newest', async () => {
    const { state, run } = world();
    for (let i = 0; i <= INDEX_LIMITS.indexManifestsMaxCount; i += 1) await run(NOT_FOUND, `n${i}`);
    const { asked } = state;
    await run(NOT_FOUND, 'n1');
    expect(state.asked).toBe(asked);
    await run(NOT_FOUND, 'n0');
    expect(state.asked).toBe(asked + 1);
  });
});
