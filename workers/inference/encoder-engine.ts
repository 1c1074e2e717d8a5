import encoderModule from '../../src/inference/wasm/encoder.relaxed.wasm';

import { sleep } from '../../durable-objects/system-time.ts';
import { EncoderEngine } from '../../src/inference/encoder/encoder-engine.ts';
import type { StartEncoder } from '../../src/inference/served/start-encoder.ts';

/** The engine for encoders of BERT's shape. Between two steps of a run other calls of the isolate have their turn. */
export const startEncoder: StartEncoder = (source, tokensMax, onStep) =>
  EncoderEngine.load({
    source,
    module: encoderModule,
    tokensMax,
    yieldToOthers: () => {
      onStep();
      return sleep(0);
    },
  });
