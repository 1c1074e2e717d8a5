import scanModule from '../../../src/ann/wasm/scan.wasm';
import type { Metric } from '../../../src/contract/metric.ts';
import { EngineTrial } from './engine-trial.ts';

let trial: EngineTrial | undefined;

/** An engine trial inside workerd, which is timed from outside: time stands still in there while code runs. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const number = (name: string): number => Number(searchParams.get(name));
    switch (pathname) {
      case '/vectors':
        trial = new EngineTrial(scanModule, {
          dimensions: number('dimensions'),
          queryCount: number('queries'),
          values: new Float32Array(await request.arrayBuffer()),
        });
        return Response.json({});
      case '/build':
        return Response.json(trial?.build(searchParams.get('metric') as Metric, number('count')));
      case '/search':
        return Response.json(trial?.search(number('from'), number('count')));
      default:
        return Response.json({});
    }
  },
};
