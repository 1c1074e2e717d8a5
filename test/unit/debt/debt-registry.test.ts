import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { debtPolicy } from '../../../src/contract/debt/debt-policy.ts';
import type { DebtFact, FactKind } from '../../../src/contract/debt/debt-facts.ts';
import { DEBT_SIGNALS, FACT_KINDS } from '../../../src/contract/debt/debt-facts.ts';
import { DEBT_LIMITS } from '../../../src/contract/debt/debt-limits.ts';
import { PLANNING_LIMITS } from '../../../src/contract/planning/planning-limits.ts';
import type { TenantId } from '../../../src/kernel/ids.ts';
import { DebtRegistry, GATEWAY } from '../../../src/debt/store/debt-registry.ts';
import { FACTS_TYPE, verifiedDigest } from '../../../src/debt/store/signed-facts.ts';
import { factOf, signer, todosOf } from '../../support/debt/signed-upload.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';

const [TENANT, OTHER] = ['tn_4v9k2m7q1xb6d8w0f3_8d3f6h0j', 'tn_4v9k2m7q1xb6d8w0f3_5t1w9z3c'] as [TenantId, TenantId];
const START_S = 1_800_000_000;
const DAY_S = 86_400;
const HOUR_S = 3_600;
const REPOSITORY = 'github.com/example/search';
const POLICY = debtPolicy.parse({ expects: ['todos'], confidence_min: 0 });

describe('a signature', () => {
  const { publicKey, sign } = signer();
  const envelope = sign({ signed_at: 1 });

  it('[D91] holds for its type and every byte, by its key', async () => {
    expect(await verifiedDigest(envelope, publicKey)).toMatch(/^[0-9a-f]{64}$/);
    const bytes = Buffer.from(envelope.payload, 'base64');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(await verifiedDigest({ ...envelope, payload: changed.toString('base64') }, publicKey)).toBeUndefined();
    }
    expect(await verifiedDigest(envelope, signer().publicKey)).toBeUndefined();
    expect(await verifiedDigest(sign({ signed_at: 1 }, 'text/plain'), publicKey)).toBeUndefined();
    expect(await verifiedDigest({ ...sign({ signed_at: 1 }, 'text/plain'), payloadType: FACTS_TYPE }, publicKey)).toBeUndefined();
    expect(await verifiedDigest({ ...envelope, signatures: [] }, publicKey)).toBeUndefined();
    expect(await verifiedDigest({ ...envelope, signatures: [{ sig: 'AAAA' }] }, publicKey)).toBeUndefined();
  });

  it('[D104] of another length than 64 bytes holds for nothing; the platform, which throws, is not asked', async () => {
    const verify = vi.spyOn(crypto.subtle, 'verify').mockRejectedValue(new Error('of a wrong length'));
    try {
      for (const length of [0, 1, 63, 65, 96]) {
        const sig = Buffer.alloc(length).toString('base64');
        expect(await verifiedDigest({ ...envelope, signatures: [{ sig }] }, publicKey)).toBeUndefined();
      }
      expect(verify).not.toHaveBeenCalled();
    } finally {
      verify.mockRestore();
    }
  });

  it('[D91] one of several is enough', async () => {
    expect(await verifiedDigest({ ...envelope, signatures: [{ sig: 'AAAA' }, ...envelope.signatures] }, publicKey)).toBeDefined();
  });
});

/** All numbers of an answer. */
const figuresOf = (value: unknown): number[] =>
  typeof value === 'number' ? [value] : value instanceof Object ? Object.values(value).flatMap(figuresOf) : [];

const unexpected = (error: unknown): void => {
  throw new Error('a repository was not assessed', { cause: error });
};

