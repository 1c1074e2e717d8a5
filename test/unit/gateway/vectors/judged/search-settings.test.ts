import { describe, expect, it } from 'vitest';

import { parse } from '../../../../../src/contract/api/parse.ts';
import { refuse } from '../../../../../src/contract/api/outcome.ts';
import type { TextField } from '../../../../../src/contract/indexes/index-fields.ts';
import type { SearchSettingsBody } from '../../../../../src/contract/indexes/search-settings.ts';
import { searchSettingsEndpoints } from '../../../../../src/contract/indexes/search-settings.ts';
import { planEndpoints } from '../../../../../src/contract/vectors/plans/plans.ts';
import { TunedIndexes } from '../../../../../src/gateway/vectors/judged/tuned-indexes.ts';
import { fuseLegs } from '../../../../../src/gateway/vectors/plans/fuse-legs.ts';
import { bm25For, tunedKeyOf, TunedLegs } from '../../../../../src/gateway/vectors/plans/tuned-legs.ts';
import type { IndexManifest } from '../../../../../src/index/index-manifest.ts';
import { settingsFor, storedSettings } from '../../../../../src/index/stored-settings.ts';
import { must } from '../../../../../src/kernel/assert.ts';
import { ok } from '../../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../../support/fakes/in-force.ts';
import { principal } from '../../../../support/worlds/memory-cache-world.ts';

const MANIFEST = {
  id: 'ix_1',
  name: 'notes',
  dimensions: 2,
  metric: 'cosine',
  generation: 3,
  embedding: { model: 'm', contractHash: 'h' },
  fields: { body: { kind: 'text', weight: 1, source: 'field' } as TextField, terms: { kind: 'sparse', idf: true, model: null } },
} as unknown as IndexManifest;

const FUSION = { kind: 'dbsf' } as const;
const LEGS = [
  { kind: 'vector', field: '', weight: 0.2, quality: 0.5 },
  { kind: 'text', weight: 0.8, quality: 0.7 },
  { kind: 'sparse', field: 'terms', weight: 0 },
] as const;

function stored(given: Partial<SearchSettingsBody> = {}, of = MANIFEST) {
  const made = storedSettings(of, { legs: LEGS.slice(0, 2), fusion: FUSION, ...given }, 5_000);
  if (!made.ok) throw new Error(made.error.message);
  return made.value;
}
const used = (given: Partial<SearchSettingsBody> = {}) => settingsFor(MANIFEST, stored(given));

describe('stored search settings', () => {
  it('[TX322] rest while a generation serves that has other vectors or fields, and are used again after it', () => {
    const settings = stored();
    const stateOf = (changes: Partial<IndexManifest>) => settingsFor({ ...MANIFEST, ...changes }, settings).state;
    expect(stateOf({})).toBe('used');
    expect(stateOf({ generation: 4, recall: 0.99, owner: 'others' })).toBe('used');
    expect(stateOf({ embedding: { model: 'm', contractHash: 'h2' } })).toBe('other_vectors');
    expect(stateOf({ queryEmbedding: { model: 'q', contractHash: 'h2' } })).toBe('other_vectors');
    expect(stateOf({ metric: 'dot' })).toBe('other_vectors');
    expect(stateOf({ fields: {} })).toBe('other_fields');
    // What is known of a model's quality may change while its vectors do not.
    expect(stateOf({ embedding: { model: 'm', contractHash: 'h', retrievalQuality: 0.6 } })).toBe('used');
    const { body, terms } = must(MANIFEST.fields, 'it has fields');
    expect(stateOf({ fields: { terms: must(terms, 'a field'), body: must(body, 'a field') } })).toBe('used');
  });

  it('[TX321] are refused for a generation that does not serve', () => {
    const given = { legs: [...LEGS], fusion: FUSION };
    expect(storedSettings(MANIFEST, { ...given, generation: 2 }, 1)).toMatchObject({
      error: { code: 'state_conflict', path: ['generation'] },
    });
    expect(storedSettings(MANIFEST, { ...given, generation: 3 }, 1)).toMatchObject({ ok: true, value: { generation: 3, createdMs: 1 } });
  });
});

