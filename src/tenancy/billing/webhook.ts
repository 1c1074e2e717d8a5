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
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** How long after each failed attempt the next one is; after the last, the delivery has failed. Some two days in all. */
const WAITS_MS = [5 * SECOND_MS, 30 * SECOND_MS, 2 * MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 5 * HOUR_MS, 14 * HOUR_MS, 24 * HOUR_MS] as const;

/** When to try again after `attempts` that failed; undefined when there is no use. */
export const nextAttemptMs = (attempts: number, nowMs: number): number | undefined => {
  const waitMs = WAITS_MS[attempts - 1];
  return waitMs === undefined ? undefined : nowMs + waitMs;
};
