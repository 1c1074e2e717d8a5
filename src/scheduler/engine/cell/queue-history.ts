import { aged, dominantSharePpm, gathered } from '../fairness/dominant-share.ts';
import type { CohortNode } from '../fairness/quota-tree.ts';
import { belowRoot } from '../fairness/quota-tree.ts';
import type { QueueRecord } from './records.ts';

/** What queues and cohorts have had lately, by which they share later: the cell as these functions see it. */
interface QueueBook {
  readonly nowMs: number;
  readonly settings: { readonly historyHalfLifeMs: number };
  queue(name: string): QueueRecord;
  saveQueue(record: QueueRecord): void;
}

/** Counts in what a queue has had until now. Called before that changes. */
export function ageHistory(book: QueueBook, queue: CohortNode): void {
  const { name } = queue.spec;
  keepHistory(book, name, aged(book.queue(name).history, dominantSharePpm(queue), book.nowMs, book.settings.historyHalfLifeMs));
}

/** A cohort that comes has had what its members have had. */
export function beginHistory(book: QueueBook, { spec, parent, children }: CohortNode): void {
  if (parent === null || children.length === 0) return;
  const members = children.map((child) => ({ ...book.queue(child.spec.name), weightMilli: child.spec.weightMilli }));
  const servedAtMs = Math.max(...members.map((member) => member.servedAtMs ?? 0));
  const history = gathered(members, spec.weightMilli, book.nowMs);
  book.saveQueue({ ...book.queue(spec.name), history, ...(servedAtMs === 0 ? {} : { servedAtMs }) });
}

export function keepHistory(book: QueueBook, name: string, history: QueueRecord['history']): void {
  const record = book.queue(name);
  const { averagePpm, untilMs } = record.history;
  if (history.untilMs !== untilMs || history.averagePpm !== averagePpm) book.saveQueue({ ...record, history });
}

/** A job of a queue is placed: it, and the cohorts above, have had their turn. */
export function takeTurn(book: QueueBook, queue: CohortNode): void {
  for (const { spec } of belowRoot(queue)) book.saveQueue({ ...book.queue(spec.name), servedAtMs: book.nowMs });
}
