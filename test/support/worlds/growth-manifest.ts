import type { IndexFields } from '../../../src/contract/indexes/index-fields.ts';
import type { IndexManifest } from '../../../src/index/index-manifest.ts';
import type { IndexId, TenantId } from '../../../src/kernel/ids.ts';

/** An index whose shards split before they hold more than `shardVectorsMax` vectors. */
export const growthManifest = (shardVectorsMax: number, fields?: IndexFields, dimensions = 4): IndexManifest => ({
  id: 'ix_grow' as IndexId,
  tenantId: 'tn_grow' as TenantId,
  name: 'grows',
  dimensions,
  metric: 'l2',
  shardVectorsMax,
  embedding: null,
  owner: 'search',
  createdS: 1,
  generation: 1,
  ...(fields === undefined ? {} : { fields }),
});
