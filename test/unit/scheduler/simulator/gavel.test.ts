import { describe, expect, it } from 'vitest';
import type { ActiveJob, GavelRun, Stay } from '../../../../src/scheduler/simulator/gavel/rounds.ts';
import { firstCome, leastAttained, runRounds } from '../../../../src/scheduler/simulator/gavel/rounds.ts';
import type { GavelTrace } from '../../../../src/scheduler/simulator/gavel/read-gavel.ts';
import { PUBLISHED_GAVEL, studyGavel } from '../../../../src/scheduler/simulator/gavel/study.ts';
import { readGavel } from '../../../../src/scheduler/simulator/gavel/read-gavel.ts';
import { syntheticGavel } from '../../../support/fixtures/synthetic-gavel.ts';

const TYPES = ['v100', 'p100', 'k80'];
const read = (seed: number, jobs: number): GavelTrace => {
  const files = syntheticGavel(seed, jobs);
  const outcome = readGavel(files.throughputs, files.jobs, TYPES);
  if (!outcome.ok) throw new Error(outcome.error.message);
  return outcome.value;
};
const run = (overrides: Partial<GavelRun> = {}): GavelRun => ({
  jobsPerHour: 1,
  places: [6, 6, 6],
  roundS: 360,
  checkpointS: 0,
  fromId: 200,
  toId: 300,
  ...overrides,
});
const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const active = (id: number, attainedS: number, type = -1, speeds = [1, 0.5, 0.2]): ActiveJob => ({ id, attainedS, type, speeds });

describe('[PL25] rounds', () => {
  const job = (id: number, arrivalUnit: number, workS: number, speeds = [1, 0.5]) => ({ id, arrivalUnit, workS, speeds });
  const trace = (...jobs: ReturnType<typeof job>[]): GavelTrace => ({ types: ['a', 'b'], jobs });
  const small = (overrides: Partial<GavelRun> = {}) =>
    run({ jobsPerHour: 3_600, places: [1, 1], roundS: 100, fromId: 0, toId: 10, ...overrides });

  it('include jobs that arrived by their beginning, and end midway for jobs that are done', () => {
    const stays: Stay[] = [];
    const result = runRounds(trace(job(0, 0, 150), job(1, 1, 130)), small(), firstCome, (stay) => stays.push(stay));
    // The second waits for the next round, has the slow type for it (50 done of 130), then the fast one.
    expect(result.completionS).toEqual([150, 279]);
    expect(stays).toEqual([
      { jobId: 0, type: 0, fromS: 0, toS: 150 },
      { jobId: 1, type: 1, fromS: 100, toS: 200 },
      { jobId: 1, type: 0, fromS: 200, toS: 280 },
    ]);
    expect(result).toMatchObject({ rounds: 3, moves: 3, utilisation: (150 + 100 + 80) / 600 });
  });

  it('charge for moves time of which nothing is done', () => {
    expect(runRounds(trace(job(0, 0, 150), job(1, 1, 130)), small({ checkpointS: 10 }), firstCome).completionS).toEqual([
      160,
      100 + 99 + 95 + 0,
    ]);
  });

  it('skip time without jobs, and continue until all measured jobs are done', () => {
    const result = runRounds(trace(job(0, 0, 10), job(1, 1_234, 250), job(2, 1_240, 40)), small({ toId: 2 }), firstCome);
    expect(result.completionS).toEqual([10, 66 + 250]);
    expect(result.rounds).toBe(4);
  });

  it.each([0, 60])('do for each job the work it has, with moves at %i s', (checkpointS) => {
    const gavel = read(3, 60);
    const done = new Map<number, number>();
    const { moves } = runRounds(
      gavel,
      run({ fromId: 0, toId: 60, checkpointS, places: [2, 2, 2] }),
      leastAttained,
      ({ jobId, type, fromS, toS }) => {
        done.set(jobId, (done.get(jobId) ?? 0) + (toS - fromS - checkpointS) * gavel.jobs[jobId]!.speeds[type]!);
      },
    );
    expect(moves).toBeGreaterThan(70);
    for (const { id, workS } of gavel.jobs) expect(done.get(id)! / workS, `job ${id}`).toBeCloseTo(1, 6);
  });
});

