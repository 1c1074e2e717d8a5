import { beforeEach, describe, expect, it } from 'vitest';

import { ROUTE_LIMITS } from '../../../src/contract/routes/route-limits.ts';
import type { RouteVersion } from '../../../src/contract/routes/route-rules.ts';
import type { ArmTally, CanarySettings } from '../../../src/upstreams/canary/canary.ts';
import { addCounts, NO_COUNTS, outcomeCounts } from '../../../src/upstreams/cascade/cascade-counts.ts';
import { NO_TALLY } from '../../../src/upstreams/canary/canary.ts';
import type { ChangedBy } from '../../../src/contract/tenancy/write-lease.ts';
import { RouteRegistry } from '../../../src/upstreams/routes/route-registry.ts';
import { armOf } from '../../../src/upstreams/routes/serving-arm.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { routeFacts } from '../../support/fixtures/route-facts.ts';

const ADMIN: ChangedBy = { actor: 'admin', lease: undefined };
const rulesTo = (target: string): RouteVersion => ({ rules: [], default: { kind: 'targets', groups: [[{ target }]] } });
const CANARY: CanarySettings = { steps: [0.1, 0.5], stepRequestsMin: 50, stepMs: 1_000, marginMax: 0, falseAlarmMax: 0.01 };

let sql: NodeSql;
let nowMs: number;
let registry: RouteRegistry;

beforeEach(() => {
  sql = new NodeSql();
  nowMs = 0;
  registry = new RouteRegistry(sql, { nowMs: () => nowMs });
});

const add = (name: string, target: string, activate = true, key?: string) =>
  registry.add(
    { name, rules: rulesTo(target), comment: '', activate },
    key === undefined ? null : { key, digest: `digest of ${target}` },
    ADMIN,
  );

/** Two versions, of which the second one is the canary of the first. */
function startCanary(): void {
  add('chat', 'a/m');
  add('chat', 'b/m', false);
  expect(registry.activate('chat', 2, CANARY, ADMIN).ok).toBe(true);
}

const tally = (requests: number, failures: number): ArmTally => ({
  requests,
  failures,
  latencies: NO_TALLY.latencies.map((_, bucket) => (bucket === 10 ? requests - failures : 0)),
});

const report = (canary: ArmTally, stable: ArmTally, versions = { canaryVersion: 2, stableVersion: 1 }) =>
  registry.report([{ route: 'chat', ...versions, canary, stable }]);

describe('[U94] the routes of an owner', () => {
  it('[U94] number their versions, serve the one that was activated, and go back to the one before', () => {
    expect(registry.directory()).toEqual([]);
    expect(add('chat', 'a/m')).toMatchObject({ value: { route: { active: 1 }, version: { version: 1 } } });
    expect(add('chat', 'b/m', false)).toMatchObject({ value: { route: { active: 1 }, version: { version: 2 } } });
    expect(registry.activate('chat', 2, null, ADMIN)).toMatchObject({ value: { route: { active: 2, previous: 1 } } });
    expect(registry.directory()).toMatchObject([{ name: 'chat', version: 2, rules: rulesTo('b/m'), canary: null }]);
    expect(registry.rollback('chat', ADMIN)).toMatchObject({ value: { route: { active: 1 } } });
    expect(registry.rollback('chat', ADMIN)).toMatchObject({ ok: false, error: { code: 'state_conflict' } });
    expect(registry.activate('chat', 7, null, ADMIN)).toMatchObject({ ok: false, error: { code: 'model_route_not_found' } });
    const actions = registry.find('chat')?.events.map(({ action, version }) => [action, version]);
    expect(actions).toEqual([
      ['rollback', 1],
      ['activate', 2],
      ['create', 2],
      ['activate', 1],
    ]);
    expect(registry.remove('chat', ADMIN).ok).toBe(true);
    expect([registry.find('chat'), registry.directory(), registry.versions('chat', 0, 9)]).toEqual([undefined, [], []]);
  });

  it('[U94] make one version under one idempotency key, and none again once it is deleted', () => {
    const first = add('chat', 'a/m', true, 'k');
    expect(add('chat', 'a/m', true, 'k')).toEqual(first);
    expect(add('chat', 'b/m', true, 'k')).toMatchObject({ ok: false, error: { code: 'idempotency_mismatch' } });
    registry.remove('chat', ADMIN);
    expect(add('chat', 'a/m', true, 'k')).toMatchObject({ ok: false, error: { code: 'idempotency_key_spent' } });
    expect(registry.find('chat')).toBeUndefined();
  });

  it('[U94] are bounded: the oldest version that nothing needs makes room, one route more is refused', () => {
    for (let i = 0; i < ROUTE_LIMITS.routeVersionsMaxCount + 5; i++) add('chat', `a/m${i}`, i === 0);
    const kept = registry.versions('chat', 0, 1_000).map(({ version }) => version);
    expect(kept).toHaveLength(ROUTE_LIMITS.routeVersionsMaxCount);
    expect([kept[0], kept[1], kept.at(-1)]).toEqual([1, 7, ROUTE_LIMITS.routeVersionsMaxCount + 5]);
    for (let i = 1; i < ROUTE_LIMITS.routesMaxCount; i++) add(`chat${i}`, 'a/m');
    expect(add('one-more', 'a/m')).toMatchObject({ ok: false, error: { code: 'limit_exceeded', limit: { name: 'routesMaxCount' } } });
  });

  it('[U94] take no write whose lease has ended, and none once they are erased', () => {
    nowMs = 10_000;
    const late: ChangedBy = { actor: 'key_a', lease: { endsAtMs: 10_000 } };
    expect(registry.add({ name: 'chat', rules: rulesTo('a/m'), comment: '', activate: true }, null, late)).toMatchObject({
      error: { code: 'lease_expired' },
    });
    expect(registry.find('chat')).toBeUndefined();
    add('chat', 'a/m');
    registry.erase();
    expect(registry.directory()).toEqual([]);
    expect(add('chat', 'a/m')).toMatchObject({ error: { code: 'tenant_suspended' } });
    // It stays so for the next instance of the object.
    expect(
      new RouteRegistry(sql, { nowMs: () => 0 }).add({ name: 'x', rules: rulesTo('a/m'), comment: '', activate: true }, null, ADMIN),
    ).toMatchObject({
      error: { code: 'tenant_suspended' },
    });
  });
});

