import { refusal, refusalAt, withDetail } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { err, ok } from '../../kernel/result.ts';
import type { ModelRecord, VersionRecord } from './model-record.ts';
import { isVerified, WHOLE_PPM } from './model-record.ts';

/**
 * The model once `candidate` answers `sharePpm` of its requests. Refuses with `state_conflict` a version that is not verified, or a share
 * where none serves yet; with `contract_mismatch` one whose vectors are not those of the version that serves.
 */
export function promoted(
  model: ModelRecord,
  serving: VersionRecord | undefined,
  candidate: VersionRecord,
  sharePpm: number,
): Outcome<ModelRecord> {
  const { version } = candidate;
  if (!isVerified(candidate)) return notServable(candidate);
  if (serving === undefined) {
    if (sharePpm === WHOLE_PPM) return ok({ ...model, serving: version, canary: null });
    return refuse('state_conflict', 'no version serves yet that could answer the rest: promote it whole first', 'share');
  }
  // [M33] Indexes and caches are pinned to what serves; a version of another contract would mix its vectors with theirs.
  if (serving.contractHash !== candidate.contractHash) return otherContract(serving, candidate);
  if (serving.version === version) {
    if (sharePpm === WHOLE_PPM) return ok({ ...model, canary: null });
    return refuse('state_conflict', `version ${version} serves already: promote another, or roll back`, 'version');
  }
  if (sharePpm < WHOLE_PPM) return ok({ ...model, canary: { version, sharePpm } });
  const before = [...model.before.filter((earlier) => earlier !== version), serving.version].slice(-BEFORE_MAX_COUNT);
  return ok({ ...model, serving: version, canary: null, before });
}

/** The model without its canary or, if it has none, as it was before the last promotion. Refuses with `state_conflict` where there was none. */
export function rolledBack(model: ModelRecord, isServable: (version: number) => boolean): Outcome<ModelRecord> {
  if (model.canary !== null) return ok({ ...model, canary: null });
  const before = model.before.filter(isServable);
  const last = before.pop();
  if (last === undefined) return refuse('state_conflict', 'no version served before that could serve again', 'model');
  return ok({ ...model, serving: last, before });
}

/** The model without a version. Refuses with `state_conflict` one that serves. */
export function withoutVersion(model: ModelRecord, version: number): Outcome<ModelRecord> {
  if (model.serving === version || model.canary?.version === version)
    return refuse('state_conflict', `version ${version} serves: promote another, or roll back, before it is retired`, 'version');
  return ok({ ...model, before: model.before.filter((earlier) => earlier !== version) });
}

/** Of the versions that served, as many as anyone rolls back. */
const BEFORE_MAX_COUNT = 16;

function notServable({ version, isRetired, checks }: VersionRecord) {
  if (isRetired) return refuse('state_conflict', `version ${version} is retired: its files are gone`, 'version');
  if (checks === null || checks.refusal === null) return refuse('state_conflict', `version ${version} was not verified yet`, 'version');
  const why = withDetail(checks.refusal, `so version ${version} did not pass its checks`);
  return err({ ...refusalAt(why, ['version']), code: 'state_conflict' as const });
}

function otherContract(serving: VersionRecord, candidate: VersionRecord) {
  const message =
    `its answers are not those of version ${serving.version}, to which indexes and caches are pinned: register it under another name and point an ` +
    'alias there, or, if it is a variant of the same model, register it with `compatible_with`';
  return err({
    ...refusal('contract_mismatch', message, 'version'),
    accepted: [{ model: `${candidate.model}@${serving.version}`, contract_hash: serving.contractHash }],
  });
}
