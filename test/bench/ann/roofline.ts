import { nibbleCount } from '../../../src/ann/lists/list-model.ts';
import { ProbeKernels } from '../../../src/ann/lists/probe-kernels.ts';
import { PageMemory } from '../../../src/ann/page-memory.ts';
import { compileExactKernels, instantiateExactKernels } from './exact-kernels.ts';
import { kernelModule } from './kernel-module.ts';
import { openImage } from './list-image.ts';
import type { Depth } from './list-trial.ts';
import { ListTrial } from './list-trial.ts';
import type { VectorSet } from './vector-set.ts';
import { vectorAt } from './vectors.ts';

const MIB = 1024 * 1024;
const MEMORY_BYTES = 512 * MIB;
// Fits the second-level cache, fits the third, and exceeds both, on the machines used so far.
const READ_MIB = [0.5, 16, 256];
const READ_ROUNDS = 7;
const PROBES = 400;
const PASSES = 9;
const CHUNK = 4;
const TOP_K = 10;

/** The time of a query as a sum of work times cost per unit, fitted over depths with different proportions of the kinds of work. */
export interface Roofline {
  /** By size in MiB: the speed of one thread that reads that much memory over and over. */
  readonly readGBs: Readonly<Record<string, number>>;
  readonly fixedUs: number;
  readonly nsPerCode: number;
  readonly nsPerRescored: number;
  /** The time to scan one nibble of 32 entries: 8 instructions on 16 bytes, two of them shuffles. */
  readonly nsPerBlockNibble: number;
  /** At the given depth: the bytes a query reads, the time to read them at memory speed, and the time of the query. */
  readonly bytesTouched: number;
  readonly memoryUs: number;
  readonly queryUs: number;
}

interface Sample {
  readonly depth: Depth;
  readonly us: number;
  readonly codes: number;
  readonly rescored: number;
  readonly bytes: number;
}

export async function roofline(set: VectorSet, image: Uint8Array, depth: Depth): Promise<Roofline> {
  const readGBs = await readSpeeds();
  const kernels = new ProbeKernels(kernelModule('probe.relaxed'), new PageMemory(MEMORY_BYTES));
  const opened = openImage(kernels, image);
  const nibbles = nibbleCount(opened.model);
  const trial = new ListTrial(kernels, set.metric, set.base, opened);
  const depths = [
    depth,
    ...[0.6, 0.8, 1, 1.2].flatMap((of) => [50, 200, 400].map((rescore) => ({ ...depth, stop: depth.stop * of, rescore }))),
  ];
  const samples = timed(trial, set, depths);
  const [fixedUs = 0, usPerCode = 0, usPerRescored = 0] = leastSquares(
    samples.map(({ codes, rescored }) => [1, codes, rescored]),
    samples.map(({ us }) => us),
  );
  const asked = samples[0];
  const bytesTouched = asked?.bytes ?? 0;
  return {
    readGBs,
    fixedUs,
    nsPerCode: usPerCode * 1000,
    nsPerRescored: usPerRescored * 1000,
    nsPerBlockNibble: (usPerCode * 1000 * 32) / nibbles,
    bytesTouched,
    memoryUs: bytesTouched / ((readGBs[`${READ_MIB.at(-1)} MiB`] ?? 0) * 1000),
    queryUs: asked?.us ?? 0,
  };
}

async function readSpeeds(): Promise<Record<string, number>> {
  const memory = new WebAssembly.Memory({ initial: (256 * MIB) / 65_536 });
  new Uint8Array(memory.buffer).fill(1);
  const kernels = instantiateExactKernels(await compileExactKernels(), memory);
  const speeds: Record<string, number> = {};
  for (const mib of READ_MIB) {
    const times = Math.max(1, Math.round(256 / mib));
    let bestS = Infinity;
    for (let round = 0; round < READ_ROUNDS; round += 1) {
      const startedMs = performance.now();
      for (let i = 0; i < times; i += 1) kernels.read(0, mib * MIB);
      bestS = Math.min(bestS, (performance.now() - startedMs) / 1000);
    }
    speeds[`${mib} MiB`] = (times * mib * MIB) / bestS / 1e9;
  }
  return speeds;
}

/** The time of a depth: its queries run in small chunks, and the best time of each chunk counts, so that disturbances hardly show. */
function timed(trial: ListTrial, set: VectorSet, depths: readonly Depth[]): Sample[] {
  const best = depths.map(() => new Float64Array(PROBES / CHUNK).fill(Infinity));
  const costs = depths.map(() => ({ codes: 0, rescored: 0, bytes: 0 }));
  for (let pass = 0; pass < PASSES; pass += 1) {
    for (const [i, depth] of depths.entries()) {
      for (let chunk = 0; chunk < PROBES / CHUNK; chunk += 1) {
        const startedMs = performance.now();
        for (let query = chunk * CHUNK; query < (chunk + 1) * CHUNK; query += 1) trial.search(vectorAt(set.queries, query), TOP_K, depth);
        best[i]![chunk] = Math.min(best[i]![chunk]!, performance.now() - startedMs);
        if (pass === 0) addCost(costs[i]!, trial);
      }
    }
  }
  return depths.map((depth, i) => {
    const { codes, rescored, bytes } = costs[i]!;
    // The cost of a chunk's last query stands for all of the chunk.
    const of = PROBES / CHUNK;
    return {
      depth,
      us: (best[i]!.reduce((a, b) => a + b, 0) / PROBES) * 1000,
      codes: codes / of,
      rescored: rescored / of,
      bytes: bytes / of,
    };
  });
}

function addCost(sum: { codes: number; rescored: number; bytes: number }, { cost }: ListTrial): void {
  sum.codes += cost?.codesScanned ?? 0;
  sum.rescored += cost?.rescored ?? 0;
  sum.bytes += cost?.bytesTouched ?? 0;
}

/** The coefficients of the least-squares fit to `values`, by the normal equations. */
function leastSquares(rows: readonly (readonly number[])[], values: readonly number[]): number[] {
  const size = rows[0]?.length ?? 0;
  const at = (row: readonly number[], i: number): number => row[i] ?? 0;
  const matrix = Array.from({ length: size }, (_, i) => [
    ...Array.from({ length: size }, (__, j) => rows.reduce((sum, row) => sum + at(row, i) * at(row, j), 0)),
    rows.reduce((sum, row, k) => sum + at(row, i) * (values[k] ?? 0), 0),
  ]);
  for (let pivot = 0; pivot < size; pivot += 1) {
    const row = matrix[pivot]!.map((value) => value / matrix[pivot]![pivot]!);
    matrix.forEach((other, i) => {
      if (i !== pivot) matrix[i] = other.map((value, j) => value - other[pivot]! * row[j]!);
    });
    matrix[pivot] = row;
  }
  return matrix.map((row) => row[size]!);
}
