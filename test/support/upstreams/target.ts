import type { Target, TargetModel } from '../../../src/upstreams/target.ts';

/** A target that serves chats for a thousandth of a cent a thousand tokens; `more` makes it another. */
export function targetOf(more: Partial<Omit<Target, 'model'>> & { readonly model?: Partial<TargetModel> } = {}): Target {
  const { model, ...rest } = more;
  return {
    upstreamId: 'up_1',
    upstream: 'lab',
    protocol: 'openai',
    baseUrl: 'https://lab.example/v1',
    weight: 1,
    limits: {},
    timeouts: { connectMs: 1_000, firstTokenMs: 1_000, idleMs: 1_000, totalMs: 10_000 },
    ...rest,
    model: {
      name: 'small',
      upstreamName: 'small-2026',
      serves: ['chat'],
      contextTokens: 8_192,
      outputTokensMax: 1_024,
      bytesPerToken: 4,
      prices: { inputNano: 10_000_000, outputNano: 20_000_000, requestNano: 0 },
      ...model,
    },
  };
}
