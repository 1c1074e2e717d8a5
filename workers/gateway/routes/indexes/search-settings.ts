import type { SearchSettingsReply } from '../../../../src/contract/indexes/search-settings.ts';
import type { SearchSettings } from '../../../../src/index/search-settings.ts';
import { must } from '../../../../src/kernel/assert.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { replied, seconds } from '../wire.ts';

export const searchSettingsHandlers = {
  setSearchSettings: (call) =>
    replied(call.gateway.retrieval.tunedIndexes.set(call, call.params.index, call.body), ({ searchSettings }) =>
      searchSettingsReplyOf(must(searchSettings, 'they were stored')),
    ),

  deleteSearchSettings: (call) =>
    replied(call.gateway.retrieval.tunedIndexes.clear(call, call.params.index), ({ name }) => ({
      object: 'index.search_settings.deleted' as const,
      index: name,
      deleted: true as const,
    })),
} satisfies Partial<Handlers>;

/** Search settings on the wire. */
export function searchSettingsReplyOf({ createdMs, legs, evidence = null, ...settings }: SearchSettings): SearchSettingsReply {
  return { ...settings, legs: [...legs], evidence, created: seconds(createdMs) };
}
