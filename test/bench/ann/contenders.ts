import type { ListVariant } from './contenders/lists.ts';
import type { Contender } from './contender.ts';

const grid = (stops: number[], rescores: number[]) => stops.flatMap((stop) => rescores.map((rescore) => ({ stop, rescore })));

const LISTS: ListVariant = {
  entriesPerList: 162,
  samplesPerList: 64,
  hasLowPlane: false,
  settings: grid([40, 50, 60, 70, 80, 90, 100], [60, 120, 200, 300]),
};
const LISTS_LOW: ListVariant = {
  entriesPerList: 162,
  samplesPerList: 64,
  hasLowPlane: true,
  settings: grid([90, 100, 110, 120], [150, 300]),
};

/** Every contender by name: loaded in its own process, so that a peer need not be installed unless it takes part. */
export const CONTENDERS: Readonly<Record<string, () => Promise<Contender>>> = {
  flat: async () => (await import('./contenders/flat.ts')).flat(),
  lists: async () => (await import('./contenders/lists.ts')).lists(LISTS),
  'lists-low': async () => (await import('./contenders/lists.ts')).lists(LISTS_LOW),
  hnswlib: async () => (await import('./contenders/hnswlib.ts')).hnswlib(),
  'usearch-f32': async () => (await import('./contenders/usearch.ts')).usearch('f32'),
  'usearch-f16': async () => (await import('./contenders/usearch.ts')).usearch('f16'),
  'usearch-i8': async () => (await import('./contenders/usearch.ts')).usearch('i8'),
  'zvec-hnsw': async () => (await import('./contenders/zvec.ts')).zvecGraph('UNDEFINED'),
  'zvec-hnsw-int8': async () => (await import('./contenders/zvec.ts')).zvecGraph('INT8'),
  'zvec-ivf-rabitq9': async () => (await import('./contenders/zvec.ts')).zvecLists(9, false),
  'zvec-ivf-rabitq5-refined': async () => (await import('./contenders/zvec.ts')).zvecLists(5, true),
};

export const OURS = ['flat', 'lists', 'lists-low'];

export const PEERS = Object.keys(CONTENDERS).filter((name) => !OURS.includes(name));
