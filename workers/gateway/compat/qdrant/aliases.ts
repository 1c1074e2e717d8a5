import type { AliasAction, AliasPage } from '../../../../src/index/aliases.ts';
import { LIMITS } from '../../../../src/contract/limits.ts';
import type { QdrantAliasAction } from '../../../../src/contract/qdrant/aliases.ts';
import type { Handlers } from '../../serve.ts';
import { enveloped } from './answer.ts';

export const qdrantAliasHandlers = {
  qdrantChangeAliases: async (call) => {
    const changed = await call.gateway.retrieval.aliases.change(call, call.body.actions.map(actionOf));
    return changed.ok ? { ok: true, reply: enveloped(call, true as const), used: {} } : changed;
  },

  qdrantAliases: async (call) => {
    const page = await call.gateway.retrieval.aliases.list(call.principal, undefined, undefined, LIMITS.aliasesPerTenantMaxCount);
    return page.ok ? { ok: true, reply: enveloped(call, aliasesOf(page.value)), used: {} } : page;
  },

  qdrantCollectionAliases: async (call) => {
    const { aliases } = call.gateway.retrieval;
    const page = await aliases.list(call.principal, call.params.collection, undefined, LIMITS.aliasesPerTenantMaxCount);
    return page.ok ? { ok: true, reply: enveloped(call, aliasesOf(page.value)), used: {} } : page;
  },
} satisfies Partial<Handlers>;

/** An alias that is not there is as good as deleted. */
function actionOf(action: QdrantAliasAction): AliasAction {
  if ('create_alias' in action) return { kind: 'set', alias: action.create_alias.alias_name, index: action.create_alias.collection_name };
  if ('delete_alias' in action) return { kind: 'remove', alias: action.delete_alias.alias_name, isOptional: true };
  return { kind: 'rename', alias: action.rename_alias.old_alias_name, to: action.rename_alias.new_alias_name };
}

const aliasesOf = ({ aliases }: AliasPage) => ({
  aliases: aliases.map(({ alias, index }) => ({ alias_name: alias, collection_name: index })),
});
