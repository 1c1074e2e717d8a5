import type { Outcome } from '../src/contract/api/outcome.ts';
import { must } from '../src/kernel/assert.ts';
import type { Job, JobRequest } from '../src/scheduler/served/jobs/job.ts';
import type { GroupCommit } from './group-commit.ts';

interface Gathered {
  readonly request: JobRequest;
  answer?: () => Outcome<Job>;
}

/** Submissions that wait for the same turn of the object are taken in by one step. [J376] */
export class GatheredSubmissions {
  readonly #commits: GroupCommit;
  readonly #submitAll: (requests: readonly JobRequest[]) => readonly Outcome<Job>[];
  #gathered: Gathered[] = [];

  constructor(commits: GroupCommit, submitAll: (requests: readonly JobRequest[]) => readonly Outcome<Job>[]) {
    this.#commits = commits;
    this.#submitAll = submitAll;
  }

  submit(request: JobRequest): Promise<Outcome<Job>> {
    const mine: Gathered = { request };
    this.#gathered.push(mine);
    return this.#commits.turn(() => {
      this.#take();
      return must(mine.answer, 'the turn takes all that was gathered')();
    });
  }

  /** The first of a turn takes all in. */
  #take(): void {
    const gathered = this.#gathered.splice(0);
    if (gathered.length === 0) return;
    try {
      const answers = this.#submitAll(gathered.map(({ request }) => request));
      gathered.forEach((one, at) => (one.answer = () => must(answers[at], 'each request is answered')));
    } catch (defect) {
      if (gathered.length === 1) for (const one of gathered) one.answer = failing(defect);
      // What is wrong with one of them is its own: what was taken of the others is known by their ids.
      else for (const one of gathered) one.answer = this.#alone(one.request);
    }
  }

  #alone(request: JobRequest): () => Outcome<Job> {
    try {
      const [answer] = this.#submitAll([request]);
      return () => must(answer, 'the request is answered');
    } catch (defect) {
      return failing(defect);
    }
  }
}

const failing = (defect: unknown) => (): never => {
  throw defect;
};