describe('[U97] the canary of a route', () => {
  it('[U97] takes its share of the requests, the same ones for all its time', () => {
    startCanary();
    const [route] = registry.directory();
    const users = Array.from({ length: 2_000 }, (_, i) => `u${i}`);
    const chosen = (share: number) =>
      users.filter((user) => armOf({ ...route!, canary: { ...route!.canary!, share } }, routeFacts({ user })).isCanary);
    const [tenth, half] = [chosen(0.1), chosen(0.5)];
    expect(tenth.length / users.length).toBeGreaterThan(0.07);
    expect(tenth.length / users.length).toBeLessThan(0.13);
    // A larger share keeps those that it had.
    expect(tenth.every((user) => half.includes(user))).toBe(true);
    expect(route).toMatchObject({ version: 1, canary: { version: 2, share: 0.1 } });
  });

  it('[U97] is rolled back by what isolates report together, and the numbers are in the history', () => {
    startCanary();
    // Neither report alone would do.
    for (let i = 0; i < 4; i++) report(tally(5, 5), tally(100, 1));
    expect(registry.find('chat')).toMatchObject({ route: { active: 1, canary: null } });
    expect(registry.find('chat')?.events[0]).toMatchObject({
      actor: 'canary',
      action: 'rollback',
      version: 1,
      comparisons: [{ of: 'failures', canary: { events: expect.any(Number) }, stable: { trials: expect.any(Number) } }],
    });
    // What comes late is dropped.
    report(tally(1_000, 0), tally(0, 0));
    expect(registry.find('chat')).toMatchObject({ route: { active: 1, canary: null } });
  });

  it('[U97] takes over after its last step, and the version before is the one to go back to', () => {
    startCanary();
    nowMs = 1_000;
    report(tally(50, 0), tally(500, 0));
    expect(registry.directory()).toMatchObject([{ version: 1, canary: { version: 2, share: 0.5 } }]);
    nowMs = 2_000;
    report(tally(49, 0), tally(50, 0));
    expect(registry.directory()).toMatchObject([{ version: 1, canary: { share: 0.5 } }]);
    report(tally(1, 0), tally(50, 0));
    expect(registry.directory()).toMatchObject([{ version: 2, canary: null }]);
    expect(registry.find('chat')?.events.map(({ action }) => action)).toEqual(['finish', 'advance', 'canary', 'create', 'activate']);
    expect(registry.rollback('chat', ADMIN)).toMatchObject({ value: { route: { active: 1 } } });
  });

  it('[U97] counts only what was served by the two versions that are compared', () => {
    startCanary();
    report(tally(500, 500), tally(500, 0), { canaryVersion: 2, stableVersion: 9 });
    report(tally(500, 500), tally(500, 0), { canaryVersion: 9, stableVersion: 1 });
    expect(registry.find('chat')?.route.canary).toMatchObject({ canary: { requests: 0 }, stable: { requests: 0 } });
    expect(registry.rollback('chat', ADMIN)).toMatchObject({ value: { route: { active: 1, canary: null } } });
  });
});

describe('[U174] what isolates measure of cascades', () => {
  const measured = (key: string, outcomes = 1) => ({
    route: 'chat',
    key,
    student: ['a/m'],
    teacher: ['b/m'],
    confidence: 'top-score',
    counts: Array.from({ length: outcomes }, () => outcomeCounts(0.5, 1)).reduce(addCounts, { ...NO_COUNTS, requests: 2 }),
  });

  it('[U174] is added up over isolates and versions, and serves as the calibration of the route', () => {
    add('chat', 'a/m');
    registry.report([], [measured('x'), { ...measured('none'), route: 'other' }]);
    add('chat', 'b/m');
    registry.report([], [measured('x', 3)]);
    expect(registry.find('chat')?.route.cascades).toMatchObject([{ key: 'x', student: ['a/m'], counts: { requests: 4 } }]);
    expect(registry.directory()).toMatchObject([{ version: 2, curves: { x: { scores: [0.5], qualities: [1], outcomes: 4 } } }]);
    add('plain', 'a/m');
    expect(registry.directory()[1]).not.toHaveProperty('curves');
  });

  it('[U174] is kept of the cascades that were measured last', () => {
    add('chat', 'a/m');
    const keys = Array.from({ length: ROUTE_LIMITS.routeCascadesMaxCount + 1 }, (_, number) => `key-${number}`);
    for (const key of keys) registry.report([], [measured(key)]);
    registry.report([], [measured('key-1')]);
    registry.report([], [measured('key-new')]);
    const kept = registry.find('chat')?.route.cascades?.map(({ key }) => key);
    expect(kept).toEqual([...keys.slice(3), 'key-1', 'key-new']);
  });
});
