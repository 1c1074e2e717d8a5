import { isObject, listAt } from '../protocol/json.ts';

/** What a field does that a request to a model may have. */
export type FieldUse =
  /** The model reads it: its bytes are in the bound of the prompt. */
  | 'text'
  /** It changes neither the price, nor the model, nor what is kept, nor how long an answer may be. */
  | 'neutral'
  /** The bound and the prices take it into account, or refuses what it cannot bound. [U70] [U71] [U72] */
  | 'bounded'
  /** Sluice says it itself, or acts on it, and passes nothing of it on. */
  | 'owned'
  | Refused;

/** A field that is refused, unless its value says what is done anyway. */
interface Refused {
  readonly changes: 'the price' | 'the model' | 'what is kept' | 'the length of the answer';
  readonly passes: (value: unknown) => boolean;
}

type FieldUses = Readonly<Record<string, FieldUse>>;

const anyOf =
  (...values: readonly unknown[]) =>
  (value: unknown): boolean =>
    values.includes(value);
const isEmpty = (value: unknown): boolean =>
  Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
const never = (): boolean => false;

const price = (passes: Refused['passes'] = never): Refused => ({ changes: 'the price', passes });
const model = (passes: Refused['passes'] = never): Refused => ({ changes: 'the model', passes });
const state = (passes: Refused['passes'] = never): Refused => ({ changes: 'what is kept', passes });
const length = (passes: Refused['passes'] = never): Refused => ({ changes: 'the length of the answer', passes });

const named = <U extends FieldUse>(use: U, names: string): Record<string, U> =>
  Object.fromEntries(names.split(' ').map((name) => [name, use]));

/** Of every request. */
const COMMON: FieldUses = {
  ...named('owned', 'model explain'),
  ...named('neutral', 'user metadata stream'),
};

/** How tokens are drawn, by OpenAI and by servers that speak as it does (vLLM, SGLang, llama.cpp, Ollama, Mistral, OpenRouter). */
const SAMPLING: FieldUses = {
  ...named('neutral', 'temperature top_p top_k top_a min_p typical_p seed random_seed logit_bias frequency_penalty presence_penalty'),
  ...named('neutral', 'repetition_penalty repeat_penalty length_penalty logprobs top_logprobs prompt_logprobs return_token_ids'),
  ...named('neutral', 'return_tokens_as_token_ids skip_special_tokens spaces_between_special_tokens include_stop_str_in_output'),
  ...named('neutral', 'add_special_tokens truncate_prompt_tokens cache_salt echo'),
  ...named('text', 'stop stop_token_ids suffix guided_json guided_regex guided_choice guided_grammar structured_outputs'),
  ...named('bounded', 'n best_of'),
  min_tokens: length(anyOf(0)),
  ignore_eos: length(anyOf(false)),
  use_beam_search: price(anyOf(false)),
  priority: state(anyOf(0)),
};

/** What makes routers and servers between Sluice and a model choose otherwise, or do more. */
const ROUTING: FieldUses = {
  models: model(isEmpty),
  fallbacks: model(isEmpty),
  route: model(),
  provider: model(isEmpty),
  plugins: price(isEmpty),
  transforms: length(isEmpty),
  options: length(isEmpty),
  keep_alive: state(),
  chat_template: length(),
  search_parameters: price(),
};

const TIER: FieldUses = { service_tier: 'owned' };

/** Of OpenAI's prompt caches: one that is kept for longer, or compared with another request. */
const PROMPT_CACHE: FieldUses = {
  ...named('neutral', 'prompt_cache_key safety_identifier'),
  prompt_cache_retention: state(anyOf('in_memory')),
  prompt_cache_options: state(isEmpty),
};

const CHAT: FieldUses = {
  ...COMMON,
  ...SAMPLING,
  ...ROUTING,
  ...TIER,
  ...PROMPT_CACHE,
  ...named('text', 'messages tools tool_choice functions function_call response_format documents chat_template_kwargs'),
  ...named('neutral', 'parallel_tool_calls reasoning_effort include_reasoning separate_reasoning verbosity thinking enable_thinking'),
  ...named('neutral', 'thinking_budget add_generation_prompt continue_final_message usage'),
  ...named('bounded', 'max_tokens max_completion_tokens prediction audio modalities web_search_options mcp_servers'),
  stream_options: 'neutral',
  reasoning: price(isUsualReasoning),
  speed: price(anyOf('standard')),
  moderation: price(),
  // Sluice stores what is to be stored.
  store: 'owned',
  ...named(state(), 'previous_response_id conversation thread container'),
};

