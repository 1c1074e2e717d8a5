import type { SearchSettingsBody } from '../contract/indexes/search-settings.ts';
import type { Outcome } from '../contract/api/outcome.ts';
import { refuse } from '../contract/api/outcome.ts';
import { canonicalJson } from '../kernel/canonical-json.ts';
import { ok } from '../kernel/result.ts';
import type { IndexManifest } from './index-manifest.ts';
import { embeddingFor } from './index-manifest.ts';
import type { SearchSettings } from './search-settings.ts';

/** Search settings as an index's object keeps them, with what they are for. */
export interface StoredSearchSettings extends Omit<SearchSettings, 'state'> {
  readonly vectors: string;
  readonly fields: string;
}

/** Settings of the generation that serves. Refuses with `state_conflict` where it is not the one that they name. [TX321] */
export function storedSettings(manifest: IndexManifest, given: SearchSettingsBody, nowMs: number): Outcome<StoredSearchSettings> {
  const { generation: expected, k1 = null, b = null, evidence = null, legs, fusion } = given;
  const { generation } = manifest;
  if (expected !== undefined && expected !== generation) {
    return refuse('state_conflict', `generation ${generation} serves by now: measure it first`, 'generation');
  }
  return ok({ legs, fusion, k1, b, evidence, createdMs: nowMs, generation, vectors: vectorsOf(manifest), fields: fieldsOf(manifest) });
}

/** What stored settings are to the generation that serves. [TX322] */
export function settingsFor(manifest: IndexManifest, { vectors, fields, ...settings }: StoredSearchSettings): SearchSettings {
  const state = vectors !== vectorsOf(manifest) ? 'other_vectors' : fields === fieldsOf(manifest) ? 'used' : 'other_fields';
  return { ...settings, state };
}

/** What decides how good vectors are and how their scores spread. */
const vectorsOf = (manifest: IndexManifest): string =>
  canonicalJson([
    manifest.embedding?.contractHash ?? null,
    embeddingFor(manifest, 'queries')?.contractHash ?? null,
    manifest.metric,
    manifest.dimensions,
  ]);

const fieldsOf = ({ fields = {} }: IndexManifest): string => canonicalJson(fields);
