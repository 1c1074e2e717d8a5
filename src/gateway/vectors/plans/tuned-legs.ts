import type { TunedLeg } from '../../../contract/indexes/search-settings.ts';
import { legKey } from '../../../contract/indexes/search-settings.ts';
import { BM25 } from '../../../contract/vectors/plans/bm25.ts';
import type { FusionChoice } from '../../../contract/vectors/plans/fusion.ts';
import type { Leg } from '../../../contract/vectors/plans/legs.ts';
import type { PlanBody } from '../../../contract/vectors/plans/plans.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import type { SearchSettings } from '../../../index/search-settings.ts';

/** What the search settings of an index are to legs that are merged. */
export type SettingsUse = SearchSettings['state'] | 'overridden' | 'other_legs';

/** What search settings call a leg; null: none are for legs of its kind, or that search less than all of it. */
export function tunedKeyOf(leg: Leg): string | null {
  if (leg.kind === 'ids' || leg.kind === 'plan' || leg.prefetch !== undefined) return null;
  return leg.kind === 'text' && leg.fields !== undefined ? null : legKey(leg);
}

/** k1 and b of the text legs of a plan: as it says, else as the settings of the index do. [TX324] */
export function bm25For(
  { searchSettings }: IndexManifest,
  { k1, b }: Pick<PlanBody, 'k1' | 'b'>,
): { readonly k1: number; readonly b: number } {
  const stored = searchSettings?.state === 'used' ? searchSettings : undefined;
  return { k1: k1 ?? stored?.k1 ?? BM25.k1, b: b ?? stored?.b ?? BM25.b };
}

/** The settings of one index, as legs of plans find theirs. */
export class TunedLegs {
  readonly #settings: SearchSettings;
  readonly #byKey: ReadonlyMap<string, TunedLeg>;

  constructor(settings: SearchSettings) {
    this.#settings = settings;
    this.#byKey = new Map(settings.legs.map((leg) => [legKey(leg), leg]));
  }

  get fusion(): SearchSettings['fusion'] {
    return this.#settings.fusion;
  }

  /** What the settings are to legs that these keys name. [TX323] */
  useOf(keys: readonly (string | null)[], choice: FusionChoice): SettingsUse {
    const { state } = this.#settings;
    if (state !== 'used') return state;
    if (choice.kind !== 'auto') return 'overridden';
    const known = new Set(keys);
    const isSame = keys.length === this.#byKey.size && known.size === keys.length && [...this.#byKey.keys()].every((key) => known.has(key));
    return isSame ? 'used' : 'other_legs';
  }

  /** What a leg counts for; 0: none of the settings is for it. */
  weightOf(key: string | null): number {
    return this.#of(key)?.weight ?? 0;
  }

  /** What a leg reaches alone; null: it was not judged, or with other vectors or fields. */
  qualityOf(key: string | null): number | null {
    return this.#settings.state === 'used' ? (this.#of(key)?.quality ?? null) : null;
  }

  #of(key: string | null): TunedLeg | undefined {
    return key === null ? undefined : this.#byKey.get(key);
  }
}
