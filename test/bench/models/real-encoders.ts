import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';

import { REPLAYED } from '../../../src/inference/cost/replayed-stack.ts';
import { glossTexts } from '../../../src/inference/build/wordnet.ts';
import { readSynsets } from '../../../workers/builds/wordnet-files.ts';
import { table } from '../../../workers/cli/command/command.ts';
import { ROOT } from '../../../workers/local/paths.ts';
import type { Collection } from '../encoders/collections.ts';
import { COLLECTIONS, cranfield, sampled, scifact } from '../encoders/collections.ts';
import type { CurvePoint, Judged } from './real/cascade-curve.ts';
import { cascadePoint, cheapestAt } from './real/cascade-curve.ts';
import type { Variant } from './real/made-variants.ts';
import { distilled, gatedByCommand, prunedAndQuantised } from './real/made-variants.ts';
import { servedRows } from './real/served-variants.ts';
import { judgedQueries, taskOf, VariantFigures, verdictOn } from './real/variant-figures.ts';

/** Where encoders are, each a folder in Hugging Face's layout, if there are any: no test needs them. */
const ENCODERS = process.env['SLUICE_ENCODERS'] ?? join(ROOT, '../shared/models');
const SIZE = { queries: 100, documents: 600 };
const QUICK_SIZE = { queries: 60, documents: 400 };
const CALIBRATION_TEXTS = 8;
/** Shares of the queries that a cascade passes on. */
const SHARES = [0, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.6, 0.8, 1];

/** What smaller variants of real encoders cost and find, each made, judged and served by the commands. */
export async function realEncodersBench(quick: boolean): Promise<void> {
  const [minilm, weights, bge] = [
    folderWith('all-minilm-l6-v2-q', 'model.onnx'),
    folderWith('all-minilm-l6-v2', 'model.safetensors'),
    folderWith('bge-small-en-v1.5-q', 'model.onnx'),
  ];
  if (minilm === undefined) return console.log(`No encoders in ${ENCODERS} (SLUICE_ENCODERS): nothing is measured.`);
  if (weights === undefined) console.log(`No all-minilm-l6-v2/model.safetensors in ${ENCODERS}: float32 is not measured.`);
  const collections = [scifact(), cranfield()].flatMap((whole) => (whole === undefined ? [] : [sampled(whole, quick ? QUICK_SIZE : SIZE)]));
  if (collections.length === 0) return console.log(`No collections in ${COLLECTIONS} (SLUICE_COLLECTIONS): nothing is measured.`);
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-variants-'));
  const figures = new VariantFigures();
  try {
    const calibration = join(scratch, 'calibration.jsonl');
    const glosses = glossTexts(await readSynsets('data.noun'), CALIBRATION_TEXTS, 5);
    await writeFile(calibration, glosses.map(({ gloss }) => JSON.stringify({ text: gloss })).join('\n'));
    const variants = await prunedAndQuantised({ minilm, weights, bge }, scratch, calibration);
    for (const name of ['MiniLM, published int8', 'bge, published int8']) {
      const teacher = variants.find((variant) => variant.name === name);
      if (teacher === undefined) continue;
      const vectors: Float32Array[] = [];
      for (const collection of collections) vectors.push((await figures.encode(teacher, collection)).documents);
      variants.push(...(await distilled(teacher, collections, vectors, scratch)));
    }
    for (const variant of variants.filter(({ name }) => name === 'MiniLM int8')) {
      const base = variants.find(({ name }) => name === variant.base);
      if (base !== undefined) console.log(`${variant.name}: ${await gatedByCommand(variant, base, collections[0]!, scratch)}`);
    }
    const judged = await judgedVariants(figures, variants, collections, quick);
    console.log(
      `${collections.map(({ name, queries, documents }) => `${name}: ${queries.length} queries, ${documents.length} documents`).join('; ')}; load ${loadavg()[0]?.toFixed(1)}`,
    );
    printVariants(judged);
    printCascades(judged, collections);
    console.log(
      `\nServed over HTTP\n\n${table(['model', 'added', 'nDCG@10', 'CPU a query', 'again, from the cache'], await servedRows(figures, variants, collections[0]!))}`,
    );
  } finally {
    await figures.close();
    await rm(scratch, { recursive: true });
  }
}

const folderWith = (name: string, file: string): string | undefined =>
  existsSync(join(ENCODERS, name, file)) ? join(ENCODERS, name) : undefined;

interface JudgedVariant {
  readonly variant: Variant;
  readonly bytes: number;
  readonly cpuMs: number;
  /** Of each collection, in order. */
  readonly queries: readonly Judged[];
  readonly gate: string;
}

