import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { PATH_PARAMS } from '../../../src/contract/api/endpoint.ts';
import { contains, parseAddressRange } from '../../../src/contract/api/client-address.ts';
import type { Endpoint } from '../../../src/contract/api/endpoint.ts';
import { ENDPOINTS } from '../../../src/contract/endpoints.ts';
import { touchedBy } from '../../../src/contract/tenancy/touched-resources.ts';
import { admitsAddress, deniedOf } from '../../../src/tenancy/keys/key-bounds.ts';

const v4 = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));

describe('addresses', () => {
  it('[T13] are in a range if their leading bits match: compared bit by bit', () => {
    fc.assert(
      fc.property(v4, v4, fc.nat(32), (network, address, length) => {
        const bits = (parts: readonly number[]) => parts.map((part) => part.toString(2).padStart(8, '0')).join('');
        const masked = bits(network).slice(0, length).padEnd(32, '0');
        const base = [0, 8, 16, 24].map((at) => Number.parseInt(masked.slice(at, at + 8), 2)).join('.');
        expect(admitsAddress([`${base}/${length}`], address.join('.'))).toBe(bits(address).startsWith(masked.slice(0, length)));
        expect(admitsAddress([`${base}/${length}`], `::ffff:${hex(address[0], address[1])}:${hex(address[2], address[3])}`)).toBe(
          bits(address).startsWith(masked.slice(0, length)),
        );
      }),
      { seed: 13, numRuns: 500 },
    );
  });

  it.each([
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['::/0', '10.0.0.1', true],
    ['10.0.0.0/8', '2001:db8::1', false],
  ])('[T13] %s and %s: %s', (range, address, admitted) => {
    expect(admitsAddress([range], address)).toBe(admitted);
  });

  it.each([
    '10.0.0.256',
    '10.0.0.1/8',
    '10.0.0.0/33',
    '1.2.3',
    'fe80::1::2',
    '1:2:3:4:5:6:7',
    '12345::',
    '::g',
    '',
    '10.0.0.0/8/8',
    '10.0.0.0/',
  ])('[T13] %s is not a range', (text) => {
    expect(parseAddressRange(text)).toBeUndefined();
  });

  it('[T13] that the platform does not state are admitted only if all are', () => {
    expect([admitsAddress(null, undefined), admitsAddress(['::/0'], undefined), admitsAddress(['::/0'], 'unknown')]).toEqual([
      true,
      false,
      false,
    ]);
    expect(contains(parseAddressRange('10.0.0.0/8')!, parseAddressRange('10.0.0.0/7') ?? parseAddressRange('::/0')!)).toBe(false);
  });
});

describe('resources', () => {
  const denied = (resources: string[], endpoint: Endpoint, params: object, body?: object) =>
    deniedOf(resources, touchedBy(endpoint, params, body));

  it('[T14] are restricted to those that a key names, for the kinds that it names', () => {
    const { queryVectors, createEmbeddings, createIndex, setAlias } = ENDPOINTS;
    const keys = ['index/articles', 'index/blog-*'];
    expect(denied(keys, queryVectors, { index: 'articles' })).toBeUndefined();
    expect(denied(keys, queryVectors, { index: 'blog-2026' })).toBeUndefined();
    expect(denied(keys, queryVectors, { index: 'articles-2' })).toBe('index/articles-2');
    expect(denied(keys, createIndex, {}, { name: 'blog-x' })).toBeUndefined();
    expect(denied(keys, createIndex, {}, { name: 'secrets' })).toBe('index/secrets');
    // The key must allow both the alias and the index behind it.
    expect(denied(keys, setAlias, { index: 'secrets', alias: 'blog-x' })).toBe('index/secrets');
    expect(denied(keys, createEmbeddings, {}, { model: 'any' })).toBeUndefined();
    expect(denied(['model/glove-*'], createEmbeddings, {}, { model: 'minilm' })).toBe('model/minilm');
    expect(denied(keys, ENDPOINTS.createJob, {}, { kind: 'index_build', index: 'secrets' })).toBe('index/secrets');
    expect(denied(keys, ENDPOINTS.planJob, {}, { kind: 'index_build', index: 'blog-x' })).toBeUndefined();
    expect(denied(['model/glove-*'], queryVectors, { index: 'x' }, {})).toBeUndefined();
  });

  it('[T14] of a route that names none are all of them: a restricted key cannot call it', () => {
    const about = Object.values<Endpoint>(ENDPOINTS).filter(({ access }) => 'scope' in access && access.scope.startsWith('index:'));
    expect(about.length).toBeGreaterThan(10);
    for (const endpoint of about) {
      const params = Object.fromEntries([...endpoint.path.matchAll(PATH_PARAMS)].map(([, name]) => [name, 'secrets']));
      expect(denied(['index/articles'], endpoint, params, { name: 'secrets' }), endpoint.path).toMatch(/^index/);
    }
  });
});

describe('the resources of a call beyond its path', () => {
  const denied = (resources: string[], endpoint: Endpoint, body: object) => deniedOf(resources, touchedBy(endpoint, {}, body));

  it('[T55] include both models of an index, and all models if a purge names none', () => {
    const { createIndex, createGeneration, purgeCache } = ENDPOINTS;
    const keys = ['model/glove-*'];
    expect(denied(keys, createIndex, { name: 'x', model: 'glove-a', query_model: 'minilm' })).toBe('model/minilm');
    expect(denied(keys, createGeneration, { model: 'glove-a', query_model: 'minilm' })).toBe('model/minilm');
    for (const selection of [{ everything: true }, { tags: ['a'] }, { text: ['a'] }, { older_than_ms: 1000 }]) {
      expect(denied(keys, purgeCache, selection)).toBe('model');
      expect(denied(['index/articles'], purgeCache, selection)).toBe('index');
    }
    expect(denied(keys, purgeCache, { everything: true, model: 'glove-a' })).toBeUndefined();
    expect(denied(keys, purgeCache, { tags: ['a'], model: 'minilm' })).toBe('model/minilm');
  });
});

const hex = (high: number, low: number): string => ((high << 8) | low).toString(16);
