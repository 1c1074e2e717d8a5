import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import { jobRequest } from '../../support/fixtures/job-request.ts';
import type { ServedParts } from './stub-agents.ts';
import { accepted, StubAgents } from './stub-agents.ts';
import { requestOf } from './suite-cell.ts';
import type { Suite } from '../scheduler/kueue-suite.ts';
import { workloadsOf } from '../scheduler/kueue-suite.ts';

export interface OverloadParts extends ServedParts {
  /** Whose queues the jobs come to. */
  readonly suite: Suite;
  readonly agentsPerPool: number;
  readonly runtimeMs: number;
  /** For so long jobs come as fast as they are done, which says what the machine can do; and for so long at `times` that rate. */
  readonly calmMs: number;
  readonly stormMs: number;
  readonly times: number;
  /** When all is to be as before. */
  readonly afterMs: number;
}

/** Of a stretch of time: what a new job waits until an agent has it, and what a heartbeat takes. */
interface Calm {
  readonly startMs: number;
  readonly beatP99Ms: number;
}

export interface OverloadResult {
  /** Jobs a second. */
  readonly capacity: number;
  readonly offered: number;
  readonly accepted: number;
  readonly refused: number;
  /** Of those accepted: in the end, and once `afterMs` were over. */
  readonly done: number;
  readonly doneByThen: number;
  readonly dropped: number;
  readonly before: Calm;
  readonly stormBeatP99Ms: number;
  readonly after: Calm;
}

const CALLERS = 8;

/** More jobs than a served scheduler can take, at a rate, for a time; what becomes of them, and how it is afterwards. */
export async function runOverload(parts: OverloadParts): Promise<OverloadResult> {
  const { suite, agentsPerPool, runtimeMs, scheduler, nowMs, sleep, calmMs, stormMs, times, afterMs } = parts;
  const began = new Map<string, () => void>();
  const agents = new StubAgents({ served: parts, runtimeMsOf: () => runtimeMs, began: ({ jobId }) => began.get(jobId)?.() });
  await agents.work(suite.cohorts, agentsPerPool);
  const shapes = [...workloadsOf(suite)].map(requestOf);
  let [offered, taken, refused] = [0, 0, 0];
  const submit = async (priority?: number) => {
    const shape = shapes[offered % shapes.length]!;
    offered += 1;
    const { id, digest } = jobRequest(1_000_000 + offered);
    const answer = await scheduler.submit({ ...shape, id, digest, ...(priority === undefined ? {} : { priority }) });
    if (!answer.ok && answer.error.code !== 'overloaded') accepted(answer);
    if (answer.ok) taken += 1;
    else refused += 1;
    return { id, isTaken: answer.ok };
  };
  const allDone = async () => {
    while (agents.done < taken) await sleep(100);
  };
  const calm = async (): Promise<Calm> => {
    agents.beatsMs = [];
    const sentMs = nowMs();
    let beganAtMs = Infinity;
    const { id } = jobRequest(1_000_000 + offered + 1);
    began.set(id, () => (beganAtMs = nowMs()));
    await submit(JOB_LIMITS.jobPriorityMax);
    while (beganAtMs === Infinity) await sleep(20);
    return { startMs: beganAtMs - sentMs, beatP99Ms: p99(agents.beatsMs) };
  };
  const before = await calm();
  await allDone();
  const calmFromMs = nowMs();
  const doneBefore = agents.done;
  const caller = async () => {
    while (nowMs() < calmFromMs + calmMs) {
      const { isTaken } = await submit();
      while (taken - agents.done > CALLERS * 4) await sleep(20);
      if (!isTaken) await sleep(500);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  await allDone();
  const capacity = (1_000 * (agents.done - doneBefore)) / (nowMs() - calmFromMs);
  agents.beatsMs = [];
  const stormFromMs = nowMs();
  const under: Promise<unknown>[] = [];
  for (let n = 0; ; n++) {
    const atMs = stormFromMs + (1_000 * n) / (times * capacity);
    if (atMs >= stormFromMs + stormMs) break;
    if (atMs > nowMs()) await sleep(atMs - nowMs());
    under.push(submit());
  }
  const stormBeatP99Ms = p99(agents.beatsMs);
  await Promise.all([Promise.all(under), sleep(afterMs)]);
  const doneByThen = agents.done;
  const after = await calm();
  await allDone();
  agents.stop();
  return {
    capacity,
    offered,
    accepted: taken,
    refused,
    done: agents.done,
    doneByThen,
    dropped: agents.dropped,
    before,
    stormBeatP99Ms,
    after,
  };
}

const p99 = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(0.99 * values.length)] ?? 0;
