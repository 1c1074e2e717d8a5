import { INDEX_LIMITS } from '../contract/indexes/index-limits.ts';
import type { FieldPath } from '../contract/api/field-path.ts';
import type { Outcome } from '../contract/api/outcome.ts';
import { refuse, refuseResource } from '../contract/api/outcome.ts';
import { refuseBeyond } from '../contract/limits/limit-refusal.ts';
import { ok } from '../kernel/result.ts';
import { unreachable } from '../kernel/assert.ts';
import { indexNotFound } from './index-lifecycle.ts';

/** A name that stands for an index wherever an index is named, but not where one is created or deleted. */
export interface Alias {
  readonly alias: string;
  readonly index: string;
}

export type AliasAction =
  /** Makes the alias stand for the index, whatever it stood for before. */
  | { readonly kind: 'set'; readonly alias: string; readonly index: string }
  /** Takes it away: if `of` is given, only from that index; refused when it is not there, unless that is all the same. */
  | { readonly kind: 'remove'; readonly alias: string; readonly of?: string; readonly isOptional?: true }
  /** Gives it another name, whatever that stood for before. */
  | { readonly kind: 'rename'; readonly alias: string; readonly to: string };

/** One page of aliases, by name. */
export interface AliasPage {
  readonly aliases: readonly Alias[];
  readonly hasMore: boolean;
}

/** What a tenant's names stand for at present. */
export interface NamedIndexes {
  /** Whether an index has this name, listed or not. */
  isIndex(name: string): boolean;
  isListed(name: string): boolean;
  targetOf(alias: string): string | undefined;
  readonly aliasCount: number;
}

/** What aliases stand for after some actions, one after another; null: for nothing. Refused as a whole if one of them is. */
export function changedAliases(actions: readonly AliasAction[], names: NamedIndexes): Outcome<ReadonlyMap<string, string | null>> {
  const changed = new Map<string, string | null>();
  const targetOf = (alias: string): string | null => changed.get(alias) ?? (changed.has(alias) ? null : (names.targetOf(alias) ?? null));
  for (const [i, action] of actions.entries()) {
    const refused = apply(action, ['actions', i]);
    if (refused !== undefined) return refused;
  }
  const added = [...changed].filter(([alias, target]) => target !== null && names.targetOf(alias) === undefined).length;
  const removed = [...changed].filter(([alias, target]) => target === null && names.targetOf(alias) !== undefined).length;
  const count = names.aliasCount + added - removed;
  if (added > 0 && count > INDEX_LIMITS.aliasesPerTenantMaxCount) return tooMany(count);
  return ok(changed);

  function apply(action: AliasAction, path: FieldPath) {
    const target = targetOf(action.alias);
    switch (action.kind) {
      case 'set':
        if (!names.isListed(action.index)) return indexNotFound(action.index);
        return put(action.alias, action.index, path);
      case 'remove':
        if (target !== null && (action.of ?? target) === target) changed.set(action.alias, null);
        else if (action.isOptional !== true) return aliasNotFound(action.alias, path);
        return undefined;
      case 'rename':
        if (target === null) return aliasNotFound(action.alias, path);
        changed.set(action.alias, null);
        return put(action.to, target, path);
      default:
        return unreachable(action);
    }
  }

  function put(alias: string, index: string, path: FieldPath) {
    if (names.isIndex(alias)) return refuse('already_exists', `an index has the name "${alias}"`, path);
    changed.set(alias, index);
    return undefined;
  }
}

const aliasNotFound = (alias: string, path: FieldPath) =>
  refuseResource('alias_not_found', { kind: 'alias', name: alias }, `there is no alias "${alias}"`, path);

const tooMany = (count: number) =>
  refuseBeyond({ path: 'actions', limit: 'aliasesPerTenantMaxCount', value: count, what: `the tenant would have ${count} aliases` });
