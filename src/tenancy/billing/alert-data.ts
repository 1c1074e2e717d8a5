import { usd } from '../usage/price-book.ts';
import type { Alert } from './budget.ts';

const seconds = (ms: number): number => Math.floor(ms / 1000);

/** What an alert is about, as `GET /v1/alerts` and webhooks say it, in the names and units of the API. [T96] */
export function alertData(alert: Alert): Readonly<Record<string, unknown>> {
  const level = alert.levelId;
  switch (alert.kind) {
    case 'budget.threshold': {
      const { budgetId: budget, percent, amountNano, spentNano, monthStartMs } = alert;
      return {
        level,
        budget,
        percent,
        amount_usd: usd(BigInt(amountNano)),
        spent_usd: usd(BigInt(spentNano)),
        month_start: seconds(monthStartMs),
      };
    }
    case 'quota.passed':
    case 'budget.stopped': {
      const { rule, granted, windowStartMs } = alert.quota;
      return { level, rule, granted, window_start: seconds(windowStartMs) };
    }
    case 'slo.burning':
    case 'slo.recovered':
    case 'capacity.saturates':
      return { level, details: alert.details };
  }
}
