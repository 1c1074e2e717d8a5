import { describe, expect, it } from 'vitest';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import { generatedLoad, readPhilly } from '../../../../src/scheduler/simulator/load/traced-jobs.ts';
import type { TracedJob } from '../../../../src/scheduler/simulator/load/traced-jobs.ts';
import type { NodeStay } from '../../../../src/scheduler/simulator/load/replay-jobs.ts';
import { replayJobs } from '../../../../src/scheduler/simulator/load/replay-jobs.ts';
import { curvesSvg, ganttSvg, lanesFor } from '../../../../src/scheduler/simulator/picture/gantt.ts';
import { Seeded } from '../../../../src/kernel/seeded.ts';

const job = (arrivalMs: number, durationMs: number, accelerators: number, owner = 'a'): TracedJob => ({
  arrivalMs,
  durationMs,
  accelerators,
  owner,
});
const chanceOf = (seed: number) => {
  const random = new Seeded(seed);
  return () => random.next();
};

describe('[PL27] replays through the engine', () => {
  it('start jobs when there is room, in order, gangs on as many nodes as they need', () => {
    const stays: NodeStay[] = [];
    const jobs = [job(0, 100, 8), job(10, 50, 16), job(20, 10, 9), job(30, 5, 17)];
    const result = replayJobs(jobs, { nodes: 2, acceleratorsPerNode: 8 }, { stayed: (stay) => stays.push(stay) });
    expect(result).toMatchObject({ finished: 3, impossible: 1, makespanMs: 160, meanWaitMs: (0 + 90 + 130) / 3 });
    expect(result.utilisation).toBeCloseTo((8 * 100 + 16 * 50 + 10 * 10) / (16 * 160), 9);
    expect(stays.map(({ job: n, node, mask, fromMs, toMs }) => [n, node, mask, fromMs, toMs])).toEqual([
      [0, 0, 255, 0, 100],
      [1, 0, 255, 100, 150],
      [1, 1, 255, 100, 150],
      [2, 0, 31, 150, 160],
      [2, 1, 31, 150, 160],
    ]);
  });

  it('give each owner a share, however many jobs another has', () => {
    const flood = Array.from({ length: 40 }, (_, n) => job(n, 1_000, 8, 'flood'));
    const { meanWaitMs } = replayJobs(
      [...flood, job(50, 10, 8, 'other')].toSorted((a, b) => a.arrivalMs - b.arrivalMs),
      { nodes: 2, acceleratorsPerNode: 8 },
    );
    const stays: NodeStay[] = [];
    replayJobs([...flood, job(50, 10, 8, 'other')], { nodes: 2, acceleratorsPerNode: 8 }, { stayed: (stay) => stays.push(stay) });
    expect(stays.find(({ job: n }) => n === 40)?.fromMs, 'of the first two places').toBe(1_001);
    expect(meanWaitMs).toBeGreaterThan(5_000);
  });

  it.each([1, 2, 3])('never have two jobs on an accelerator, and are the same each time (seed %i)', (seed) => {
    const jobs = generatedLoad({ jobs: 300, accelerators: 64, load: 1.2, owners: 3 }, chanceOf(seed));
    const stays: NodeStay[] = [];
    const result = replayJobs(jobs, { nodes: 8, acceleratorsPerNode: 8 }, { stayed: (stay) => stays.push(stay) });
    const free = new Float64Array(64);
    for (const { node, mask, fromMs, toMs } of stays.toSorted((a, b) => a.fromMs - b.fromMs)) {
      for (let index = 0; index < 8; index++) {
        if (((mask >> index) & 1) === 0) continue;
        expect(free[node * 8 + index]).toBeLessThanOrEqual(fromMs);
        free[node * 8 + index] = toMs;
      }
    }
    expect(result.finished).toBe(300);
    expect(result.meanWaitMs, 'there was a queue').toBeGreaterThan(60_000);
    expect(replayJobs(jobs, { nodes: 8, acceleratorsPerNode: 8 })).toEqual(result);
  });
});

describe('[PL28] loads that are made up', () => {
  it('ask for what they should, in order of arrival', () => {
    for (const load of [0.5, 2]) {
      const jobs = generatedLoad({ jobs: 4_000, accelerators: 100, load, owners: 5 }, chanceOf(4));
      const asked = jobs.reduce((sum, { durationMs, accelerators }) => sum + durationMs * accelerators, 0);
      expect(asked / (jobs.at(-1)!.arrivalMs * 100) / load).toBeCloseTo(1, 1);
      expect(new Set(jobs.map(({ owner }) => owner)).size).toBe(5);
      expect(jobs.map(({ arrivalMs }) => arrivalMs)).toEqual(jobs.map(({ arrivalMs }) => arrivalMs).toSorted((a, b) => a - b));
      expect(jobs.filter(({ accelerators }) => accelerators === 1).length / 4_000).toBeCloseTo(0.7, 1);
    }
  });
});

