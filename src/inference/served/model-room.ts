import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';

/** What an isolate has for models, in bytes. */
export interface ModelRoom {
  /** A graph and its weights. */
  readonly graphBytesMax: number;
  /** The same of a model that embeds texts. */
  readonly embedderBytesMax: number;
  /** The same of an encoder that the engine computes. */
  readonly encoderBytesMax: number;
  /** Linear memory of the runtime. */
  readonly runtimeBytesMax: number;
  /** That memory, and the files of a model while it loads. */
  readonly loadBytesMax: number;
  /** Models that are loaded at once. */
  readonly modelsBytesMax: number;
  /** Those of them that the encoder engine computes. */
  readonly encodersBytesMax: number;
}

/** Of an isolate of 128 MB, as Cloudflare has them. */
export const EDGE_ROOM: ModelRoom = {
  graphBytesMax: MODEL_LIMITS.graphBytesMax,
  embedderBytesMax: MODEL_LIMITS.edgeEmbedderBytesMax,
  runtimeBytesMax: MODEL_LIMITS.runtimeBytesMax,
  loadBytesMax: MODEL_LIMITS.modelLoadBytesMax,
  modelsBytesMax: MODEL_LIMITS.loadedModelsBytesMax,
  encoderBytesMax: MODEL_LIMITS.edgeEncoderBytesMax,
  encodersBytesMax: MODEL_LIMITS.loadedEncodersBytesMax,
};

const BYTES_PER_MIB = 1_048_576;
/** What WebAssembly of 32 bits can address, but for a page. */
const RUNTIME_BYTES_MAX = 4 * 1024 * BYTES_PER_MIB - 65_536;

/**
 * What an isolate has where its platform gives it more than 128 MB, such as on a machine of one's own: `memoryMib` as the setting
 * `MODEL_MEMORY_MIB` says; undefined, empty or no number: as Cloudflare has it. Never less than that. [M163]
 */
export function modelRoom(memoryMib: string | undefined): ModelRoom {
  const bytes = Number(memoryMib || 0) * BYTES_PER_MIB;
  if (!(bytes > MODEL_LIMITS.modelLoadBytesMax)) return EDGE_ROOM;
  const runtime = Math.min(bytes, RUNTIME_BYTES_MAX);
  // The share that each has of an isolate of 128 MB.
  const scaled = (edge: number): number => Math.floor((edge / MODEL_LIMITS.modelLoadBytesMax) * runtime);
  return {
    graphBytesMax: scaled(EDGE_ROOM.graphBytesMax),
    embedderBytesMax: scaled(EDGE_ROOM.embedderBytesMax),
    runtimeBytesMax: Math.floor(scaled(EDGE_ROOM.runtimeBytesMax) / 65_536) * 65_536,
    loadBytesMax: runtime,
    modelsBytesMax: scaled(EDGE_ROOM.modelsBytesMax),
    encoderBytesMax: scaled(EDGE_ROOM.encoderBytesMax),
    encodersBytesMax: scaled(EDGE_ROOM.encodersBytesMax),
  };
}
