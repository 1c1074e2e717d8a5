import { PageMemory } from '../../../src/ann/page-memory.ts';
import type { Centroid, EncodedEntries, ListModel } from '../../../src/ann/lists/list-model.ts';
import {
  centroidOf,
  centroidValues,
  CODEWORDS,
  nibbleCount,
  prepare,
  quantiseTo,
  subspaceCount,
} from '../../../src/ann/lists/list-model.ts';
import { PostingLists } from '../../../src/ann/lists/posting-lists.ts';
import { ProbeKernels } from '../../../src/ann/lists/probe-kernels.ts';
import { RowBitmap } from '../../../src/ann/lists/row-bitmap.ts';
import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import { probeModule } from '../fakes/probe-module.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

export interface ListWorldOptions {
  readonly metric: Metric;
  readonly dimensions: number;
  readonly subspaceDimensions: number;
  readonly hasLowPlane: boolean;
  readonly seed: number;
  readonly listCount: number;
  readonly vectorCount: number;
  /** Approximate largest magnitude of a value. */
  readonly magnitude: number;
  /** Distance of a list's vectors from its centre, relative to the magnitude. */
  readonly spread: number;
  readonly module?: WebAssembly.Module;
}

export interface Entry {
  readonly row: number;
  readonly list: number;
  /** The values as stored. */
  readonly values: Float32Array;
  readonly nibbles: Uint8Array;
  readonly codes: Int8Array;
  readonly low: Int8Array;
  readonly scale: number;
}

const memory = new PageMemory(64 * 1024 * 1024);

/** Random posting lists, and the entries of each list as plain objects in the order they were appended. */
export class ListWorld {
  readonly memory = memory;
  readonly model: ListModel;
  readonly kernels: ProbeKernels;
  readonly lists: PostingLists;
  readonly allowed = new RowBitmap(memory);
  readonly centroids: Centroid[];
  readonly entries: Entry[][];
  readonly random: Seeded;
  readonly #options: ListWorldOptions;
  readonly #centres: Float32Array[];

  constructor(options: ListWorldOptions) {
    this.#options = options;
    const { metric, dimensions, subspaceDimensions, hasLowPlane, spread, magnitude } = options;
    const { random, subspaces } = { random: new Seeded(options.seed), subspaces: subspaceCount(options) };
    this.random = random;
    this.#centres = Array.from({ length: options.listCount }, () => this.#vector(magnitude));
    const unit = metric === 'cosine' ? 1 / Math.sqrt(dimensions) : magnitude;
    const codebook = Float32Array.from({ length: subspaces * CODEWORDS * subspaceDimensions }, (_, i) => {
      const isPadding = Math.floor(i / (CODEWORDS * subspaceDimensions)) * subspaceDimensions + (i % subspaceDimensions) >= dimensions;
      return isPadding ? 0 : (random.next() * 2 - 1) * unit * spread;
    });
    const squared = metric === 'l2' ? dimensions * magnitude * magnitude * spread * 0.02 : 0;
    this.model = {
      metric,
      dimensions,
      subspaceDimensions,
      mean: metric === 'l2' ? this.#vector(magnitude / 4) : new Float32Array(dimensions),
      codebook,
      biasMin: -squared,
      biasStep: (squared * 2) / 255,
      distortion: 0,
      hasLowPlane,
    };
    this.kernels = new ProbeKernels(options.module ?? probeModule, memory);
    this.lists = new PostingLists(this.kernels, this.model);
    this.centroids = this.#centres.map((centre) => centroidOf(this.#prepared(centre)));
    this.entries = this.centroids.map(() => []);
    for (const [list, centroid] of this.centroids.entries()) this.lists.putList(list, centroid, 0);
    for (let row = 0; row < options.vectorCount; row += 1) this.add(1 + row * 3);
    this.appendAll();
    for (const entry of this.entries.flat()) if (random.next() < 0.8) this.allowed.add(entry.row);
  }

