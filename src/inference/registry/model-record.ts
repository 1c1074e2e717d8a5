import type { Refusal } from '../../contract/api/errors.ts';
import type { ModelTask } from '../served-manifest.ts';
import type { VersionManifest } from './version-manifest.ts';

/** A model: a name and its versions, of which one serves. */
export interface ModelRecord {
  readonly name: string;
  /** All its versions do the same. */
  readonly task: ModelTask;
  readonly createdAtMs: number;
  /** Numbers of versions are never used twice. */
  readonly versionsMade: number;
  /** The version that answers; null while none was promoted. */
  readonly serving: number | null;
  /** A version that answers a share of the requests. */
  readonly canary: Canary | null;
  /** The versions that served before, the last one last: a rollback takes it from here. */
  readonly before: readonly number[];
}

export interface Canary {
  readonly version: number;
  /** In millionths of the requests: above 0, below a million. */
  readonly sharePpm: number;
}

export const WHOLE_PPM = 1_000_000;

/** A version of a model. `manifest` never changes. */
export interface VersionRecord {
  readonly model: string;
  readonly version: number;
  readonly manifest: VersionManifest;
  readonly createdAtMs: number;
  readonly isRetired: boolean;
  /** What the inference Worker found when it last loaded the version; null: it has not yet. */
  readonly checks: VersionChecks | null;
  /** The version of the same model whose embedding contract it is to serve under, once its vectors are measured to agree. */
  readonly compatibleWith: number | null;
  /** The embedding contract it serves under: its own, or that of `compatibleWith`. */
  readonly contractHash: string;
}

export interface VersionChecks {
  readonly atMs: number;
  /** Null: it was loaded and ran. */
  readonly refusal: Refusal | null;
  /** What was measured, by name; shown as it is. */
  readonly measured: Readonly<Record<string, number | string>>;
}

/** Where a version stands. Only a verified one may serve. */
export type VersionStage = 'registered' | 'verified' | 'canary' | 'serving' | 'retired';

export const isVerified = ({ checks, isRetired }: Pick<VersionRecord, 'checks' | 'isRetired'>): boolean =>
  !isRetired && checks !== null && checks.refusal === null;

export function stageOf({ serving, canary }: ModelRecord, version: VersionRecord): VersionStage {
  if (version.isRetired) return 'retired';
  if (version.version === serving) return 'serving';
  if (version.version === canary?.version) return 'canary';
  return isVerified(version) ? 'verified' : 'registered';
}

/** Something that happened to a model. */
export interface ModelEvent {
  readonly position: number;
  readonly atMs: number;
  /** A key's id, or `admin`. */
  readonly actor: string;
  readonly action: ModelAction;
  /** Null: it concerns no version. */
  readonly version: number | null;
  /** The share that a promotion gave, the alias that was set. */
  readonly detail: string;
}

export type ModelAction = 'register' | 'verify' | 'refuse' | 'promote' | 'rollback' | 'retire' | 'alias' | 'unalias';

/** Another name of a model, or of a version of it. */
export interface ModelAlias {
  readonly alias: string;
  readonly model: string;
  /** Null: whichever serves. */
  readonly version: number | null;
}
