import { beforeEach, describe, expect, it } from 'vitest';

import { MODEL_LIMITS } from '../../../../src/contract/models/model-limits.ts';
import type { CreateModelBody } from '../../../../src/contract/models/models.ts';
import { refuse } from '../../../../src/contract/api/outcome.ts';
import type { Principal, TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import { servedContractHash } from '../../../../src/inference/served/contract-hash.ts';
import type { ModelReading } from '../../../../src/inference/served-manifest.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { idsOf } from '../../../support/fakes/tenancy.ts';
import { ModelWorld } from '../../../support/worlds/model-world.ts';

const tenantOf = (number: number, resources?: readonly string[]): TenantPrincipal => {
  const { id: keyId, ...ids } = idsOf(number);
  return {
    kind: 'tenant',
    keyId,
    ...ids,
    owner: 'team',
    scopes: ['models:write', 'inference'],
    ...(resources === undefined ? {} : { resources }),
  };
};
const ADMIN: Principal = { kind: 'admin' };
const ONE = tenantOf(1);
const TWO = tenantOf(2);

let world: ModelWorld;

beforeEach(() => {
  world = new ModelWorld();
});

function bodyOf(principal: Principal, name: string, sha256: string, more: Partial<CreateModelBody> = {}): CreateModelBody {
  const tenant = principal.kind === 'tenant' ? principal.tenantId : ONE.tenantId;
  return {
    name,
    task: 'embedding',
    files: [{ path: 'onnx/model.onnx', file: world.upload(tenant, sha256) }],
    graph: 'onnx/model.onnx',
    external_data: [],
    tokens_max: 16,
    dimensions: 2,
    pooling: 'mean',
    normalised: true,
    labels: [],
    activation: 'none',
    prompts: {},
    parents: [],
    ...(principal.kind === 'admin' ? { tenant } : {}),
    ...more,
  };
}

const add = (principal: Principal, name: string, sha256: string, more: Partial<CreateModelBody> = {}, key?: string) =>
  world.admin.create(world.caller(principal), bodyOf(principal, name, sha256, more), key);
const promote = (principal: Principal, name: string, version: number, share = 1, reason?: string) =>
  world.admin.promote(world.caller(principal), name, version, { share, ...(reason === undefined ? {} : { override: { reason } }) });

describe('[M95] a version that its gate found worse than its parent', () => {
  const gate = (...checks: object[]) => ({ evaluation: { gate: { passes: true, checks } } });

  it.each([
    ['a value that misses its bound', { name: 'overlap@10', value: 0.949 }, 'overlap@10 is 0.949, and must be at least 0.95'],
    ['a drop that is too large', { name: 'similarity drop', value: 0.0051 }, 'similarity drop is 0.0051, and must be at most 0.005'],
    ['a value that could not be measured', { name: 'ndcg@10 ratio', value: null }, 'ndcg@10 ratio is null'],
    ['a drop that could not be measured', { name: 'similarity drop', value: null }, 'similarity drop is null'],
    ['vectors that say nothing', { name: 'vectors not finite', value: 1 }, 'vectors not finite is 1'],
  ])('serves alone only with a reason: %s', async (_, check, message) => {
    await add(ONE, 'minilm', 'a');
    await promote(ONE, 'minilm', 1);
    await add(ONE, 'minilm', 'a', gate({ name: 'overlap@10', value: 0.95 }, check));
    expect(await promote(ONE, 'minilm', 2)).toMatchObject({ error: { code: 'state_conflict', message: expect.stringContaining(message) } });
    expect(await promote(ONE, 'minilm', 2, 0.5)).toMatchObject({ ok: true });
    world.audit.length = 0;
    expect(await promote(ONE, 'minilm', 2, 1, 'twice as fast, and nobody searches by it')).toMatchObject({ ok: true });
    expect(world.audit).toEqual(['model.override minilm@2: twice as fast, and nobody searches by it']);
    const [last] = await world.registries(ONE.tenantId).history('minilm', 1_000, 1);
    expect(last).toMatchObject({ action: 'promote', detail: '1, override: twice as fast, and nobody searches by it' });
  });

  it('is one, too, where its report has no check that is known', async () => {
    await add(ONE, 'minilm', 'a', gate({ name: 'mood', value: 1 }));
    expect(await promote(ONE, 'minilm', 1)).toMatchObject({ error: { message: expect.stringContaining('no check that is known') } });
    await add(ONE, 'minilm', 'a', { evaluation: { gate: {} } });
    expect(await promote(ONE, 'minilm', 2)).toMatchObject({ error: { message: expect.stringContaining('no checks') } });
  });

  it('is one only by its values: what holds, or was not judged, is promoted as ever', async () => {
    const whole = ['overlap@10', 'ndcg@10 ratio'].map((name) => ({ name, value: 1 }));
    await add(ONE, 'minilm', 'a', gate(...whole, { name: 'similarity drop', value: -0.1 }, { name: 'further zero vectors', value: 0 }));
    expect(await promote(ONE, 'minilm', 1, 1, 'no reason is needed')).toMatchObject({ ok: true });
    expect(world.audit.at(-1)).toBe('model.promote minilm@1');
    await add(ONE, 'minilm', 'a', { evaluation: { spearman: 0.1 } });
    expect(await promote(ONE, 'minilm', 2)).toMatchObject({ ok: true });
  });
});

describe('pools that serve a model', () => {
  const cost = (runMs: number) => ({ cost: { runMs, unruled: [] } });

  it.each([
    ['all of it, as isolates have no room', { runsOn: 'pool', ...cost(9_000) }, ['minilm@1']],
    ['its longer texts', { runsOn: 'edge', ...cost(251) }, ['minilm@1']],
    ['nothing that isolates run', { runsOn: 'edge', ...cost(250) }, []],
  ])('[M160] get a job at its promotion for %s', async (_, found, standing) => {
    world.found = found;
    await add(ONE, 'minilm', 'a');
    expect(world.standing, 'one that does not serve').toEqual([]);
    expect(await promote(ONE, 'minilm', 1)).toMatchObject({ ok: true });
    expect(world.standing).toEqual(standing);
  });

  it('[M160] get none of a promotion that was refused, nor of a model of the platform', async () => {
    world.found = { runsOn: 'pool' };
    await add(ONE, 'minilm', 'a');
    expect(await promote(ONE, 'minilm', 2)).toMatchObject({ ok: false });
    await add(ADMIN, 'shared', 'b');
    expect(await promote(ADMIN, 'shared', 1)).toMatchObject({ ok: true });
    expect(world.standing).toEqual([]);
  });

  it('[M162] lose the job of a version with it, and all with the model', async () => {
    for (const sha256 of ['a', 'a', 'a']) await add(ONE, 'minilm', sha256);
    await promote(ONE, 'minilm', 3);
    expect(await world.admin.retire(world.caller(ONE), 'minilm', 3)).toMatchObject({ ok: false });
    expect(world.ended).toEqual([]);
    expect(await world.admin.retire(world.caller(ONE), 'minilm', 1)).toMatchObject({ ok: true });
    expect(await world.admin.remove(world.caller(ONE), 'minilm')).toMatchObject({ ok: true });
    expect(world.ended).toEqual(['minilm@1', 'minilm']);
  });
});

describe('registering', () => {
  it('[M32] a version is checked as it is registered; the reason of a failure is kept and answered', async () => {
    expect(await add(ONE, 'minilm', 'a')).toMatchObject({ value: { version: { version: 1, checks: { refusal: null } } } });
    world.broken.set('b', refuse('invalid_value', 'the operator Foo is not supported'));
    expect(await add(ONE, 'minilm', 'b')).toMatchObject({ value: { version: { checks: { refusal: { code: 'invalid_value' } } } } });
    expect(await promote(ONE, 'minilm', 2)).toMatchObject({ error: { code: 'state_conflict', message: expect.stringContaining('Foo') } });
  });

  it('[M32] a version that could not be checked is checked before it is promoted', async () => {
    world.broken.set('a', refuse('unavailable', 'the inference Worker did not answer'));
    expect(await add(ONE, 'minilm', 'a')).toMatchObject({ value: { version: { checks: null } } });
    expect(await promote(ONE, 'minilm', 1)).toMatchObject({ error: { code: 'unavailable' } });
    world.broken.clear();
    expect(await promote(ONE, 'minilm', 1)).toMatchObject({ value: { model: { serving: 1 } } });
  });

  it('[M31] the contract hash is computed of the files: two versions of the same share it', async () => {
    const hashes: unknown[] = [];
    for (const [sha256, more] of [
      ['a', {}],
      ['a', { licence: 'mit' }],
      ['b', {}],
      ['a', { pooling: 'cls' }],
    ] as const) {
      const made = await add(ONE, 'minilm', sha256, more);
      hashes.push(made.ok ? made.value.version.contractHash : made);
    }
    expect(hashes[1]).toBe(hashes[0]);
    expect(new Set(hashes).size).toBe(3);
  });

  it('[M36] a variant serves under the contract of its version only if the vectors of probes agree', async () => {
    world.vectors.set('a', [1, 0]).set('int8', [0.99, 0.1]).set('other', [0.7, 0.7]).set('nothing', [0, 0]).set('nan', [Number.NaN, 1]);
    await add(ONE, 'minilm', 'a');
    await promote(ONE, 'minilm', 1);
    for (const other of ['other', 'nothing', 'nan']) {
      const made = await add(ONE, 'minilm', other, { compatible_with: 1 });
      const version = made.ok ? made.value.version.version : 0;
      expect(await promote(ONE, 'minilm', version), other).toMatchObject({ error: { code: 'contract_mismatch' } });
    }
    await add(ONE, 'minilm', 'int8', { compatible_with: 1 });
    expect(await promote(ONE, 'minilm', 5, 0.1)).toMatchObject({ value: { model: { canary: { version: 5, sharePpm: 100_000 } } } });
  });

  it('[M39] a repeated registration is one version; what is wrong in the body is named', async () => {
    const body = bodyOf(ONE, 'minilm', 'a');
    const made = await world.admin.create(world.caller(ONE), body, 'k');
    expect(await world.admin.create(world.caller(ONE), body, 'k')).toMatchObject(made);
    expect(await world.catalogue.versions(ONE, 'minilm', 0, 10)).toMatchObject({ value: [{}, [{ version: 1 }]] });
    // A folder that says nothing of vectors.
    const nothing = {
      ...body,
      task: 'embedding',
      externalData: [],
      tokensMax: 0,
      dimensions: 0,
      isNormalised: false,
      graph: 'onnx/model.onnx',
    };
    world.folders.set('a', () => ok({ reading: nothing as never, contractHash: '' }));
    const wrong: [Partial<CreateModelBody>, unknown][] = [
      [{ name: 'glove-sif-100' }, { code: 'already_exists', path: ['name'] }],
      [{ graph: 'absent.onnx' }, { code: 'invalid_value', path: ['graph'] }],
      [{ external_data: ['absent.bin'] }, { path: ['external_data', 0] }],
      [{ dimensions: undefined }, { path: ['dimensions'] }],
      [{ task: 'graph' }, { path: ['dimensions'] }],
      [{ files: [{ path: 'onnx/model.onnx', file: `file_${'9'.repeat(26)}` }] }, { code: 'file_not_found', path: ['files', 0, 'file'] }],
      [{ files: [...body.files, ...body.files] }, { path: ['files', 1, 'path'] }],
      [{ recipe: { text: 'x'.repeat(300_000) } }, { code: 'limit_exceeded', limit: { name: 'modelManifestBytesMax' } }],
    ];
    for (const [more, error] of wrong) expect(await add(ONE, 'other', 'a', more)).toMatchObject({ error });
  });

  describe('what the body leaves out', () => {
    const READING = {
      task: 'embedding',
      graph: 'onnx/model.onnx',
      externalData: ['onnx/model.onnx_data'],
      tokensMax: 512,
      dimensions: 384,
      pooling: 'cls',
      isNormalised: true,
      labels: [],
      activation: 'none',
      prompts: { query: 'query: ' },
    } as const satisfies ModelReading;
    const folder = (sha256: string): void => {
      world.folders.set(sha256, (stated) => ok({ reading: { ...READING, ...stated }, contractHash: '' }));
    };
    const bare = (sha256: string, more: Partial<CreateModelBody> = {}) =>
      world.admin.create(
        world.caller(ONE),
        { name: 'minilm', files: [{ path: 'onnx/model.onnx', file: world.upload(ONE.tenantId, sha256) }], parents: [], ...more },
        undefined,
      );

    it('[M90] is read from its files, once they are in the bucket of the owner; what is stated wins', async () => {
      folder('a');
      expect(await bare('a')).toMatchObject({ value: { version: { manifest: READING } } });
      const stated: Partial<CreateModelBody> = { tokens_max: 128, pooling: 'mean', normalised: false, prompts: {}, external_data: [] };
      const expected: ModelReading = { ...READING, tokensMax: 128, pooling: 'mean', isNormalised: false, prompts: {}, externalData: [] };
      const made = await bare('a', stated);
      expect(made.ok && made.value.version.manifest).toMatchObject(expected);
      expect(made.ok && made.value.version.manifest.prompts).toEqual({});
      expect(made.ok && made.value.version.contractHash).toBe(
        await servedContractHash(expected, made.ok ? made.value.version.manifest.files : []),
      );
    });

    it('[M90] the reader is given task and graph as they are stated', async () => {
      const given: unknown[] = [];
      world.folders.set('a', (stated) => {
        given.push(stated);
        return ok({ reading: { ...READING, ...stated, task: 'graph', dimensions: 0 }, contractHash: '' });
      });
      await bare('a');
      await bare('a', { task: 'cross-encoder', graph: 'onnx/model.onnx' });
      expect(given).toEqual([{}, { task: 'cross-encoder', graph: 'onnx/model.onnx' }]);
    });

    it('[M90] a body that states all that its task needs has nothing read', async () => {
      await add(ONE, 'minilm', 'a', { prompts: undefined, external_data: undefined, labels: undefined, activation: undefined });
      await add(ONE, 'network', 'a', { task: 'graph', dimensions: undefined, tokens_max: undefined, pooling: undefined });
      expect(world.read).toEqual([]);
      for (const left of ['task', 'graph', 'tokens_max', 'dimensions', 'pooling', 'normalised'] as const) {
        await add(ONE, left, left, { [left]: undefined });
        expect(world.read.at(-1), left).toBe(left);
      }
    });

    it('[M90] a folder that cannot be read makes no version, and its files are swept', async () => {
      world.folders.set('a', () => refuse('invalid_value', 'is no number', ['files', 'config.json', 'hidden_size']));
      expect(await bare('a')).toMatchObject({ error: { code: 'invalid_value', path: ['files', 'config.json', 'hidden_size'] } });
      expect(await world.catalogue.find(ONE, 'minilm')).toMatchObject({ error: { code: 'model_not_found' } });
      world.nowMs += MODEL_LIMITS.modelAnnouncedMs + 1;
      await add(ONE, 'other', 'b');
      expect([...world.stored]).toEqual([`${ONE.tenantId}/b`]);
    });
  });

  it('[M38] the files of a model go when it is deleted, but not while an index is pinned to it', async () => {
    await add(ONE, 'minilm', 'a');
    await add(ONE, 'other', 'a');
    await add(ONE, 'other', 'b');
    expect([...world.stored]).toEqual([`${ONE.tenantId}/a`, `${ONE.tenantId}/b`]);
    world.pinned.set('other', 'articles');
    const refused = await world.admin.remove(world.caller(ONE), 'other');
    expect(refused).toMatchObject({ error: { code: 'state_conflict', message: expect.stringContaining('articles') } });
    world.pinned.clear();
    expect(await world.admin.remove(world.caller(ONE), 'other')).toMatchObject({ ok: true });
    expect([...world.stored]).toEqual([`${ONE.tenantId}/a`]);
  });

  it('[M46] the last version of a contract is not retired while an index is pinned to it', async () => {
    const made = await add(ONE, 'minilm', 'a');
    const hash = made.ok ? made.value.version.contractHash : '';
    await add(ONE, 'minilm', 'b');
    await promote(ONE, 'minilm', 2);
    world.pinned.set(`minilm:${hash}`, 'articles');
    const retire = (version: number) => world.admin.retire(world.caller(ONE), 'minilm', version);
    expect(await retire(1)).toMatchObject({ error: { code: 'state_conflict', message: expect.stringContaining('articles') } });
    await add(ONE, 'minilm', 'a', { licence: 'mit' });
    expect(await retire(1)).toMatchObject({ ok: true });
    expect(await retire(3)).toMatchObject({ error: { code: 'state_conflict' } });
    expect(await retire(1), 'again').toMatchObject({ ok: true });
    expect(await retire(9)).toMatchObject({ error: { code: 'model_not_found' } });
    world.pinned.clear();
    expect(await retire(3)).toMatchObject({ ok: true });
  });

  it('[M37] changes by keys are lines of the audit trail, too', async () => {
    await add(ONE, 'minilm', 'a');
    await promote(ONE, 'minilm', 1);
    await world.admin.rollback(world.caller(ONE), 'minilm');
    await world.admin.setAlias(world.caller(ONE), { alias: 'x', model: 'minilm', version: null });
    await add(ADMIN, 'platform-model', 'p');
    expect(world.audit).toEqual(['model.register minilm', 'model.promote minilm@1', 'model.rollback minilm', 'model.alias x']);
  });
});

describe('who finds what', () => {
  it("[M40] a tenant finds its own models and the platform's, never another tenant's", async () => {
    await add(ONE, 'mine', 'a');
    await add(ADMIN, 'shared', 'p');
    await add(ADMIN, 'mine', 'q');
    const listed = async (principal: Principal) => {
      const { items } = await world.catalogue.list(principal, 10, undefined);
      return items.flatMap((model) => (model.kind === 'registered' ? `${model.view.model.name} of ${model.owner}` : []));
    };
    expect((await listed(ONE)).slice(-2)).toEqual([`mine of ${ONE.tenantId}`, 'shared of platform']);
    expect((await listed(TWO)).slice(-2)).toEqual(['mine of platform', 'shared of platform']);
    expect(await world.catalogue.find(ONE, 'mine')).toMatchObject({ value: { owner: ONE.tenantId } });
    expect(await world.catalogue.find(TWO, 'mine')).toMatchObject({ value: { owner: 'platform' } });
    expect(await promote(TWO, 'shared', 1)).toMatchObject({ error: { code: 'model_not_found' } });
    expect(await world.admin.remove(world.caller(TWO), 'shared')).toMatchObject({ error: { code: 'model_not_found' } });
  });

  it('[U9] lists models of upstreams behind registered ones of their name, as the key may use them', async () => {
    await add(ONE, 'mine', 'a');
    const model = (name: string) => ({ name, upstreamName: name, serves: ['chat'], contextTokens: 1 }) as never;
    const upstream = (name: string, ...models: string[]) => ({ name, models: models.map(model), createdAtMs: 0 }) as never;
    world.upstreams.set(ONE.tenantId, [upstream('own', 'mine', 'both', 'glove-sif-100')]);
    world.upstreams.set('platform', [upstream('shared', 'both', 'of-all'), upstream('spare', 'spare/model')]);
    const listed = async (principal: Principal) =>
      (await world.catalogue.list(principal, 10, undefined)).items.flatMap((one) =>
        one.kind === 'upstream' ? `${one.row.id} of ${one.row.owned_by}` : [],
      );
    expect(await listed(ONE)).toEqual(['both of own', 'of-all of shared', 'spare/model of spare']);
    expect(await listed(TWO)).toEqual(['both of shared', 'of-all of shared', 'spare/model of spare']);
    expect(await listed(tenantOf(1, ['model/of-*', 'model/spare/*']))).toEqual(['of-all of shared', 'spare/model of spare']);
    world.routes.set(ONE.tenantId, [{ name: 'desk', createdAtMs: 0 }]);
    expect(await listed(ONE)).toContain('desk of route');
    const found = async (principal: Principal, name: string) => {
      const one = await world.catalogue.find(principal, name);
      return one.ok && one.value.kind === 'upstream' ? `${one.value.row.id} of ${one.value.row.owned_by}` : one;
    };
    expect([await found(ONE, 'desk'), await found(ONE, 'both'), await found(ONE, 'shared/both')]).toEqual([
      'desk of route',
      'both of own',
      'shared/both of shared',
    ]);
    expect(await found(TWO, 'desk')).toMatchObject({ error: { code: 'model_not_found' } });
    expect(await found(ONE, 'mine')).toMatchObject({ value: { kind: 'registered' } });
  });

  it('[M40] a key that is restricted to models sees those alone, also behind an alias', async () => {
    await add(ONE, 'mine', 'a');
    await add(ONE, 'other', 'b');
    await world.admin.setAlias(world.caller(ONE), { alias: 'alias', model: 'other', version: null });
    const narrow = tenantOf(1, ['model/mine', 'model/alias']);
    const { items } = await world.catalogue.list(narrow, 10, undefined);
    expect(items).toMatchObject([{ view: { model: { name: 'mine' } } }]);
    expect(await world.catalogue.find(narrow, 'alias')).toMatchObject({ error: { code: 'scope_denied' } });
  });

  it('[M40] the list is paged by name, with the models of the deployment on the first page', async () => {
    for (const name of ['a', 'b', 'c']) await add(ONE, name, name);
    const first = await world.catalogue.list(ONE, 2, undefined);
    expect(first.hasMore).toBe(true);
    expect(first.items.filter(({ kind }) => kind === 'builtin').length).toBeGreaterThan(0);
    const rest = await world.catalogue.list(ONE, 2, 'b');
    expect(rest).toMatchObject({ hasMore: false, items: [{ kind: 'registered', view: { model: { name: 'c' } } }] });
    expect(rest.items).toHaveLength(1);
  });

  it('[M65] lists the newest version of a model by its name, older ones with their version', async () => {
    const { items } = await world.catalogue.list(ONE, 10, undefined);
    const builtin = items.flatMap((model) => (model.kind === 'builtin' ? [model] : []));
    for (const { manifest, isNewest } of builtin) {
      expect(isNewest).toBe(builtin.findLast((other) => other.manifest.id === manifest.id)?.manifest === manifest);
      expect(await world.catalogue.find(ONE, `${manifest.id}@${manifest.version}`)).toMatchObject({ value: { manifest, isNewest } });
      if (isNewest) expect(await world.catalogue.find(ONE, manifest.id)).toMatchObject({ value: { manifest } });
    }
  });
});
