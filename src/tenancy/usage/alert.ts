import type { LevelId } from '../quota/quota-level.ts';
import type { SoftAlert } from '../quota/decision.ts';

/** Something that people want to hear of, once. */
export type Alert = QuotaAlert;

/** A soft quota was passed. */
export interface QuotaAlert {
  readonly kind: 'quota.passed';
  readonly id: string;
  readonly atMs: number;
  readonly levelId: LevelId;
  readonly quota: Omit<SoftAlert, 'id' | 'levelId'>;
}

export const quotaAlert = ({ id, levelId, ...quota }: SoftAlert, atMs: number): QuotaAlert => ({
  kind: 'quota.passed',
  id,
  atMs,
  levelId,
  quota,
});
