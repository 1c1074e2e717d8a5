import { beforeEach, describe, expect, it } from 'vitest';

import type { ModelRoute } from '../../../src/inference/registry/model-route.ts';
import { namedModel, versionFor } from '../../../src/inference/registry/model-route.ts';
import { stageOf, WHOLE_PPM } from '../../../src/inference/registry/model-record.ts';
import { ModelRegistry } from '../../../src/inference/registry/model-registry.ts';
import { servedContractHash } from '../../../src/inference/served/contract-hash.ts';
import { readingOf } from '../../../src/inference/registry/version-manifest.ts';
import { must } from '../../../src/kernel/assert.ts';
import { MODEL_LIMITS } from '../../../src/contract/models/model-limits.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { manifestOf, versionOf } from '../../support/fixtures/model-versions.ts';

const acting = { actor: 'key_1', lease: undefined };
const passed = { atMs: 1, refusal: null, measured: {} };
const failed = { atMs: 1, refusal: { code: 'invalid_value', message: 'the operator Foo is not supported' } as const, measured: {} };

let nowMs = 0;
let storage: NodeSql;
let registry: ModelRegistry;

beforeEach(() => {
  nowMs = 1_000;
  storage = new NodeSql();
  registry = new ModelRegistry(storage, { nowMs: () => nowMs });
});

/** A registered version that passed its checks. */
function verified(model: string, seed: string, contract: string | null = null): number {
  const made = registry.register(versionOf(model, seed), null, acting);
  const version = made.ok ? made.value.version.version : 0;
  registry.check(model, version, passed, contract, acting);
  return version;
}

const routeOf = (name: string, version?: number): ModelRoute | undefined => registry.route('tn_1', name, version);
const servingOf = (name: string): number | undefined => {
  const route = routeOf(name);
  return route?.kind === 'registered' ? route.serving.version : undefined;
};

describe('versions', () => {
  it('[M30] a version keeps its number and manifest for ever; a number is never used twice', () => {
    expect(registry.register(versionOf('minilm', 'a'), null, acting)).toMatchObject({ value: { version: { version: 1 } } });
    expect(registry.register(versionOf('minilm', 'b'), null, acting)).toMatchObject({ value: { version: { version: 2 } } });
    registry.retire('minilm', 2, acting);
    expect(registry.register(versionOf('minilm', 'c'), null, acting)).toMatchObject({ value: { version: { version: 3 } } });
    expect(registry.version('minilm', 2)).toMatchObject({ isRetired: true, manifest: manifestOf('b') });
    expect(registry.versions('minilm', 0, 10).map(({ manifest }) => manifest.contractHash)).toEqual([
      'contract-a',
      'contract-b',
      'contract-c',
    ]);
  });

  it('[M30] a version does what the others of its name do, and takes the name of no alias', () => {
    verified('minilm', 'a');
    registry.putAlias({ alias: 'default', model: 'minilm', version: null }, false, acting);
    const graph = versionOf('minilm', 'b', { manifest: manifestOf('b', { task: 'graph' }) });
    expect(registry.register(graph, null, acting)).toMatchObject({ error: { code: 'state_conflict', path: ['task'] } });
    expect(registry.register(versionOf('default', 'c'), null, acting)).toMatchObject({ error: { code: 'already_exists' } });
    expect(registry.putAlias({ alias: 'minilm', model: 'minilm', version: null }, false, acting)).toMatchObject({
      error: { code: 'already_exists' },
    });
  });

  it('[M31] the contract hash follows from whatever decides the answers, and from nothing else', async () => {
    const { files, ...reading } = manifestOf('a');
    const own = await servedContractHash(readingOf(reading), files);
    const others = [
      { prompts: { query: 'query: ' } },
      { pooling: 'cls' as const },
      { isNormalised: false },
      { tokensMax: 17 },
      { dimensions: 3 },
    ];
    for (const more of others) expect(await servedContractHash({ ...readingOf(reading), ...more }, files)).not.toBe(own);
    expect(await servedContractHash(readingOf(reading), [{ path: 'onnx/model.onnx', bytes: 4, sha256: 'b' }])).not.toBe(own);
    const card = { path: 'README.md', bytes: 1, sha256: 'c' };
    expect(await servedContractHash(readingOf(manifestOf('a', { team: 'others', licence: 'mit' })), [card, ...files])).toBe(own);
  });

  it('[M39] a repeated registration makes one version; after a removal it makes none', () => {
    const request = { key: 'k', digest: 'd' };
    const made = registry.register(versionOf('minilm', 'a'), request, acting);
    expect(registry.register(versionOf('minilm', 'a'), request, acting)).toEqual(made);
    expect(registry.register(versionOf('minilm', 'b'), { key: 'k', digest: 'other' }, acting)).toMatchObject({
      error: { code: 'idempotency_mismatch' },
    });
    expect(registry.versions('minilm', 0, 10)).toHaveLength(1);
    registry.remove('minilm', acting);
    expect(registry.register(versionOf('minilm', 'a'), request, acting)).toMatchObject({ error: { code: 'idempotency_key_spent' } });
  });

  it('[M39] the number of models, versions and aliases is limited', () => {
    for (let at = 0; at < MODEL_LIMITS.modelsMaxCount; at += 1) registry.register(versionOf(`m${at}`, 'a'), null, acting);
    expect(registry.register(versionOf('one-more', 'a'), null, acting)).toMatchObject({
      error: { code: 'limit_exceeded', limit: { name: 'modelsMaxCount' } },
    });
    expect(registry.register(versionOf('m0', 'b'), null, acting)).toMatchObject({ ok: true });
  });
});

