import type { Organisation } from './organisation.ts';

/**
 * Whether the tenants of an organisation share one embedding cache. `off`: no longer, so what they shared may still be stored and must be
 * purged with the rest.
 */
export type CacheSharing = 'never' | 'on' | 'off';

/** The same organisation when nothing changes. */
export function shareCache(organisation: Organisation, shared: boolean): Organisation {
  const { cacheSharing: before = 'never' } = organisation;
  const cacheSharing = shared ? 'on' : before === 'never' ? before : 'off';
  return cacheSharing === before ? organisation : { ...organisation, cacheSharing };
}
