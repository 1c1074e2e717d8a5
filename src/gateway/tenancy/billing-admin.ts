import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Principal } from '../../contract/api/principal.ts';
import type { QuotaRule } from '../../contract/tenancy/quota-rule.ts';
import type { OrganisationId, ProjectId, TenantId } from '../../kernel/ids.ts';
import { base32 } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Budget } from '../../tenancy/billing/budget.ts';
import type { Credit, FixedCharge } from '../../tenancy/billing/invoice.ts';
import type { Webhook } from '../../tenancy/billing/webhook.ts';
import { organisationOf } from '../../tenancy/resource-ids.ts';
import type { AlertRecord } from '../../tenancy/billing/delivery-store.ts';
import type { BillingRecords } from '../../tenancy/billing/invoice-service.ts';
import type { BillingLedger, BillingLedgers } from './billing-ledger.ts';
import { entropyFor } from './entropy.ts';
import type { QuotaLedgers } from './quota-ledger.ts';
import { actorOf, requestDigest } from './subject.ts';
import type { TenancyParts } from './tenancy-admin.ts';
import { checkWebhookUrl } from '../../tenancy/billing/webhook-url.ts';
import { Composed } from '../api/composed.ts';

/** Characters of the ids of credits, charges and webhooks, and of a webhook's secret: 100 and 200 bits. */
const ID_CHARS = 20;
const SECRET_CHARS = 40;

interface BillingParts extends TenancyParts {
  readonly ledgers: BillingLedgers;
  readonly quotas: QuotaLedgers;
  /** Webhooks at this machine, over plain http too. */
  readonly allowsLocalWebhooks: boolean;
}

export interface SetBudget {
  readonly organisation?: OrganisationId | undefined;
  readonly tenant?: TenantId | undefined;
  readonly project?: ProjectId | undefined;
  readonly amount_usd: number;
  readonly thresholds: readonly number[];
  readonly hard: boolean;
}