describe('what serves', () => {
  it('[M32] only a version that passed its checks serves; the refusal says why another does not', () => {
    registry.register(versionOf('minilm', 'a'), null, acting);
    expect(registry.promote('minilm', 1, WHOLE_PPM, acting)).toMatchObject({ error: { code: 'state_conflict', path: ['version'] } });
    registry.check('minilm', 1, failed, null, acting);
    const refused = registry.promote('minilm', 1, WHOLE_PPM, acting);
    expect(refused).toMatchObject({ error: { message: expect.stringContaining('Foo is not supported') } });
    expect(routeOf('minilm')).toBeUndefined();
    expect(routeOf('minilm', 1)).toBeUndefined();
    registry.check('minilm', 1, passed, null, acting);
    expect(registry.promote('minilm', 1, WHOLE_PPM, acting)).toMatchObject({ ok: true });
    // What served once is not taken back by a fault of the Worker that checks it again.
    registry.check('minilm', 1, failed, null, acting);
    expect(servingOf('minilm')).toBe(1);
  });

  it('[M33] no version of another contract answers under a name, whole or as a canary', () => {
    registry.promote('minilm', verified('minilm', 'a'), WHOLE_PPM, acting);
    const other = verified('minilm', 'b');
    for (const share of [WHOLE_PPM, WHOLE_PPM / 10]) {
      expect(registry.promote('minilm', other, share, acting)).toMatchObject({
        error: { code: 'contract_mismatch', accepted: [{ model: 'minilm@1', contract_hash: 'contract-a' }] },
      });
    }
    expect(servingOf('minilm')).toBe(1);
    // By its number it answers: who names it knows which vectors come.
    expect(routeOf('minilm', other)).toMatchObject({ isPinned: true, serving: { version: other, contractHash: 'contract-b' } });
  });

  it('[M36] a version that was measured to agree serves under the contract of the other', () => {
    registry.promote('minilm', verified('minilm', 'a'), WHOLE_PPM, acting);
    expect(registry.register(versionOf('minilm', 'b', { compatibleWith: 7 }), null, acting)).toMatchObject({
      error: { code: 'state_conflict', path: ['compatible_with'] },
    });
    registry.register(versionOf('minilm', 'b', { compatibleWith: 1 }), null, acting);
    registry.check('minilm', 2, passed, 'contract-a', acting);
    expect(registry.promote('minilm', 2, WHOLE_PPM, acting)).toMatchObject({ ok: true });
    expect(routeOf('minilm')).toMatchObject({ serving: { version: 2, contractHash: 'contract-a' } });
  });

  it('[M34] a canary answers its share of the requests, each always by the same version', () => {
    registry.promote('minilm', verified('minilm', 'a'), WHOLE_PPM, acting);
    const canary = verified('minilm', 'b', 'contract-a');
    registry.promote('minilm', canary, WHOLE_PPM / 10, acting);
    const route = must(routeOf('minilm'), 'it serves');
    if (route.kind !== 'registered') throw new Error('it is registered');
    const keys = Array.from({ length: 10_000 }, (_, at) => `tn_1:${at}`);
    const chosen = keys.filter((key) => versionFor(route, key).version === canary);
    expect(chosen.length / keys.length).toBeCloseTo(0.1, 1);
    expect(chosen.length).toBeGreaterThan(800);
    expect(keys.filter((key) => versionFor(route, key).version === canary)).toEqual(chosen);
    // More share takes requests from the one that serves, and gives none back.
    registry.promote('minilm', canary, WHOLE_PPM / 2, acting);
    const wider = routeOf('minilm');
    if (wider?.kind !== 'registered') throw new Error('it is registered');
    expect(chosen.every((key) => versionFor(wider, key).version === canary)).toBe(true);
    expect(routeOf('minilm', 1)).toMatchObject({ canary: null, serving: { version: 1 } });
  });

  it('[M34] the first version is promoted whole, and none is a canary beside itself', () => {
    const first = verified('minilm', 'a');
    expect(registry.promote('minilm', first, 1, acting)).toMatchObject({ error: { code: 'state_conflict', path: ['share'] } });
    registry.promote('minilm', first, WHOLE_PPM, acting);
    expect(registry.promote('minilm', first, 1, acting)).toMatchObject({ error: { code: 'state_conflict', path: ['version'] } });
  });

  it('[M35] a rollback ends the canary; without one, the version before serves again, step by step', () => {
    for (const seed of ['a', 'b', 'c']) registry.promote('minilm', verified('minilm', seed, 'contract-a'), WHOLE_PPM, acting);
    registry.promote('minilm', verified('minilm', 'd', 'contract-a'), 1_000, acting);
    expect(registry.rollback('minilm', acting)).toMatchObject({ value: { model: { serving: 3, canary: null } } });
    expect(registry.rollback('minilm', acting)).toMatchObject({ value: { model: { serving: 2 } } });
    expect(registry.rollback('minilm', acting)).toMatchObject({ value: { version: { version: 1 } } });
    expect(registry.rollback('minilm', acting)).toMatchObject({ error: { code: 'state_conflict' } });
    expect(servingOf('minilm')).toBe(1);
  });

  it('[M35] a rollback passes over versions whose files are gone', () => {
    for (const seed of ['a', 'b', 'c']) registry.promote('minilm', verified('minilm', seed, 'contract-a'), WHOLE_PPM, acting);
    expect(registry.retire('minilm', 2, acting)).toMatchObject({ ok: true });
    expect(registry.rollback('minilm', acting)).toMatchObject({ value: { model: { serving: 1 } } });
  });

  it('[M35] what serves, or stands behind an alias, is not retired', () => {
    registry.promote('minilm', verified('minilm', 'a'), WHOLE_PPM, acting);
    registry.promote('minilm', verified('minilm', 'b', 'contract-a'), 1_000, acting);
    const pinned = verified('minilm', 'c');
    registry.putAlias({ alias: 'fixed', model: 'minilm', version: pinned }, false, acting);
    for (const version of [1, 2, pinned]) {
      expect(registry.retire('minilm', version, acting)).toMatchObject({ error: { code: 'state_conflict' } });
    }
    const { model } = must(registry.find('minilm'), 'it is there');
    expect(registry.versions('minilm', 0, 10).map((version) => stageOf(model, version))).toEqual(['serving', 'canary', 'verified']);
  });

  it('[M40] an alias stands for what serves, or for one version, or for a model of the deployment', () => {
    registry.promote('minilm', verified('minilm', 'a'), WHOLE_PPM, acting);
    const other = verified('minilm', 'b');
    registry.putAlias({ alias: 'text-embedding-3-small', model: 'minilm', version: null }, false, acting);
    registry.putAlias({ alias: 'fixed', model: 'minilm', version: other }, false, acting);
    registry.putAlias({ alias: 'words', model: 'glove-sif-100', version: null }, true, acting);
    expect(routeOf('text-embedding-3-small')).toMatchObject({ model: 'minilm', serving: { version: 1 }, isPinned: false });
    expect(routeOf('fixed')).toMatchObject({ serving: { version: other }, isPinned: true });
    expect(routeOf('words')).toEqual({ kind: 'builtin', model: 'glove-sif-100' });
    expect(registry.putAlias({ alias: 'nothing', model: 'absent', version: null }, false, acting)).toMatchObject({
      error: { code: 'model_not_found' },
    });
    expect(registry.removeAlias('minilm', 'words', acting)).toMatchObject({ error: { code: 'alias_not_found' } });
    expect(registry.removeAlias('minilm', 'fixed', acting)).toMatchObject({ ok: true });
    expect(routeOf('fixed')).toBeUndefined();
  });

  it.each([
    ['minilm', { name: 'minilm', version: undefined }],
    ['minilm@2', { name: 'minilm', version: 2 }],
    ['minilm@0', { name: 'minilm@0', version: undefined }],
    ['minilm@latest', { name: 'minilm@latest', version: undefined }],
  ])('[M40] the name %s is read as a model and perhaps its version', (text, named) => {
    expect(namedModel(text)).toEqual(named);
  });
});

