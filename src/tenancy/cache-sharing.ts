import type { Organisation } from './organisation.ts';

/** The same organisation when nothing changes. */
export function shareCache(organisation: Organisation, shared: boolean): Organisation {
  const { cacheSharing: before = 'never' } = organisation;
  const cacheSharing = shared ? 'on' : before === 'never' ? before : 'off';
  return cacheSharing === before ? organisation : { ...organisation, cacheSharing };
}
