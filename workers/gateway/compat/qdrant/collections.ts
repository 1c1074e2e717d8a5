import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import type { QdrantAliasAction } from '../../../../src/contract/qdrant/collections.ts';
import type { Acting } from '../../../../src/gateway/tenancy/authority.ts';
import type { AliasAction, AliasPage } from '../../../../src/index/aliases.ts';
import type { AnnotationChange } from '../../../../src/index/index-annotations.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import type { PointCall } from './call.ts';
import { enveloped, updated } from './call.ts';
import { infoOf, tuningOfCreation, tuningOfUpdate } from './tuning.ts';
import { replied } from '../../routes/wire.ts';

export const qdrantAliasHandlers = {
  qdrantChangeAliases: (call) =>
    replied(call.gateway.retrieval.aliases.change(call, call.body.actions.map(actionOf)), () => enveloped(call, true as const)),

  qdrantAliases: (call) =>
    replied(call.gateway.retrieval.aliases.list(call.principal, undefined, undefined, INDEX_LIMITS.aliasesPerTenantMaxCount), (page) =>
      enveloped(call, aliasesOf(page)),
    ),

  qdrantCollectionAliases: async (call) => {
    const { aliases } = call.gateway.retrieval;
    return replied(aliases.list(call.principal, call.params.collection, undefined, INDEX_LIMITS.aliasesPerTenantMaxCount), (page) =>
      enveloped(call, aliasesOf(page)),
    );
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

export const qdrantCollectionHandlers = {
  qdrantListCollections: async (call) => {
    const { indexes } = call.gateway.retrieval;
    return replied(indexes.list(call.principal.tenantId, undefined, INDEX_LIMITS.indexesPerTenantMaxCount), (page) =>
      enveloped(call, { collections: page.indexes.map(({ name }) => ({ name })) }),
    );
  },

  qdrantCollection: async (call) => {
    const { indexes } = call.gateway.retrieval;
    const { collection } = call.params;
    const [found, progress, declared] = await Promise.all([
      indexes.stats(call.principal, collection),
      indexes.progress(call.principal, collection),
      indexes.annotations(call.principal, collection),
    ]);
    if (!found.ok) return found;
    if (!progress.ok) return progress;
    return declared.ok ? { ok: true, reply: enveloped(call, infoOf(found.value, progress.value, declared.value)), used: {} } : declared;
  },

  qdrantCollectionExists: async (call) => {
    const found = await call.gateway.retrieval.indexes.describe(call.principal, call.params.collection);
    if (!found.ok && found.error.code !== 'index_not_found') return found;
    return { ok: true, reply: enveloped(call, { exists: found.ok }), used: {} };
  },

  qdrantCreateCollection: async (call) => {
    const { indexes } = call.gateway.retrieval;
    const { params, body } = call;
    const { vectors, sparse_vectors: _sparse, sharding_method: _sharding, ...tuning } = body;
    const created = await indexes.create(call, { name: params.collection, ...vectors.space }, undefined);
    if (!created.ok) return created;
    const changes = tuningOfCreation(tuning, vectors.tuning);
    const kept = changes.length === 0 ? created : await indexes.annotate(call, params.collection, changes);
    return kept.ok ? { ok: true, reply: enveloped(call, true as const), used: {} } : kept;
  },

  qdrantUpdateCollection: async (call) => {
    const { indexes } = call.gateway.retrieval;
    return replied(indexes.annotate(call, call.params.collection, tuningOfUpdate(call.body)), () => enveloped(call, true as const));
  },

  qdrantDeleteCollection: async (call) => {
    const removed = await call.gateway.retrieval.indexes.remove(call.principal.tenantId, call.params.collection, call.authority);
    if (!removed.ok && removed.error.code !== 'index_not_found') return removed;
    return { ok: true, reply: enveloped(call, removed.ok), used: {} };
  },

  qdrantCreateFieldIndex: async (call) => {
    const { field_name: field, field_schema: as } = call.body;
    return replied(declare(call, call.params.collection, { kind: 'declare', field, as }), (done) =>
      enveloped(call, updated(call, done.lsn)),
    );
  },

  qdrantDeleteFieldIndex: (call) =>
    replied(declare(call, call.params.collection, { kind: 'withdraw', field: call.params.field }), (done) =>
      enveloped(call, updated(call, done.lsn)),
    ),
} satisfies Partial<Handlers>;

/** Answers where the collection stands. */
async function declare(call: Acting & Pick<PointCall, 'gateway'>, collection: string, change: AnnotationChange) {
  const { indexes } = call.gateway.retrieval;
  const declared = await indexes.annotate(call, collection, [change]);
  return declared.ok ? indexes.stats(call.principal, collection) : declared;
}
