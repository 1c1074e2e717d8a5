import { loadavg } from 'node:os';
import { batcherBench } from './models/micro-batches.ts';
import { encoderBench } from './models/encoder-cost.ts';
import { defaultModelBench } from './models/default-variants.ts';
import { ratesBench } from './models/operator-rates.ts';
import { realEncodersBench } from './models/real-encoders.ts';
import { recogniserBench } from './models/recogniser.ts';

const AREAS = {
  batcher: batcherBench,
  default: defaultModelBench,
  encoder: encoderBench,
  ocr: recogniserBench,
  rates: ratesBench,
  real: realEncodersBench,
} as const;

/** What quantising and pruning cost and save: on the default model, on an encoder (cost alone), on a text recogniser, on real encoders where there are some. */
export async function modelsBench({
  only,
  quick = false,
}: {
  readonly only?: string | undefined;
  readonly quick?: boolean | undefined;
}): Promise<void> {
  for (const [name, bench] of Object.entries(AREAS)) {
    if (only !== undefined && only !== name) continue;
    console.log(`\n## ${name} (load ${loadavg()[0]?.toFixed(1)})\n`);
    await bench(quick);
  }
}
