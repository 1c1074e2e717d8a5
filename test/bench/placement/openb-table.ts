import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PUBLISHED_FGD } from '../../../src/scheduler/simulator/openb/fgd.ts';
import { readOpenb } from '../../../src/scheduler/simulator/openb/read-openb.ts';
import type { Mark } from '../../../src/scheduler/simulator/openb/study.ts';
import { MARKS, studyOpenb } from '../../../src/scheduler/simulator/openb/study.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { cpuMs } from '../scheduler/cpu-ms.ts';
import { traceFile, valueOf } from './trace-file.ts';

type ByMark = Readonly<Record<Mark, number>>;

interface OpenbRow {
  readonly trace: string;
  readonly sluice: ByMark;
  readonly fgdReplica: ByMark;
  readonly fgdPublished: ByMark | null;
  readonly pairedWins: ByMark;
}

/** The accelerators allocated on each list of jobs in a folder, beside FGD as published and as replayed here. */
export async function openbTable(folder: string, quick: boolean): Promise<readonly OpenbRow[]> {
  const nodes = await traceFile(join(folder, 'openb_node_list_gpu_node.csv'));
  const seeds = Array.from({ length: quick ? 2 : 10 }, (_, index) => 42 + index);
  const lists = (await readdir(folder)).filter((name) => /^openb_pod_list_\w+\.csv$/.test(name)).sort();
  console.log(`openb: accelerators allocated, %, mean of ${seeds.length} seeds from 42 on; ${nodes.name}`);
  console.log(`  ${'arrived'.padEnd(14)}${MARKS.map((mark) => `${mark} %`.padEnd(36)).join('')}`);
  console.log(`  ${''.padEnd(14)}${MARKS.map(() => 'Sluice  FGD   published  leads on'.padEnd(36)).join('')}`);
  const rows: OpenbRow[] = [];
  const startedMs = cpuMs();
  for (const list of lists) {
    const trace = list.slice('openb_pod_list_'.length, -'.csv'.length);
    const { summary, pairedWins } = studyOpenb(valueOf(readOpenb(nodes, await traceFile(join(folder, list)))), seeds, chanceOf);
    const [sluice, fgd] = [summary[0]!.mean, summary[1]!.mean];
    rows.push({ trace, sluice, fgdReplica: fgd, fgdPublished: PUBLISHED_FGD[trace] ?? null, pairedWins });
    const cells = MARKS.map((mark) => {
      const published = PUBLISHED_FGD[trace]?.[mark].toFixed(2) ?? '-';
      return `${sluice[mark].toFixed(2)}  ${fgd[mark].toFixed(2)}  ${published.padEnd(9)}  ${pairedWins[mark]} of ${seeds.length}`.padEnd(
        36,
      );
    });
    console.log(`  ${trace.padEnd(14)}${cells.join('')}`);
  }
  const replays = 2 * lists.length * seeds.length;
  console.log(`  ${replays} replays, ${((cpuMs() - startedMs) / 1_000 / replays).toFixed(2)} s of CPU each\n`);
  return rows;
}

function chanceOf(seed: number): () => number {
  const random = new Seeded(seed);
  return () => random.next();
}
