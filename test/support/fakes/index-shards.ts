import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import type { IndexShards, ShardSet } from '../../../src/index/shards/index-shards.ts';

/** The shards of any index, which perform the operations that a test needs: each is given the manifest, then what it is called with. */
export function indexShards(operations: object): IndexShards {
  const call = (manifest: IndexManifest, name: string, args: readonly unknown[]) =>
    (operations as Record<string, (...all: unknown[]) => never>)[name]!(manifest, ...args);
  return {
    of: (manifest): ShardSet => ({
      query: (...args) => call(manifest, 'query', args),
      searchFields: (...args) => call(manifest, 'searchFields', args),
      fetch: (...args) => call(manifest, 'fetch', args),
      read: (name, ...args) => call(manifest, name, args),
      write: (name, ...args) => call(manifest, name, args),
      lsn: () => call(manifest, 'lsn', []),
      stats: () => call(manifest, 'stats', []),
    }),
  };
}