describe('legs that are merged by auto', () => {
  const ranking = (...scores: number[]) => scores.map((score, at) => ({ id: `d${at}`, score }));
  const leg = (kind: 'vector' | 'text' | 'sparse', tunedKey: string | null, weight?: number) =>
    ({ kind, tunedKey, weight, vectorQuality: 1.05, ranking: ranking(3, 2, 1) }) as const;
  const both = [leg('text', 'text'), leg('vector', 'vector:')];
  const decisionOf = (legs = both, tuned = used(), kind: 'auto' | 'rrf' = 'auto') =>
    fuseLegs(legs, kind === 'auto' ? { kind } : { kind, k: 60 }, new TunedLegs(tuned)).decision;

  it('[TX323] have the fusion and the weights of settings that are for exactly these, in any order', () => {
    expect(decisionOf()).toEqual({ fusion: FUSION, weights: [0.8, 0.2], basis: 'tuned', settings: 'used' });
    expect(decisionOf([leg('text', 'text', 0.5), leg('vector', 'vector:')]).weights).toEqual([0.4, 0.2]);
    expect(fuseLegs(both, { kind: 'auto' }, null).decision).toMatchObject({ basis: 'expected', settings: null });
  });

  it('[TX323] stand as the plan names them', () => {
    expect(decisionOf(both, used(), 'rrf')).toMatchObject({
      fusion: { kind: 'rrf' },
      weights: [1, 1],
      basis: 'asked',
      settings: 'overridden',
    });
  });

  it('[TX323] are weighed by what each reaches alone, where the settings are for others but say it', () => {
    const three = used({ legs: [...LEGS] });
    const found = decisionOf(both, three);
    expect(found).toMatchObject({ fusion: { kind: 'sum' }, basis: 'judged', settings: 'other_legs' });
    expect((found.weights[0] ?? 0) / (found.weights[1] ?? 1)).toBeCloseTo((0.7 / 0.5) ** 5, 9);
    expect(decisionOf([...both, leg('sparse', 'sparse:more')], three)).toMatchObject({ basis: 'expected', settings: 'other_legs' });
    expect(decisionOf([...both, leg('sparse', 'sparse:terms')])).toMatchObject({ basis: 'expected', settings: 'other_legs' });
    expect(decisionOf([...both, leg('text', 'text')])).toMatchObject({ basis: 'judged', settings: 'other_legs' });
    expect(decisionOf([leg('text', 'text'), leg('text', 'text')])).toMatchObject({ basis: 'judged', settings: 'other_legs' });
  });

  it('[TX322] [TX323] know nothing of settings that rest', () => {
    expect(decisionOf(both, { ...used(), state: 'other_vectors' })).toMatchObject({ basis: 'expected', settings: 'other_vectors' });
  });

  it('[TX323] of one leg are taken as they are, and say what the settings were to them', () => {
    expect(decisionOf(both.slice(0, 1))).toEqual({ fusion: null, weights: [1], basis: 'asked', settings: 'other_legs' });
  });

  it('[TX323] are those of the settings only where they search all of the index that these mean', () => {
    const plan = parse(planEndpoints.searchIndex.body.schema, {
      legs: [
        { kind: 'text', text: 'a' },
        { kind: 'text', text: 'a', fields: { body: 1 } },
        { kind: 'vector', text: 'a' },
        { kind: 'vector', text: 'a', field: 'title' },
        { kind: 'vector', text: 'a', prefetch: { legs: [{ kind: 'text', text: 'a' }] } },
        { kind: 'sparse', field: 'terms', text: 'a' },
        { kind: 'ids', ids: ['a'] },
      ],
    });
    const keys = plan.ok ? (plan.value.legs ?? []).map(tunedKeyOf) : plan.error;
    expect(keys).toEqual(['text', null, 'vector:', 'vector:title', null, 'sparse:terms', null]);
  });
});

