import { describe, expect, it } from 'vitest';

import { GatheredSubmissions } from '../../../durable-objects/gathered-submissions.ts';
import { GroupCommit } from '../../../durable-objects/group-commit.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { Job, JobRequest } from '../../../src/scheduler/served/jobs/job.ts';
import { jobRequest } from '../../support/fixtures/job-request.ts';

/** A turn begins when it is let go; the clock stands still in between. */
class Turns {
  readonly #waiting: (() => void)[] = [];
  readonly commits = new GroupCommit(5, { nowMs: () => 0, pause: () => new Promise((resolve) => this.#waiting.push(resolve)) });

  begin(): void {
    for (const begin of this.#waiting.splice(0)) begin();
  }
}

describe('submissions that wait for the same turn', () => {
  const faulty = jobRequest(3);

  const gathered = () => {
    const turns = new Turns();
    const taken: (readonly JobRequest[])[] = [];
    const submissions = new GatheredSubmissions(turns.commits, (requests): readonly Outcome<Job>[] => {
      taken.push(requests);
      if (requests.some(({ id }) => id === faulty.id)) throw new Error('no room');
      return requests.map((request) => ok(request as unknown as Job));
    });
    return { turns, taken, submissions };
  };

  it('[J376] are taken in together; one after a pause does not wait', async () => {
    const { turns, taken, submissions } = gathered();
    const [first, second, third] = [1, 2, 4].map((n) => jobRequest(n));
    expect(await submissions.submit(first!)).toEqual(ok(first));
    const later = [submissions.submit(second!), submissions.submit(third!)];
    turns.begin();
    expect(await Promise.all(later)).toEqual([ok(second), ok(third)]);
    expect(taken).toEqual([[first], [second, third]]);
  });

  it('[J376] are not failed by a defect that one of them meets', async () => {
    const { turns, submissions } = gathered();
    const [first, other] = [1, 2].map((n) => jobRequest(n));
    await submissions.submit(first!);
    const later = Promise.allSettled([submissions.submit(other!), submissions.submit(faulty), submissions.submit(first!)]);
    turns.begin();
    expect((await later).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });
});
