import type { SearchSettingsBody, TunedLeg } from '../contract/indexes/search-settings.ts';

/** How the legs of an index are merged where a plan says `auto`, and k1 and b of its texts. */
export interface SearchSettings {
  readonly legs: readonly TunedLeg[];
  readonly fusion: SearchSettingsBody['fusion'];
  readonly k1: number | null;
  readonly b: number | null;
  readonly evidence: SearchSettingsBody['evidence'] | null;
  readonly createdMs: number;
  /** Which generation served when they were stored. */
  readonly generation: number;
  /** Whether they are for the vectors and the fields of the generation that serves now: `used`, else not. */
  readonly state: 'used' | 'other_vectors' | 'other_fields';
}
