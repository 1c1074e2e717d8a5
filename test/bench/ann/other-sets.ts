import { join } from 'node:path';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import { readSynsets } from '../../../workers/builds/wordnet-files.ts';
import { defaultModel } from '../../support/fixtures/default-model.ts';
import { Gaussian } from './gaussian.ts';
import type { SetPlace } from './vector-set.ts';
import { BENCH_CACHE, isWritten, writeVectorSet } from './vector-set.ts';
import { vectorsOf } from './vectors.ts';

const QUERIES = 1000;
const GLOSS_FILES = ['data.noun', 'data.verb', 'data.adj', 'data.adv'];
const TEXTS_AT_ONCE = 1000;

interface OtherSet {
  readonly metric: Metric;
  readonly dimensions: number;
  /** The vectors, queries included: which ones are held out as queries is chosen at random. */
  readonly make: () => Promise<Float32Array> | Float32Array;
}

/** Sets that nothing was tuned on: other dimensions, metrics and kinds of clustering. */
const OTHER_SETS: Readonly<Record<string, OtherSet>> = {
  'glosses-100': { metric: 'cosine', dimensions: 100, make: glosses },
  'clusters-384': { metric: 'cosine', dimensions: 384, make: () => clusters(40_000, 384, 400, 24) },
  'clusters-768': { metric: 'cosine', dimensions: 768, make: () => clusters(20_000, 768, 100, 48) },
  'norms-128': { metric: 'dot', dimensions: 128, make: () => heavyNorms(60_000, 128) },
  'uniform-25': { metric: 'l2', dimensions: 25, make: () => uniform(80_000, 25) },
  'histograms-64': { metric: 'l2', dimensions: 64, make: () => histograms(60_000, 64) },
};

export async function otherSets(): Promise<SetPlace[]> {
  const places = Object.entries(OTHER_SETS).map(([name, set]) => ({ name, metric: set.metric, folder: join(BENCH_CACHE, name), set }));
  for (const { folder, set } of places) {
    if (await isWritten(folder)) continue;
    const { dimensions } = set;
    const values = shuffledRows(await set.make(), dimensions);
    const rows = (from: number, to?: number) => vectorsOf(dimensions, values.slice(from * dimensions, to && to * dimensions));
    await writeVectorSet(folder, rows(QUERIES), rows(0, QUERIES));
  }
  return places;
}

/** The default model's vectors of WordNet's glosses, which are real sentences. */
async function glosses(): Promise<Float32Array> {
  const { tokeniser, encoder } = defaultModel;
  const synsets = (await Promise.all(GLOSS_FILES.map(readSynsets))).flat();
  const texts = [...new Set(synsets.map(({ gloss }) => gloss))]
    .map((text) => tokeniser.tokenise(text).ids)
    .filter(({ length }) => length > 0);
  const { dimensions } = encoder.manifest;
  const values = new Float32Array(texts.length * dimensions);
  for (let start = 0; start < texts.length; start += TEXTS_AT_ONCE)
    values.set(encoder.embed(tokenBatch(texts.slice(start, start + TEXTS_AT_ONCE))), start * dimensions);
  return values;
}

/** Clusters of very different sizes, each with large variance in a few directions and a little in all, like embeddings. */
function clusters(count: number, dimensions: number, clusterCount: number, directions: number): Float32Array {
  const random = new Gaussian(11);
  const centres = Array.from({ length: clusterCount }, () => random.vector(dimensions, 1));
  const axes = Array.from({ length: clusterCount }, () => Array.from({ length: directions }, () => random.vector(dimensions, 1)));
  const values = new Float32Array(count * dimensions);
  for (let row = 0; row < count; row += 1) {
    // The n-th cluster has a share of about 1/n.
    const cluster = Math.floor(clusterCount ** random.uniform()) % clusterCount;
    const value = random.vector(dimensions, 0.15).map((noise, i) => noise + (centres[cluster]![i] ?? 0));
    axes[cluster]!.forEach((axis, rank) => {
      const along = random.next() / Math.sqrt(1 + rank);
      for (let i = 0; i < dimensions; i += 1) value[i] = value[i]! + along * axis[i]! * 0.5;
    });
    values.set(value, row * dimensions);
  }
  return values;
}

/** Like the factors of a recommender: a few items are a hundred times as long as most. */
function heavyNorms(count: number, dimensions: number): Float32Array {
  const random = new Gaussian(12);
  const spread = Array.from({ length: dimensions }, (_, i) => 1 / Math.sqrt(1 + i));
  const values = new Float32Array(count * dimensions);
  for (let row = 0; row < count; row += 1) {
    const length = Math.exp(random.next());
    values.set(
      random.vector(dimensions, length).map((value, i) => value * spread[i]!),
      row * dimensions,
    );
  }
  return values;
}

/** Uniform vectors, without clusters. */
function uniform(count: number, dimensions: number): Float32Array {
  const random = new Gaussian(13);
  return Float32Array.from({ length: count * dimensions }, () => random.uniform());
}

/** Like histograms of pictures: small non-negative integers, similar in neighbouring bins, many of them equal, far from the origin. */
function histograms(count: number, dimensions: number): Float32Array {
  const random = new Gaussian(14);
  const prototypes = Array.from({ length: 200 }, () => smoothed(random.vector(dimensions, 40), 3));
  const values = new Float32Array(count * dimensions);
  for (let row = 0; row < count; row += 1) {
    const prototype = prototypes[Math.floor(random.uniform() * prototypes.length)]!;
    const noise = smoothed(random.vector(dimensions, 30), 1);
    values.set(
      prototype.map((value, i) => Math.min(255, Math.max(0, Math.round(value + noise[i]!)))),
      row * dimensions,
    );
  }
  return values;
}

/** Replaces each component by the mean of those within `reach`. */
const smoothed = (values: Float32Array, reach: number): Float32Array =>
  values.map((_, i) => {
    const near = values.subarray(Math.max(0, i - reach), i + reach + 1);
    return near.reduce((sum, value) => sum + value, 0) / Math.sqrt(near.length);
  });

function shuffledRows(values: Float32Array, dimensions: number): Float32Array<ArrayBuffer> {
  const random = new Gaussian(15);
  const order = Array.from({ length: values.length / dimensions }, (_, row) => ({ row, key: random.uniform() }));
  order.sort((a, b) => a.key - b.key || a.row - b.row);
  const result = new Float32Array(values.length);
  order.forEach(({ row }, place) => result.set(values.subarray(row * dimensions, (row + 1) * dimensions), place * dimensions));
  return result;
}
