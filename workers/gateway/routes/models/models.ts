import type { Handlers } from '../../pipeline/serve.ts';
import type { ListedModel } from '../../../../src/gateway/models/model-catalogue.ts';
import { noFile } from '../../../../src/gateway/models/model-catalogue.ts';
import { digestHeaders } from '../files/artifacts.ts';
import { ANTHROPIC_VERSION_HEADER } from '../../../../src/contract/api/anthropic-version.ts';
import { anthropicPage } from '../anthropic-page.ts';
import { anthropicModelReply, eventReply, modelReply, versionReply } from './model-replies.ts';
import { listed, pageReply, replied } from '../wire.ts';

export const modelHandlers = {
  listModels: ({ gateway, principal, query, options }) => {
    const { catalogue } = gateway.models;
    const { limit, before_id: before, after_id: after = query.after } = query;
    if (options[ANTHROPIC_VERSION_HEADER] === undefined) return listed(catalogue.list(principal, limit, after), modelReply);
    return replied(catalogue.page(principal, { limit, after, before }), (page) => anthropicPage(page, anthropicModelReply));
  },
  getModel: ({ gateway, principal, params, options }) => {
    const shape = (model: ListedModel) =>
      options[ANTHROPIC_VERSION_HEADER] === undefined ? modelReply(model) : anthropicModelReply(model);
    return replied(gateway.models.catalogue.find(principal, params.model), shape);
  },
  createModel: ({ gateway, principal, authority, body, idempotencyKey }) =>
    replied(gateway.models.admin.create({ principal, authority }, body, idempotencyKey), versionReply),
  deleteModel: ({ gateway, principal, authority, params }) =>
    replied(gateway.models.admin.remove({ principal, authority }, params.model), () => ({
      id: params.model,
      object: 'model',
      deleted: true,
    })),
  listModelVersions: async ({ gateway, principal, params, query }) => {
    const found = await gateway.models.catalogue.versions(principal, params.model, query.after ?? 0, query.limit + 1);
    if (!found.ok) return found;
    const [{ model }, versions] = found.value;
    const page = { items: versions.slice(0, query.limit), hasMore: versions.length > query.limit };
    return { ok: true, reply: pageReply(page, (version) => versionReply({ model, version })), used: {} };
  },
  getModelVersion: ({ gateway, principal, params }) =>
    replied(gateway.models.catalogue.version(principal, params.model, params.version), ([{ model }, version]) =>
      versionReply({ model, version }),
    ),
  readModelVersionFile: async ({ gateway, principal, params, query }) => {
    const found = await gateway.models.catalogue.file(principal, params.model, params.version, query.sha256);
    if (!found.ok) return found;
    const content = await gateway.models.read(found.value.owner, query.sha256);
    // The same hash is the same content for good.
    const headers = { ...digestHeaders(found.value.file), 'cache-control': 'private, max-age=31536000, immutable' };
    return content === undefined ? noFile(params.model, query.sha256) : { ok: true, reply: content, headers, used: {} };
  },
  retireModelVersion: ({ gateway, principal, authority, params }) =>
    replied(gateway.models.admin.retire({ principal, authority }, params.model, params.version), versionReply),
  promoteModel: ({ gateway, principal, authority, params, body }) =>
    replied(gateway.models.admin.promote({ principal, authority }, params.model, body.version, body), versionReply),
  rollbackModel: ({ gateway, principal, authority, params }) =>
    replied(gateway.models.admin.rollback({ principal, authority }, params.model), versionReply),
  setModelAlias: async ({ gateway, principal, authority, params, body }) => {
    const alias = { alias: params.model_alias, model: params.model, version: body.version ?? null };
    return replied(gateway.models.admin.setAlias({ principal, authority }, alias), (set) => ({ object: 'model.alias', ...set }));
  },
  removeModelAlias: async ({ gateway, principal, authority, params }) => {
    const { model, model_alias: alias } = params;
    return replied(gateway.models.admin.removeAlias({ principal, authority }, model, alias), () => ({
      alias,
      object: 'model.alias',
      deleted: true,
    }));
  },
  listModelEvents: async ({ gateway, principal, params, query }) => {
    const before = query.after ?? Number.MAX_SAFE_INTEGER;
    const events = await gateway.models.catalogue.history(principal, params.model, before, query.limit + 1);
    if (!events.ok) return events;
    const page = { items: events.value.slice(0, query.limit), hasMore: events.value.length > query.limit };
    return { ok: true, reply: pageReply(page, eventReply), used: {} };
  },
} satisfies Partial<Handlers>;
