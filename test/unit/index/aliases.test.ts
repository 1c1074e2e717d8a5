import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import type { AliasAction, NamedIndexes } from '../../../src/index/aliases.ts';
import { changedAliases } from '../../../src/index/aliases.ts';
import { INDEX_LIMITS } from '../../../src/contract/indexes/index-limits.ts';

const NAMES = ['a', 'b', 'c', 'index-1', 'index-2', 'unlisted'];
const name = fc.constantFrom(...NAMES);

const action: fc.Arbitrary<AliasAction> = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), alias: name, index: name }),
  fc.record({ kind: fc.constant('remove' as const), alias: name }, { requiredKeys: ['kind', 'alias'] }),
  fc.record({ kind: fc.constant('remove' as const), alias: name, of: name, isOptional: fc.constant(true as const) }),
  fc.record({ kind: fc.constant('rename' as const), alias: name, to: name }),
);

const LISTED = ['index-1', 'index-2'];

const namesOf = (aliases: ReadonlyMap<string, string>): NamedIndexes => ({
  isIndex: (one) => [...LISTED, 'unlisted'].includes(one),
  isListed: (one) => LISTED.includes(one),
  targetOf: (one) => aliases.get(one),
  aliasCount: aliases.size,
});

/** Applies the actions one after another to a plain map; undefined if one is refused. */
function plainly(before: ReadonlyMap<string, string>, actions: readonly AliasAction[]): Map<string, string> | undefined {
  const aliases = new Map(before);
  for (const one of actions) {
    const target = aliases.get(one.alias);
    if (one.kind === 'set') {
      if (!LISTED.includes(one.index) || [...LISTED, 'unlisted'].includes(one.alias)) return undefined;
      aliases.set(one.alias, one.index);
    } else if (one.kind === 'remove') {
      const isThere = target !== undefined && (one.of === undefined || one.of === target);
      if (!isThere && one.isOptional !== true) return undefined;
      if (isThere) aliases.delete(one.alias);
    } else {
      if (target === undefined || [...LISTED, 'unlisted'].includes(one.to)) return undefined;
      aliases.delete(one.alias);
      aliases.set(one.to, target);
    }
  }
  return aliases;
}

it('[Q71] actions change aliases as they change a plain map, in order, all or none', () => {
  const seen = { done: 0, refused: 0 };
  const before = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(...LISTED)).map((record) => new Map(Object.entries(record)));
  fc.assert(
    fc.property(before, fc.array(action, { minLength: 1, maxLength: 4 }), (aliases, actions) => {
      const expected = plainly(aliases, actions);
      const changed = changedAliases(actions, namesOf(aliases));
      expect(changed.ok).toBe(expected !== undefined);
      seen[changed.ok ? 'done' : 'refused'] += 1;
      if (!changed.ok || expected === undefined) return;
      const after = new Map(aliases);
      for (const [alias, index] of changed.value) {
        if (index === null) after.delete(alias);
        else after.set(alias, index);
      }
      expect(after).toEqual(expected);
    }),
    { seed: 71, numRuns: 2000 },
  );
  expect(Math.min(seen.done, seen.refused)).toBeGreaterThan(200);
});

it('[Q74] a tenant has a bounded number of aliases', () => {
  const full: NamedIndexes = { ...namesOf(new Map([['a', 'index-1']])), aliasCount: INDEX_LIMITS.aliasesPerTenantMaxCount };
  const set = (alias: string): AliasAction => ({ kind: 'set', alias, index: 'index-2' });
  expect(changedAliases([set('a')], full).ok).toBe(true);
  expect(changedAliases([set('b')], full)).toMatchObject({ ok: false, error: { code: 'limit_exceeded' } });
  expect(changedAliases([{ kind: 'remove', alias: 'a' }, set('b')], full).ok).toBe(true);
});