describe('a register', () => {
  let nowS: number;
  let storage: NodeSql;
  let registry: DebtRegistry;
  let uploads = 0;

  const set = (tenant = TENANT, publicKey = 'key-1', repository = REPOSITORY) => {
    const made = registry.setRepository(tenant, { repository, publicKey, policy: POLICY }, undefined);
    if (!made.ok) throw new Error(made.error.message);
    return made.value.repository.id;
  };
  const upload = (facts: readonly DebtFact[], more: object = {}) =>
    registry.upload(
      TENANT,
      {
        digest: `digest-${(uploads += 1)}`,
        signedAtS: nowS,
        publicKey: 'key-1',
        file: { format: 'sluice-debt-facts-1', repository: REPOSITORY, git_commit: null, collected_at: nowS, facts: [...facts] },
        ...more,
      },
      undefined,
    );
  const rules = (state: 'open' | 'accepted' | 'closed' = 'open') =>
    registry.itemPage({ tenant: TENANT, state }, 0, 100).map(({ item }) => `${item.rule} ${item.subject}`);

  /** Every turn that is due now, as the alarms take them. */
  const assessDue = () => {
    const failed: string[] = [];
    let assessed = 0;
    for (let id = registry.takeTurn(); id !== undefined && assessed < 1_000; id = registry.takeTurn(), assessed++) {
      const of = id;
      registry.reassess(of, () => failed.push(of));
    }
    return { assessed, failed };
  };

  beforeEach(() => {
    nowS = START_S;
    storage = new NodeSql();
    registry = new DebtRegistry(storage, { nowMs: () => nowS * 1_000 });
  });

  it('[D96] opens and closes items by facts of signals that were measured, and leaves other signals alone', () => {
    set();
    expect(rules()).toEqual(['measurement-gap repository']);
    expect(upload(todosOf({ 'src/a.ts': 200, 'src/b.ts': 300 }, nowS))).toMatchObject({ value: { facts: 3, opened: 2, closed: 1 } });
    expect(rules().toSorted()).toEqual(['old-todo src/a.ts', 'old-todo src/b.ts']);
    nowS += 60;
    const types = [
      factOf({ kind: 'census', subject: '.', symbol: 'types', value: 1, unit: 'subjects' }, nowS),
      factOf({ kind: 'type-hole', subject: 'src/c.ts', symbol: 'any', value: 3, unit: 'count' }, nowS),
    ];
    upload(types);
    expect(rules().toSorted()).toEqual(['old-todo src/a.ts', 'old-todo src/b.ts', 'type-hole src/c.ts']);
    nowS += 60;
    expect(upload(todosOf({ 'src/b.ts': 301 }, nowS))).toMatchObject({ value: { opened: 0, closed: 1 } });
    expect(rules().toSorted()).toEqual(['old-todo src/b.ts', 'type-hole src/c.ts']);
    expect(rules('closed').toSorted()).toEqual(['measurement-gap repository', 'old-todo src/a.ts']);
  });

  it('[D92] takes an upload once, soon after it was signed, under the key of now', () => {
    set();
    const facts = todosOf({ 'src/a.ts': 200 }, nowS);
    expect(upload(facts, { digest: 'same' })).toMatchObject({ ok: true });
    nowS += 5;
    expect(upload(facts, { digest: 'same', signedAtS: nowS - 5 })).toMatchObject({ error: { code: 'state_conflict' } });
    expect(upload(facts, { signedAtS: nowS - PLANNING_LIMITS.debtSignedWithinS - 1 })).toMatchObject({ error: { code: 'state_conflict' } });
    expect(upload(facts, { signedAtS: nowS + PLANNING_LIMITS.debtSignedWithinS + 1 })).toMatchObject({ error: { code: 'state_conflict' } });
    set(TENANT, 'key-2');
    expect(upload(facts)).toMatchObject({ error: { code: 'state_conflict', path: ['signatures'] } });
    expect(upload(facts, { publicKey: 'key-2' })).toMatchObject({ ok: true });
    // As long as a replay could be taken, its digest is known.
    nowS = START_S + PLANNING_LIMITS.debtSignedWithinS;
    expect(upload(facts, { digest: 'same', publicKey: 'key-2', signedAtS: START_S })).toMatchObject({ error: { code: 'state_conflict' } });
  });

  it('[D92] takes nothing older than what it knows, nothing from the future, and then changes nothing', () => {
    set();
    upload(todosOf({ 'src/a.ts': 200 }, nowS));
    expect(upload(todosOf({}, nowS - 1))).toMatchObject({ error: { code: 'state_conflict' } });
    expect(upload(todosOf({}, nowS + 2 * PLANNING_LIMITS.debtSignedWithinS))).toMatchObject({ error: { code: 'invalid_value' } });
    expect(rules()).toEqual(['old-todo src/a.ts']);
    // The refused file may be sent again once its time has come.
    const late = { digest: 'late' };
    expect(upload(todosOf({}, nowS - 1), late)).toMatchObject({ ok: false });
    expect(upload(todosOf({}, nowS), late)).toMatchObject({ ok: true });
  });

  it('[D92] refuses too many facts as a whole', () => {
    const id = set();
    upload(todosOf({ 'src/a.ts': 200 }, nowS));
    const many = Object.fromEntries(Array.from({ length: PLANNING_LIMITS.debtStoredFactsMaxCount }, (_, at) => [`src/${at}.ts`, 1]));
    expect(upload(todosOf(many, nowS))).toMatchObject({ error: { code: 'limit_exceeded' } });
    expect(registry.factPage({ tenant: TENANT, repository: id }, 0, 10)).toMatchObject([{ kind: 'census' }, { subject: 'src/a.ts' }]);
    expect(registry.factPage({ tenant: TENANT, kind: 'todo' }, 0, 10)).toHaveLength(1);
    expect(rules()).toEqual(['old-todo src/a.ts']);
  });

  it('[D92] refuses facts that take too much together or each, and policies that no row holds', () => {
    set();
    const wide = (text: string) => Object.fromEntries(Array.from({ length: 14 }, (_, at) => [`detail-${at}`, text]));
    const many = (count: number, text: string) =>
      Array.from({ length: count }, (_, at) =>
        factOf({ kind: 'type-hole', subject: `src/${at}.ts`, symbol: 'any', value: 1, unit: 'count', detail: wide(text) }, nowS),
      );
    expect(upload(many(1, 'x'.repeat(1_000)))).toMatchObject({ ok: true });
    // As many characters in three times the bytes.
    expect(upload(many(1, '\u20ac'.repeat(1_000)))).toMatchObject({
      error: { code: 'limit_exceeded', path: ['payload', 'facts', 0], limit: { name: 'debtFactBytesMax' }, value: expect.any(Number) },
    });
    expect(upload(many(1_200, 'x'.repeat(1_000)))).toMatchObject({
      error: { code: 'limit_exceeded', path: ['payload.facts'], limit: { name: 'debtStoredFactsBytesMax' }, value: expect.any(Number) },
    });
    nowS += 1;
    const checked = Array.from({ length: 6_000 }, (_, at) =>
      factOf({ kind: 'ml-test', subject: `model-${at}`, symbol: 'specs-reviewed', value: 0, unit: 'points' }, nowS),
    );
    const tests = factOf({ kind: 'census', subject: '.', symbol: 'ml-tests', value: 6_000, unit: 'subjects' }, nowS);
    expect(upload([tests, ...checked])).toMatchObject({
      error: { code: 'limit_exceeded', limit: { name: 'debtOpenItemsMaxCount' }, value: expect.any(Number) },
    });
    expect(registry.factPage({ tenant: TENANT, kind: 'ml-test' }, 0, 1)).toEqual([]);
    const paths = Array.from({ length: 2_000 }, (_, at) => `${at}`.padEnd(300, 'x'));
    const policy = debtPolicy.parse({ components: [{ name: 'a', paths }] });
    expect(registry.setRepository(TENANT, { repository: 'wide', publicKey: 'k', policy }, undefined)).toMatchObject({
      error: { code: 'limit_exceeded', path: ['policy'], limit: { name: 'debtPolicyBytesMax' } },
    });
  });

  it('[D1] takes whatever value a fact of any kind may have: figures stay numbers', () => {
    const id = set();
    const measured = (Object.keys(FACT_KINDS) as FactKind[]).filter((kind) => kind !== 'census');
    const names = [
      'authors_of_repository',
      'branches',
      'days_max',
      'declared_in',
      'deprecated',
      'fixed',
      'history_days',
      'installed',
      'last_at',
      'latest',
      'layer',
      'line',
      'minors',
      'other',
      'other_line',
      'proof',
      'recent_commits',
      'reference',
      'reindex_minutes',
      'retrain_minutes',
      'run_minutes',
      'runs',
      'runs_per_week',
      'served',
      'serving',
      'share_upper',
      'text',
      'through',
      'weeks',
    ];
    const numbers = [DEBT_LIMITS.debtNumberMax, -DEBT_LIMITS.debtNumberMax, 0, 1, 0.5];
    const value = fc.constantFrom(...numbers, 'words', '');
    const details = fc.dictionary(fc.constantFrom(...names), fc.constantFrom(...numbers, 'words', '', true));
    const factsOf = (figure: number | string, detail: DebtFact['detail']): DebtFact[] => [
      ...DEBT_SIGNALS.map((symbol) => factOf({ kind: 'census', subject: '.', symbol, value: 1, unit: 'subjects', detail }, nowS)),
      ...measured.flatMap((kind) =>
        ['a/b.ts', 'c'].flatMap((subject) => [
          factOf({ kind, subject, symbol: 'd', value: figure, unit: FACT_KINDS[kind].unit, detail }, nowS),
          factOf({ kind, subject, symbol: 'e', value: 2, unit: FACT_KINDS[kind].unit, detail }, nowS),
        ]),
      ),
    ];
    const property = fc.property(value, details, (figure, detail) => {
      nowS += 1;
      expect(upload(factsOf(figure, detail))).toMatchObject({ ok: true });
      for (const { item } of registry.itemPage({ tenant: TENANT }, 0, 1_000)) {
        for (const spread of [item.principal_minutes, item.interest_minutes_per_week, item.priority])
          expect(Object.values(spread).every(Number.isFinite), `${item.rule}: ${JSON.stringify(spread)}`).toBe(true);
      }
      for (const answer of [registry.teams(TENANT, id), registry.onboarding(TENANT, id, 'c')])
        expect(answer.ok && !figuresOf(answer.value).some(Number.isNaN), JSON.stringify(answer)).toBe(true);
    });
    fc.assert(property, { numRuns: 60, seed: 7 });
  });

  it('[D77] begins with items that are open, and no others', () => {
    const id = set();
    const census = (symbol: string) => factOf({ kind: 'census', subject: '.', symbol, value: 1, unit: 'subjects' }, nowS);
    const lines = ['src/a.ts', 'src/b.ts', 'src/c.ts'].map((subject) =>
      factOf({ kind: 'code-lines', subject, value: 9, unit: 'lines' }, nowS),
    );
    upload([census('teams'), census('hotspots'), ...lines, ...todosOf({ 'src/a.ts': 200, 'src/b.ts': 200, 'src/c.ts': 200 }, nowS)]);
    const items = registry.itemPage({ tenant: TENANT, state: 'open' }, 0, 9).map(({ item }) => item);
    const accepted = items.find(({ subject }) => subject === 'src/b.ts')?.id ?? expect.fail('it is an item');
    const action = { action: 'accept', days: 9, reason: 'later' } as const;
    registry.act(TENANT, { repository: id, id: accepted }, { action, by: 'key' }, undefined);
    nowS += 1;
    upload(todosOf({ 'src/a.ts': 200, 'src/b.ts': 200 }, nowS));
    const path = registry.onboarding(TENANT, id, 'src');
    expect(path.ok && path.value.firstItems.map(({ subject }) => subject)).toEqual(['src/a.ts']);
    expect(rules('accepted')).toEqual(['old-todo src/b.ts']);
    expect(rules('closed')).toContain('old-todo src/c.ts');
  });

  it('[D98] keeps the items that were closed last, and shows the components that cost most', () => {
    const id = set();
    const ages = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`part-${at}/a.ts`, 200]));
    upload(todosOf(ages(PLANNING_LIMITS.debtClosedItemsMaxCount), nowS));
    expect(registry.repositories(TENANT)[0]?.assessed?.components).toHaveLength(PLANNING_LIMITS.debtComponentsShownMaxCount);
    expect(registry.repositories(TENANT)[0]?.assessed?.total.items).toBe(PLANNING_LIMITS.debtClosedItemsMaxCount);
    nowS += 60;
    upload(todosOf({ 'src/late.ts': 200 }, nowS));
    nowS += 60;
    upload(todosOf({}, nowS));
    const closed = registry.itemPage({ tenant: TENANT, state: 'closed' }, 0, 3_000).map(({ item }) => item);
    expect(closed).toHaveLength(PLANNING_LIMITS.debtClosedItemsMaxCount);
    expect(closed.map(({ subject }) => subject)).toContain('src/late.ts');
    const events = storage.sql.exec<{ count: number }>('SELECT count(DISTINCT item) AS count FROM events WHERE repository = ?', id);
    expect(events.one().count).toBe(PLANNING_LIMITS.debtClosedItemsMaxCount);
  });

  it('[D93] assesses the other repositories though one fails', () => {
    const broken = set(TENANT, 'key-1', 'broken');
    set();
    upload(todosOf({ 'src/a.ts': 200 }, nowS));
    storage.sql.exec("UPDATE repositories SET body = json_set(body, '$.policy.components', 1) WHERE id = ?", broken);
    nowS += DAY_S;
    expect(assessDue()).toEqual({ assessed: 2, failed: [broken] });
    expect(rules()).toContain('measurement-gap repository');
    expect(registry.repositories(TENANT).find(({ repository }) => repository.repository === REPOSITORY)?.history).toHaveLength(2);
  });

  it('[D93] gives hundreds of repositories one turn an hour, though memory is lost in turns', () => {
    const count = 300;
    const ids = Array.from({ length: count }, (_, at) => set(TENANT, 'key-1', `repository-${at}`));
    expect(registry.takeTurn()).toBeUndefined();
    nowS += HOUR_S;
    const turns: string[] = [];
    for (let turn = 0; turn < 2 * count; turn++) {
      registry = new DebtRegistry(storage, { nowMs: () => nowS * 1_000 });
      const id = registry.takeTurn();
      if (id === undefined) break;
      turns.push(id);
      // Every third turn ends with the object, before the rules have run.
      if (turn % 3 !== 0) registry.reassess(id, unexpected);
    }
    expect(turns.toSorted()).toEqual(ids.toSorted());
    expect(registry.nextDueMs()).toBe((nowS + HOUR_S) * 1_000);
    // What was uploaded meanwhile has had its turn.
    nowS += HOUR_S - 1;
    const uploaded = set(TENANT, 'key-1', 'repository-7');
    nowS += 1;
    const next = assessDue();
    expect([next.assessed, registry.repositories(TENANT).length]).toEqual([count - 1, count]);
    expect(ids).toContain(uploaded);
  });

  it('[D93] finds what expires to be debt, keeps what it may not close, and ends acceptances', () => {
    const id = set();
    upload(todosOf({ 'src/a.ts': 200 }, nowS));
    const [stored] = registry.itemPage({ state: 'open' }, 0, 1);
    const action = { action: 'accept', days: 1, reason: 'after the release' } as const;
    const accepted = registry.act(TENANT, { repository: id, id: stored?.item.id ?? '' }, { action, by: 'key_a' }, undefined);
    expect(accepted).toMatchObject({
      value: { item: { state: 'accepted' }, events: [{ kind: 'opened' }, { kind: 'accepted', by: 'key_a' }] },
    });
    expect(rules()).toEqual([]);
    nowS += DAY_S;
    registry = new DebtRegistry(storage, { nowMs: () => nowS * 1_000 });
    expect(assessDue()).toEqual({ assessed: 1, failed: [] });
    expect(rules().toSorted()).toEqual(['measurement-gap repository', 'old-todo src/a.ts']);
    const [view] = registry.repositories(TENANT);
    expect(view?.history.map(({ open }) => open)).toEqual([1, 1]);
  });

  it('[D94] keeps tenants apart, whatever they name', () => {
    const id = set();
    upload(todosOf({ 'src/a.ts': 200 }, nowS));
    const item = registry.itemPage({ tenant: TENANT }, 0, 1)[0]?.item.id ?? '';
    expect(registry.repositories(OTHER)).toEqual([]);
    expect(registry.itemPage({ tenant: OTHER, repository: id }, 0, 10)).toEqual([]);
    expect(registry.item(OTHER, { repository: id, id: item })).toMatchObject({ error: { code: 'record_not_found' } });
    expect([registry.factPage({ tenant: OTHER, repository: id }, 0, 10), registry.factPage({ tenant: OTHER }, 0, 10)]).toEqual([[], []]);
    expect(
      registry.act(OTHER, { repository: id, id: item }, { action: { action: 'assign', assignee: 'x' }, by: 'key_b' }, undefined),
    ).toMatchObject({ ok: false });
    expect(registry.removeRepository(OTHER, id, undefined)).toMatchObject({ error: { code: 'record_not_found' } });
    expect(registry.publicKeyOf(OTHER, REPOSITORY)).toBeNull();
    // The same name is another repository there, and takes what was uploaded here.
    const theirs = set(OTHER);
    expect(theirs).not.toBe(id);
    const file = { format: 'sluice-debt-facts-1' as const, repository: REPOSITORY, git_commit: null, collected_at: nowS, facts: [] };
    const same = { digest: `digest-${uploads}`, signedAtS: nowS, publicKey: 'key-1', file };
    expect(registry.upload(OTHER, same, undefined)).toMatchObject({ ok: true });
    expect(registry.upload(OTHER, same, undefined)).toMatchObject({ error: { code: 'state_conflict' } });
    registry.eraseTenant(TENANT);
    expect([registry.countOf(TENANT), registry.countOf(OTHER), rules()]).toEqual([0, 1, []]);
    for (const table of ['facts', 'items', 'events', 'history'])
      expect(storage.sql.exec(`SELECT 1 FROM ${table} WHERE repository = ?`, id).toArray()).toEqual([]);
    expect(registry.setRepository(TENANT, { repository: 'x', publicKey: 'k', policy: POLICY }, undefined)).toMatchObject({
      error: { code: 'tenant_suspended' },
    });
    expect(registry.measure(TENANT, [], POLICY)).toMatchObject({ error: { code: 'tenant_suspended' } });
  });

  it('has a repository of what the gateway measures, which no upload can name', () => {
    expect(registry.measure(TENANT, todosOf({ 'route:a': 200 }, nowS), POLICY)).toMatchObject({ value: { opened: 1 } });
    expect(registry.publicKeyOf(TENANT, GATEWAY)).toBeNull();
    expect(registry.repositories(TENANT).map(({ repository }) => repository.repository)).toEqual([GATEWAY]);
  });

  it('refuses more repositories than an organisation may have, and what comes after its lease', () => {
    for (let count = 1; count < PLANNING_LIMITS.debtRepositoriesMaxCount; count++) set(TENANT, 'k', `r-${count}`);
    // What the gateway measures takes the place of none.
    expect(registry.measure(TENANT, [], POLICY)).toMatchObject({ ok: true });
    set(TENANT, 'k', 'last');
    const more = { repository: 'more', publicKey: 'k', policy: POLICY };
    expect(registry.setRepository(OTHER, more, undefined)).toMatchObject({ error: { code: 'limit_exceeded' } });
    expect(registry.setRepository(TENANT, { ...more, repository: 'r-1' }, undefined)).toMatchObject({ ok: true });
    expect(registry.setRepository(TENANT, { ...more, repository: 'r-1' }, { endsAtMs: nowS * 1_000 })).toMatchObject({
      error: { code: 'lease_expired' },
    });
  });
});
