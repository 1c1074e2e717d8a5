import type { TableFile } from '../../src/scheduler/simulator/table/read-table.ts';
import { Seeded } from '../../src/kernel/seeded.ts';

/** Types of nodes: how many, of what. */
const NODES = [
  { count: 14, cpu: 96_000, gpu: 8, model: 'G2' },
  { count: 10, cpu: 64_000, gpu: 2, model: 'P100' },
  { count: 8, cpu: 96_000, gpu: 4, model: 'T4' },
  { count: 6, cpu: 128_000, gpu: 8, model: 'V100' },
];

/** What jobs ask for, about as often as in the traces: CPU only, parts, one, and several accelerators. */
const SHAPES = [
  { share: 0.12, cpus: [4_000, 8_000, 16_000], gpu: 0, milli: [0] },
  { share: 0.36, cpus: [3_000, 6_000, 8_000], gpu: 1, milli: [120, 270, 460, 500, 810] },
  { share: 0.48, cpus: [4_000, 8_000, 12_000, 16_000], gpu: 1, milli: [1_000] },
  { share: 0.02, cpus: [12_000, 24_000], gpu: 2, milli: [1_000] },
  { share: 0.01, cpus: [24_000, 48_000], gpu: 4, milli: [1_000] },
  { share: 0.01, cpus: [64_000, 88_000], gpu: 8, milli: [1_000] },
];

/** A list of nodes and one of jobs, of which a share insists on types of accelerators; the same for the same seed. */
export function syntheticOpenb(seed: number, pods = 320, boundShare = 0.25): { readonly nodes: TableFile; readonly pods: TableFile } {
  const random = new Seeded(seed);
  const oneOf = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)]!;
  const nodes = NODES.flatMap(({ count, cpu, gpu, model }) => Array.from({ length: count }, () => `${cpu},393216,${gpu},${model}`));
  const shape = (): (typeof SHAPES)[number] => {
    let left = random.next();
    return SHAPES.find(({ share }) => (left -= share) < 0) ?? SHAPES[1]!;
  };
  const jobs = Array.from({ length: pods }, () => {
    const { cpus, gpu, milli } = shape();
    const spec = gpu > 0 && gpu < 8 && random.next() < boundShare ? oneOf(['V100', 'V100|T4', 'G2', 'P100|T4']) : '';
    return `${oneOf(cpus)},${oneOf([8_192, 16_384, 32_768])},${gpu},${gpu === 0 ? 0 : oneOf(milli)},${gpu > 2 ? '' : spec}`;
  });
  return {
    nodes: { name: 'nodes.csv', text: `sn,cpu_milli,memory_mib,gpu,model\n${named('node', nodes)}` },
    pods: { name: 'pods.csv', text: `name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n${named('pod', jobs)}` },
  };
}

const named = (name: string, lines: readonly string[]): string =>
  lines.map((line, index) => `${name}-${String(index).padStart(4, '0')},${line}\n`).join('');
