export const SUITES_IN_WORKERD = ['objects', 'shards', 'indexes', 'inference', 'sharing'] as const;

/** The suites that `npm test -- --coverage` counts, one after the other. Tests of deployments run bundles, and are not counted. */
export const COUNTED_SUITES = ['unit', 'property', ...SUITES_IN_WORKERD] as const;

/** How claims about a file name them. */
export const COUNTED_TESTS = 'unit, property and workerd tests';

/** Where vitest writes what a suite takes. */
export const coverageOf = (suite: string): string => `coverage/${suite}`;

/** Folders without figures, and why: what counted suites take of them says little of what tests take. */
export const LEFT_OUT = {
  'src/{ann,inference}/wasm/**': 'is AssemblyScript, and runs as WebAssembly',
  'workers/{control,edge,gateway,local,planning,upstreams}/**': 'runs as a whole in deployments alone, whose bundles are not counted',
} as const;
