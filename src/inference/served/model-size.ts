import { boundOf, refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { Limit } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import { makesVectors } from '../embedding-output.ts';
import { TOKENISER_CONFIG_FILE, TOKENISER_FILE } from './contract-hash.ts';
import type { ModelRef } from '../served-manifest.ts';
import type { ModelRoom } from './model-room.ts';
import { EDGE_ROOM } from './model-room.ts';

type Sized = Pick<ModelRef, 'manifest'>;

/** The runtime lays matrices out a second time for its products, not all of them: measured 1.7 times the weights. */
const RUNTIME_BYTES_PER_WEIGHT_BYTE = 1.75;
/** Of the compact form: measured half to three quarters of its file. */
const MEMORY_PER_TOKENISER_BYTE = 1;
/** Nodes of the graph, and the session. */
const MODEL_BASE_BYTES = 1024 * 1024;

/** Of the graph and the files that have weights of it. */
export function weightBytesOf({ manifest }: Sized): number {
  const paths = new Set([manifest.graph, ...manifest.externalData]);
  return manifest.files.reduce((sum, { path, bytes }) => sum + (paths.has(path) ? bytes : 0), 0);
}

/** What a version takes of the memory of what runs it once it is loaded, by the sizes of its files. */
export const memoryBytesOf = (ref: Sized): number =>
  Math.ceil(weightBytesOf(ref) * RUNTIME_BYTES_PER_WEIGHT_BYTE) + tokeniserMemoryBytes(ref) + MODEL_BASE_BYTES;

/** What the tokeniser of a version takes. */
export function tokeniserMemoryBytes({ manifest }: Sized): number {
  const { files, task } = manifest;
  const bytes = task === 'graph' ? 0 : (files.find(({ path }) => path === TOKENISER_FILE)?.bytes ?? 0);
  return bytes * MEMORY_PER_TOKENISER_BYTE;
}

/** Refuses a version whose tokeniser is too large for whatever runs it, by its manifest alone. */
export function checkTokeniserSize({ manifest }: Sized): Outcome<void> {
  for (const [i, { path, bytes }] of manifest.files.entries()) {
    const limit = path === TOKENISER_FILE ? 'tokeniserBytesMax' : path === TOKENISER_CONFIG_FILE ? 'modelConfigBytesMax' : undefined;
    if (limit !== undefined && bytes > boundOf(limit))
      return refuseBeyond({ path: ['files', i, 'bytes'], limit, value: bytes, what: `is ${bytes}` });
  }
  return ok(undefined);
}

/** What a graph may have with its weights where an isolate runs it. */
export const graphLimit = ({ graphBytesMax }: ModelRoom = EDGE_ROOM): Limit => ({ name: 'graphBytesMax', bound: graphBytesMax });

/** The same of an encoder that the engine computes. */
const encoderLimit = ({ encoderBytesMax }: ModelRoom): Limit => ({ name: 'edgeEncoderBytesMax', bound: encoderBytesMax });

/** Refuses a version that is too large for an isolate, by its manifest alone. */
export function checkSize(ref: Sized, form: 'texts' | 'graph', room: ModelRoom = EDGE_ROOM): Outcome<void> {
  const tokeniser = checkTokeniserSize(ref);
  if (!tokeniser.ok) return tokeniser;
  const bytes = weightBytesOf(ref);
  // Whether the encoder engine can compute an embedding model, which then may be larger, is seen when its graph is read.
  const limit = ref.manifest.task === 'embedding' && form === 'texts' ? encoderLimit(room) : graphLimit(room);
  if (bytes <= limit.bound) return ok(undefined);
  return refuseBeyond({
    path: 'graph',
    limit,
    value: bytes,
    what: `has ${bytes} bytes with its weights`,
    advice: 'quantise it, or serve it from a pool',
  });
}

/** What computes a version at the edge: weights of the encoder engine are in memory once, those of the runtime twice. */
export type EdgeComputing = 'encoder' | 'runtime';

/** Whether an isolate has no room for its weights, and agents of pools run it: they run models that embed. */
export const runsOnPoolsAlone = (ref: Sized, by: EdgeComputing, room: ModelRoom = EDGE_ROOM): boolean =>
  makesVectors(ref.manifest.task) && weightBytesOf(ref) > (by === 'encoder' ? room.encoderBytesMax : room.embedderBytesMax);
