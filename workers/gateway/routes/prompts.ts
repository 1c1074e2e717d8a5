import type { PromptReply, PromptVersionReply } from '../../../src/contract/prompts/prompts.ts';
import type { PromptRecord, PromptVersionRecord } from '../../../src/upstreams/prompts/prompt-record.ts';
import { selectorOf } from '../../../src/upstreams/prompts/prompt-record.ts';
import { filledIn } from '../../../src/upstreams/prompts/prompt-template.ts';
import { pageReply, seconds } from './wire.ts';
import type { Handlers } from '../pipeline/serve.ts';

export const promptHandlers = {
  listPrompts: async ({ gateway, principal, query }) => {
    const page = await gateway.prompts.list(principal, query.limit, query.after);
    return { ok: true, reply: pageReply(page, promptReply), used: {} };
  },
  createPrompt: async ({ gateway, principal, authority, body, idempotencyKey }) => {
    const made = await gateway.prompts.create({ principal, authority }, body, idempotencyKey);
    return made.ok ? { ok: true, reply: versionReply(made.value.prompt)(made.value.version), used: {} } : made;
  },
  getPrompt: async ({ gateway, principal, params }) => {
    const found = await gateway.prompts.find(principal, params.prompt);
    return found.ok ? { ok: true, reply: promptReply(found.value), used: {} } : found;
  },
  listPromptVersions: async ({ gateway, principal, params, query }) => {
    const found = await gateway.prompts.versions(principal, params.prompt, query.limit, query.after);
    return found.ok ? { ok: true, reply: pageReply(found.value.page, versionReply(found.value.prompt)), used: {} } : found;
  },
  labelPrompt: async ({ gateway, principal, authority, params, body }) => {
    const labelled = await gateway.prompts.label({ principal, authority }, params.prompt, params.label, body.version);
    return labelled.ok ? { ok: true, reply: promptReply(labelled.value), used: {} } : labelled;
  },
  unlabelPrompt: async ({ gateway, principal, authority, params }) => {
    const unlabelled = await gateway.prompts.unlabel({ principal, authority }, params.prompt, params.label);
    return unlabelled.ok ? { ok: true, reply: promptReply(unlabelled.value), used: {} } : unlabelled;
  },
  renderPrompt: async ({ gateway, principal, params, body }) => {
    const found = await gateway.promptDirectory.find(principal.tenantId, params.prompt, selectorOf(body.version));
    if (!found.ok) return found;
    const { name, version, template } = found.value;
    const filled = filledIn(template, body.variables ?? {}, ['variables']);
    if (!filled.ok) return filled;
    return { ok: true, reply: { object: 'prompt.rendered', prompt: name, version, messages: [...filled.value] }, used: {} };
  },
  deletePrompt: async ({ gateway, principal, authority, params }) => {
    const removed = await gateway.prompts.remove({ principal, authority }, params.prompt);
    return removed.ok ? { ok: true, reply: { name: params.prompt, object: 'prompt.deleted', deleted: true }, used: {} } : removed;
  },
} satisfies Partial<Handlers>;

const promptReply = ({ name, versionsMade, labels, createdAtMs }: PromptRecord): PromptReply => ({
  object: 'prompt',
  name,
  newest_version: versionsMade,
  labels: Object.fromEntries(
    Object.entries(labels).map(([label, { version, atMs, actor }]) => [label, { version, at: seconds(atMs), by: actor }]),
  ),
  created_at: seconds(createdAtMs),
});

const versionReply =
  ({ labels }: PromptRecord) =>
  ({ prompt, version, messages, variables, comment, actor, createdAtMs }: PromptVersionRecord): PromptVersionReply => ({
    object: 'prompt.version',
    prompt,
    version,
    messages: [...messages],
    variables,
    labels: Object.keys(labels).filter((label) => labels[label]?.version === version),
    comment,
    created_at: seconds(createdAtMs),
    created_by: actor,
  });