it('[TX324] text legs have k1 and b of the plan, else of settings in use, else the usual ones', () => {
  const searchSettings = used({ k1: 0.9, b: 0 });
  expect(bm25For({ ...MANIFEST, searchSettings }, {})).toEqual({ k1: 0.9, b: 0 });
  expect(bm25For({ ...MANIFEST, searchSettings }, { k1: 2 })).toEqual({ k1: 2, b: 0 });
  expect(bm25For({ ...MANIFEST, searchSettings: { ...searchSettings, state: 'other_fields' } }, {})).toEqual({ k1: 1.2, b: 0.75 });
  expect(bm25For(MANIFEST, { b: 0.4 })).toEqual({ k1: 1.2, b: 0.4 });
});

describe('settings are refused', () => {
  function world(manifest = MANIFEST) {
    const kept: unknown[] = [];
    const tuned = new TunedIndexes({
      directory: {
        describe: async () => ok(manifest),
        tune: async (_tenant, _name, settings) => (kept.push(settings), ok(manifest)),
      },
      manifests: { current: async () => refuse('index_not_found', 'gone') },
    });
    const caller = { principal: principal('tn_one'), authority: IN_FORCE };
    const set = async (written: unknown) => {
      const body = parse(searchSettingsEndpoints.setSearchSettings.body.schema, written);
      if (!body.ok) return body;
      return tuned.set(caller, 'notes', body.value);
    };
    return { set, kept, clear: () => tuned.clear(caller, 'notes') };
  }
  const rrf = { kind: 'rrf' };
  const text = { kind: 'text', weight: 1 };

  it.each([
    ['a field that there is not', { legs: [{ kind: 'sparse', field: 'term', weight: 1 }], fusion: rrf }, ['legs', 0, 'field']],
    [
      'a vector field that there is not',
      { legs: [text, { kind: 'vector', field: 'title', weight: 1 }], fusion: rrf },
      ['legs', 1, 'field'],
    ],
    ['a leg twice', { legs: [text, text], fusion: rrf }, ['legs']],
    ['no weight', { legs: [{ ...text, weight: 0 }], fusion: rrf }, ['legs']],
    ['auto', { legs: [text], fusion: { kind: 'auto' } }, ['fusion', 'kind']],
  ])('[TX320] for %s, by their path', async (_, body, path) => {
    const { set, kept } = world();
    expect(await set(body)).toMatchObject({ error: { path } });
    expect(kept).toEqual([]);
  });

  it('[TX320] for texts, k1 or vectors that the index has not', async () => {
    const { set, kept } = world({ ...MANIFEST, fields: {}, dimensions: 0 });
    const ids = { kind: 'vector', weight: 1 };
    expect(await set({ legs: [text], fusion: rrf })).toMatchObject({ error: { path: ['legs', 0, 'kind'] } });
    expect(await set({ legs: [ids], fusion: rrf })).toMatchObject({ error: { path: ['legs', 0, 'kind'] } });
    const { set: setOfVectors } = world({ ...MANIFEST, fields: {} });
    expect(await setOfVectors({ legs: [ids], fusion: rrf, b: 0.4 })).toMatchObject({ error: { path: ['b'] } });
    expect(kept).toEqual([]);
  });

  it('[TX320] not for legs that there are, and end when they are deleted', async () => {
    const { set, clear, kept } = world();
    expect((await set({ legs: [...LEGS], fusion: rrf, k1: 0.9 })).ok).toBe(true);
    expect((await clear()).ok).toBe(true);
    expect(kept).toMatchObject([{ legs: LEGS, fusion: { kind: 'rrf', k: 60 }, k1: 0.9 }, null]);
  });
});