async function judgedVariants(
  figures: VariantFigures,
  variants: readonly Variant[],
  collections: readonly Collection[],
  quick: boolean,
): Promise<JudgedVariant[]> {
  const cpu = await figures.cpuMs(variants, collections[0]?.queries ?? [], quick ? 21 : 61);
  const named = new Map(variants.map((variant) => [variant.name, variant]));
  const rows: JudgedVariant[] = [];
  for (const variant of variants) {
    const cpuMs = cpu.get(variant.name) ?? Number.NaN;
    const queries: Judged[] = [];
    const verdicts: string[] = [];
    for (const collection of collections) {
      const own = await figures.encode(variant, collection);
      const documentsOf = named.get(variant.documentsOf ?? '');
      const task = taskOf(own, documentsOf === undefined ? own : await figures.encode(documentsOf, collection));
      queries.push(judgedQueries(variant.name, cpuMs, task, collection));
      const base = named.get(variant.base ?? '');
      if (base === undefined) continue;
      const { passes, overlapAt10, ndcgAt10 } = verdictOn(task, await figures.encode(base, collection), collection);
      verdicts.push(`${passes ? 'passes' : 'refused'} (${overlapAt10.value.toFixed(2)}, ${ndcgAt10.ratio.low.toFixed(2)})`);
    }
    rows.push({ variant, bytes: await figures.bytesOf(variant), cpuMs, queries, gate: verdicts.join('; ') });
  }
  return rows;
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** `times cheaper` is than the first, which is in float32 where that is there; behind a cache where as many queries repeat as in the trace that `bench -- cost` replays. */
function printVariants(judged: readonly JudgedVariant[]): void {
  const [baseline] = judged;
  const hitless = 1 - REPLAYED.repeatRate;
  const rows = judged.map(({ variant, bytes, cpuMs, queries, gate }) => [
    variant.name,
    bytes,
    cpuMs.toFixed(2),
    ((baseline?.cpuMs ?? Number.NaN) / cpuMs).toFixed(1),
    ((baseline?.cpuMs ?? Number.NaN) / (cpuMs * hitless)).toFixed(1),
    ...queries.flatMap(({ ndcg }, i) => [
      meanOf(ndcg).toFixed(3),
      `${(100 * (1 - meanOf(ndcg) / meanOf(baseline?.queries[i]?.ndcg ?? [])) || 0).toFixed(1)} %`,
    ]),
    gate,
  ]);
  const each = judged[0]?.queries.flatMap((_, i) => [['SciFact', 'Cranfield'][i] ?? '', 'lost']) ?? [];
  console.log(`\n${table(['model', 'bytes', 'CPU ms a query', 'times cheaper', 'and cached', ...each, 'gate (overlap, ratio)'], rows)}`);
}

const CASCADES = [
  ['static student of MiniLM, published int8, in its index', 'MiniLM, published int8'],
  ['MiniLM, published int8', 'bge, published int8'],
  ['static student of bge, published int8, in its index', 'bge, published int8'],
  ['static student of MiniLM, published int8, in its index', 'MiniLM, published int8', 'bge, published int8'],
];

function printCascades(judged: readonly JudgedVariant[], collections: readonly Collection[]): void {
  const rows: (string | number)[][] = [];
  const [baseline] = judged;
  for (const names of CASCADES) {
    const members = names.flatMap((name) => judged.find(({ variant }) => variant.name === name) ?? []);
    if (members.length < names.length) continue;
    for (const [i, { name }] of collections.entries()) {
      const models = members.map(({ queries }) => queries[i]!);
      const title = [names.join(' > '), name];
      for (const share of members.length === 2 ? SHARES : []) {
        const { ndcg, cpuMs } = cascadePoint(models, [share]);
        rows.push([...title, share.toFixed(2), ...pointCells({ ndcg, cpuMs }, baseline?.cpuMs)]);
      }
      const whole = meanOf(baseline?.queries[i]?.ndcg ?? []);
      const best = cheapestAt(models, whole * 0.99);
      if (best === undefined) continue;
      const shares = best.escalated.map((share) => share.toFixed(2)).join(', ');
      rows.push([...title, `${shares}: cheapest at 1 %`, ...pointCells(best, baseline?.cpuMs)]);
    }
  }
  console.log(`\n${table(['cascade', 'collection', 'passed on', 'nDCG@10', 'CPU ms a query', 'times cheaper', 'and cached'], rows)}`);
}

function pointCells({ ndcg, cpuMs }: Pick<CurvePoint, 'ndcg' | 'cpuMs'>, baselineMs = Number.NaN): string[] {
  const times = baselineMs / cpuMs;
  return [ndcg.toFixed(3), cpuMs.toFixed(2), times.toFixed(1), (times / (1 - REPLAYED.repeatRate)).toFixed(1)];
}
