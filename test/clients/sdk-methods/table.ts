import type { Target } from './js-cases.ts';

/** The status and code that a call is refused with, such as `400 invalid_value`: by models of each protocol, or by all. */
type Refusals = string | Partial<Record<Target, string>>;

/** What is refused; all else works. The message of a refusal names the field or the call. */
export const REFUSED: Readonly<Record<string, Refusals>> = {
  'chat.completions.create seed': { anthropic: '400 invalid_value' },
  'chat.completions.create n': { anthropic: '400 invalid_value' },
  'chat.completions.create logprobs': { anthropic: '400 invalid_value' },
  'chat.completions.create logit_bias': { anthropic: '400 invalid_value' },
  'chat.completions.create penalties': { anthropic: '400 invalid_value' },
  'chat.completions.create reasoning_effort, verbosity': { anthropic: '400 invalid_value' },
  'chat.completions.create response_format json_object': { anthropic: '400 invalid_value' },
  'chat.completions.create custom tool': { anthropic: '400 invalid_value' },
  'chat.completions.create functions': { anthropic: '400 invalid_value' },
  'chat.completions.create input_audio': { anthropic: '400 invalid_value' },
  'chat.completions.create audio output': { anthropic: '400 invalid_value' },
  'chat.completions.create web_search_options': { anthropic: '400 invalid_value' },
  'responses.create text json_object': { anthropic: '400 invalid_value' },
  'responses.create web_search': { anthropic: '400 invalid_value' },
  'responses.create built-in tools': '400 invalid_value',
  'responses.create mcp': '400 invalid_value',
  'responses.create custom tool': { anthropic: '400 invalid_value' },
  'responses.create background': '400 invalid_value',
  'responses.retrieve stream': '400 invalid_value',
  'responses.compact': '501 not_offered',
  'responses.cancel': '501 not_offered',
  'responses.create conversation': '501 not_offered',
  'models.delete': '403 scope_denied',
  'audio.voices.create': '404 route_not_found',
  'messages.countTokens document': { openai: '400 invalid_value' },
  'fineTuning.jobs.list metadata': '400 invalid_value',
  'fineTuning.checkpoints.permissions.list': '404 route_not_found',
  'fineTuning.alpha.graders.run': '404 route_not_found',
  vector_stores: '404 route_not_found',
  'beta.assistants': '404 route_not_found',
  'beta.threads': '404 route_not_found',
  'beta.chatkit': '404 route_not_found',
  conversations: '501 not_offered',
  containers: '404 route_not_found',
  evals: '404 route_not_found',
  videos: '404 route_not_found',
  'realtime.client_secrets': '404 route_not_found',
  skills: '404 route_not_found',
  decisions: '404 route_not_found',
  'messages.create top_k': { openai: '400 invalid_value' },
  'messages.create thinking': { openai: '400 invalid_value' },
  'messages.create document url': { openai: '400 invalid_value' },
  'messages.create document text, citations': { openai: '400 invalid_value' },
  'messages.create web_search': { openai: '400 invalid_value' },
  'beta.messages.create mcp_servers': '400 invalid_value',
  'beta.messages.thread': { openai: '400 invalid_value' },
  'anthropic: files.upload': '501 not_offered',
  'beta.files.list': '501 not_offered',
  'anthropic: skills.list': '404 route_not_found',
  'anthropic: organization.retrieve': '404 route_not_found',
};

/** The status and code that a case is refused with; undefined: it works. */
export function refusalOf(id: string, target: Target | null): string | undefined {
  const refused = REFUSED[id];
  return typeof refused === 'string' || refused === undefined ? refused : refused[target ?? 'openai'];
}
