import { constantTimeEqual } from '../../kernel/constant-time-equal.ts';
import { Hmac } from '../../kernel/hmac.ts';

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
