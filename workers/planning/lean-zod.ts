import * as z from 'zod/mini';
import { addMethods } from '../gateway/lean-zod.ts';

// As in the gateway, and the kinds of schemas that only calls of this one have.

export * from '../gateway/lean-zod.ts';
export { discriminatedUnion, lazy, record } from 'zod/mini';

addMethods([z.ZodMiniRecord, z.ZodMiniDiscriminatedUnion, z.ZodMiniLazy]);
