import type { Alias, AliasAction, AliasPage } from '../../../../src/index/aliases.ts';
import type { AliasActionBody } from '../../../../src/contract/indexes/aliases.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { replied } from '../wire.ts';

export const aliasHandlers = {
  changeAliases: async (call) => {
    const { actions } = call.body;
    return replied(call.gateway.retrieval.aliases.change(call, actions.map(actionOf)), () => ({
      object: 'aliases.changed' as const,
      actions: actions.length,
    }));
  },

  listAliases: ({ gateway, principal, query }) =>
    replied(gateway.retrieval.aliases.list(principal, undefined, query.after, query.limit), aliasesReply),

  listIndexAliases: ({ gateway, principal, params, query }) =>
    replied(gateway.retrieval.aliases.list(principal, params.index, query.after, query.limit), aliasesReply),

  setAlias: async (call) => {
    const { index, alias } = call.params;
    return replied(call.gateway.retrieval.aliases.change(call, [{ kind: 'set', alias, index }]), () => aliasReply({ alias, index }));
  },

  removeAlias: async (call) => {
    const { index, alias } = call.params;
    return replied(call.gateway.retrieval.aliases.change(call, [{ kind: 'remove', alias, of: index }]), () => ({
      object: 'alias.deleted' as const,
      alias,
      deleted: true as const,
    }));
  },
} satisfies Partial<Handlers>;

function actionOf(action: AliasActionBody): AliasAction {
  if ('set' in action) return { kind: 'set', ...action.set };
  return 'remove' in action ? { kind: 'remove', ...action.remove } : { kind: 'rename', ...action.rename };
}

const aliasReply = ({ alias, index }: Alias) => ({ object: 'alias' as const, alias, index });

const aliasesReply = ({ aliases, hasMore }: AliasPage) => ({ object: 'list' as const, data: aliases.map(aliasReply), has_more: hasMore });
