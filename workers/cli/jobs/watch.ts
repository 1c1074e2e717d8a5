import { setTimeout as sleep } from 'node:timers/promises';

import type { GatewayClient } from '../gateway/gateway-client.ts';
import { LiveTable } from '../command/live-table.ts';
import type { JobView } from './job-view.ts';
import { isOver, JOB_HEADINGS, jobPath, rowOf } from './job-view.ts';

/** As many of the newest jobs as a terminal shows. */
const NEWEST = 50;

/**
 * Shows jobs until all of them are over, or without ids the newest ones until the process is interrupted. Answers whether every job that was
 * named has succeeded.
 */
export async function watchJobs(client: GatewayClient, ids: readonly string[], everyMs: number): Promise<boolean> {
  const paths = ids.map((id) => jobPath(id));
  const live = new LiveTable(process.stdout, JOB_HEADINGS, ['waited', 'ran']);
  for (;;) {
    const jobs =
      paths.length === 0
        ? (await client.call<{ data: JobView[] }>('GET', `/v1/jobs?limit=${NEWEST}`)).data
        : await Promise.all(paths.map((path) => client.call<JobView>('GET', path)));
    const nowS = Date.now() / 1_000;
    live.show(
      jobs.map((job) => rowOf(job, nowS)),
      titleOf(jobs, paths.length === 0),
    );
    if (paths.length > 0 && jobs.every(isOver)) return jobs.every(({ state }) => state === 'succeeded');
    await sleep(everyMs);
  }
}

function titleOf(jobs: readonly JobView[], isOpenEnded: boolean): string {
  const counts = new Map<string, number>();
  for (const { state } of jobs) counts.set(state, (counts.get(state) ?? 0) + 1);
  const summary = [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
  return `${summary === '' ? 'no jobs' : summary}${isOpenEnded ? '   (Ctrl-C ends this)' : ''}`;
}
