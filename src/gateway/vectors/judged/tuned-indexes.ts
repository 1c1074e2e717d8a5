import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import type { SearchSettingsBody, TunedLeg } from '../../../contract/indexes/search-settings.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import { ok } from '../../../kernel/result.ts';
import { Composed } from '../../api/composed.ts';
import type { IndexDirectory } from '../../indexes/index-directory.ts';
import { mayTouchIndex } from '../../indexes/index-ref.ts';
import type { ManifestCache } from '../../indexes/manifest-cache.ts';
import type { Acting } from '../../tenancy/authority.ts';
import { fieldOf, fieldsOfKind } from '../plans/known-fields.ts';
import { checkVectors } from '../vector-space.ts';

interface TunedIndexesParts {
  readonly directory: Pick<IndexDirectory, 'describe' | 'tune'>;
  readonly manifests: Pick<ManifestCache, 'current'>;
}

/** Stores how indexes are searched. SPEC: SPEC.md. */
export class TunedIndexes extends Composed<TunedIndexesParts> {
  /** Answers the index with its settings. Refuses legs that the index has not, and another generation than the settings name. [TX320] [TX321] */
  async set({ principal, authority }: Acting, name: string, body: SearchSettingsBody): Promise<Outcome<IndexManifest>> {
    const described = await this.#described(principal, name);
    if (!described.ok) return described;
    const fits = checkLegs(described.value, body);
    return fits.ok ? this.#tuned({ principal, authority }, name, body) : fits;
  }

  /** Also where there are none. */
  async clear({ principal, authority }: Acting, name: string): Promise<Outcome<IndexManifest>> {
    const described = await this.#described(principal, name);
    return described.ok ? this.#tuned({ principal, authority }, name, null) : described;
  }

  async #described(user: Acting['principal'], name: string): Promise<Outcome<IndexManifest>> {
    const described = await this.parts.directory.describe(user.tenantId, name);
    const touched = described.ok ? mayTouchIndex(user, described.value) : described;
    return touched.ok ? described : touched;
  }

  async #tuned({ principal: { tenantId }, authority }: Acting, name: string, body: SearchSettingsBody | null) {
    const tuned = await this.parts.directory.tune(tenantId, name, body, authority);
    if (!tuned.ok) return tuned;
    // The next search of this isolate knows them; others learn them as they renew the manifest.
    await this.parts.manifests.current(tenantId, name);
    return tuned;
  }
}

/** Refuses legs that no plan of the index can have. [TX320] */
function checkLegs(manifest: IndexManifest, { legs, k1, b }: SearchSettingsBody): Outcome<null> {
  const hasTexts = fieldsOfKind(manifest, 'text').length > 0;
  for (const [i, leg] of legs.entries()) {
    const known = checkLeg(manifest, leg, ['legs', i]);
    if (!known.ok) return known;
  }
  const named = k1 !== undefined ? 'k1' : b !== undefined ? 'b' : undefined;
  return named === undefined || hasTexts ? ok(null) : refuse('invalid_value', 'the index has no text field', named);
}

function checkLeg(manifest: IndexManifest, leg: TunedLeg, at: FieldPath): Outcome<unknown> {
  switch (leg.kind) {
    case 'text':
      return fieldsOfKind(manifest, 'text').length > 0 ? ok(null) : refuse('invalid_value', 'the index has no text field', [...at, 'kind']);
    case 'sparse':
      return fieldOf(manifest, 'sparse', leg.field, [...at, 'field']);
    case 'vector':
      return leg.field === '' ? checkVectors(manifest, [...at, 'kind']) : fieldOf(manifest, 'vector', leg.field, [...at, 'field']);
  }
}
