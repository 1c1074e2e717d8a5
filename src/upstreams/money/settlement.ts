import type { UpstreamMeter } from '../../contract/api/meter.ts';
import type { Usage } from '../protocol/usage.ts';
import type { Target, TargetModel } from '../target.ts';
import type { MediaCounts } from './model-price.ts';
import { callNano } from './model-price.ts';
import type { RequestBound } from './request-bound.ts';

/** What a call is charged. */
export interface Settlement {
  /** Without the cached ones. */
  readonly inputTokens: number;
  readonly cachedTokens: number;
  /** Of the input tokens those that the upstream has put into its cache; absent: none. */
  readonly writtenTokens?: number;
  readonly outputTokens: number;
  /** What has a price of its own; absent: nothing. */
  readonly media?: MediaCounts;
  readonly nano: number;
  /** Whether the upstream has reported the tokens, or they were counted from bytes. */
  readonly usage: 'reported' | 'counted';
  /** The upstream has reported more than was reserved, and what was reserved is charged: the settings of its model are wrong. */
  readonly isCapped: boolean;
}

/** What one model is charged. */
export interface ModelCharge {
  readonly target: Target;
  readonly settlement: Settlement;
}

/** What is known of a call's answer at its end. */
export interface Answered {
  /** As far as the upstream has reported any. */
  readonly usage: Usage | undefined;
  /** Tokens of what came, as Sluice counts them; absent: the usage is that of the whole answer. */
  readonly countedTokens?: number | undefined;
  /** Tokens of the prompt, counted likewise; absent: they are reported, or were only estimated. */
  readonly countedInputTokens?: number | undefined;
  /** What came that has a price of its own, whether tokens are reported or not; absent: the answer does not say. */
  readonly units?: MediaCounts | undefined;
}

/**
 * Charges a call that an upstream has answered: the tokens that it has reported of the whole answer, or else at least those of what came; where none are
 * reported of the prompt, those that are counted. Never more than was reserved. [U75] [U76]
 */
export function settlementOf(
  model: TargetModel,
  bound: RequestBound,
  { usage, countedTokens = 0, countedInputTokens, units }: Answered,
): Settlement {
  const input = usage?.inputTokens ?? countedInputTokens ?? bound.inputTokensEstimated;
  const reportedOutput = usage?.outputTokens ?? 0;
  const output = Math.max(reportedOutput, countedTokens);
  const media = mediaOf(usage, units, bound);
  const tokens = {
    ...inputOf(usage, Math.min(input, bound.inputTokensMax)),
    outputTokens: Math.min(output, bound.outputTokensMax),
    ...(media === undefined ? {} : { media }),
  };
  const nano = callNano(model.prices, tokens);
  return {
    ...tokens,
    nano: Math.min(nano, bound.nanoMax),
    usage: usage === undefined || reportedOutput < output ? 'counted' : 'reported',
    isCapped: usage !== undefined && (input > bound.inputTokensMax || reportedOutput > bound.outputTokensMax || nano > bound.nanoMax),
  };
}

/**
 * What was reported beyond what was reserved, of a call whose model's owner pays for it afterwards, and the bound that covers it. Undefined: nothing
 * was. [U261]
 */
export function excessOf(
  model: TargetModel,
  bound: RequestBound,
  end: Answered,
): { readonly quantities: UpstreamQuantities; readonly bound: RequestBound } | undefined {
  if (!bound.isOpen) return undefined;
  const [inputTokensMax, outputTokensMax, nanoMax] = [Infinity, Infinity, Infinity];
  const { inputTokens, cachedTokens, outputTokens, nano } = settlementOf(
    model,
    { ...bound, inputTokensMax, outputTokensMax, nanoMax },
    end,
  );
  const raised = {
    ...bound,
    inputTokensMax: Math.max(bound.inputTokensMax, inputTokens + cachedTokens),
    outputTokensMax: Math.max(bound.outputTokensMax, outputTokens),
    nanoMax: Math.max(bound.nanoMax, nano),
  };
  const quantities = {
    ...NO_QUANTITIES,
    upstream_input_tokens: raised.inputTokensMax - bound.inputTokensMax,
    upstream_output_tokens: raised.outputTokensMax - bound.outputTokensMax,
    upstream_nano: raised.nanoMax - bound.nanoMax,
  };
  return Object.values(quantities).every((quantity) => quantity === 0) ? undefined : { quantities, bound: raised };
}

/**
 * What was reported of each kind, and what is charged unless it is. Where nothing at all was reported, what was reserved of attachments; searches only
 * where the request alone says that there was one. [U262]
 */
function mediaOf(usage: Usage | undefined, units: MediaCounts | undefined, { media, unreported }: RequestBound): MediaCounts | undefined {
  const { webSearches: _, ...attached } = media;
  const counts = { ...(usage === undefined ? attached : {}), ...unreported, ...usage?.media, ...units };
  return Object.keys(counts).length === 0 ? undefined : counts;
}

/** The parts of the input by what they cost, as far as they are charged. */
function inputOf(usage: Usage | undefined, allInput: number): Pick<Settlement, 'inputTokens' | 'cachedTokens' | 'writtenTokens'> {
  const cachedTokens = Math.min(usage?.cachedTokens ?? 0, allInput);
  const inputTokens = allInput - cachedTokens;
  const writtenTokens = Math.min(usage?.writtenTokens ?? 0, inputTokens);
  return { inputTokens, cachedTokens, ...(writtenTokens === 0 ? {} : { writtenTokens }) };
}

export type UpstreamQuantities = Readonly<Record<UpstreamMeter, number>>;

/** Of a call that is not settled yet. */
export const NO_QUANTITIES: UpstreamQuantities = {
  upstream_input_tokens: 0,
  upstream_cached_tokens: 0,
  upstream_output_tokens: 0,
  upstream_nano: 0,
};

/** A settlement as it is metered. */
export const quantitiesOf = ({ inputTokens, cachedTokens, outputTokens, nano }: Settlement): UpstreamQuantities => ({
  upstream_input_tokens: inputTokens,
  upstream_cached_tokens: cachedTokens,
  upstream_output_tokens: outputTokens,
  upstream_nano: nano,
});
