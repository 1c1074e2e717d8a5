import { PROMPT_LIMITS } from '../../contract/prompts/prompt-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import type { CreatePromptBody } from '../../contract/prompts/prompts.ts';
import type { ChangedBy } from '../../contract/tenancy/write-lease.ts';
import { utf8 } from '../../kernel/bytes.ts';
import type { TenantId } from '../../kernel/ids.ts';
import type { Remote } from '../../kernel/remote.ts';
import { ok } from '../../kernel/result.ts';
import type { PageOf } from '../../kernel/page.ts';
import { pageOf } from '../../kernel/page.ts';
import type { PromptRecord, PromptVersionRecord } from '../../upstreams/prompts/prompt-record.ts';
import type { MadePromptVersion, PromptRegistry } from '../../upstreams/prompts/prompt-registry.ts';
import { noPrompt } from '../../upstreams/prompts/prompt-record.ts';
import { templateOf } from '../../upstreams/prompts/prompt-template.ts';
import type { Acting, NoteChange } from '../tenancy/authority.ts';
import { changeNoted } from '../tenancy/authority.ts';
import { requestDigest } from '../tenancy/subject.ts';
import { Composed } from '../api/composed.ts';

/** The prompts of one tenant, wherever they are stored: see `PromptObject`. */
export type PromptCalls = Remote<PromptRegistry>;

interface PromptAdminParts {
  readonly prompts: (tenantId: TenantId) => PromptCalls;
  readonly note: NoteChange;
}

/** What users do with the prompts of their tenant. */
export class PromptAdmin extends Composed<PromptAdminParts> {
  /** Refuses a version that cannot be filled in (see `templateOf`), one that is too large, and as the registry does. */
  async create(acting: Acting, body: CreatePromptBody, idempotencyKey: string | undefined): Promise<Outcome<MadePromptVersion>> {
    const checked = templateOf(body);
    if (!checked.ok) return checked;
    const bytes = utf8(JSON.stringify(body)).length;
    if (bytes > PROMPT_LIMITS.promptVersionBytesMax)
      return refuseBeyond({ limit: 'promptVersionBytesMax', value: bytes, what: `the version has ${bytes} bytes` });
    const digest = await requestDigest(acting.principal, 'prompt.create', body);
    const request = idempotencyKey === undefined ? null : { key: idempotencyKey, digest };
    return this.#noted(acting, 'create', body.name, (prompts, by) => prompts.add(body, request, by));
  }

  label(acting: Acting, name: string, label: string, version: number): Promise<Outcome<PromptRecord>> {
    return this.#noted(acting, 'label', `${name}@${version}:${label}`, (prompts, by) => prompts.label(name, label, version, by));
  }

  unlabel(acting: Acting, name: string, label: string): Promise<Outcome<PromptRecord>> {
    return this.#noted(acting, 'unlabel', `${name}:${label}`, (prompts, by) => prompts.unlabel(name, label, by));
  }

  remove(acting: Acting, name: string): Promise<Outcome<null>> {
    return this.#noted(acting, 'delete', name, (prompts, by) => prompts.remove(name, by));
  }

  async list({ tenantId }: TenantPrincipal, limit: number, after = ''): Promise<PageOf<PromptRecord>> {
    const found = await this.parts.prompts(tenantId).page(after, limit + 1);
    return pageOf(found, limit);
  }

  async find({ tenantId }: TenantPrincipal, name: string): Promise<Outcome<PromptRecord>> {
    const found = await this.parts.prompts(tenantId).find(name);
    return found === undefined ? noPrompt(name) : ok(found);
  }

  async versions(
    principal: TenantPrincipal,
    name: string,
    limit: number,
    after = 0,
  ): Promise<Outcome<{ readonly prompt: PromptRecord; readonly page: PageOf<PromptVersionRecord> }>> {
    const prompt = await this.find(principal, name);
    if (!prompt.ok) return prompt;
    const found = await this.parts.prompts(principal.tenantId).versions(name, after, limit + 1);
    return ok({ prompt: prompt.value, page: pageOf(found, limit) });
  }

  #noted<T>(
    acting: Acting,
    action: string,
    subject: string,
    change: (prompts: PromptCalls, by: ChangedBy) => Promise<Outcome<T>>,
  ): Promise<Outcome<T>> {
    const { prompts, note } = this.parts;
    return changeNoted(note, acting, [`prompt.${action}`, subject], (by) => change(prompts(acting.principal.tenantId), by));
  }
}
