import type { ThresholdAlert } from '../billing/budget.ts';
import type { QuotaNews } from '../quota/decision.ts';
import type { LevelId } from '../quota/quota-level.ts';

/** Something that an organisation is notified of, once. */
export type Alert = QuotaAlert | ThresholdAlert;

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
