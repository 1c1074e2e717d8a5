import type { AttachmentBounds, TargetModel } from '../target.ts';

/**
 * The most tokens of one image, by the name of the model at its upstream. GPT-4o mini: 2,833 and 5,667 for each of 8 tiles; OpenAI's others: 1,536
 * patches times 2.46 (GPT-4.1 nano), or fewer (OpenAI, "Images and vision", how costs are calculated). Claude: 4,784 (Anthropic, "Vision"). Others:
 * what Qwen2.5-VL takes unless it is told otherwise.
 */
const IMAGE_TOKENS: readonly (readonly [RegExp, number])[] = [
  [/4o-mini/, 48_169],
  [/(?:^|\/)(?:gpt-|chatgpt-|o\d)/, 3_779],
  [/claude/, 4_784],
];
const IMAGE_TOKENS_OTHERWISE = 16_384;

/** The text of a page has 1,500 to 3,000 (Anthropic, "PDF support"); OpenAI's and Anthropic's models read a picture of it, too. */
const PAGE_TEXT_TOKENS = 3_000;
/** Gemini has 32; OpenAI's models have 10. */
const AUDIO_TOKENS_PER_SECOND = 32;
/** What a call searches for that gives no limit. */
const WEB_SEARCHES = 5;
/** OpenAI's searches take 8,000 where they are counted at all. */
const WEB_SEARCH_TOKENS = 16_384;

/** What bounds the attachments of a request to a model: its settings, else what is published of models of its name. [U260] */
export function attachmentBoundsOf(model: TargetModel): Required<AttachmentBounds> {
  const known = IMAGE_TOKENS.find(([name]) => name.test(model.upstreamName));
  const imageTokensMax = model.imageTokensMax ?? known?.[1] ?? IMAGE_TOKENS_OTHERWISE;
  return {
    imageTokensMax,
    pageTokensMax: model.pageTokensMax ?? PAGE_TEXT_TOKENS + imageTokensMax,
    audioTokensPerSecond: model.audioTokensPerSecond ?? AUDIO_TOKENS_PER_SECOND,
    webSearchesMax: model.webSearchesMax ?? WEB_SEARCHES,
    webSearchTokensMax: model.webSearchTokensMax ?? WEB_SEARCH_TOKENS,
  };
}
