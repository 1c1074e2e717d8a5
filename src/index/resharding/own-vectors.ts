import { must } from '../../kernel/assert.ts';
import { shardAt } from '../routing/route-changes.ts';
import type { RouteTable } from '../routing/route-table.ts';
import { slotsOf } from '../routing/route-table.ts';
import { Router } from '../routing/router.ts';
import { vectorsOfStep } from './vectors-of-step.ts';

/**
 * The sampled vectors on a shard that belong to its region: the others are spilled copies. [n x dimensions]
 *
 * `table`: at least of the shard and those around it.
 */
export function* ownVectors(table: RouteTable, ordinal: number, values: Float32Array): Generator<undefined, Float32Array> {
  const { metric, dimensions, shards } = table;
  const own = must(shardAt(table, ordinal), 'a shard that is split is in the table');
  const router = new Router({ metric, dimensions, shards });
  const kept = new Float32Array(values.length);
  const stepVectors = vectorsOfStep(shards.length, dimensions);
  let end = 0;
  for (let at = 0; at < values.length; at += dimensions) {
    const vector = values.subarray(at, at + dimensions);
    if (router.rankForPlacing(vector, slotsOf(own).from)[0]?.ordinal === ordinal) {
      kept.set(vector, end);
      end += dimensions;
    }
    if ((at / dimensions) % stepVectors === stepVectors - 1) yield;
  }
  return kept.subarray(0, end);
}
