import type { EndpointName, ENDPOINTS } from '../../endpoints.ts';
import type { ExampleOf } from './example.ts';

const response = { response_id: 'resp_0123456789abcdefghjkmnpqrs' } as const;
const completion = { completion: 'chatcmpl-0123456789abcdefghjkmnpqrs' } as const;

/** No upstream answers in the tour, so that nothing is stored. */
export const storedAnswerExamples = {
  getStoredAnswersPolicy: {},
  setStoredAnswersPolicy: { body: { retention_days: 30 } },
  getResponse: { params: response, refused: 'response_not_found' },
  listResponseInputItems: { params: response, query: { limit: 10 }, refused: 'response_not_found' },
  deleteResponse: { params: response, refused: 'response_not_found' },
  countResponseTokens: { body: { model: 'lab/small', input: 'hello' }, refused: 'model_not_found' },
  listChatCompletions: { query: { limit: 10 } },
  getChatCompletion: { params: completion, refused: 'chat_completion_not_found' },
  listChatCompletionMessages: { params: completion, query: { limit: 10 }, refused: 'chat_completion_not_found' },
  updateChatCompletion: { params: completion, body: { metadata: { reviewed: 'yes' } }, refused: 'chat_completion_not_found' },
  deleteChatCompletion: { params: completion, refused: 'chat_completion_not_found' },
} as const satisfies { readonly [Name in EndpointName]?: ExampleOf<(typeof ENDPOINTS)[Name]> };
