import { wireError } from '../../../../src/contract/api/errors.ts';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import type { FeedItem } from '../../../../src/gateway/jobs/job-event-feed.ts';
import type { JobId } from '../../../../src/kernel/ids.ts';
import { jobEventReply } from './job-reply.ts';

const encoder = new TextEncoder();

interface FollowedJob {
  readonly jobId: JobId;
  readonly requestId: string;
}

/** The events of a job as server-sent events (WHATWG HTML, 9.2), produced as they are read. `onOver`: called when no more is read. */
export function jobEventStream(
  { jobId, requestId }: FollowedJob,
  items: AsyncGenerator<FeedItem, void>,
  onOver: () => void = () => undefined,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      // Something at once: clients then know that they are connected.
      controller.enqueue(encoder.encode(`retry: ${JOB_LIMITS.jobEventsRetryMs}\n\n`));
    },
    async pull(controller) {
      const { done, value: item } = await items.next();
      if (done === true) {
        onOver();
        controller.close();
      } else controller.enqueue(encoder.encode(textOf(jobId, requestId, item)));
    },
    async cancel() {
      onOver();
      await items.return();
    },
  });
}

function textOf(jobId: JobId, requestId: string, item: FeedItem): string {
  switch (item.kind) {
    case 'silence':
      return ':\n\n';
    case 'refused':
      return `event: error\ndata: ${JSON.stringify(wireError(item.why, requestId))}\n\n`;
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
