import type { Alias, AliasAction, AliasPage } from '../../../src/index/aliases.ts';
import type { AliasActionBody } from '../../../src/contract/aliases.ts';
import type { Handlers } from '../serve.ts';

export const aliasHandlers = {
  changeAliases: async (call) => {
    const { actions } = call.body;
    const changed = await call.gateway.retrieval.aliases.change(call, actions.map(actionOf));
    return changed.ok ? { ok: true, reply: { object: 'aliases.changed' as const, actions: actions.length }, used: {} } : changed;
  },

  listAliases: async ({ gateway, principal, query }) => {
    const page = await gateway.retrieval.aliases.list(principal, undefined, query.after, query.limit);
    return page.ok ? { ok: true, reply: aliasesReply(page.value), used: {} } : page;
  },

  listIndexAliases: async ({ gateway, principal, params, query }) => {
    const page = await gateway.retrieval.aliases.list(principal, params.index, query.after, query.limit);
    return page.ok ? { ok: true, reply: aliasesReply(page.value), used: {} } : page;
  },

  setAlias: async (call) => {
    const { index, alias } = call.params;
    const changed = await call.gateway.retrieval.aliases.change(call, [{ kind: 'set', alias, index }]);
    return changed.ok ? { ok: true, reply: aliasReply({ alias, index }), used: {} } : changed;
  },

  removeAlias: async (call) => {
    const { index, alias } = call.params;
    const changed = await call.gateway.retrieval.aliases.change(call, [{ kind: 'remove', alias, of: index }]);
    return changed.ok ? { ok: true, reply: { object: 'alias.deleted' as const, alias, deleted: true as const }, used: {} } : changed;
  },
} satisfies Partial<Handlers>;

function actionOf(action: AliasActionBody): AliasAction {
  if ('set' in action) return { kind: 'set', ...action.set };
  return 'remove' in action ? { kind: 'remove', ...action.remove } : { kind: 'rename', ...action.rename };
}

const aliasReply = ({ alias, index }: Alias) => ({ object: 'alias' as const, alias, index });

const aliasesReply = ({ aliases, hasMore }: AliasPage) => ({ object: 'list' as const, data: aliases.map(aliasReply), has_more: hasMore });
