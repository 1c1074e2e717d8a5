import type { Contender } from './contender.ts';

/** Every contender by name. Each is loaded in its own process, so a library that takes no part need not be installed. */
export const CONTENDERS: Readonly<Record<string, () => Promise<Contender>>> = {
  flat: async () => (await import('./contenders/flat.ts')).flat(),
  'lists-0.95': async () => (await import('./contenders/lists.ts')).lists(0.95, true),
  'lists-0.99': async () => (await import('./contenders/lists.ts')).lists(0.99, true),
  'lists-0.95-scored': async () => (await import('./contenders/lists.ts')).lists(0.95, false),
  hnswlib: async () => (await import('./contenders/hnswlib.ts')).hnswlib(),
  vectorlite: async () => (await import('./contenders/vectorlite.ts')).vectorlite(),
  'usearch-f32': async () => (await import('./contenders/usearch.ts')).usearch('f32'),
  'usearch-f16': async () => (await import('./contenders/usearch.ts')).usearch('f16'),
  'usearch-i8': async () => (await import('./contenders/usearch.ts')).usearch('i8'),
  'zvec-hnsw': async () => (await import('./contenders/zvec.ts')).zvecGraph('UNDEFINED'),
  'zvec-hnsw-int8': async () => (await import('./contenders/zvec.ts')).zvecGraph('INT8'),
  'zvec-ivf-rabitq9': async () => (await import('./contenders/zvec.ts')).zvecLists(9, false),
  'zvec-ivf-rabitq5-refined': async () => (await import('./contenders/zvec.ts')).zvecLists(5, true),
};

export const OURS = ['flat', 'lists-0.95', 'lists-0.99', 'lists-0.95-scored'];

export const PEERS = Object.keys(CONTENDERS).filter((name) => !OURS.includes(name));
