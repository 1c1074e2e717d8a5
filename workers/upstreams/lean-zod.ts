import * as z from 'zod/mini';
import { addMethods } from '../gateway/lean-zod.ts';

// As in the control Worker, and the kinds of schemas that only calls of this one have.

export * from '../control/lean-zod.ts';
export { lazy } from 'zod/mini';

addMethods([z.ZodMiniLazy]);