describe('[PL21] Philly traces', () => {
  const read = (line: string) => readPhilly({ name: 'philly.csv', text: `timestamp,duration,num_gpus,gpu_time,cluster\n${line}` });

  it('begin at 0, in order, without jobs that have no accelerators', () => {
    expect(read('2017-10-09 07:00:02,66.5,2,133,b\n2017-10-09 07:00:00,1.0,1,1,a\n2017-10-09 06:00:00,5.0,0,0,a')).toEqual({
      ok: true,
      value: [job(0, 1_000, 1, 'a'), job(2_000, 66_500, 2, 'b')],
    });
    expect(read('5,1,1,1,a\n7.5,1,1,1,a')).toMatchObject({ value: [{ arrivalMs: 0 }, { arrivalMs: 2_500 }] });
  });

  it.each([
    ['yesterday,1,1,1,a', 'philly.csv line 2 column timestamp: "yesterday" is not a time such as'],
    ['2017-10-09 07:00:02,-1,1,1,a', 'philly.csv line 2 column duration: "-1" is not a number'],
    ['2017-10-09 07:00:02,1,1.5,1,a', 'philly.csv line 2 column num_gpus: "1.5" is not a whole number'],
    ['2017-10-09 07:00:02,1,1,1,', 'philly.csv line 2 column cluster: "" is not a name'],
  ])('%j is refused: %s', (line, message) => {
    const outcome = read(line);
    expect(outcome.ok ? '' : outcome.error.message).toContain(message);
  });
});

describe('[PL29] pictures', () => {
  it('have a lane for each stretch that is free, within its group', () => {
    const stretch = (group: number, from: number, to: number) => ({ group, from, to });
    expect(lanesFor([stretch(1, 0, 5), stretch(0, 0, 2), stretch(1, 1, 2), stretch(0, 2, 3), stretch(1, 2, 9)], [1, 2])).toEqual([
      1, 0, 2, 0, 2,
    ]);
  });

  it('show which job had what when, and how much was in use', () => {
    const bars = [
      { lane: 0, from: 0, to: 10, kind: 0, title: 'a & <b>' },
      { lane: 1, from: 5, to: 10, kind: 1, title: 'c' },
    ];
    const svg = ganttSvg({ title: 'two', unit: 'hours', lanes: 2, bars });
    expect(svg.match(/<rect /g)).toHaveLength(3);
    expect(svg).toContain('<title>a &amp; &lt;b&gt;</title>');
    expect(svg).toContain('0 to 10.0 hours');
    const heights = svg
      .match(/points="([^"]*)"/)![1]!
      .split(' ')
      .map((point) => Number(point.split(',')[1]));
    // 48 to 168: half in use for the first half, then all.
    expect([heights[100], heights[300]]).toEqual([108, 48]);
    expect(ganttSvg({ title: 'two', unit: 'hours', lanes: 2, bars })).toBe(svg);
    expect(ganttSvg({ title: 'none', unit: 'hours', lanes: 0, bars: [] })).toContain('0 stays');
  });

  it('draw so many stays and say how many there are', () => {
    const bars = Array.from({ length: JOB_LIMITS.pictureBarsMaxCount + 5 }, (_, at) => ({
      lane: 0,
      from: at,
      to: at + 1,
      kind: at,
      title: '',
    }));
    const svg = ganttSvg({ title: 'many', unit: 's', lanes: 1, bars });
    expect(svg.match(/<rect /g)).toHaveLength(JOB_LIMITS.pictureBarsMaxCount + 1);
    expect(svg).toContain(`${bars.length} stays on 1 accelerators, the first ${JOB_LIMITS.pictureBarsMaxCount} drawn`);
  });

  it('show curves', () => {
    const svg = curvesSvg('curves', [
      {
        name: 'Sluice',
        points: [
          [0, 0],
          [1, 0.5],
          [1.3, 1],
        ],
      },
    ]);
    expect(svg).toContain('points="48.00,592.00 897.23,320.00 1152.00,48.00"');
    expect(svg).toContain('>Sluice</text>');
  });
});
