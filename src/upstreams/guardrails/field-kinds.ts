/**
 * What guardrails do with the strings of a field, in the bodies of all surfaces:
 *
 * - `text`: said by people, models or tools, or read by a model: masked. `json`: the same, written as JSON.
 * - `data`: an object of the caller's, the model's or a tool's own: its values and keys are texts.
 * - `labels`: an object whose values are texts and whose keys are names.
 * - `schema`: a JSON schema: its descriptions are texts, all else in it is names.
 * - `name`: what a mask would break: a body in which something is found there goes no further.
 * - `reference`: the same in a request; a text in an answer, where nothing is called by it.
 * - `constant`, `id`, `base64`: of the protocol; left alone where they have the form that it gives them.
 * - `tokens`: says token by token what another field says whole: taken out where hooks look.
 * - `parts`: has no text itself, only further fields, numbers or switches.
 * - `model`: names what the call is sent to, or was answered by: the one field that is never looked at.
 */
export type FieldKind =
  | 'text'
  | 'json'
  | 'data'
  | 'labels'
  | 'schema'
  | 'name'
  | 'reference'
  | 'constant'
  | 'id'
  | 'base64'
  | 'tokens'
  | 'parts'
  | 'model';

/** From the declarations of OpenAI's and Anthropic's clients, and what servers that speak the same add. */
const NAMES: Readonly<Record<FieldKind, string>> = {
  text: `content text input prompt instructions system query queries thinking reasoning reasoning_content refusal suffix description
    server_description title document_title context cited_text quote output stdout stderr logs code diff command commands summary message error
    error_message explanation detailed_explanation revised_prompt output_text source snippet caption value lines reason word`,
  json: 'arguments partial_json parsed_arguments',
  data: 'documents attributes env',
  labels: 'metadata variables headers',
  schema: 'parameters input_schema output_schema schema',
  name: 'name tool_name tool_names toolset_name namespace definition pattern required transcript',
  reference: `stop stop_sequences stop_sequence user user_id safety_identifier prompt_cache_key url image_url file_url server_url filename path
    paths working_directory domain allowed_domains blocked_domains authorization server_label allowed_tools city region country timezone keys key
    version param`,
  constant: `role type object status phase finish_reason native_finish_reason stop_reason effort reasoning_effort detail format syntax mode
    modalities service_tier truncation verbosity include encoding_format tool_choice function_call voice size quality background output_format
    media_type search_context_size ttl language speaker style moderation stream_format input_fidelity task prompt_cache_retention generate_summary error_type environment caller allowed_callers execution container`,
  id: `id item_id call_id tool_call_id tool_use_id response_id previous_response_id previous_message_id file_id file_ids vector_store_ids
    container_id conversation approval_request_id request_id system_fingerprint obfuscation created_at expires_at retrieved_at created_by page_age`,
  base64: 'data file_data b64_json signature encrypted_content encrypted_index encrypted_stdout result partial_image_b64 embedding image',
  tokens: 'logprobs',
  model: 'model',
  parts: `messages choices delta item part response content_block tool_calls function custom prediction input_audio audio file annotations
    annotation url_citation citations citation reasoning_details tools functions grammar response_format json_schema output_config action actions
    operation outcome outputs results sources images usage stream_options cache_control options logit_bias stream temperature top_p top_k top_n n
    seed max_tokens max_completion_tokens max_output_tokens presence_penalty frequency_penalty top_logprobs parallel_tool_calls store dimensions
    strict index created completed_at sequence_number output_index content_index summary_index annotation_index command_index start_index
    end_index incomplete_details prompt_tokens completion_tokens total_tokens input_tokens output_tokens prompt_tokens_details
    completion_tokens_details input_tokens_details output_tokens_details cached_tokens reasoning_tokens cache_creation_input_tokens
    cache_read_input_tokens start_char_index end_char_index start_page_number end_page_number start_block_index end_block_index document_index
    search_result_index budget_tokens max_uses enabled is_error disable_parallel_tool_use include_usage include_obfuscation user_location
    approximate web_search_options return_documents relevance_score score document filters ranking_options max_num_results mcp_servers
    tool_configuration segments words duration speed partial_images flagged categories category_scores meta sluice explain`,
};

const KIND_OF: ReadonlyMap<string, FieldKind> = new Map(
  (Object.keys(NAMES) as FieldKind[]).flatMap((kind) => NAMES[kind].split(/\s+/).map((name) => [name, kind] as const)),
);

/** Undefined: no protocol that is known has such a field. */
export const kindOf = (name: string): FieldKind | undefined => KIND_OF.get(name);

const CONSTANT = /^[a-z][a-z0-9]{0,31}(?:[_.:/-][a-z0-9]{1,31}){0,7}$/;
/** Made by servers: a prefix of theirs and letters at random, or a UUID. */
const MADE_ID =
  /^(?:(?:call|toolu|srvtoolu|mcptoolu|chatcmpl|chatcmpl-tool|msg|resp|fc|fco|rs|ws|fs|ci|cu|ig|ctc|mcp|mcpl|mcpr|lsh|sh|apc|conv|file|cntr|cmp)[_-][A-Za-z0-9]{8,64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const FORM_OF: Readonly<Partial<Record<FieldKind, (text: string) => boolean>>> = {
  model: () => true,
  constant: (text) => CONSTANT.test(text),
  id: (text) => MADE_ID.test(text),
  base64: isBase64,
  reference: isBase64,
};

/** Whether a value of a field is one that its protocol has made up, and says nothing. */
export const isOfProtocol = (kind: FieldKind, text: string): boolean => FORM_OF[kind]?.(text) === true;

const DATA_URL = /^data:[\w/+.-]{1,64};base64,/;
const HEAD_CHARS = 128;
const NO_BASE64 = /[^A-Za-z0-9+/_-]/g;
/** Shorter ones are words, too. */
const BASE64_CHARS_MIN = 64;

/** Bytes in base64, of either alphabet, perhaps as a URL. They may be megabytes: a search for what they have not needs no memory. */
function isBase64(text: string): boolean {
  const from = DATA_URL.exec(text.slice(0, HEAD_CHARS))?.[0].length ?? 0;
  if (text.length - from < BASE64_CHARS_MIN) return false;
  NO_BASE64.lastIndex = from;
  const end = NO_BASE64.exec(text)?.index ?? text.length;
  return text.slice(end, end + 3) === '==='.slice(0, Math.min(text.length - end, 3)) && text.length - end <= 2;
}

/** Where the words of a schema lead: to schemas by name, to values of the caller's own, to words of JSON Schema, or to texts. */
export const SCHEMA_FIELDS: ReadonlyMap<string, 'schemas' | 'values' | 'words' | 'text'> = new Map([
  ...['properties', '$defs', 'definitions', 'patternProperties', 'dependentSchemas'].map((name) => [name, 'schemas'] as const),
  ...['enum', 'const', 'default', 'examples', 'example', 'required', 'dependentRequired', 'pattern', '$ref', '$id', '$anchor'].map(
    (name) => [name, 'values'] as const,
  ),
  ...['description', 'title', '$comment'].map((name) => [name, 'text'] as const),
  ...`type format items prefixItems contains additionalProperties propertyNames unevaluatedProperties unevaluatedItems allOf anyOf oneOf not if then
    else $schema contentMediaType contentEncoding contentSchema nullable deprecated readOnly writeOnly minimum maximum exclusiveMinimum
    exclusiveMaximum multipleOf minLength maxLength minItems maxItems uniqueItems minContains maxContains minProperties maxProperties strict`
    .split(/\s+/)
    .map((name) => [name, 'words'] as const),
]);