const COMPLETIONS: FieldUses = {
  ...COMMON,
  ...SAMPLING,
  ...ROUTING,
  ...TIER,
  prompt: 'text',
  max_tokens: 'bounded',
  stream_options: 'neutral',
  store: state(anyOf(false)),
};

const RESPONSES: FieldUses = {
  ...COMMON,
  ...SAMPLING,
  ...ROUTING,
  ...TIER,
  ...PROMPT_CACHE,
  ...named('text', 'input instructions tools tool_choice text'),
  ...named('neutral', 'parallel_tool_calls include max_tool_calls truncation stream_options'),
  ...named('bounded', 'max_output_tokens background modalities'),
  reasoning: price(isUsualReasoning),
  // Sluice stores what is to be stored, and sends `false` along: nothing is kept by OpenAI.
  store: 'owned',
  ...named(state(), 'previous_response_id conversation prompt'),
  context_management: price(isEmpty),
  moderation: price(),
  image: price(),
  access_programs: model(),
};

const MESSAGES: FieldUses = {
  ...COMMON,
  ...TIER,
  ...named('text', 'messages system tools tool_choice stop_sequences output_format'),
  ...named('neutral', 'temperature top_p top_k'),
  ...named('bounded', 'max_tokens thinking mcp_servers'),
  container: state(),
  output_config: price((value) => isObject(value) && Object.keys(value).every((name) => name === 'format' || name === 'effort')),
  cache_control: price(isBriefCache),
  speed: price(anyOf('standard')),
  inference_geo: price(anyOf('global')),
  fallbacks: model(isEmpty),
  fallback_credit_token: price(),
  billing_policy: price((value) => isObject(value) && value['bill_to'] === 'self'),
  context_management: price((value) => isObject(value) && listAt(value, 'edits').length === 0),
  compaction: price(),
  diagnostics: state(),
  thread: state(),
  user_profile_id: price(),
};

const IMAGES: FieldUses = {
  ...COMMON,
  prompt: 'text',
  ...named('bounded', 'n partial_images quality size frame_count'),
  ...named('neutral', 'style background output_format output_compression moderation response_format seed safety_identifier'),
  ...named('neutral', 'complexity frame_duration_ms'),
  // Another model writes it, by tokens of its own.
  svg: price(),
};

const TRANSCRIPTS: FieldUses = {
  ...COMMON,
  ...named('text', 'prompt keywords keywords[] languages languages[]'),
  ...named('neutral', 'language response_format temperature timestamp_granularities[] timestamp_granularities include[] include'),
  ...named('neutral', 'chunking_strategy known_speaker_names[] known_speaker_names seed'),
  ...named('text', 'known_speaker_references[] known_speaker_references'),
};

/** Every field that Sluice knows, by the kind of request in which it goes out. What is not here is refused. [U195] */
export const KNOWN_FIELDS = {
  chat: CHAT,
  completions: COMPLETIONS,
  responses: RESPONSES,
  messages: MESSAGES,
  embeddings: {
    ...COMMON,
    token_ids: 'owned',
    ...named('text', 'input instruction prompt task input_type prompt_name'),
    ...named('neutral', 'dimensions encoding_format truncate truncation truncate_prompt_tokens embedding_type normalized output_dtype'),
    ...named('neutral', 'output_dimension late_chunking embeddings_types'),
    ...ROUTING,
  },
  rerank: {
    ...COMMON,
    ...named('text', 'query documents instruction rank_fields'),
    ...named('neutral', 'top_n top_k return_documents truncate truncation max_tokens_per_doc'),
    max_chunks_per_doc: price(),
    ...ROUTING,
  },
  moderations: { ...COMMON, input: 'text' },
  images: IMAGES,
  image_edits: { ...IMAGES, ...named('neutral', 'input_fidelity') },
  image_variations: IMAGES,
  speech: {
    ...COMMON,
    ...named('text', 'input instructions'),
    ...named('neutral', 'voice response_format speed stream_format language'),
  },
  transcriptions: TRANSCRIPTS,
  translations: TRANSCRIPTS,
} as const satisfies Readonly<Record<string, FieldUses>>;

/** OpenAI's `pro` mode has a price of its own. */
function isUsualReasoning(value: unknown): boolean {
  return isObject(value) && [undefined, null, 'standard'].includes(value['mode'] as string | null | undefined);
}

/** A cache that is kept for an hour costs twice what is written into it. */
export function isBriefCache(value: unknown): boolean {
  return isObject(value) && [undefined, null, '5m'].includes(value['ttl'] as string | null | undefined);
}
