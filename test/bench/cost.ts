import { readFile, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';

import type { Assumed } from '../../src/capacity/assumptions.ts';
import { assumed } from '../../src/capacity/assumptions.ts';
import { must } from '../../src/kernel/assert.ts';
import { table } from '../../workers/cli/command/command.ts';
import { ROOT } from '../../workers/local/paths.ts';
import { minilmTexts, studentBase } from '../support/fixtures/minilm-pairs.ts';
import { installPeers } from './ann/install-peers.ts';
import type { CorrectedMean } from './cascade/corrected-interval.ts';
import type { Measure } from './cost/held-out-student.ts';
import { heldOutStudent, MEASURES } from './cost/held-out-student.ts';
import type { Setting, StepName } from './cost/stack.ts';
import { STEP_NAMES, stepsAt } from './cost/stack.ts';
import type { Replayable, StackFigures } from './cost/stack-figures.ts';
import { replaySplits, stackFigures } from './cost/stack-figures.ts';
import type { Place } from './cost/teacher-runs.ts';
import { CALL_SIZES, PLACES, TEACHERS } from './cost/teacher-runs.ts';
import { countRepeats, repeatRateOf, TRACE } from './cost/trace-repeats.ts';
import type { CostSamples } from './cost/unit-costs.ts';
import { measureCosts, unitCosts } from './cost/unit-costs.ts';

/** Texts of a sentence or two; and the recorded texts, of which the teacher reads 256 tokens. */
const LENGTHS = [32, 256] as const;
const LOSS_MAX = 0.01;
const RECORD = join(ROOT, 'src/inference/cost/replayed-stack.json');

/**
 * Everything that makes inference cheaper, switched on in order on one replayed trace, against the teacher on every call. `full`: on 20 splits, kept
 * as the figures of the cost report. `data`: the folder of the trace, to derive its repetitions again.
 */
export async function costBench({ quick = false, full = false, data }: CostBenchOptions): Promise<void> {
  if (data !== undefined) await checkTrace(join(data, 'lora_request_trace.csv'));
  await installPeers();
  const [recorded, base] = [minilmTexts(), studentBase()];
  const splits = Array.from({ length: full ? 20 : quick ? 3 : 5 }, (_, seed) => heldOutStudent(recorded, base, seed + 1));
  const { students } = must(splits[0], 'there is a split');
  const load = loadavg()[0]?.toFixed(1) ?? '';
  const measured = await measureCosts(recorded.texts, students, LENGTHS, quick ? 2 : 5);
  const repeatRate = repeatRateOf(TRACE);
  console.log(`${recorded.texts.length} texts, ${splits.length} splits, repeat rate ${repeatRate.toFixed(3)}, load ${load}`);
  console.log(`student: ${students.whole.fileBytes} bytes, pruned ${students.pruned.fileBytes}`);
  const stacks: { readonly tokens: number; readonly place: Place; readonly measure: Measure; readonly figures: StackFigures }[] = [];
  for (const tokens of LENGTHS) {
    const samples = must(measured.get(tokens), 'a length was measured');
    const replayable: Replayable = { splits, samples, prices: assumed(), repeatRate, measure: 'strict', lossMax: LOSS_MAX };
    console.log(`\n## Texts of ${tokens} tokens\n`);
    printCosts(samples);
    for (const place of PLACES) {
      for (const measure of MEASURES) {
        const figures = await stackFigures({ ...replayable, measure }, place);
        stacks.push({ tokens, place, measure, figures });
        console.log(`\n### The teacher at the ${place}, nDCG ${measure}\n`);
        printStack(figures);
      }
    }
    await printSensitivity(replayable);
  }
  if (!full) return;
  const record = {
    command: 'npm run bench -- cost --full',
    date: new Date().toISOString().slice(0, 10),
    load,
    splits: splits.length,
    repeatRate,
    lossMax: LOSS_MAX,
    stacks: stacks.map(({ figures, ...of }) => ({ ...of, ...figures })),
  };
  await writeFile(
    RECORD,
    `${JSON.stringify(record, (_, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value), 2)}\n`,
  );
}

interface CostBenchOptions {
  readonly quick?: boolean | undefined;
  readonly full?: boolean | undefined;
  readonly data?: string | undefined;
}

async function checkTrace(path: string): Promise<void> {
  const derived = JSON.stringify(countRepeats(await readFile(path, 'utf8')));
  if (derived !== JSON.stringify(TRACE)) throw new Error(`${path} has other repetitions: ${derived}`);
  console.log(`${path} repeats as recorded.`);
}

function printCosts(samples: CostSamples): void {
  const costs = unitCosts(samples);
  console.log(
    table(
      ['CPU, ms a text', ...CALL_SIZES.map((size) => `${size} in a call`)],
      TEACHERS.map((teacher) => [teacher, ...CALL_SIZES.map((size) => (costs.teacherMs(teacher, size) / size).toFixed(2))]),
    ),
  );
  const { whole, pruned } = costs.studentMs;
  console.log(`student ${us(whole)}, pruned ${us(pruned)}, look-up in the cache ${us(costs.lookUpMs)}\n`);
}

const us = (ms: number): string => `${(ms * 1_000).toFixed(1)} us`;

function printStack({ steps, best, ...factors }: StackFigures): void {
  console.log(
    table(
      ['step', 'USD a million', 'times', 'share of the saving', 'nDCG@10 lost', 'escalated'],
      steps.map(({ name, usdPerMillion, share, loss, escalated }, step) => [
        name,
        usdPerMillion.toFixed(4),
        ((steps[step - 1]?.usdPerMillion ?? usdPerMillion) / usdPerMillion).toFixed(2),
        share.toFixed(3),
        interval(loss, 4),
        escalated === 0 ? '' : escalated.toFixed(3),
      ]),
    ),
  );
  for (const [name, factor] of Object.entries(factors)) console.log(`${name}: ${interval(factor, 2)} times cheaper`);
  console.log(`up to "${best.upTo}": ${interval(best.factor, 2)} times cheaper`);
}

const interval = ({ mean, low, high }: CorrectedMean, digits: number): string =>
  `${mean.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`;

/** What the factors become if one thing differs. */
async function printSensitivity(replayable: Replayable): Promise<void> {
  const { prices } = replayable;
  const priced = (name: keyof Assumed, value: number): Replayable => ({ ...replayable, prices: { ...prices, [name]: value } });
  const scaled = (name: keyof Assumed, factor: number): Replayable => priced(name, prices[name] * factor);
  const worlds: [string, Replayable, 'memory' | 'object'][] = [
    ['as measured', replayable, 'memory'],
    ...[0, 0.15, 0.3, 0.45, 0.6].map((repeatRate): [string, Replayable, 'memory'] => [
      `repeat rate ${repeatRate}`,
      { ...replayable, repeatRate },
      'memory',
    ]),
    ...[0.5, 2].map((factor): [string, Replayable, 'memory'] => [
      `edge CPU x ${factor}`,
      scaled('workerCpuUsdPerMillionMs', factor),
      'memory',
    ]),
    ...[0.5, 2].map((factor): [string, Replayable, 'memory'] => [`pool second x ${factor}`, scaled('poolCpuUsdPerHour', factor), 'memory']),
    ...[0.1, 1].map((share): [string, Replayable, 'memory'] => [`pool busy ${share}`, priced('poolBusyShare', share), 'memory']),
    ['hits from the object', replayable, 'object'],
    ...[0.1, 0.5].map((factor): [string, Replayable, 'object'] => [
      `the same, rows x ${factor}`,
      scaled('rowsWrittenUsdPerMillion', factor),
      'object',
    ]),
    ...[0, 0.005, 0.02, 0.05].map((lossMax): [string, Replayable, 'memory'] => [
      `loss of ${lossMax}`,
      { ...replayable, lossMax },
      'memory',
    ]),
    ['nDCG graded', { ...replayable, measure: 'graded' }, 'memory'],
  ];
  const rows: string[][] = [];
  for (const [name, world, cache] of worlds) {
    const factors: string[] = [];
    for (const place of PLACES) {
      const steps = stepsAt(place);
      const settings = STEP_NAMES.map((step): Setting => (steps[step].cache === 'none' ? steps[step] : { ...steps[step], cache }));
      const usd = (await replaySplits(world, settings)).map((splits) => splits.reduce((sum, { usdPerMillion }) => sum + usdPerMillion, 0));
      const of = (step: StepName): number => must(usd[STEP_NAMES.indexOf(step)], 'a step');
      factors.push((of('baseline') / of('pruned student')).toFixed(2), (of('batches of 16') / of('pruned student')).toFixed(2));
    }
    rows.push([name, ...factors]);
  }
  console.log(`\n${table(['if', 'edge', 'of the sensible', 'pool', 'of the sensible'], rows)}`);
}
