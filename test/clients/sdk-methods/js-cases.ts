import type Anthropic from '@anthropic-ai/sdk';
import type OpenAI from 'openai';

/** The protocol of the upstream that answers. */
export type Target = 'openai' | 'anthropic';

/** What a case uses: the clients, and models of upstreams of each protocol. */
export interface World {
  readonly openai: OpenAI;
  readonly anthropic: Anthropic;
  readonly model: Readonly<Record<Target, string>>;
  /** A model for calls that fail in this way, so that others do not meet its circuit breaker. */
  readonly frail: (target: Target, fault: string | number) => string;
}

type Run = (world: World, model: string, target: Target) => Promise<void>;

export interface JsCase {
  readonly id: string;
  /** Undefined: it calls no model of an upstream by its protocol. */
  readonly targets: readonly Target[] | undefined;
  readonly run: Run;
}

/** The cases of one file, by their ids. */
export const casesOf = (targets: readonly Target[] | undefined, runs: Readonly<Record<string, Run>>): JsCase[] =>
  Object.entries(runs).map(([id, run]) => ({ id, targets, run }));

export const BOTH: readonly Target[] = ['openai', 'anthropic'];

/** What came of a case: as the runner of Python says it. */
export type Outcome = 'works' | { readonly status: number; readonly code: string | null } | { readonly failed: string };

export async function outcomeOf({ run }: JsCase, world: World, target: Target): Promise<Outcome> {
  try {
    await run(world, world.model[target], target);
    return 'works';
  } catch (error) {
    const { status, code, error: body } = error as { status?: unknown; code?: string | null; error?: unknown };
    if (typeof status !== 'number') return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    // The client of Anthropic keeps the whole body.
    const inner = (body as { error?: { code?: string; type?: string } } | undefined)?.error;
    return { status, code: inner?.code ?? code ?? inner?.type ?? null };
  }
}
