import type { MediaCounts } from '../money/model-price.ts';
import type { JsonObject } from './json.ts';
import { countAt, listAt, objectAt, textAt } from './json.ts';

/** The tokens that an upstream reports of a call. */
export interface Usage {
  /** All of them, cached ones too. */
  readonly inputTokens: number;
  /** Of the input tokens those that the upstream had cached. */
  readonly cachedTokens: number;
  /** Of the input tokens those that it has put into its cache; absent: none are reported. */
  readonly writtenTokens?: number;
  /** All of them, those of reasoning too. */
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  /** What of it has a price of its own; absent: nothing is reported. */
  readonly media?: MediaCounts;
}

/** Of OpenAI's details of tokens: those of sound and of images. Cached ones are none of them. */
function mediaIn(input: JsonObject, output: JsonObject, units: Readonly<Record<string, number>> = {}): Pick<Usage, 'media'> {
  const counts = {
    audioInputTokens: countAt(input, 'audio_tokens'),
    imageInputTokens: countAt(input, 'image_tokens'),
    audioOutputTokens: countAt(output, 'audio_tokens'),
    imageOutputTokens: countAt(output, 'image_tokens'),
    ...units,
  };
  const media = Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== undefined && count !== 0));
  return Object.keys(media).length === 0 ? {} : { media };
}

/** `usage` of chat completions, completions, embeddings and rerankings. Undefined: it says nothing. */
export function openaiUsage(usage: unknown): Usage | undefined {
  const inputTokens = countAt(usage, 'prompt_tokens') ?? countAt(usage, 'total_tokens');
  if (inputTokens === undefined) return undefined;
  return bounded({
    inputTokens,
    cachedTokens: countAt(objectAt(usage, 'prompt_tokens_details'), 'cached_tokens') ?? 0,
    ...writtenIn(countAt(objectAt(usage, 'prompt_tokens_details'), 'cache_write_tokens')),
    outputTokens: countAt(usage, 'completion_tokens') ?? 0,
    reasoningTokens: countAt(objectAt(usage, 'completion_tokens_details'), 'reasoning_tokens') ?? 0,
    ...mediaIn(objectAt(usage, 'prompt_tokens_details'), objectAt(usage, 'completion_tokens_details')),
  });
}

/** `webSearches`: of its items, see `searchesIn`. */
export function responsesUsage(usage: unknown, webSearches = 0): Usage | undefined {
  const inputTokens = countAt(usage, 'input_tokens');
  if (inputTokens === undefined) return undefined;
  return bounded({
    inputTokens,
    cachedTokens: countAt(objectAt(usage, 'input_tokens_details'), 'cached_tokens') ?? 0,
    ...writtenIn(countAt(objectAt(usage, 'input_tokens_details'), 'cache_write_tokens')),
    outputTokens: countAt(usage, 'output_tokens') ?? 0,
    reasoningTokens: countAt(objectAt(usage, 'output_tokens_details'), 'reasoning_tokens') ?? 0,
    ...mediaIn(objectAt(usage, 'input_tokens_details'), objectAt(usage, 'output_tokens_details'), { webSearches }),
  });
}

/** Searches of the web in the items of a response: opening a page and looking through it cost nothing. */
export const searchesIn = (response: unknown): number =>
  listAt(response, 'output').filter(
    (item) => textAt(item, 'type') === 'web_search_call' && (textAt(objectAt(item, 'action'), 'type') ?? 'search') === 'search',
  ).length;

/** `usage` of Anthropic's messages, whose input tokens are those that no cache had. */
export function anthropicUsage(usage: unknown): Usage | undefined {
  const fresh = countAt(usage, 'input_tokens');
  const outputTokens = countAt(usage, 'output_tokens');
  if (fresh === undefined && outputTokens === undefined) return undefined;
  const read = countAt(usage, 'cache_read_input_tokens') ?? 0;
  const written = countAt(usage, 'cache_creation_input_tokens') ?? 0;
  return bounded({
    inputTokens: (fresh ?? 0) + written + read,
    cachedTokens: read,
    ...writtenIn(written),
    outputTokens: outputTokens ?? 0,
    reasoningTokens: countAt(objectAt(usage, 'output_tokens_details'), 'thinking_tokens') ?? 0,
    ...mediaIn({}, {}, { webSearches: countAt(objectAt(usage, 'server_tool_use'), 'web_search_requests') ?? 0 }),
  });
}

const writtenIn = (tokens = 0): Pick<Usage, 'writtenTokens'> => (tokens === 0 ? {} : { writtenTokens: tokens });

/** A part is no more than its whole, whatever an upstream says. */
const bounded = (usage: Usage): Usage => ({
  ...usage,
  cachedTokens: Math.min(usage.cachedTokens, usage.inputTokens),
  ...writtenIn(Math.min(usage.writtenTokens ?? 0, usage.inputTokens - Math.min(usage.cachedTokens, usage.inputTokens))),
  reasoningTokens: Math.min(usage.reasoningTokens, usage.outputTokens),
});

export const openaiUsageOf = ({ inputTokens, cachedTokens, writtenTokens = 0, outputTokens, reasoningTokens }: Usage) => ({
  prompt_tokens: inputTokens,
  completion_tokens: outputTokens,
  total_tokens: inputTokens + outputTokens,
  prompt_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: writtenTokens },
  completion_tokens_details: { reasoning_tokens: reasoningTokens },
});

export const responsesUsageOf = ({ inputTokens, cachedTokens, writtenTokens = 0, outputTokens, reasoningTokens }: Usage) => ({
  input_tokens: inputTokens,
  input_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: writtenTokens },
  output_tokens: outputTokens,
  output_tokens_details: { reasoning_tokens: reasoningTokens },
  total_tokens: inputTokens + outputTokens,
});

export const anthropicUsageOf = ({ inputTokens, cachedTokens, writtenTokens = 0, outputTokens, reasoningTokens }: Usage) => ({
  input_tokens: inputTokens - cachedTokens - writtenTokens,
  cache_creation_input_tokens: writtenTokens,
  cache_read_input_tokens: cachedTokens,
  output_tokens: outputTokens,
  ...(reasoningTokens === 0 ? {} : { output_tokens_details: { thinking_tokens: reasoningTokens } }),
});
