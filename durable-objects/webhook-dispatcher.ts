import { TENANCY_LIMITS } from '../src/contract/tenancy/tenancy-limits.ts';
import { alertData } from '../src/tenancy/billing/alert-data.ts';
import type { Webhook } from '../src/tenancy/billing/webhook.ts';
import { signWebhook } from '../src/tenancy/billing/webhook.ts';
import { checkWebhookUrl } from '../src/tenancy/billing/webhook-url.ts';
import type { DueDelivery, SqliteDeliveryStore } from '../src/tenancy/billing/delivery-store.ts';

/** Delivers alerts to webhooks: signed anew at each attempt, under one id, until the receiver answers 2xx. */
export class WebhookDispatcher {
  readonly #deliveries: SqliteDeliveryStore;
  readonly #webhook: (id: string) => Webhook | undefined;
  readonly #allowsLocal: boolean;

  /** `allowsLocal`: delivers to this machine, too. */
  constructor(deliveries: SqliteDeliveryStore, webhook: (id: string) => Webhook | undefined, allowsLocal: boolean) {
    this.#deliveries = deliveries;
    this.#webhook = webhook;
    this.#allowsLocal = allowsLocal;
  }

  async deliver(nowMs: number): Promise<void> {
    const due = this.#deliveries.due(nowMs, TENANCY_LIMITS.webhookDeliveriesMaxCount);
    await Promise.all(
      due.map(async (delivery) => {
        const webhook = this.#webhook(delivery.webhookId);
        const isAllowed = webhook !== undefined && checkWebhookUrl(webhook.url, this.#allowsLocal).ok;
        const status = isAllowed ? await send(webhook, delivery, nowMs) : null;
        this.#deliveries.conclude(delivery, status, Date.now());
      }),
    );
  }
}

async function send({ url, secret }: Webhook, { id, alert }: DueDelivery, nowMs: number): Promise<number | null> {
  const body = JSON.stringify({ id, type: alert.kind, created_at: Math.floor(alert.atMs / 1000), data: alertData(alert) });
  const signed = await signWebhook(secret, id, body, nowMs);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'webhook-id': signed.id,
        'webhook-timestamp': signed.timestamp,
        'webhook-signature': signed.signature,
      },
      body,
      // Redirects are not followed: only the registered URL receives alerts.
      redirect: 'manual',
      signal: AbortSignal.timeout(TENANCY_LIMITS.webhookTimeoutMs),
    });
    await response.body?.cancel();
    return response.status;
  } catch {
    return null;
  }
}
