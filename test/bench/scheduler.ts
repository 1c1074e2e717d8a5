import { evictionsBench } from './scheduler/evictions.ts';
import { explanationsBench } from './scheduler/explanations.ts';
import { kueueBench } from './scheduler/kueue.ts';
import { latencyBench } from './scheduler/latency.ts';
import { weightsBench } from './scheduler/weights.ts';

/** The scheduler engine alone: in this process, on a simulated clock, without storage or network. */
export async function schedulerBench({ quick = false }: { readonly quick?: boolean | undefined }): Promise<void> {
  console.log(
    'The engine in this process, without durable writes, RPC or pools; a simulated clock that runs on by what each step really took.',
  );
  kueueBench(quick);
  latencyBench(quick);
  explanationsBench(quick);
  evictionsBench(quick);
  weightsBench(quick);
  await Promise.resolve();
}
