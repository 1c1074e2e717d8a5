import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { VersionChecks, VersionRecord } from '../../inference/registry/model-record.ts';
import type { ModelOwner } from '../../inference/registry/version-manifest.ts';
import { denseRows } from '../../inference/served/sparse-rows.ts';
import type { ModelCalls } from '../../inference/served/model-calls.ts';
import type { ModelRef } from '../../inference/served-manifest.ts';
import { ok } from '../../kernel/result.ts';

export const refOf = (owner: ModelOwner, { model, version, manifest }: VersionRecord): ModelRef => ({
  owner,
  model,
  version: String(version),
  manifest,
});

/** What a check found, and the embedding contract that the version may serve under besides its own. */
interface Checked {
  readonly checks: VersionChecks;
  readonly contractHash: string | null;
}

/** Texts of several lengths and kinds: models that agree on them to a cosine of 0.98 are variants of one. */
const PROBE_TEXTS = [
  'a',
  'a sluice lets through just enough water',
  'How do I reset my password?',
  'Die Schleuse öffnet sich bei Sonnenaufgang.',
  'SELECT id, name FROM users WHERE created_at > now() - interval 7 day;',
];

/**
 * [M32] Loads a version and runs it once; one that is said to be compatible also has to agree with the other on the probe texts (M36).
 * `unavailable` is no finding about a version, and is answered as it is; so is every other fault that a repetition may not meet.
 */
export async function checkVersion(
  inference: Pick<ModelCalls, 'verify' | 'embedTexts'>,
  owner: ModelOwner,
  version: VersionRecord,
  compatibleWith: VersionRecord | undefined,
  nowMs: number,
): Promise<Outcome<Checked>> {
  const verified = await inference.verify(refOf(owner, version));
  if (!verified.ok) {
    if (isTransient(verified.error.code)) return verified;
    return ok({ checks: { atMs: nowMs, refusal: verified.error, measured: {} }, contractHash: null });
  }
  const { memoryBytes, loadMs, runsOn, computedBy, cost } = verified.value;
  const measured = {
    memory_bytes: memoryBytes,
    load_ms: Math.round(loadMs),
    ...(runsOn === undefined ? {} : { runs_on: runsOn }),
    ...(computedBy === undefined ? {} : { computed_by: computedBy }),
    ...(cost === undefined ? {} : { run_bound_ms: Math.ceil(cost.runMs) }),
    ...(cost === undefined || cost.unruled.length === 0 ? {} : { operators_without_a_rule: cost.unruled.join(', ') }),
  };
  const passed = (more: VersionChecks['measured']): VersionChecks => ({ atMs: nowMs, refusal: null, measured: { ...measured, ...more } });
  if (compatibleWith === undefined) return ok({ checks: passed({}), contractHash: null });
  const cosine = await leastCosine(inference, owner, version, compatibleWith);
  if (!cosine.ok) return cosine;
  const agrees = cosine.value >= MODEL_LIMITS.modelProbeCosineMin;
  return ok({ checks: passed({ probe_cosine_min: cosine.value }), contractHash: agrees ? compatibleWith.contractHash : null });
}

const isTransient = (code: string): boolean => code === 'unavailable' || code === 'overloaded' || code === 'deadline_exceeded';

/** Of the pairs of vectors that two versions make of the probe texts. */
async function leastCosine(
  inference: Pick<ModelCalls, 'embedTexts'>,
  owner: ModelOwner,
  one: VersionRecord,
  other: VersionRecord,
): Promise<Outcome<number>> {
  const { dimensions } = one.manifest;
  if (dimensions !== other.manifest.dimensions) return ok(-1);
  // One after the other: an isolate may have no room for both.
  const made: Float32Array[] = [];
  for (const version of [one, other]) {
    const embedded = await inference.embedTexts(refOf(owner, version), PROBE_TEXTS, 'passage', { isTruncating: true });
    if (!embedded.ok) return embedded;
    made.push(denseRows(embedded.value, dimensions));
  }
  const [a = new Float32Array(), b = new Float32Array()] = made;
  const cosines = PROBE_TEXTS.map((_, row) =>
    cosineOf(a.subarray(row * dimensions, (row + 1) * dimensions), b.subarray(row * dimensions, (row + 1) * dimensions)),
  );
  return ok(Math.min(...cosines));
}

/** 0 where either is zero or no number. */
function cosineOf(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (const [i, x] of a.entries()) {
    const y = b[i] ?? 0;
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  const cosine = dot / Math.sqrt(aa * bb);
  return Number.isFinite(cosine) ? cosine : 0;
}
