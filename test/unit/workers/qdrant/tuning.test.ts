import { describe, expect, it } from 'vitest';

import { creationTuning, updatedTuning, vectorTuning } from '../../../../src/contract/qdrant/tuning.ts';
import { openApiDocument } from '../../../../src/contract/openapi/openapi.ts';
import { annotated, NO_ANNOTATIONS } from '../../../../src/index/index-annotations.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { infoOf, tuningOfCreation, tuningOfUpdate } from '../../../../workers/gateway/compat/qdrant/tuning.ts';
import { replyFaults } from '../../../support/fixtures/reply-faults.ts';

const manifest = { dimensions: 4, metric: 'cosine' } as IndexManifest;
const stats = { lsn: 9, count: 100, shards: 2, namespaces: 1, storageBytes: 1, memoryBytes: 1, manifest };
const indexed = (vectors: number, waiting: number) => infoOf(stats, { vectors, waiting }, NO_ANNOTATIONS).indexed_vectors_count;

it('[Q58] the indexed points of a collection are those in posting lists, whatever copies there are', () => {
  expect(indexed(100, 0)).toBe(100);
  expect(indexed(100, 40)).toBe(60);
  expect(indexed(150, 75)).toBe(50);
  expect(indexed(0, 0)).toBe(100);
});

/** A value of each setting there is, by the section that it is shown in. */
const EVERY_SETTING = {
  params: { replication_factor: 2, write_consistency_factor: 2, read_fan_out_factor: 1, read_fan_out_delay_ms: 5, on_disk_payload: false },
  hnsw_config: { m: 8, ef_construct: 64, full_scan_threshold: 10, max_indexing_threads: 0, on_disk: true, payload_m: 4 },
  optimizers_config: { deleted_threshold: 0.2, max_segment_size: 5, max_optimization_threads: 'auto', flush_interval_sec: 1 },
  quantization_config: { scalar: { type: 'int8', always_ram: true } },
  metadata: { made_by: 'a test' },
};

describe('[Q81] a description of a collection fits its schema', () => {
  const { params, ...sections } = EVERY_SETTING;
  const created = tuningOfCreation(creationTuning.parse({ ...sections, ...params }), vectorTuning.parse({ on_disk: true }));
  const declared = { kind: 'declare' as const, field: 'genre', as: { data_type: 'keyword' } };
  it.each([
    ['without settings', []],
    ['with all that a creation sets', created],
    ['with all that an update sets', tuningOfUpdate(updatedTuning.parse({ ...sections, params }))],
    ['with a declared field', [declared]],
  ])('%s', (_, changes) => {
    const annotations = annotated(NO_ANNOTATIONS, changes);
    if (!annotations.ok) throw new Error(annotations.error.message);
    const body = { result: infoOf(stats, { vectors: 100, waiting: 0 }, annotations.value), status: 'ok', time: 0 };
    expect(replyFaults(openApiDocument(), 'qdrantCollection', 200, body)).toEqual([]);
  });
});

it('[Q81] the end of a listing fits its schema, and so does each kind of id before it', () => {
  for (const next of [null, 7, 'a'])
    expect(
      replyFaults(openApiDocument(), 'qdrantScrollPoints', 200, { result: { points: [], next_page_offset: next }, status: 'ok', time: 0 }),
    ).toEqual([]);
});
