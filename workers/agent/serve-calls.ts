import type { MessagePort } from 'node:worker_threads';

import type { LineAnswer } from './answer-line.ts';
import { answerLine, TOO_LONG } from './answer-line.ts';
import type { ThreadCall, ThreadReply } from './answer-threads.ts';
import type { LineModel } from './line-model.ts';

/** Answers, in a thread, what `AnswerThreads` asks it. */
export function serveCalls(port: MessagePort, model: LineModel): void {
  const answer = async ({ lines, id, first, form }: ThreadCall): Promise<LineAnswer[]> => {
    const one = (line: string | null, i: number) => answerLine(line ?? TOO_LONG, `${id}_${first + i}`, model, form);
    if (model.sharesRuns) return Promise.all(lines.map(one));
    const answers: LineAnswer[] = [];
    for (const [i, line] of lines.entries()) answers.push(await one(line, i));
    return answers;
  };
  port.on('message', (call: ThreadCall) => {
    answer(call).then(
      (answers) => port.postMessage({ call: call.call, answers } satisfies ThreadReply, []),
      // What is thrown here is a defect: it ends the thread, and that fails its calls.
      (error: unknown) => {
        setImmediate(() => {
          throw error;
        });
      },
    );
  });
}
