import type { Handlers } from '../serve.ts';
import { noFile } from '../../../src/gateway/models/model-catalogue.ts';
import { digestHeaders } from './artifacts.ts';
import { eventReply, modelReply, versionReply } from './model-replies.ts';
import { pageReply } from './wire.ts';

export const modelHandlers = {
  listModels: async ({ gateway, principal, query }) => {
    const page = await gateway.models.catalogue.list(principal, query.limit, query.after);
    return { ok: true, reply: pageReply(page, modelReply), used: {} };
  },
  getModel: async ({ gateway, principal, params }) => {
    const found = await gateway.models.catalogue.find(principal, params.model);
    return found.ok ? { ok: true, reply: modelReply(found.value), used: {} } : found;
  },
  createModel: async ({ gateway, principal, authority, body, idempotencyKey }) => {
    const made = await gateway.models.admin.create({ principal, authority }, body, idempotencyKey);
    return made.ok ? { ok: true, reply: versionReply(made.value.model, made.value.version), used: {} } : made;
  },
  deleteModel: async ({ gateway, principal, authority, params }) => {
    const removed = await gateway.models.admin.remove({ principal, authority }, params.model);
    return removed.ok ? { ok: true, reply: { id: params.model, object: 'model', deleted: true }, used: {} } : removed;
  },
  listModelVersions: async ({ gateway, principal, params, query }) => {
    const found = await gateway.models.catalogue.versions(principal, params.model, query.after ?? 0, query.limit + 1);
    if (!found.ok) return found;
    const [{ model }, versions] = found.value;
    const page = { items: versions.slice(0, query.limit), hasMore: versions.length > query.limit };
    return { ok: true, reply: pageReply(page, (version) => versionReply(model, version)), used: {} };
  },
  getModelVersion: async ({ gateway, principal, params }) => {
    const found = await gateway.models.catalogue.version(principal, params.model, params.version);
    return found.ok ? { ok: true, reply: versionReply(found.value[0].model, found.value[1]), used: {} } : found;
  },
  readModelVersionFile: async ({ gateway, principal, params, query }) => {
    const found = await gateway.models.catalogue.file(principal, params.model, params.version, query.sha256);
    if (!found.ok) return found;
    const content = await gateway.models.read(found.value.owner, query.sha256);
    // The same hash is the same content for good.
    const headers = { ...digestHeaders(found.value.file), 'cache-control': 'private, max-age=31536000, immutable' };
    return content === undefined ? noFile(params.model, query.sha256) : { ok: true, reply: content, headers, used: {} };
  },
  retireModelVersion: async ({ gateway, principal, authority, params }) => {
    const retired = await gateway.models.admin.retire({ principal, authority }, params.model, params.version);
    return retired.ok ? { ok: true, reply: versionReply(retired.value.model, retired.value.version), used: {} } : retired;
  },
  promoteModel: async ({ gateway, principal, authority, params, body }) => {
    const promoted = await gateway.models.admin.promote({ principal, authority }, params.model, body.version, body);
    return promoted.ok ? { ok: true, reply: versionReply(promoted.value.model, promoted.value.version), used: {} } : promoted;
  },
  rollbackModel: async ({ gateway, principal, authority, params }) => {
    const back = await gateway.models.admin.rollback({ principal, authority }, params.model);
    return back.ok ? { ok: true, reply: versionReply(back.value.model, back.value.version), used: {} } : back;
  },
  setModelAlias: async ({ gateway, principal, authority, params, body }) => {
    const alias = { alias: params.model_alias, model: params.model, version: body.version ?? null };
    const set = await gateway.models.admin.setAlias({ principal, authority }, alias);
    return set.ok ? { ok: true, reply: { object: 'model.alias', ...set.value }, used: {} } : set;
  },
  removeModelAlias: async ({ gateway, principal, authority, params }) => {
    const { model, model_alias: alias } = params;
    const removed = await gateway.models.admin.removeAlias({ principal, authority }, model, alias);
    return removed.ok ? { ok: true, reply: { alias, object: 'model.alias', deleted: true }, used: {} } : removed;
  },
  listModelEvents: async ({ gateway, principal, params, query }) => {
    const before = query.after ?? Number.MAX_SAFE_INTEGER;
    const events = await gateway.models.catalogue.history(principal, params.model, before, query.limit + 1);
    if (!events.ok) return events;
    const page = { items: events.value.slice(0, query.limit), hasMore: events.value.length > query.limit };
    return { ok: true, reply: pageReply(page, eventReply), used: {} };
  },
} satisfies Partial<Handlers>;
