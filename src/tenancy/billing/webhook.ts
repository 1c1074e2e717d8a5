import { constantTimeEqual, Hmac } from '../../kernel/hmac.ts';
import { HOUR_MS, MINUTE_MS } from '../../kernel/time-units.ts';

/** The URL to which an organisation's alerts are delivered. */
export interface Webhook {
  readonly id: string;
  readonly url: string;
  /** Signs what is delivered; shown once. */
  readonly secret: string;
  readonly createdAtMs: number;
}

/** One alert for one webhook, until delivered. */
export interface Delivery {
  readonly id: string;
  readonly webhookId: string;
  readonly attempts: number;
  readonly state: 'waiting' | 'delivered' | 'failed';
  readonly lastStatus: number | null;
}

const SECOND_MS = 1_000;

/** How long after each failed attempt the next one is; after the last, the delivery has failed. Some two days in all. */
const WAITS_MS = [5 * SECOND_MS, 30 * SECOND_MS, 2 * MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 5 * HOUR_MS, 14 * HOUR_MS, 24 * HOUR_MS] as const;

/** When to try again after `attempts` that failed; undefined when there is no use. */
export const nextAttemptMs = (attempts: number, nowMs: number): number | undefined => {
  const waitMs = WAITS_MS[attempts - 1];
  return waitMs === undefined ? undefined : nowMs + waitMs;
};

/** A receiver refuses what was signed longer ago, or further ahead: a captured message cannot be played again later. */
export const WEBHOOK_TOLERANCE_MS = 300_000;

/** What is delivered, by its headers and body. */
export interface SignedMessage {
  /** The same for every attempt at one delivery: receivers recognise repetitions by it. */
  readonly id: string;
  /** Seconds since the epoch, of this attempt. */
  readonly timestamp: string;
  /** `v1,<hex>`; several, separated by spaces, while a secret is being replaced. */
  readonly signature: string;
}

export async function signWebhook(secret: string, id: string, body: string, nowMs: number): Promise<SignedMessage> {
  const timestamp = String(Math.floor(nowMs / 1000));
  return { id, timestamp, signature: `v1,${await macOf(secret, id, timestamp, body)}` };
}

/** What a receiver does: checks that the sender has the secret, and that the message is recent. */
export async function verifyWebhook(
  secret: string,
  { id, timestamp, signature }: SignedMessage,
  body: string,
  nowMs: number,
): Promise<boolean> {
  const isOfNow = Math.abs(Number(timestamp) * 1000 - nowMs) <= WEBHOOK_TOLERANCE_MS;
  const mac = await macOf(secret, id, timestamp, body);
  const matches = signature.split(' ').map((one) => constantTimeEqual(one, `v1,${mac}`));
  return isOfNow && matches.includes(true);
}

const macOf = (secret: string, id: string, timestamp: string, body: string): Promise<string> =>
  new Hmac(secret).hex(`${id}.${timestamp}.${body}`);
