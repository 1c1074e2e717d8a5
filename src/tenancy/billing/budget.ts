import type { QuotaNews } from '../quota/decision.ts';
import type { LevelId } from '../quota/quota-level.ts';

/** What may be spent at a level in a calendar month, and the shares of it at which an alert is raised. */
export interface Budget {
  readonly id: string;
  readonly levelId: LevelId;
  readonly amountNano: number;
  /** Percent of the amount, ascending. */
  readonly thresholds: readonly number[];
  /** Whether more than the amount is refused: then it is a spend rule of the level too. */
  readonly isHard: boolean;
}

export interface ThresholdAlert {
  readonly kind: 'budget.threshold';
  /** The same for a budget, month, amount and threshold, however often it is passed. */
  readonly id: string;
  readonly atMs: number;
  readonly levelId: LevelId;
  readonly budgetId: string;
  readonly percent: number;
  readonly amountNano: number;
  readonly spentNano: number;
  readonly monthStartMs: number;
}

/** The thresholds that `spentNano` has reached. A budget of nothing is reached by anything. */
export function thresholdsReached(budget: Budget, spentNano: bigint, monthStartMs: number, atMs: number): ThresholdAlert[] {
  const { id: budgetId, levelId, amountNano, thresholds } = budget;
  return thresholds
    .filter((percent) => spentNano * 100n >= BigInt(amountNano) * BigInt(percent) && spentNano > 0n)
    .map((percent) => ({
      kind: 'budget.threshold',
      id: `budget:${budgetId}:${monthStartMs}:${amountNano}:${percent}`,
      atMs,
      levelId,
      budgetId,
      percent,
      amountNano,
      spentNano: Number(spentNano),
      monthStartMs,
    }));
}

/** Something that an organisation is notified of, once. */
export type Alert = QuotaAlert | ThresholdAlert | PlanningAlert;

/** An objective burns its error budget too fast or no longer does, or a limit is going to be reached. */
export interface PlanningAlert {
  readonly kind: 'slo.burning' | 'slo.recovered' | 'capacity.saturates';
  readonly id: string;
  readonly atMs: number;
  readonly levelId: LevelId;
  readonly details: Readonly<Record<string, string | number | null>>;
}

/** A soft quota was passed, or a budget refuses more. */
export interface QuotaAlert {
  readonly kind: 'quota.passed' | 'budget.stopped';
  readonly id: string;
  readonly atMs: number;
  readonly levelId: LevelId;
  readonly quota: Omit<QuotaNews, 'id' | 'levelId'>;
}

export const quotaAlert = ({ id, levelId, ...quota }: QuotaNews, atMs: number): QuotaAlert => ({
  kind: quota.rule.kind === 'soft' ? 'quota.passed' : 'budget.stopped',
  id,
  atMs,
  levelId,
  quota,
});