  /** A random vector near the centre of a list. */
  near(list: number): Float32Array {
    const { magnitude, spread } = this.#options;
    return this.#centres[list]!.map((value) => clamped(value + (this.random.next() * 2 - 1) * magnitude * spread));
  }

  /** Makes an entry of a random list; `appendAll` appends it. */
  add(row: number): Entry {
    const list = Math.floor(this.random.next() ** 2 * this.centroids.length);
    const entry = this.#encode(row, list, this.near(list));
    this.entries[list]!.push(entry);
    return entry;
  }

  appendAll(): void {
    for (const [list, entries] of this.entries.entries()) {
      // Two appends, as separate writes would do.
      const columns = this.columns(entries);
      const half = Math.floor(entries.length / 2);
      this.lists.append(list, columns, 0, half);
      this.lists.append(list, columns, half, entries.length);
    }
  }

  columns(entries: readonly Entry[]): EncodedEntries {
    const { hasLowPlane, dimensions } = this.model;
    const flat = <T extends Uint8Array | Int8Array>(out: T, width: number, of: (entry: Entry) => T): T => {
      for (const [i, entry] of entries.entries()) out.set(of(entry), i * width);
      return out;
    };
    const nibbles = nibbleCount(this.model);
    return {
      count: entries.length,
      rows: Float64Array.from(entries, ({ row }) => row),
      nibbles: flat(new Uint8Array(entries.length * nibbles), nibbles, (entry) => entry.nibbles),
      codes: flat(new Int8Array(entries.length * dimensions), dimensions, (entry) => entry.codes),
      scales: Float32Array.from(entries, ({ scale }) => scale),
      low: hasLowPlane ? flat(new Int8Array(entries.length * dimensions), dimensions, (entry) => entry.low) : null,
    };
  }

  free(): void {
    this.lists.free();
    this.allowed.free();
    this.kernels.free();
  }

  #vector(magnitude: number): Float32Array {
    return Float32Array.from({ length: this.#options.dimensions }, () => clamped((this.random.next() * 2 - 1) * magnitude));
  }

  #prepared(values: Float32Array): Float32Array {
    const out = new Float32Array(values.length);
    prepare(this.model, values, out);
    return out;
  }

  #encode(row: number, list: number, values: Float32Array): Entry {
    const prepared = this.#prepared(values);
    const codes = new Int8Array(values.length);
    const scale = quantiseTo(prepared, codes);
    const low = Int8Array.from(codes, (code, i) =>
      scale === 0 ? 0 : Math.max(-128, Math.min(127, Math.round((prepared[i]! / scale - code) * 256))),
    );
    return { row, list, values, nibbles: this.#nibblesOf(prepared, list), codes, low, scale };
  }

  /** Usually the nearest codeword of each subspace; padding is random. */
  #nibblesOf(prepared: Float32Array, list: number): Uint8Array {
    const { subspaceDimensions: width, codebook, dimensions } = this.model;
    const centroid = centroidValues(this.centroids[list]!);
    const nibbles = new Uint8Array(nibbleCount(this.model));
    // Some entries have the codes closest to queries near their list: their sums saturate.
    const isExtreme = this.random.next() < 0.05;
    for (let subspace = 0; subspace < nibbles.length; subspace += 1) {
      if (subspace >= subspaceCount(this.model)) nibbles[subspace] = Math.floor(this.random.next() * CODEWORDS);
      else {
        let nearest = Infinity;
        for (let codeword = 0; codeword < CODEWORDS; codeword += 1) {
          let distance = 0;
          for (let i = 0, at = subspace * width; i < width && at < dimensions; i += 1, at += 1) {
            const component = codebook[(subspace * CODEWORDS + codeword) * width + i]!;
            distance += isExtreme ? -prepared[at]! * component : (prepared[at]! - centroid[at]! - component) ** 2;
          }
          if (distance < nearest) [nearest, nibbles[subspace]] = [distance, codeword];
        }
      }
    }
    return nibbles;
  }
}

const clamped = (value: number): number => Math.max(-3.4e38, Math.min(3.4e38, value));
