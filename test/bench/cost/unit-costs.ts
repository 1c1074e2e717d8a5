import { wrap } from '../../../src/cache/cached-embedding.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { must } from '../../../src/kernel/assert.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { MINILM_SHAPE } from '../../support/fixtures/bert-shaped-graph.ts';
import type { Contender } from '../models/interleaved-cpu.ts';
import { interleavedCpuSamples, medianOf } from '../models/interleaved-cpu.ts';
import type { HeldOut, ServedStudent } from './held-out-student.ts';
import type { UnitCosts } from './stack.ts';
import type { Teacher } from './teacher-runs.ts';
import { CALL_SIZES, openTeachers, teacherCall, teacherCalls, TEACHERS } from './teacher-runs.ts';

/** CPU of each kind of call in every round. */
export type CostSamples = ReadonlyMap<string, readonly number[]>;

/** Texts that a run of a student, or of the cache, takes, so that the clock of CPU time can tell. */
const MANY = 200;

/** Measures all that a replay pays for, in turn, at texts of each of these lengths in tokens. */
export async function measureCosts(
  texts: readonly string[],
  students: HeldOut['students'],
  lengths: readonly number[],
  rounds: number,
): Promise<Map<number, CostSamples>> {
  const teachers = await openTeachers(MINILM_SHAPE, TEACHERS);
  const measured = new Map<number, CostSamples>();
  for (const tokens of lengths) {
    const cut = texts.slice(0, MANY).map((text) => text.split(/\s+/).slice(0, tokens).join(' '));
    const contenders: Contender[] = [
      ...teacherCalls(teachers, MINILM_SHAPE, tokens),
      { name: 'whole', run: () => Promise.resolve(embedAll(students.whole, cut)) },
      { name: 'pruned', run: () => Promise.resolve(embedAll(students.pruned, cut)) },
      lookUps(cut),
    ];
    measured.set(tokens, await interleavedCpuSamples(contenders, rounds));
  }
  return measured;
}

function embedAll({ model: { tokeniser, encoder } }: ServedStudent, texts: readonly string[]): void {
  for (const text of texts) encoder.embed(tokenBatch([tokeniser.tokenise(text).ids]));
}

/** Half of the texts are new to the cache in each run, half are known. */
function lookUps(texts: readonly string[]): Contender {
  const vector = new Float32Array(MINILM_SHAPE.hidden).fill(0.05);
  const cached = wrap((inputs) => Promise.resolve(inputs.map(() => vector)), { clock: { nowMs: () => 0 } });
  let run = 0;
  return {
    name: 'look-up',
    async run() {
      run += 1;
      for (const [i, text] of texts.entries()) await cached([i % 2 === 0 ? text : `${run} ${text}`]);
    },
  };
}

/** What the samples say. `seed`: the median is that of rounds that are drawn again, so that figures over seeds spread as the measurement does. */
export function unitCosts(samples: CostSamples, seed?: number): UnitCosts {
  const rng = new Seeded(seed ?? 0);
  const medians = new Map(
    [...samples].map(([name, ms]) => [name, medianOf(seed === undefined ? ms : ms.map(() => ms[Math.floor(rng.next() * ms.length)]!))]),
  );
  const cost = (name: string): number => must(medians.get(name), `${name} was measured`);
  const callMs = (teacher: Teacher, size: number): number => cost(teacherCall(teacher, size));
  return {
    teacherMs(teacher, texts) {
      const above = must(
        CALL_SIZES.find((size) => size >= texts),
        'no call has more texts than were measured',
      );
      const below = CALL_SIZES.findLast((size) => size <= texts) ?? above;
      if (above === below) return callMs(teacher, above);
      return callMs(teacher, below) + ((texts - below) / (above - below)) * (callMs(teacher, above) - callMs(teacher, below));
    },
    studentMs: { whole: cost('whole') / MANY, pruned: cost('pruned') / MANY },
    lookUpMs: cost('look-up') / MANY,
  };
}
