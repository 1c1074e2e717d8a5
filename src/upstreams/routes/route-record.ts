import type { RouteVersion } from '../../contract/routes/route-rules.ts';
import type { CascadeCounts } from '../cascade/cascade-counts.ts';
import type { CascadeName } from '../cascade/cascade-tally.ts';
import type { CalibrationCurve } from '../cascade/isotonic.ts';
import type { ArmTally, CanarySettings, CanaryState, Comparison } from '../canary/canary.ts';

/** A version that serves a share of a route's requests, and what was counted since it began. */
export interface RouteCanary {
  readonly version: number;
  readonly settings: CanarySettings;
  readonly state: CanaryState;
  readonly canary: ArmTally;
  readonly stable: ArmTally;
}

export interface RouteRecord {
  readonly name: string;
  readonly versionsMade: number;
  /** Null: nothing was activated yet. */
  readonly active: number | null;
  /** What served before: a rollback goes back to it. */
  readonly previous: number | null;
  readonly canary: RouteCanary | null;
  /** What was measured of its cascades, the one that was measured last at the end; absent: nothing. */
  readonly cascades?: readonly MeasuredCascade[];
  readonly createdAtMs: number;
}

export interface RouteVersionRecord {
  readonly route: string;
  readonly version: number;
  readonly rules: RouteVersion;
  readonly comment: string;
  readonly actor: string;
  readonly createdAtMs: number;
}

export interface RouteEvent {
  readonly atMs: number;
  /** A key's id, `admin`, or `canary`. */
  readonly actor: string;
  readonly action: 'create' | 'activate' | 'canary' | 'advance' | 'finish' | 'rollback';
  readonly version: number | null;
  readonly share: number | null;
  readonly comparisons: readonly Comparison[];
}

/** A cascade, and what all isolates have counted of it. */
export interface MeasuredCascade extends CascadeName {
  readonly counts: CascadeCounts;
}

/** A route that serves, as isolates copy it. */
export interface ServingRoute {
  readonly name: string;
  readonly version: number;
  readonly rules: RouteVersion;
  readonly canary: { readonly version: number; readonly rules: RouteVersion; readonly share: number } | null;
  /** By the keys of its cascades; absent: nothing was measured. */
  readonly curves?: Readonly<Record<string, CalibrationCurve>>;
}

/** What an isolate has counted of a canary since it last reported. */
export interface CanaryReport {
  readonly route: string;
  readonly canaryVersion: number;
  readonly stableVersion: number;
  readonly canary: ArmTally;
  readonly stable: ArmTally;
}

export const canaryShare = ({ settings, state }: RouteCanary): number => settings.steps[state.step] ?? 1;
