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
// Within the second-level cache, the third and neither, on the machines this runs on.
const READ_MIB = [0.5, 16, 256];
const READ_ROUNDS = 7;
const PROBES = 400;
const PASSES = 9;
const CHUNK = 4;
const TOP_K = 10;

/** A query's time as work times what a piece of work takes: fitted over depths that mix the two differently. */
export interface Roofline {
  /** Of one thread that only reads, by the size of what it reads over and over. */
  readonly readGBs: Readonly<Record<string, number>>;
  readonly fixedUs: number;
  readonly nsPerCode: number;
  readonly nsPerRescored: number;
  /** What scanning 32 entries takes for one nibble of each: 8 instructions of 16 bytes, two of them shuffles. */
  readonly nsPerBlockNibble: number;
  /** At the depth asked about: what a query touches, what that takes at the speed of memory, and what it takes. */
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
  const depths = [depth, ...[0.6, 0.8, 1, 1.2].flatMap((of) => [50, 200, 400].map((rescore) => ({ stop: depth.stop * of, rescore })))];
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

/** The time of each depth is the sum of its queries' best times, a few queries at once: what disturbs the machine hardly shows. */
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
    // The cost of a chunk's last query stands for all of them.
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

/** The coefficients that explain `values` best, by the normal equations. */
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
