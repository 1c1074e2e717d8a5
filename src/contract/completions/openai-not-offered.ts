const NO_BACKGROUND = 'responses are answered while their caller waits: there is none to cancel';
const NO_COMPACTION = 'send what of a conversation matters as `input`';
const NO_CONVERSATIONS = 'a response goes on from another by `previous_response_id`';

/** What OpenAI's API has beside its responses and this one has not, by the path (any method), and what to use instead. */
export const OPENAI_NOT_OFFERED: ReadonlyMap<string, string> = new Map([
  ['/v1/responses/compact', NO_COMPACTION],
  ['/v1/responses/:response_id/cancel', NO_BACKGROUND],
  ['/v1/conversations', NO_CONVERSATIONS],
  ['/v1/conversations/*', NO_CONVERSATIONS],
]);
