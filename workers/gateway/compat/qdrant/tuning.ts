import type * as z from 'zod';

import type { AnnotationChange, IndexAnnotations } from '../../../../src/index/index-annotations.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import type { Progress } from '../../../../src/ann/shard-operations.ts';
import type { ShardStats } from '../../../../src/ann/shard-protocol.ts';
import { DISTANCE_BY_METRIC } from '../../../../src/contract/qdrant/collections.ts';
import type { creationTuning, updatedTuning, vectorTuning } from '../../../../src/contract/qdrant/tuning.ts';
import { saidOf } from '../../../../src/contract/qdrant/tuning.ts';

const merged = (section: string, members: Readonly<Record<string, unknown>> | null | undefined): AnnotationChange[] => {
  const said = saidOf(members);
  return Object.keys(said).length === 0 ? [] : [{ kind: 'merge', section, members: said }];
};

/** What a creation sets besides the vectors' size and distance. */
export function tuningOfCreation(
  { hnsw_config, optimizers_config, quantization_config, metadata, ...params }: z.output<typeof creationTuning>,
  ofVector: z.output<typeof vectorTuning>,
): AnnotationChange[] {
  const { strict_mode_config: _none, ...said } = params;
  return [
    ...merged('hnsw_config', hnsw_config),
    ...merged('optimizers_config', optimizers_config),
    ...merged('quantization_config', quantization_config),
    ...merged('metadata', metadata),
    ...merged('params', said),
    ...merged('vectors', ofVector),
  ];
}

/** As Qdrant changes it: settings member by member, a quantisation as a whole, and metadata that is empty takes all away. */
export function tuningOfUpdate({
  hnsw_config,
  optimizers_config,
  quantization_config: quantization,
  metadata,
  params,
  vectors,
}: z.output<typeof updatedTuning>): AnnotationChange[] {
  const isCleared = metadata !== undefined && Object.keys(metadata).length === 0;
  return [
    ...merged('hnsw_config', hnsw_config),
    ...merged('optimizers_config', optimizers_config),
    ...merged('params', params),
    ...merged('vectors', vectors?.['']),
    ...(quantization === null || quantization === undefined
      ? []
      : [{ kind: 'replace' as const, section: 'quantization_config', members: quantization === 'Disabled' ? null : saidOf(quantization) }]),
    ...(isCleared ? [{ kind: 'replace' as const, section: 'metadata', members: null }] : merged('metadata', metadata)),
  ];
}

/** What an index is, in the words of another engine: what was declared, and Qdrant's usual values where nothing was. */
export function infoOf(
  { manifest, count, shards }: ShardStats & { readonly manifest: IndexManifest },
  { vectors, waiting }: Progress,
  { fields, sections }: IndexAnnotations,
) {
  const { metadata, quantization_config: quantization = null } = sections;
  return {
    status: 'green' as const,
    optimizer_status: 'ok' as const,
    // [Q58] Of the rows, some are copies.
    indexed_vectors_count: vectors === 0 ? count : Math.floor((count * (vectors - waiting)) / vectors),
    points_count: count,
    segments_count: 1,
    config: {
      params: {
        vectors: { size: manifest.dimensions, distance: DISTANCE_BY_METRIC[manifest.metric], ...sections['vectors'] },
        shard_number: shards,
        replication_factor: 1,
        write_consistency_factor: 1,
        on_disk_payload: true,
        ...sections['params'],
      },
      hnsw_config: { m: 16, ef_construct: 100, full_scan_threshold: 10_000, ...sections['hnsw_config'] },
      optimizer_config: { default_segment_number: 0, flush_interval_sec: 5, ...sections['optimizers_config'] },
      quantization_config: quantization,
      ...(metadata === undefined ? {} : { metadata }),
    },
    // Every field of every point is indexed, whether or not the point has it.
    payload_schema: Object.fromEntries(Object.entries(fields).map(([field, as]) => [field, { ...(as as object), points: count }])),
  };
}
