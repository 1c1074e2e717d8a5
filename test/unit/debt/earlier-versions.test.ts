import { beforeEach, describe, expect, it } from 'vitest';

import type { DebtFact } from '../../../src/contract/debt/debt-facts.ts';
import { debtFactFile } from '../../../src/contract/debt/debt-facts.ts';
import type { DebtPolicy } from '../../../src/contract/debt/debt-policy.ts';
import { debtPolicy } from '../../../src/contract/debt/debt-policy.ts';
import { DebtRegistry } from '../../../src/debt/store/debt-registry.ts';
import type { TenantId } from '../../../src/kernel/ids.ts';
import { factOf, todosOf } from '../../support/debt/signed-upload.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';

const TENANT = 'tn_4v9k2m7q1xb6d8w0f3_8d3f6h0j' as TenantId;
const REPOSITORY = 'github.com/example/search';
const NOW_S = 1_800_000_000;

describe('a register that an earlier version wrote, or whose facts one collected', () => {
  let storage: NodeSql;
  let registry: DebtRegistry;

  const set = (policy: DebtPolicy): string => {
    const made = registry.setRepository(TENANT, { repository: REPOSITORY, publicKey: 'key', policy }, undefined);
    return made.ok ? made.value.repository.id : expect.fail(made.error.message);
  };
  const upload = (facts: readonly DebtFact[]) => {
    const written = { format: 'sluice-debt-facts-1', repository: REPOSITORY, git_commit: null, collected_at: NOW_S, facts };
    const file = debtFactFile.parse(JSON.parse(JSON.stringify(written)));
    return registry.upload(TENANT, { digest: 'digest', signedAtS: NOW_S, publicKey: 'key', file }, undefined);
  };
  const open = () => registry.itemPage({ tenant: TENANT, state: 'open' }, 0, 100).map(({ item }) => `${item.rule} ${item.subject}`);

  beforeEach(() => {
    storage = new NodeSql();
    registry = new DebtRegistry(storage, { nowMs: () => NOW_S * 1_000 });
  });

  it('[D100] has the defaults for what its policy could not state', () => {
    const policy = debtPolicy.parse({ expects: ['todos', 'licences'], confidence_min: 0, todo_days: 1 });
    const id = set(policy);
    upload(todosOf({ 'src/a.ts': 2 }, NOW_S));
    expect(open().toSorted()).toEqual(['measurement-gap repository', 'old-todo src/a.ts']);
    storage.sql.exec("UPDATE repositories SET body = json_remove(body, '$.policy.confidence_min')");
    registry.reassess(id, (error) => expect.fail(String(error)));
    // What breaks the policy stays, and blocks; the comment is too unsure for the default.
    expect(open()).toEqual(['measurement-gap repository']);
    const [doubted] = registry.itemPage({ tenant: TENANT, state: 'candidate' }, 0, 9);
    expect(doubted).toMatchObject({ item: { rule: 'old-todo', subject: 'src/a.ts', state: 'candidate', closed_at: null } });
    const { confidence_min } = debtPolicy.parse({});
    expect(registry.repositories(TENANT).map(({ repository }) => repository.policy)).toEqual([{ ...policy, confidence_min }]);
  });

  it('[D100] [D102] has as candidates what the version before closed for want of confidence', () => {
    const id = set(debtPolicy.parse({ expects: [], confidence_min: 0, todo_days: 1 }));
    upload(todosOf({ 'src/a.ts': 2, 'src/b.ts': 1 }, NOW_S));
    storage.sql.exec("UPDATE items SET state = 'closed', body = json_set(body, '$.state', 'closed', '$.closed_at', 9)");
    storage.sql.exec("UPDATE repositories SET body = json_remove(body, '$.policy.confidence_min')");
    storage.sql.exec(
      "INSERT INTO items SELECT repository, 'gone', state, rule, component, owner, priority, json_set(body, '$.id', 'gone') FROM items",
    );
    registry.reassess(id, (error) => expect.fail(String(error)));
    const states = (['open', 'accepted', 'candidate', 'closed'] as const).map((state) =>
      registry.itemPage({ tenant: TENANT, state }, 0, 9).map(({ item }) => (item.id === 'gone' ? 'gone' : item.subject)),
    );
    expect(states).toEqual([[], [], ['src/a.ts'], ['gone']]);
  });

  it('[D100] takes files of facts that say nothing of what complexity, copies and circles cost', () => {
    const id = set(debtPolicy.parse({}));
    const fact = (kind: DebtFact['kind'], value: number, unit: string, more: Partial<DebtFact> = {}) =>
      factOf({ kind, subject: 'src/a.ts', value, unit, ...more }, NOW_S);
    const facts = [
      ...['hotspots', 'duplication', 'structure', 'todos'].map((symbol) => fact('census', 2, 'subjects', { subject: '.', symbol })),
      fact('code-lines', 90, 'lines', { detail: { language: 'TypeScript' } }),
      fact('code-churn', 4, 'changes'),
      fact('code-complexity', 50, 'points'),
      fact('code-complexity', 50, 'points', { symbol: 'f', detail: { line: 3 } }),
      fact('function-changes', 4, 'commits', { symbol: 'f', detail: { line: 3 } }),
      fact('clone', 40, 'lines', { symbol: 'lib/b.ts', detail: { tokens: 300, line: 1, other_line: 2, runs: 1 } }),
      fact('import-cycle', 3, 'files', { detail: { through: 'src/a.ts src/b.ts src/c.ts' } }),
    ];
    expect(upload(facts)).toMatchObject({ ok: true });
    // Long copies speak for themselves; that the others cost anything, nothing shows.
    expect(open()).toEqual(['duplicate-code src/a.ts']);
    expect(registry.teams(TENANT, id)).toMatchObject({ error: { code: 'state_conflict' } });
    expect(registry.plan(TENANT, id, 4)).toMatchObject({ ok: true });
  });
});
