import type { UpstreamModelBody } from '../../../src/contract/upstreams/upstreams.ts';

export type Kind = UpstreamModelBody['serves'][number];

/** A company, or a program on one's own machine, whose models an upstream can have by its name alone. */
export interface Provider {
  /** Where its API is, and which one it offers. */
  readonly url: string;
  readonly protocol: 'openai' | 'anthropic' | 'workers-ai';
  /** The environment variable that its own clients take the key from; absent: it takes none. */
  readonly secretEnv?: string;
  /** As LiteLLM calls it; absent: it has no prices of it. */
  readonly litellm?: readonly string[];
  /** What it serves at this URL. */
  readonly kinds: readonly Kind[];
  /** It runs on one's own machine: calls cost nothing. */
  readonly isFree?: true;
}

const CHAT: readonly Kind[] = ['chat'];
const CHAT_AND_VECTORS: readonly Kind[] = ['chat', 'embeddings'];

/** By the name of the upstream. */
export const PROVIDERS: Readonly<Record<string, Provider>> = {
  openai: {
    url: 'https://api.openai.com/v1',
    protocol: 'openai',
    secretEnv: 'OPENAI_API_KEY',
    litellm: ['openai', 'text-completion-openai'],
    kinds: ['chat', 'completions', 'responses', 'embeddings', 'moderations'],
  },
  anthropic: provider('https://api.anthropic.com/v1', 'ANTHROPIC_API_KEY', ['anthropic'], CHAT, 'anthropic'),
  mistral: provider('https://api.mistral.ai/v1', 'MISTRAL_API_KEY', ['mistral'], [...CHAT_AND_VECTORS, 'moderations']),
  groq: provider('https://api.groq.com/openai/v1', 'GROQ_API_KEY', ['groq'], CHAT),
  gemini: provider('https://generativelanguage.googleapis.com/v1beta/openai', 'GEMINI_API_KEY', ['gemini'], CHAT_AND_VECTORS),
  cohere: provider('https://api.cohere.ai/compatibility/v1', 'CO_API_KEY', ['cohere_chat', 'cohere'], CHAT_AND_VECTORS),
  'cohere-rerank': provider('https://api.cohere.com/v2', 'CO_API_KEY', ['cohere'], ['rerank']),
  deepseek: provider('https://api.deepseek.com/v1', 'DEEPSEEK_API_KEY', ['deepseek'], CHAT),
  together: provider('https://api.together.xyz/v1', 'TOGETHER_API_KEY', ['together_ai'], [...CHAT_AND_VECTORS, 'completions', 'rerank']),
  fireworks: provider('https://api.fireworks.ai/inference/v1', 'FIREWORKS_API_KEY', ['fireworks_ai'], CHAT_AND_VECTORS),
  deepinfra: provider('https://api.deepinfra.com/v1/openai', 'DEEPINFRA_API_KEY', ['deepinfra'], CHAT),
  xai: provider('https://api.x.ai/v1', 'XAI_API_KEY', ['xai'], ['chat', 'responses']),
  cerebras: provider('https://api.cerebras.ai/v1', 'CEREBRAS_API_KEY', ['cerebras'], CHAT),
  perplexity: provider('https://api.perplexity.ai', 'PERPLEXITY_API_KEY', ['perplexity'], CHAT),
  moonshot: provider('https://api.moonshot.ai/v1', 'MOONSHOT_API_KEY', ['moonshot'], CHAT),
  jina: provider('https://api.jina.ai/v1', 'JINA_API_KEY', ['jina_ai'], ['embeddings', 'rerank']),
  voyage: provider('https://api.voyageai.com/v1', 'VOYAGE_API_KEY', ['voyage'], ['embeddings', 'rerank']),
  openrouter: { url: 'https://openrouter.ai/api/v1', protocol: 'openai', secretEnv: 'OPENROUTER_API_KEY', kinds: CHAT },
  'workers-ai': { url: 'binding:AI', protocol: 'workers-ai', litellm: ['cloudflare'], kinds: CHAT_AND_VECTORS },
  ollama: {
    url: 'http://127.0.0.1:11434/v1',
    protocol: 'openai',
    litellm: ['ollama'],
    kinds: ['chat', 'completions', 'embeddings'],
    isFree: true,
  },
};

function provider(
  url: string,
  secretEnv: string,
  litellm: readonly string[],
  kinds: readonly Kind[],
  protocol: Provider['protocol'] = 'openai',
): Provider {
  return { url, protocol, secretEnv, litellm, kinds };
}
