import { describe, expect, it } from 'vitest';

import type { Outcome } from '../../../../../src/contract/api/outcome.ts';
import { chunkRow, ServedSearchWorld } from '../../../../support/worlds/served-search-world.ts';

const STAFF = chunkRow('handbook', 1, 1, ['staff']);
const OPEN = chunkRow('notice', 1, 1);
const OLD = chunkRow('notice', 2, 2);
const OWN = { id: 'own', metadata: null };

const world = () =>
  new ServedSearchWorld(
    [STAFF, OPEN, OLD, OWN],
    new Map([
      ['handbook', 1],
      ['notice', 1],
    ]),
  );

const refused = (outcome: Outcome<unknown>) => (outcome.ok ? 'ok' : [outcome.error.code, outcome.error.path]);

describe('[DC95] a search from stored vectors', () => {
  const absent = (...path: (string | number)[]) => ['vector_not_found', path];
  const READER = { labels: ['board'] };

  it('does not tell those that may not be read from those that are not there', async () => {
    const shown = async (body: object, reader = READER) => world().query(body, reader);
    const told = await Promise.all(['nowhere', STAFF.id, OLD.id].map((id) => shown({ id })));
    expect(new Set(told.map((one) => (one.ok ? 'found' : JSON.stringify(one.error)))).size).toBe(1);
    expect(refused(told[0]!)).toEqual(absent('id'));
    expect(refused(await shown({ positive_ids: [OPEN.id, STAFF.id] }))).toEqual(absent('positive_ids', 1));
    expect(refused(await shown({ positive_ids: [OPEN.id], negative_ids: [STAFF.id] }))).toEqual(absent('negative_ids', 0));
    expect(refused(await shown({ id: OPEN.id }))).toBe('ok');
    expect(refused(await shown({ id: OWN.id }))).toBe('ok');
    expect(refused(await shown({ id: STAFF.id }, { labels: ['staff'] }))).toBe('ok');
  });

  it('does so in every leg of a plan, however deep, and for queries that narrow', async () => {
    const leg = { kind: 'vector', id: STAFF.id };
    const plan = (...legs: object[]) => ({ legs });
    expect(refused(await world().plan(plan(leg), READER))).toEqual(absent('legs', 0, 'id'));
    expect(refused(await world().plan(plan({ kind: 'plan', legs: [leg] }), READER))).toEqual(absent('legs', 0, 'legs', 0, 'id'));
    const prefetch = { legs: [{ kind: 'vector', field: 'place', positive_ids: [STAFF.id] }] };
    expect(refused(await world().plan(plan({ kind: 'text', text: 'w', prefetch }), READER))).toEqual(
      absent('legs', 0, 'prefetch', 'legs', 0, 'positive_ids', 0),
    );
    expect(refused(await world().plan({ ...plan(leg), labels: ['board'] }))).toEqual(absent('legs', 0, 'id'));
    expect(refused(await world().query({ id: STAFF.id }))).toBe('ok');
  });

  it('finds ids that a leg names only where they may be read', async () => {
    const found = await world().plan({ legs: [{ kind: 'ids', ids: [STAFF.id, OLD.id, OPEN.id, OWN.id] }] }, READER);
    expect(found.ok && found.value.ids).toEqual([OPEN.id, OWN.id]);
  });
});

it('[DC96] explanations are refused to keys with labels, and answered to queries that narrow', async () => {
  const body = { vector: [1, 0], explain: true };
  expect(refused(await world().query(body, { labels: [] }))).toEqual(['scope_denied', ['explain']]);
  const plan = { legs: [{ kind: 'vector', vector: [1, 0] }], explain: true };
  expect(refused(await world().plan(plan, { labels: ['staff'] }))).toEqual(['scope_denied', ['explain']]);
  expect(refused(await world().query({ ...body, labels: [] }))).toBe('ok');
  expect(refused(await world().plan({ ...plan, labels: ['staff'] }))).toBe('ok');
});

it('[DC96] facets and candidates are counted of what may be read and is served', async () => {
  const plan = { legs: [{ kind: 'vector', vector: [1, 0] }], facets: [{ property: '$document.id' }] };
  const counted = async (reader: object) => {
    const found = await world().plan(plan, reader);
    return found.ok && [found.value.candidates, found.value.facets[0]?.values];
  };
  expect(await counted({ labels: [] })).toEqual([2, [{ value: 'notice', count: 1 }]]);
  expect(await counted({})).toEqual([
    3,
    [
      { value: 'handbook', count: 1 },
      { value: 'notice', count: 1 },
    ],
  ]);
});
