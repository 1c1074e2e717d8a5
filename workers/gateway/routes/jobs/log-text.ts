import type { Refusal } from '../../../../src/contract/api/errors.ts';
import { messageOf } from '../../../../src/contract/api/errors.ts';
import type { LogPosition } from '../../../../src/gateway/pools/job-logs.ts';
import type { LogPage } from '../../../../src/pools/sqlite-log-store.ts';

const encoder = new TextEncoder();

/** The bytes of a log from `from` on, as they were written; a line in brackets stands where some were dropped. */
function textOf({ parts }: LogPage, from: number): Uint8Array[] {
  let next = from;
  return parts.flatMap(({ at, bytes }) => {
    const gap = at > next ? [encoder.encode(`[${at - next} bytes were dropped]\n`)] : [];
    next = at + bytes.length;
    return [...gap, bytes];
  });
}

export const logText = (page: LogPage, from: number): Blob => new Blob(textOf(page, from));

const continuation = ({ fence, offset }: LogPosition): string => `[to be continued: follow attempt ${fence} from offset ${offset} on]\n`;

const refusedLine = (why: Refusal): string => `[ended: ${messageOf(why)} (${why.code})]\n`;

/**
 * Pages as they come, of one attempt after the other; a line in brackets says where to go on with what has not ended, or why it goes no further.
 * `onOver`: called when no more is read.
 */
export function followedText(
  pages: AsyncGenerator<LogPage, LogPosition | Refusal | undefined>,
  from: number,
  onOver: () => void = () => undefined,
): ReadableStream<Uint8Array> {
  let position: { fence: number; next: number } | undefined;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pages.next();
      if (done === true) {
        if (value !== undefined) controller.enqueue(encoder.encode('code' in value ? refusedLine(value) : continuation(value)));
        onOver();
        return controller.close();
      }
      const page = value;
      if (position !== undefined && position.fence !== page.fence) controller.enqueue(encoder.encode(`[attempt ${page.fence}]\n`));
      const begin = position?.fence === page.fence ? position.next : position === undefined ? from : 0;
      for (const bytes of textOf(page, begin)) controller.enqueue(bytes);
      position = { fence: page.fence, next: page.next };
    },
    async cancel() {
      onOver();
      await pages.return(undefined);
    },
  });
}
