import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { GateVerdict } from '../../../../src/inference/build/gate/model-gate.ts';
import { GATE_BOUNDS, judge } from '../../../../src/inference/build/gate/model-gate.ts';
import { ndcgs, nearestOfQueries } from '../../../../src/inference/build/gate/retrieval-figures.ts';
import { sha256Hex, utf8 } from '../../../../src/kernel/bytes.ts';
import { readModelFolder } from '../../../../workers/builds/model-folder.ts';
import type { TextEmbedder } from '../../../../workers/builds/text-embedder.ts';
import { textEmbedder } from '../../../../workers/builds/text-embedder.ts';
import type { Collection } from '../../encoders/collections.ts';
import { interleavedCpuMs } from '../interleaved-cpu.ts';
import type { Judged } from './cascade-curve.ts';
import type { Variant } from './made-variants.ts';
import { ENCODINGS_CACHE } from './made-variants.ts';

/** Vectors of the texts of a collection under a variant, row-major. */
export interface Encoded {
  readonly dimensions: number;
  readonly queries: Float32Array;
  readonly documents: Float32Array;
}

/** Variants that were started, with their encodings of collections. */
export class VariantFigures {
  readonly #embedders = new Map<string, TextEmbedder>();
  readonly #encoded = new Map<string, Encoded>();

  async bytesOf({ folder }: Variant): Promise<number> {
    for (const name of ['model.onnx', 'model.safetensors'])
      if (existsSync(join(folder, name))) return (await stat(join(folder, name))).size;
    return Number.NaN;
  }

  async encode(variant: Variant, collection: Collection): Promise<Encoded> {
    const key = `${variant.folder}, ${variant.form}, ${collection.name}`;
    const known = this.#encoded.get(key);
    if (known !== undefined) return known;
    const [queries, documents] = [
      await this.#vectors(variant, collection.queries, 'query'),
      await this.#vectors(variant, collection.documents, 'passage'),
    ];
    const encoded = { dimensions: queries.length / collection.queries.length, queries, documents };
    this.#encoded.set(key, encoded);
    return encoded;
  }

  /** The median CPU of a query, of variants in turn, in ms. */
  async cpuMs(variants: readonly Variant[], queries: readonly string[], rounds: number): Promise<Map<string, number>> {
    const contenders = [];
    for (const variant of variants) {
      const embedder = await this.#embedder(variant);
      let at = 0;
      contenders.push({ name: variant.name, run: () => embedder.embed([queries[at++ % queries.length] ?? ''], 'query') });
    }
    // Until V8 has optimised the kernels, which it does in another thread.
    await interleavedCpuMs(contenders, 8);
    return interleavedCpuMs(contenders, rounds);
  }

  async close(): Promise<void> {
    for (const embedder of this.#embedders.values()) await embedder.close();
  }

  async #embedder(variant: Variant): Promise<TextEmbedder> {
    const started = this.#embedders.get(variant.name) ?? (await textEmbedder(await readModelFolder(variant.folder), variant.form));
    this.#embedders.set(variant.name, started);
    return started;
  }

  async #vectors(variant: Variant, texts: readonly string[], use: 'query' | 'passage'): Promise<Float32Array> {
    const embed = async () => (await (await this.#embedder(variant)).embed(texts, use)).vectors;
    if (ENCODINGS_CACHE === undefined) return embed();
    const { inputs } = await readModelFolder(variant.folder);
    const of = await sha256Hex(utf8(JSON.stringify([inputs, variant.form, use, texts])));
    const path = join(ENCODINGS_CACHE, `${of}.f32`);
    if (existsSync(path)) return new Float32Array(new Uint8Array(await readFile(path)).buffer);
    const vectors = await embed();
    await mkdir(ENCODINGS_CACHE, { recursive: true });
    await writeFile(path, new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength));
    return vectors;
  }
}

/** A variant's queries in its own documents, or in those of its teacher. */
export const taskOf = ({ dimensions, queries }: Encoded, { documents }: Encoded) => ({ dimensions, queries, documents });

/** The verdict of `sluice models gate`, of vectors that are there already. */
export const verdictOn = (candidate: Encoded, base: Encoded, { relevance }: Collection): GateVerdict =>
  judge({ base, candidate, relevance }, GATE_BOUNDS);

/** How sure a variant is of each query, by how far its first document is ahead of its tenth, and what its rankings are worth. */
export function judgedQueries(name: string, cpuMs: number, task: Encoded, { relevance }: Collection): Judged {
  const nearest = nearestOfQueries(task);
  const scoreOf = (query: number, document: number) => {
    let score = 0;
    for (let d = 0; d < task.dimensions; d += 1)
      score += task.queries[query * task.dimensions + d]! * task.documents[document * task.dimensions + d]!;
    return score;
  };
  const confidence = nearest.map((documents, query) => scoreOf(query, documents[0] ?? 0) - scoreOf(query, documents.at(-1) ?? 0));
  return { name, cpuMs, confidence, ndcg: [...ndcgs(nearest, relevance)] };
}