/** Lays down budgets, credits, monthly charges and webhooks of organisations. */
export class BillingAdmin extends Composed<BillingParts> {
  async addCredit(
    principal: Principal,
    body: {
      readonly organisation: OrganisationId;
      readonly description: string;
      readonly amount_usd: number;
      readonly expires_at: number | null;
    },
    idempotencyKey: string | undefined,
  ): Promise<Outcome<Credit>> {
    return this.#add(principal, 'credit', 'cr', body, idempotencyKey, (id) => ({
      id,
      description: body.description,
      amountNano: BigInt(body.amount_usd),
      appliedNano: 0n,
      createdAtMs: this.parts.clock.nowMs(),
      expiresAtMs: inMs(body.expires_at),
    }));
  }

  async addCharge(
    principal: Principal,
    body: {
      readonly organisation: OrganisationId;
      readonly description: string;
      readonly monthly_usd: number;
      readonly starts_at: number;
      readonly ends_at: number | null;
    },
    idempotencyKey: string | undefined,
  ): Promise<Outcome<FixedCharge>> {
    return this.#add(principal, 'charge', 'ch', body, idempotencyKey, (id) => ({
      id,
      description: body.description,
      monthlyNano: BigInt(body.monthly_usd),
      fromMs: body.starts_at * 1000,
      toMs: inMs(body.ends_at),
    }));
  }

  async addWebhook(
    principal: Principal,
    body: { readonly organisation: OrganisationId; readonly url: string },
    idempotencyKey: string | undefined,
  ): Promise<Outcome<Webhook>> {
    const checked = checkWebhookUrl(body.url, this.parts.allowsLocalWebhooks);
    if (!checked.ok) return checked;
    const entropy = entropyFor(this.parts.rng, this.parts.hmac, `webhook-secret:${body.organisation}`, idempotencyKey);
    const secret = `whsec_${base32(await entropy.bytes('secret', SECRET_CHARS))}`;
    return this.#add(principal, 'webhook', 'wh', body, idempotencyKey, (id) => ({
      id,
      url: body.url,
      secret,
      createdAtMs: this.parts.clock.nowMs(),
    }));
  }

  /** A level has one budget. A hard one is a spend rule of the level too; one that no longer is takes its rule away. */
  async setBudget(principal: Principal, body: SetBudget): Promise<Outcome<Budget>> {
    const levelId = body.organisation ?? body.tenant ?? body.project;
    if (levelId === undefined) return refuse('invalid_value', 'name one of organisation, tenant, project');
    const organisation = body.organisation ?? organisationOf(levelId as TenantId | ProjectId);
    const known = await this.#checkLevel(organisation, body);
    if (!known.ok) return known;
    const budget: Budget = {
      id: `bud_${levelId}`,
      levelId,
      amountNano: body.amount_usd,
      thresholds: [...new Set(body.thresholds)].sort((a, b) => a - b),
      isHard: body.hard,
    };
    const noted = await this.parts.organisations.at(organisation).log('budget.set', actorOf(principal), levelId);
    if (!noted.ok) return noted;
    // The stop first: a budget that claims to be hard must be.
    await this.parts.quotas(organisation).replaceRule(levelId, stopOf(budget), budget.isHard);
    return this.parts.ledgers(organisation).setBudget(budget);
  }

  async removeBudget(principal: Principal, organisation: OrganisationId, id: string): Promise<Outcome<Budget>> {
    const removed = await this.#remove(principal, organisation, 'budget', id);
    if (removed.ok && removed.value.isHard)
      await this.parts.quotas(organisation).replaceRule(removed.value.levelId, stopOf(removed.value), false);
    return removed;
  }

  removeWebhook(principal: Principal, organisation: OrganisationId, id: string): Promise<Outcome<Webhook>> {
    return this.#remove(principal, organisation, 'webhook', id);
  }

  list<K extends keyof BillingRecords>(organisation: OrganisationId, kind: K): Promise<Outcome<readonly BillingRecords[K][]>> {
    return this.#at(organisation, (ledger) => ledger.list(kind));
  }

  alerts(organisation: OrganisationId, limit: number): Promise<Outcome<readonly AlertRecord[]>> {
    return this.#at(organisation, (ledger) => ledger.alerts(limit));
  }

  async #add<K extends keyof BillingRecords>(
    principal: Principal,
    kind: K,
    prefix: string,
    body: { readonly organisation: OrganisationId },
    idempotencyKey: string | undefined,
    make: (id: string) => BillingRecords[K],
  ): Promise<Outcome<BillingRecords[K]>> {
    const { organisations, rng, hmac, ledgers } = this.parts;
    const entropy = entropyFor(rng, hmac, `${kind}:${body.organisation}`, idempotencyKey);
    const id = `${prefix}_${base32(await entropy.bytes('id', ID_CHARS))}`;
    const noted = await organisations.at(body.organisation).log(`${kind}.create`, actorOf(principal), id);
    return noted.ok ? ledgers(body.organisation).add(kind, make(id), await requestDigest(principal, `${kind}.create`, body)) : noted;
  }

  async #remove<K extends keyof BillingRecords>(
    principal: Principal,
    organisation: OrganisationId,
    kind: K,
    id: string,
  ): Promise<Outcome<BillingRecords[K]>> {
    const noted = await this.parts.organisations.at(organisation).log(`${kind}.delete`, actorOf(principal), id);
    if (!noted.ok) return noted;
    const removed = await this.parts.ledgers(organisation).remove(kind, id);
    return removed === null ? refuse('record_not_found', `there is no such ${kind}`, kind) : ok(removed);
  }

  async #at<T>(organisation: OrganisationId, read: (ledger: BillingLedger) => Promise<T>): Promise<Outcome<T>> {
    const found = await this.parts.organisations.at(organisation).organisation();
    return found.ok ? ok(await read(this.parts.ledgers(organisation))) : found;
  }

  #checkLevel(organisation: OrganisationId, { tenant, project }: SetBudget): Promise<Outcome<unknown>> {
    const store = this.parts.organisations.at(organisation);
    if (tenant !== undefined) return store.tenant(tenant);
    return project === undefined ? store.organisation() : store.project(project);
  }
}

const stopOf = ({ amountNano }: Budget): QuotaRule => ({
  resource: 'spend_nano',
  window: 'month',
  limit: amountNano,
  kind: 'hard',
  burst: null,
  accelerator: null,
});

const inMs = (seconds: number | null): number | null => (seconds === null ? null : seconds * 1000);
