import type { TableFile } from '../../src/scheduler/simulator/table/read-table.ts';
import { Seeded } from '../../src/kernel/seeded.ts';

/** Steps a second on each type: from indifferent to fourteen times as fast, and one that is fastest on the second. */
const RATES: Readonly<Record<string, readonly [number, number, number]>> = {
  'A3C (batch size 4)': [7, 5, 4.8],
  'CycleGAN (batch size 1)': [6, 4, 0.45],
  'LM, long': [100, 90, 30],
  'Recommendation (batch size 512)': [20, 28, 22],
  'ResNet-50 (batch size 16)': [8, 5, 1.6],
};

/** Jobs that arrive by a Poisson process, of lengths whose logarithms are uniform, as in the published traces. */
export function syntheticGavel(seed: number, jobs: number): { readonly throughputs: TableFile; readonly jobs: TableFile } {
  const random = new Seeded(seed);
  const kinds = Object.keys(RATES);
  let unit = 0;
  const lines = Array.from({ length: jobs }, (_, id) => {
    unit -= Math.log(1 - random.next());
    const kind = kinds[Math.floor(random.next() * kinds.length)]!;
    const minutes = 10 ** (random.next() < 0.8 ? 1.5 + 1.5 * random.next() : 3 + random.next());
    return `${id},${unit.toFixed(6)},${kind.includes(',') ? `"${kind}"` : kind},1,${(60 * minutes * RATES[kind]![0]).toFixed(1)}\n`;
  });
  const table = (type: number) => Object.fromEntries(kinds.map((kind) => [`('${kind}', 1)`, RATES[kind]![type]]));
  // Of one type with what pairs do, too, as in the larger of the published files.
  const first = Object.fromEntries(Object.entries(table(0)).map(([key, rate]) => [key, { null: rate, "('other', 1)": [1, 2] }]));
  return {
    throughputs: { name: 'throughputs.json', text: JSON.stringify({ v100: first, p100: table(1), k80: table(2) }) },
    jobs: { name: 'jobs.csv', text: `job_id,arrival_unit,job_type,scale_factor,total_steps\n${lines.join('')}` },
  };
}