describe('records', () => {
  it('[M37] each change is a line of the history, with its actor, newest first', () => {
    registry.promote('minilm', verified('minilm', 'a'), WHOLE_PPM, acting);
    nowMs = 2_000;
    registry.promote('minilm', verified('minilm', 'b', 'contract-a'), 250_000, { actor: 'admin', lease: undefined });
    registry.rollback('minilm', acting);
    const history = registry.history('minilm', Number.MAX_SAFE_INTEGER, 10);
    expect(history.map(({ action, version, actor }) => [action, version, actor])).toEqual([
      ['rollback', 1, 'key_1'],
      ['promote', 2, 'admin'],
      ['verify', 2, 'key_1'],
      ['register', 2, 'key_1'],
      ['promote', 1, 'key_1'],
      ['verify', 1, 'key_1'],
      ['register', 1, 'key_1'],
    ]);
    expect(history[1]).toMatchObject({ detail: '0.25', atMs: 2_000 });
    expect(registry.history('minilm', history[5]?.position ?? 0, 10)).toHaveLength(1);
  });

  it('[M38] a file goes with the last version that has it, unless it is announced again', () => {
    const files = [
      { path: 'a', bytes: 1, sha256: 'one' },
      { path: 'b', bytes: 1, sha256: 'two' },
    ];
    registry.register(versionOf('x', 'a', { manifest: manifestOf('a', { files }) }), null, acting);
    registry.register(versionOf('y', 'b', { manifest: manifestOf('b', { files: files.slice(0, 1) }) }), null, acting);
    expect(registry.retire('x', 1, acting)).toMatchObject({ value: { unneeded: ['two'] } });
    registry.announce(files.slice(0, 1), acting);
    expect(registry.remove('y', acting)).toMatchObject({ value: { unneeded: [] } });
  });

  it('[M38] files that became part of no version are swept after an hour', () => {
    const [file, other] = [
      { path: 'a', bytes: 1, sha256: 'one' },
      { path: 'b', bytes: 1, sha256: 'two' },
    ];
    registry.announce([file, other], acting);
    registry.register(versionOf('x', 'a', { manifest: manifestOf('a', { files: [other] }) }), null, acting);
    nowMs += MODEL_LIMITS.modelAnnouncedMs;
    expect(registry.announce([], acting)).toMatchObject({ value: { unneeded: [] } });
    nowMs += 1;
    expect(registry.announce([], acting)).toMatchObject({ value: { unneeded: ['one'] } });
  });

  it('[M43] an erased owner keeps nothing, and takes nothing any more', () => {
    registry.promote('minilm', verified('minilm', 'a'), WHOLE_PPM, acting);
    registry.putAlias({ alias: 'x', model: 'minilm', version: null }, false, acting);
    expect(registry.count()).toBe(2);
    registry.erase();
    expect(registry.count()).toBe(0);
    expect(routeOf('minilm')).toBeUndefined();
    expect(registry.register(versionOf('minilm', 'a'), null, acting)).toMatchObject({ error: { code: 'tenant_suspended' } });
    expect(registry.announce([], acting)).toMatchObject({ error: { code: 'tenant_suspended' } });
  });

  it('[M43] nothing is changed after its lease has ended, and reading creates no table', () => {
    const late = { actor: 'key_1', lease: { endsAtMs: nowMs } };
    expect(registry.register(versionOf('minilm', 'a'), null, late)).toMatchObject({ error: { code: 'lease_expired' } });
    const untouched = new NodeSql();
    const fresh = new ModelRegistry(untouched, { nowMs: () => nowMs });
    expect([fresh.find('x'), fresh.page('', 10), fresh.count(), fresh.route('tn_1', 'x', undefined)]).toEqual([
      undefined,
      [],
      0,
      undefined,
    ]);
    expect(untouched.sql.exec('SELECT name FROM sqlite_master').toArray()).toEqual([]);
  });
});
