import { PromptRegistry } from '../src/upstreams/prompts/prompt-registry.ts';
import { objectOf } from './object-of.ts';
import { systemClock } from './system-time.ts';

/** The prompts of one tenant. */
export class PromptObject extends objectOf(PromptRegistry, ({ storage }) => new PromptRegistry(storage, systemClock)) {}
