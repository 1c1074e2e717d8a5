import { expect } from 'vitest';

// oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape
type Body = any;

const isRefused =
  (code: string) =>
  ({ error }: Body) =>
    expect(error.code).toBe(code);

const noResponse = isRefused('response_not_found');
const noCompletion = isRefused('chat_completion_not_found');

const noModel = ({ error }: Body) => expect(error).toMatchObject({ code: 'model_not_found', param: 'model' });

/** What calls of models, and of answers that were stored, must have done in the tour of the examples, in which no upstream answers. */
export const modelCallEffects = {
  createCompletion: noModel,
  createResponse: noModel,
  createUpstreamEmbeddings: noModel,
  createUpstreamRanking: noModel,
  createModeration: noModel,
  createImage: noModel,
  editImage: noModel,
  varyImage: noModel,
  createSpeech: noModel,
  createTranscription: noModel,
  createTranslation: noModel,

  getStoredAnswersPolicy: (policy: Body) => expect(policy).toEqual({ object: 'stored_answers.policy', retention_days: 30 }),
  setStoredAnswersPolicy: (policy: Body) => expect(policy.retention_days).toBe(30),
  getResponse: noResponse,
  listResponseInputItems: noResponse,
  countResponseTokens: isRefused('model_not_found'),
  deleteResponse: noResponse,
  listChatCompletions: ({ data }: Body) => expect(data).toEqual([]),
  getChatCompletion: noCompletion,
  listChatCompletionMessages: noCompletion,
  updateChatCompletion: noCompletion,
  deleteChatCompletion: noCompletion,
};