describe('policies', () => {
  it('[PL26] FIFO gives each in order what is fastest of what is left', () => {
    const jobs = [active(0, 9, 2), active(1, 0, 0, [0.3, 1, 0.5]), active(2, 0), active(3, 0, -1, [0, 0, 1]), active(4, 0)];
    expect(firstCome(jobs, [1, 1, 1], 0)).toEqual([0, 1, 2, -1, -1]);
  });

  it('[PL25] ours first preempts jobs with least attained service; placed jobs stay for the cost of a move', () => {
    expect(leastAttained([active(0, 900, 0), active(1, 800), active(2, 700)], [1, 1, 0], 0)).toEqual([-1, 1, 0]);
    expect(leastAttained([active(0, 900, 0), active(1, 800), active(2, 700)], [1, 1, 0], 0.05)).toEqual([0, -1, 1]);
  });

  it('[PL25] waste no speed: the job with the greatest gain has the fast type', () => {
    const jobs = [active(0, 0, 0, [1, 0.9, 0.9]), active(1, 0, 1, [1, 0.5, 0.1]), active(2, 0, 2, [1, 0.8, 0.1])];
    expect(leastAttained(jobs, [1, 1, 1], 0)).toEqual([2, 0, 1]);
    expect(leastAttained(jobs.slice(0, 2), [1, 1, 1], 0)).toEqual([1, 0]);
  });

  it('[PL25] among equals the young have the faster', () => {
    expect(leastAttained([active(0, 90_000), active(1, 0)], [1, 1, 0], 0)).toEqual([1, 0]);
  });
});

describe('studies', () => {
  const trace = read(5, 400);

  it('[PL20] are the same each time', () => {
    expect(JSON.stringify(studyGavel(trace, run(), 60))).toBe(JSON.stringify(studyGavel(read(5, 400), run(), 60)));
  });

  it('[PL25] have ours well ahead of FIFO once the cluster is busy, and moves cost little', () => {
    const gains: number[] = [];
    for (const seed of [5, 6, 7]) {
      const [ours, priced, fifo] = studyGavel(read(seed, 400), run(), 60);
      gains.push(ours!.averageHours / fifo!.averageHours);
      expect(priced!.averageHours).toBeGreaterThan(ours!.averageHours * 0.98);
      expect(priced!.averageHours).toBeLessThan(ours!.averageHours * 1.05);
      expect(ours!.movesPerRound).toBeGreaterThan(priced!.movesPerRound);
      expect(ours!.utilisation, 'busy').toBeGreaterThan(0.5);
    }
    expect(average(gains)).toBeLessThan(0.9);
  });

  it('[PL25] know what was published', () => {
    expect(PUBLISHED_GAVEL.find(({ policy }) => policy === 'Gavel')?.hours['5.6']).toBe(28.96);
  });
});

describe('[PL21] traces', () => {
  const { throughputs, jobs } = syntheticGavel(1, 3);
  const csv = (line: string) => ({ name: 'jobs.csv', text: `job_id,arrival_unit,job_type,scale_factor,total_steps\n${line}` });
  const json = (value: unknown) => ({ name: 'throughputs.json', text: typeof value === 'string' ? value : JSON.stringify(value) });

  it.each([
    [throughputs, csv('1,0,none,1,5'), 'jobs.csv line 2 column job_type: "none" does not run on v100 by throughputs.json'],
    [throughputs, csv('1,0,A3C (batch size 4),1,9e14'), 'jobs.csv line 2 column total_steps: "900000000000000" is more than 100000000 s'],
    [throughputs, csv('1,0,A3C (batch size 4),2,5'), 'jobs.csv line 2 column scale_factor: "2" is not 1'],
    [throughputs, csv('1,3,A3C (batch size 4),1,5\n2,2,A3C (batch size 4),1,5'), 'jobs.csv line 3 column arrival_unit: "2" is before'],
    [throughputs, csv('1,0,A3C (batch size 4),1,many'), 'jobs.csv line 2 column total_steps: "many" is not a number from'],
    [json('{'), jobs, 'throughputs.json: this is no JSON object'],
    [json({ v100: {}, p100: [] }), jobs, 'throughputs.json: there is no type p100'],
    [json({ v100: { "('x', 1)": -1 }, p100: {}, k80: {} }), jobs, "throughputs.json v100 ('x', 1): -1 is no number of steps a second"],
    [json({ v100: { "('x', 1)": { null: 'a' } }, p100: {}, k80: {} }), jobs, 'throughputs.json v100 (\'x\', 1): "a" is no number'],
  ])('%# is refused: %s', (throughputsFile, jobsFile, message) => {
    const outcome = readGavel(throughputsFile, jobsFile, TYPES);
    expect(outcome.ok ? '' : outcome.error.message).toContain(message);
  });
});
