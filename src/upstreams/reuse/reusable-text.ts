import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import { joinedBytes } from '../../kernel/bytes.ts';
import { AnswerNotes } from '../protocol/answer-notes.ts';
import { parsedObject } from '../protocol/json.ts';
import { SseEvents } from '../protocol/sse-events.ts';
import type { Dialect } from '../protocol/stream-tap.ts';

/** What an answer says, as it was sent: whole, or as a stream. Undefined: it can answer no other question, as it calls tools, says nothing, or too much. */
export function reusableText(dialect: Dialect, pieces: readonly Uint8Array[], isStream: boolean): string | undefined {
  const notes = new AnswerNotes(COMPLETION_LIMITS.reuseAnswerCharsMax);
  const bytes = joinedBytes([...pieces]);
  if (!isStream) notes.seeWhole(dialect, parsedObject(decoder.decode(bytes)) ?? {});
  else {
    for (const { data } of new SseEvents().push(bytes)) {
      const event = data === undefined ? undefined : parsedObject(data);
      if (event !== undefined) notes.seeEvent(dialect, event);
    }
  }
  return notes.callsTools || notes.text === '' ? undefined : notes.text;
}

const decoder = new TextDecoder();
