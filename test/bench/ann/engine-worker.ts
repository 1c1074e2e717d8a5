import { ProbeKernels } from '../../../src/ann/lists/probe-kernels.ts';
import { PageMemory } from '../../../src/ann/page-memory.ts';
import probeModule from '../../../src/ann/wasm/probe.relaxed.wasm';
import scanModule from '../../../src/ann/wasm/scan.wasm';
import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import { must } from '../../../src/kernel/assert.ts';
import { FlatTrial } from './flat-trial.ts';
import { openImage } from './list-image.ts';
import { ListTrial } from './list-trial.ts';
import type { Vectors } from './vectors.ts';
import { vectorAt, vectorsOf } from './vectors.ts';

const MEMORY_BYTES = 512 * 1024 * 1024;

let base: Vectors | undefined;
let queries: Vectors | undefined;
let search: ((query: Float32Array) => number[]) | undefined;

/** A shard's engines inside workerd. They are timed from outside: in workerd the clock stands still while code runs. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const number = (name: string): number => Number(searchParams.get(name));
    const metric = searchParams.get('metric') as Metric;
    const body = async (): Promise<ArrayBuffer> => request.arrayBuffer();
    switch (pathname) {
      case '/base':
        base = vectorsOf(number('dimensions'), new Float32Array(await body()));
        return Response.json({});
      case '/queries':
        queries = vectorsOf(number('dimensions'), new Float32Array(await body()));
        return Response.json({});
      case '/flat': {
        const trial = new FlatTrial(scanModule, new PageMemory(MEMORY_BYTES), metric, must(base, 'vectors come first'));
        search = (query) => trial.search(query, number('topK'));
        return Response.json({});
      }
      case '/lists': {
        const kernels = new ProbeKernels(probeModule, new PageMemory(MEMORY_BYTES));
        const trial = new ListTrial(kernels, metric, must(base, 'vectors come first'), openImage(kernels, new Uint8Array(await body())));
        const depth = { stop: number('stop'), byReach: number('byReach'), rescore: number('rescore') };
        search = (query) => trial.search(query, number('topK'), depth);
        return Response.json({});
      }
      case '/search':
        return new Response(answers(number('from'), number('count'), number('topK')));
      default:
        return Response.json({});
    }
  },
};

function answers(from: number, count: number, topK: number): Int32Array<ArrayBuffer> {
  const found = new Int32Array(count * topK).fill(-1);
  for (let i = 0; i < count; i += 1)
    found.set(must(search, 'an engine comes first')(vectorAt(must(queries, 'queries come first'), from + i)), i * topK);
  return found;
}
