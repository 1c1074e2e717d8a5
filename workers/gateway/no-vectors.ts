// Stands in for what reads arrays of a body one by one and writes vectors, in the bundles of Workers whose calls have neither: 6 kB, parsed at
// each cold start. A test holds their calls to that.

const missing = (what: string): never => {
  throw new Error(`${what} is not in this bundle: see workers/gateway/no-vectors.ts`);
};

/** For `streamed-body.ts`. */
export const readStreamed = (): never => missing('readStreamed');

/** For `float32-text.ts`. */
export const float32Json = (): never => missing('float32Json');

/** For `framed-body.ts`. */
export const framedBody = (): never => missing('framedBody');

/** For `vector-frame.ts`. */
export const framePrefixOf = (): never => missing('framePrefixOf');

/** For `vector-frame.ts`: what no body is, and no caller gets. */
export const VECTOR_FRAME_TYPE = 'application/vnd.sluice.f32';

/** For `float32-text.ts`: no reply has vectors. */
export const jsonText = (value: unknown): string => JSON.stringify(value);

/** For `vector-writer.ts`: no reply is a frame. */
export class FrameRows {
  frame = (): never => missing('FrameRows');
}

/** For `vector-writer.ts`: replies have no vectors to write. */
export const vectorWriterFor = () => ({ write: float32Json });
