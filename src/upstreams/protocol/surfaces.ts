import type { Served } from '../target.ts';
import type { Dialect } from './stream-tap.ts';

/** Calls that make images or sound, or read sound. */
export type MediaSurface = 'images' | 'image_edits' | 'image_variations' | 'speech' | 'transcriptions' | 'translations';

/** What a caller has called: its requests and answers are in the dialect of the call. */
export type Surface = 'chat' | 'completions' | 'responses' | 'messages' | 'embeddings' | 'rerank' | 'moderations' | MediaSurface;

interface SurfaceRow {
  readonly dialect: Dialect;
  /** What a model must serve: the kind of the call, or what that can be translated to. */
  readonly served: readonly [kind: Served, ...otherwise: Served[]];
  /** Fields that limit the answer; the first is written where the caller gives none. */
  readonly outputLimits: readonly string[];
}

export const SURFACES: Readonly<Record<Surface, SurfaceRow>> = {
  chat: { dialect: 'chat', served: ['chat'], outputLimits: ['max_tokens', 'max_completion_tokens'] },
  completions: { dialect: 'completions', served: ['completions'], outputLimits: ['max_tokens'] },
  responses: { dialect: 'responses', served: ['responses', 'chat'], outputLimits: ['max_output_tokens'] },
  messages: { dialect: 'messages', served: ['chat'], outputLimits: ['max_tokens'] },
  embeddings: { dialect: 'plain', served: ['embeddings'], outputLimits: [] },
  rerank: { dialect: 'plain', served: ['rerank'], outputLimits: [] },
  moderations: { dialect: 'plain', served: ['moderations'], outputLimits: [] },
  images: { dialect: 'media', served: ['images'], outputLimits: [] },
  image_edits: { dialect: 'media', served: ['images'], outputLimits: [] },
  image_variations: { dialect: 'media', served: ['images'], outputLimits: [] },
  speech: { dialect: 'media', served: ['speech'], outputLimits: [] },
  transcriptions: { dialect: 'media', served: ['transcriptions'], outputLimits: [] },
  translations: { dialect: 'media', served: ['transcriptions'], outputLimits: [] },
};
