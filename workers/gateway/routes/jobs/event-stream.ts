import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import type { FeedItem } from '../../../../src/gateway/jobs/job-event-feed.ts';
import type { JobId } from '../../../../src/kernel/ids.ts';
import { jobEventReply } from './job-reply.ts';

const encoder = new TextEncoder();

/** The events of a job as server-sent events (WHATWG HTML, 9.2), produced as they are read. */
export function jobEventStream(jobId: JobId, items: AsyncGenerator<FeedItem, void>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      // Something at once: clients then know that they are connected.
      controller.enqueue(encoder.encode(`retry: ${JOB_LIMITS.jobEventsRetryMs}\n\n`));
    },
    async pull(controller) {
      const { done, value: item } = await items.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(textOf(jobId, item)));
    },
    async cancel() {
      await items.return();
    },
  });
}

function textOf(jobId: JobId, item: FeedItem): string {
  switch (item.kind) {
    case 'silence':
      return ':\n\n';
    case 'gap':
      // Without an id: a follower that connects again receives the gap again.
      return `event: gap\ndata: ${JSON.stringify({ object: 'job_event_gap', job: jobId, from: item.from, until: item.until })}\n\n`;
    case 'event': {
      const { event, isFinal } = item;
      // JSON has no line breaks outside of strings, and none inside that are not escaped.
      return `id: ${event.sequence}\nevent: ${event.kind}\ndata: ${JSON.stringify(jobEventReply(jobId, event, isFinal))}\n\n`;
    }
  }
}
